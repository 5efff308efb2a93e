/**
 * Decoded code: records by physical address and mode, made when they are first executed and dropped when the bytes
 * that they were made from are overwritten.
 *
 * @module
 */

import { isSeam } from "../code_seams.ts";
import { Decoder, DecodeResult, MAXIMUM_LENGTH } from "../decoder.ts";
import {
  CODE_PAGES,
  CODE_PAGES_SIZE,
  CODE_PIECES,
  CODE_PIECES_SIZE,
  RECORD_SIZE,
  RECORDS,
  RECORDS_SIZE,
} from "../layout.ts";
import { type CodeMode, Segment } from "../state.ts";
import { fusedMask } from "./handler.ts";
import type { Handlers } from "./handlers.ts";
import { COUNTER_RANGE, IN_STACK, LENGTH_SHIFT, Record, REGISTER_FIELD, SpecialHandler } from "./record.ts";
import { homeOf, numberOf, RecordIndex, recordOf } from "./record_index.ts";
import type { Tlb } from "../tlb.ts";
import { RmKind } from "../variant.ts";

/** Most instructions of a straight run. */
const RUN_LENGTH = 96;
/** How many instructions a run has when it ends at the next seam. */
const LONG_RUN = 32;
/** Room that must be left for one more run. */
const RESERVE = (RUN_LENGTH + 2) * RECORD_SIZE;

/** Records made in one go. */
interface Run {
  readonly first: number;
  readonly last: number;
}

/** Of single steps, in how code is decoded, beside the mode. */
const SINGLE_STEP = 4;

/** Of homes of records: how they were decoded and what they are. */
const HOME_MODE_SHIFT = 20;
/** The instruction goes on in another page. */
const CROSSES = 1 << 23;
/** Execution has come here by a jump. */
const ENTERED = 1 << 24;

/** Where {@link CodeCache.alone} puts its copy, of two records at most, and what leads on behind it. */
const ALONE = RECORDS;
const FIRST_RECORD = ALONE + 3 * RECORD_SIZE;

/** How code at an address is reached. */
export interface CodeSource {
  /** Offset in RAM memory of the byte to execute first. */
  readonly host: number;
  /** Offset in RAM memory of the page behind it, or `undefined` if it cannot be fetched. */
  readonly nextPage: () => number | undefined;
}

/** Compiled code, as decoding has to know of it. */
export interface CompiledRegions {
  /** The region that begins at a place, as {@link codeKey} has it; 0 if there is none. */
  at(key: number): number;
  /** A page's code has been overwritten. */
  drop(page: number): void;
  /** All records have been dropped. */
  recordsDropped(): void;
}

/** Number of a place in RAM memory where code of a mode begins. */
export function codeKey(host: number, mode: CodeMode): number {
  return host * 8 + mode;
}

/** Decoded code of one vCPU. */
export class CodeCache {
  readonly #words: Int32Array;
  readonly #halves: Uint16Array;
  readonly #bytes: Uint8Array;
  readonly #ram: Uint8Array;
  readonly #decoder = new Decoder();
  /** Handler of the record before the one being written, in the same run; 0 if there is none. */
  #previous = 0;
  readonly #scratch = new Uint8Array(32);
  #next = FIRST_RECORD;
  readonly #index: RecordIndex;
  #pages = new Map<number, Run[]>();
  /** Records of instructions that lie in two pages: where the second was when they were decoded. */
  #crossing = new Map<number, number>();
  /** What records were before compiled code stood in for them. */
  #replaced = new Map<number, { readonly handler: number; readonly link: number }>();
  /** Compiled code, once there is any. */
  regions: CompiledRegions | undefined;
  /** A bit for each byte of RAM: whether a run begins there. For the compiler, if there is one. */
  readonly starts: Uint8Array | undefined;
  /** Instructions decoded so far. */
  decoded = 0;
  /** How often all records were dropped. */
  flushes = 0;
  /** How often a page's records were dropped because it was written. */
  invalidations = 0;

  constructor(
    engine: WebAssembly.Memory,
    ram: WebAssembly.Memory,
    private readonly tlb: Tlb,
    private readonly handlers: Handlers,
    /** Handler for an instruction that does not exist, and for one that is too long. */
    private readonly faults: { readonly undefinedOpcode: number; readonly tooLong: number },
    /** How often a run is entered before it counts as hot; 0: never. */
    private readonly threshold: number,
  ) {
    this.#words = new Int32Array(engine.buffer);
    this.#halves = new Uint16Array(engine.buffer);
    this.#bytes = new Uint8Array(engine.buffer);
    this.#ram = new Uint8Array(ram.buffer);
    this.#index = new RecordIndex(this.#words);
    if (threshold > 0) this.starts = new Uint8Array(new SharedArrayBuffer(ram.buffer.byteLength / 8));
  }

  /** Whether the next run might not fit: {@link flush} is due before the run loop goes on. */
  get full(): boolean {
    return this.#next + 64 * RESERVE > RECORDS + RECORDS_SIZE;
  }

  /** Drops everything. No record may be in use. */
  flush(): void {
    if (this.#next === FIRST_RECORD) return;
    this.#next = FIRST_RECORD;
    this.#index.clear();
    this.#pages = new Map();
    this.#crossing = new Map();
    this.#replaced = new Map();
    this.tlb.flushAllJumps();
    this.#words.fill(0, CODE_PAGES >> 2, (CODE_PAGES + CODE_PAGES_SIZE) >> 2);
    this.#words.fill(0, CODE_PIECES >> 2, (CODE_PIECES + CODE_PIECES_SIZE) >> 2);
    this.regions?.recordsDropped();
    this.flushes++;
  }

  /**
   * The record at `source`, decoded if need be. `singleStep`: one instruction, then the loop is left.
   * `undefined`: the instruction goes on in a page that cannot be fetched.
   */
  find(source: CodeSource, mode: CodeMode, singleStep: boolean): number | undefined {
    const { host } = source;
    const kind = mode + (singleStep ? SINGLE_STEP : 0);
    const known = this.#at(host, kind);
    const record = known !== 0 && this.#usable(known, source) ? known : this.#decodeRun(source, mode, kind);
    if (record === undefined || singleStep) return record;
    this.#entered(record, host, mode);
    return record;
  }

  /** Execution comes to a record by a jump, or will. */
  #entered(record: number, host: number, mode: CodeMode): void {
    const home = homeOf(numberOf(record));
    if ((this.#words[home]! & ENTERED) !== 0) return;
    this.#words[home]! |= ENTERED;
    if (this.starts !== undefined) this.starts[host >> 3]! |= 1 << (host & 7);
    const region = this.regions?.at(codeKey(host, mode)) ?? 0;
    if (region !== 0) this.enterRegion(record, region);
  }

  #usable(record: number, source: CodeSource): boolean {
    if (this.#halves[record >> 1] === SpecialHandler.Refetch) return false;
    return !this.#crosses(record) || this.#crossing.get(record) === source.nextPage();
  }

  #crosses(record: number): boolean {
    return (this.#words[homeOf(numberOf(record))]! & CROSSES) !== 0;
  }

  #decodeRun(source: CodeSource, mode: CodeMode, kind: number): number | undefined {
    const singleStep = kind >= SINGLE_STEP;
    const page = source.host >>> 12;
    const pageStart = page * 4096;
    let offset = source.host - pageStart;
    const first = this.#next;
    let record = first;
    let before = offset;
    let call = 0;
    const returns: number[] = [];
    const decoder = this.#decoder;
    this.#previous = 0;
    for (let count = 0;; count++) {
      if (offset >= 4096 || count === RUN_LENGTH || count >= LONG_RUN && isSeam(before, offset)) {
        this.#special(record, SpecialHandler.NextPage, offset);
        break;
      }
      if (count > 0) {
        if (singleStep) {
          this.#special(record, SpecialHandler.StepEnd, offset);
          break;
        }
        const existing = this.#at(pageStart + offset, kind);
        if (
          existing !== 0 && this.#halves[existing >> 1] !== SpecialHandler.Refetch && !this.#crosses(existing)
        ) {
          this.#special(record, SpecialHandler.Goto, offset);
          this.#words[(record + Record.LINK) >> 2] = existing;
          break;
        }
      }
      before = offset;
      let result = decoder.decode(this.#ram, pageStart + offset, pageStart + 4096, mode);
      if (result === DecodeResult.NeedsMore) {
        // It lies in two pages, whose mappings may change apart: such an instruction is a run of its own.
        if (count > 0) {
          this.#special(record, SpecialHandler.NextPage, offset);
          break;
        }
        const second = source.nextPage();
        if (second === undefined) return undefined;
        result = this.#decodeCrossing(pageStart + offset, second, mode);
        this.#write(record, offset, result);
        this.#place(record, source.host, kind, CROSSES);
        this.#crossing.set(record, second);
        offset += decoder.length;
        record += RECORD_SIZE;
        this.#special(record, singleStep ? SpecialHandler.StepEnd : SpecialHandler.NextPage, offset);
        this.#markPage(second >>> 12, 0, offset - 4096);
        this.#runs(second >>> 12).push({ first, last: record });
        break;
      }
      const { name, ends, comesBack } = decoder.form.definition;
      if (result === DecodeResult.Ok && name === "nop" && count > 0 && call === 0 && !singleStep) {
        // Nothing to execute, and no call returns to it.
        offset += decoder.length;
        continue;
      }
      // A jump that is executed with what is before it stays what it is: no compiled code ever stands in for it.
      const fused = this.#write(record, offset, result);
      if (!fused) this.#place(record, pageStart + offset, kind, 0);
      if (call !== 0) {
        this.#bytes[call + Record.COMES_BACK] = 1;
        returns.push(record);
        call = 0;
      }
      record += RECORD_SIZE;
      offset += decoder.length;
      if (result === DecodeResult.Ok && comesBack === true) {
        call = record - RECORD_SIZE;
      } else if (result !== DecodeResult.Ok || ends === true) {
        if (!singleStep) {
          record -= RECORD_SIZE;
          break;
        }
      }
    }
    this.#next = record + RECORD_SIZE;
    this.#markPage(page, source.host - pageStart, Math.min(offset, 4096));
    this.#runs(page).push({ first, last: record });
    // Not before all is written: what stands in for a record must not be overwritten by what is fused with it.
    for (const back of returns) this.#entered(back, this.#index.placeOf(numberOf(back)), mode);
    return first;
  }

  /** Notes where the instruction of a record lies. */
  #place(record: number, host: number, kind: number, flags: number): void {
    const number = numberOf(record);
    this.#words[homeOf(number)] = (host >>> 12) | (kind << HOME_MODE_SHIFT) | flags;
    this.#index.set(host, kind, number);
  }

  /** Where the instruction of a record begins, as {@link codeKey} has it; `undefined` if it has been overwritten. */
  keyOf(record: number): number | undefined {
    if (this.#halves[record >> 1] === SpecialHandler.Refetch) return undefined;
    const number = numberOf(record);
    return this.#index.placeOf(number) * 8 + (this.#words[homeOf(number)]! >> HOME_MODE_SHIFT & 7);
  }

  /** The record of an instruction that has been decoded, unless it lies in two pages. */
  known(key: number): number | undefined {
    const record = this.#recordAt(key);
    if (record === 0 || this.#crosses(record)) return undefined;
    return this.#halves[record >> 1] === SpecialHandler.Refetch ? undefined : record;
  }

  #recordAt(key: number): number {
    return this.#at(Math.floor(key / 8), key & 7);
  }

  /** The record at a place; 0 if there is none. */
  #at(host: number, kind: number): number {
    const number = this.#index.get(host, kind);
    return number === 0 ? 0 : recordOf(number);
  }

  /** Lets compiled code stand in for what begins with a record. */
  enterRegion(record: number, region: number): void {
    const link = (record + Record.LINK) >> 2;
    const handler = this.#halves[record >> 1]!;
    if (handler !== SpecialHandler.Region) this.#replaced.set(record, { handler, link: this.#words[link]! });
    this.#halves[record >> 1] = SpecialHandler.Region;
    this.#words[link] = region;
  }

  /**
   * A copy of the record of an instruction that compiled code stands in for, behind which execution goes on in the run.
   * There is one at a time.
   */
  alone(record: number): number {
    const { handler, link } = this.#replaced.get(record)!;
    const { variant, fused } = this.handlers.handler(handler)!;
    const size = fused ? 2 * RECORD_SIZE : RECORD_SIZE;
    this.#bytes.copyWithin(ALONE, record, record + size);
    if (variant.form.definition.comesBack === true) this.#bytes[ALONE + Record.COMES_BACK] = 0;
    this.#halves[ALONE >> 1] = handler;
    this.#words[(ALONE + Record.LINK) >> 2] = link;
    this.#special(ALONE + size, SpecialHandler.Goto, 0);
    this.#words[(ALONE + size + Record.LINK) >> 2] = record + size;
    return ALONE;
  }

  /** Lets the run be executed itself again, which compiled code has stood in for. */
  leaveRegion(key: number): void {
    const record = this.#recordAt(key);
    const replaced = this.#replaced.get(record);
    if (replaced === undefined) return;
    this.#replaced.delete(record);
    if (this.#halves[record >> 1] !== SpecialHandler.Region) return;
    this.#halves[record >> 1] = replaced.handler;
    this.#words[(record + Record.LINK) >> 2] = replaced.link;
  }

  /** Bytes `from` to `to` of RAM memory, in one page, have been compiled. */
  markCompiled(from: number, to: number): void {
    const page = from >>> 12;
    this.#markPage(page, from - page * 4096, to - page * 4096);
  }

  #decodeCrossing(host: number, second: number, mode: CodeMode): DecodeResult {
    const inFirst = 4096 - (host & 0xfff);
    this.#scratch.set(this.#ram.subarray(host, host + inFirst));
    this.#scratch.set(this.#ram.subarray(second, second + MAXIMUM_LENGTH), inFirst);
    const result = this.#decoder.decode(this.#scratch, 0, inFirst + MAXIMUM_LENGTH, mode);
    return result === DecodeResult.NeedsMore ? DecodeResult.TooLong : result;
  }

  #special(record: number, handler: SpecialHandler, offset: number): void {
    this.#halves[record >> 1] = handler;
    this.#halves[(record + Record.PLACE) >> 1] = offset;
  }

  /** Writes what has been decoded. Gives whether it will be executed together with the record before it. */
  #write(record: number, offset: number, result: DecodeResult): boolean {
    const words = this.#words;
    const at = record >> 2;
    const d = this.#decoder;
    const place = offset | d.length << LENGTH_SHIFT;
    this.decoded++;
    if (result !== DecodeResult.Ok) {
      const { undefinedOpcode, tooLong } = this.faults;
      words[at] = (result === DecodeResult.Undefined ? undefinedOpcode : tooLong) | place << 16;
      return false;
    }
    const handler = this.handlers.known(d.variantKey() * 2) ||
      this.handlers.number({ variant: d.variant(), fused: false });
    words[at] = handler | place << 16;
    // It is not known yet what stands behind a call.
    const register = d.form.definition.comesBack === true ? 0 : d.register;
    words[at + 1] = register | this.#rmField() << 8 | this.#indexField() << 16 |
      this.threshold % COUNTER_RANGE << 24;
    words[at + (Record.IMMEDIATE >> 2)] = d.immediateLow;
    words[at + (Record.DISPLACEMENT >> 2)] = this.#lastField(offset);
    const fused = this.#previous !== 0 && this.#fuse(this.#previous, record);
    this.#previous = handler;
    return fused;
  }

  #rmField(): number {
    const { rmRegister, segmentNumber, namesSegment } = this.#decoder;
    return namesSegment ? rmRegister & REGISTER_FIELD | segmentNumber : rmRegister;
  }

  #indexField(): number {
    const { index, scale, segmentNumber } = this.#decoder;
    return index | scale | (segmentNumber === Segment.SS ? IN_STACK : 0);
  }

  /** What stands behind the immediate operand of 32 bits: more of it, a displacement, or no link yet. */
  #lastField(offset: number): number {
    const { rm, ripRelative, displacement, immediateHigh, wideImmediate } = this.#decoder;
    if (wideImmediate) return immediateHigh;
    if (rm === RmKind.Register) return 0;
    // Relative to the instruction's end, and that to the page's start.
    return ripRelative ? displacement + offset : displacement;
  }

  /** Makes one of the record before `record`, whose handler is `first`, and of `record`, if it is a jump on its flags. */
  #fuse(first: number, record: number): boolean {
    if (this.#decoder.form.definition.name !== "jcc") return false;
    const { variant } = this.handlers.handler(first)!;
    const mask = fusedMask(variant, this.#decoder.variant());
    if (mask === undefined) return false;
    this.#halves[(record - RECORD_SIZE) >> 1] = this.handlers.number({ variant, fused: true });
    this.#bytes[record + Record.INDEX] = mask;
    return true;
  }

  #runs(page: number): Run[] {
    let found = this.#pages.get(page);
    if (found === undefined) this.#pages.set(page, found = []);
    return found;
  }

  /** Notes that bytes `from` to `to` (exclusive) of a page are decoded. */
  #markPage(page: number, from: number, to: number): void {
    if (this.#bytes[CODE_PAGES + page] === 0) {
      this.#bytes[CODE_PAGES + page] = 1;
      this.tlb.purgeWrites(page);
    }
    const word = (CODE_PIECES >> 2) + page * 2;
    for (let piece = from >> 6; piece <= (to - 1) >> 6; piece++) {
      this.#words[word + (piece >> 5)]! |= 1 << (piece & 31);
    }
  }

  /** Bytes of RAM memory are about to be written: drops what was decoded from their page, if it was from them. */
  written(host: number, length: number): void {
    const last = (host + length - 1) >>> 12;
    for (let page = host >>> 12; page <= last; page++) {
      if (this.#bytes[CODE_PAGES + page] === 0) continue;
      const start = Math.max(host - page * 4096, 0);
      const end = Math.min(host + length - page * 4096, 4096);
      if (this.#overlaps(page, start, end)) this.#invalidate(page);
    }
  }

  #overlaps(page: number, from: number, to: number): boolean {
    const word = (CODE_PIECES >> 2) + page * 2;
    for (let piece = from >> 6; piece <= (to - 1) >> 6; piece++) {
      if ((this.#words[word + (piece >> 5)]! & (1 << (piece & 31))) !== 0) return true;
    }
    return false;
  }

  #invalidate(page: number): void {
    const runs = this.#pages.get(page);
    this.regions?.drop(page);
    this.#bytes[CODE_PAGES + page] = 0;
    this.#words[(CODE_PIECES >> 2) + page * 2] = 0;
    this.#words[(CODE_PIECES >> 2) + page * 2 + 1] = 0;
    if (runs === undefined) return;
    this.invalidations++;
    // Whoever still holds such a record, the run loop included, decodes again when it gets there.
    for (const { first, last } of runs) {
      for (let record = first; record <= last; record += RECORD_SIZE) {
        const handler = this.#halves[record >> 1]!;
        if (handler === SpecialHandler.Region) this.#replaced.delete(record);
        // These were made from no bytes.
        if (handler === SpecialHandler.NextPage || handler === SpecialHandler.StepEnd) continue;
        this.#halves[record >> 1] = SpecialHandler.Refetch;
      }
    }
    this.#pages.delete(page);
  }
}
