/**
 * Decoded code: records by physical address and mode, made when they are first executed and dropped when the bytes
 * that they were made from are overwritten.
 *
 * @module
 */

import { isSeam } from "../code_seams.ts";
import { Decoder, DecodeResult, MAXIMUM_LENGTH } from "../decoder.ts";
import { CODE_PAGES, CODE_PAGES_SIZE, CODE_PIECES, RECORDS, RECORDS_SIZE } from "../layout.ts";
import type { CodeMode } from "../state.ts";
import type { Variant } from "../variant.ts";
import { fusedMask } from "./handler.ts";
import type { Handlers } from "./handlers.ts";
import { COUNTER_RANGE, Record, RECORD_SIZE, SpecialHandler } from "./record.ts";
import type { Tlb } from "../tlb.ts";

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

/** What is known about a page that holds decoded code. */
interface CodePage {
  readonly runs: Run[];
  readonly keys: number[];
}

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
  /** What the record before the one being written executes, in the same run. */
  #previous: Variant | undefined;
  readonly #scratch = new Uint8Array(32);
  #next = RECORDS;
  #entries = new Map<number, number>();
  #pages = new Map<number, CodePage>();
  /** Where runs begin, by their first record. */
  #keys = new Map<number, number>();
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
    if (threshold > 0) this.starts = new Uint8Array(new SharedArrayBuffer(ram.buffer.byteLength / 8));
  }

  /** Whether the next run might not fit: {@link flush} is due before the run loop goes on. */
  get full(): boolean {
    return this.#next + 64 * RESERVE > RECORDS + RECORDS_SIZE;
  }

  /** Drops everything. No record may be in use. */
  flush(): void {
    this.#next = RECORDS;
    this.#entries = new Map();
    this.#pages = new Map();
    this.#crossing = new Map();
    this.#keys = new Map();
    this.#replaced = new Map();
    this.tlb.flushAllJumps();
    this.#bytes.fill(0, CODE_PAGES, CODE_PAGES + CODE_PAGES_SIZE);
    this.#bytes.fill(0, CODE_PIECES, CODE_PIECES + CODE_PAGES_SIZE * 8);
    this.regions?.recordsDropped();
    this.flushes++;
  }

  /**
   * The record at `source`, decoded if need be. `singleStep`: one instruction, then the loop is left.
   * `undefined`: the instruction goes on in a page that cannot be fetched.
   */
  find(source: CodeSource, mode: CodeMode, singleStep: boolean): number | undefined {
    const key = codeKey(source.host, mode) + (singleStep ? 4 : 0);
    const known = this.#entries.get(key);
    if (known !== undefined && this.#usable(known, source)) return known;
    return this.#decodeRun(source, mode, key, singleStep);
  }

  #usable(record: number, source: CodeSource): boolean {
    if (this.#halves[record >> 1] === SpecialHandler.Refetch) return false;
    const second = this.#crossing.get(record);
    return second === undefined || second === source.nextPage();
  }

  #decodeRun(source: CodeSource, mode: CodeMode, key: number, singleStep: boolean): number | undefined {
    const page = source.host >>> 12;
    const pageStart = page * 4096;
    let offset = source.host - pageStart;
    const first = this.#next;
    let record = first;
    let before = offset;
    const decoder = this.#decoder;
    this.#previous = undefined;
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
        const existing = this.#entries.get(codeKey(pageStart + offset, mode));
        if (
          existing !== undefined && this.#halves[existing >> 1] !== SpecialHandler.Refetch &&
          !this.#crossing.has(existing)
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
        this.#crossing.set(record, second);
        offset += decoder.length;
        record += RECORD_SIZE;
        this.#special(record, singleStep ? SpecialHandler.StepEnd : SpecialHandler.NextPage, offset);
        this.#markPage(second >>> 12, 0, offset - 4096);
        this.#page(second >>> 12).runs.push({ first, last: record });
        break;
      }
      if (result === DecodeResult.Ok && decoder.form.definition.name === "nop" && count > 0 && !singleStep) {
        // Nothing to execute.
        offset += decoder.length;
        continue;
      }
      this.#write(record, offset, result);
      record += RECORD_SIZE;
      offset += decoder.length;
      if (result !== DecodeResult.Ok || decoder.form.definition.ends === true) {
        if (!singleStep) {
          record -= RECORD_SIZE;
          break;
        }
      }
    }
    this.#next = record + RECORD_SIZE;
    this.#markPage(page, source.host - pageStart, Math.min(offset, 4096));
    const info = this.#page(page);
    info.runs.push({ first, last: record });
    info.keys.push(key);
    this.#entries.set(key, first);
    this.#keys.set(first, key);
    if (!singleStep) {
      if (this.starts !== undefined) this.starts[source.host >> 3]! |= 1 << (source.host & 7);
      const region = this.regions?.at(key) ?? 0;
      if (region !== 0 && this.#halves[first >> 1] !== SpecialHandler.NextPage) {
        this.enterRegion(first, region);
      }
    }
    return first;
  }

  /** Where the run that begins with a record begins, as {@link codeKey} has it. */
  keyOf(record: number): number | undefined {
    return this.#keys.get(record);
  }

  /** The record of a run that has been decoded, unless it lies in two pages. */
  known(key: number): number | undefined {
    const record = this.#entries.get(key);
    if (record === undefined || this.#crossing.has(record)) return undefined;
    return this.#halves[record >> 1] === SpecialHandler.Refetch ? undefined : record;
  }

  /** Lets compiled code stand in for a run. */
  enterRegion(record: number, region: number): void {
    const link = (record + Record.LINK) >> 2;
    const handler = this.#halves[record >> 1]!;
    if (handler !== SpecialHandler.Region) this.#replaced.set(record, { handler, link: this.#words[link]! });
    this.#halves[record >> 1] = SpecialHandler.Region;
    this.#words[link] = region;
  }

  /** Lets the run be executed itself again, which compiled code has stood in for. */
  leaveRegion(key: number): void {
    const record = this.#entries.get(key);
    const replaced = record === undefined ? undefined : this.#replaced.get(record);
    if (record === undefined || replaced === undefined) return;
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
    this.#halves[(record + Record.OFFSET) >> 1] = offset;
    this.#words[(record + Record.LINK) >> 2] = 0;
  }

  #write(record: number, offset: number, result: DecodeResult): void {
    const halves = this.#halves;
    const words = this.#words;
    const at = record >> 1;
    const d = this.#decoder;
    halves[at + (Record.OFFSET >> 1)] = offset;
    this.#bytes[record + Record.LENGTH] = d.length;
    words[(record + Record.LINK) >> 2] = 0;
    this.decoded++;
    if (result !== DecodeResult.Ok) {
      const { undefinedOpcode, tooLong } = this.faults;
      halves[at] = result === DecodeResult.Undefined ? undefinedOpcode : tooLong;
      return;
    }
    this.#bytes[record + Record.SCALE] = d.scale;
    const variant = d.variant();
    halves[at] = this.handlers.number({ variant, fused: false });
    if (this.#previous !== undefined) this.#fuse(this.#previous, variant, record);
    this.#previous = variant;
    halves[at + (Record.REGISTER >> 1)] = d.register;
    halves[at + (Record.RM >> 1)] = d.rmRegister;
    halves[at + (Record.INDEX >> 1)] = d.index;
    halves[at + (Record.SEGMENT >> 1)] = d.segment;
    this.#bytes[record + Record.SEGMENT_NUMBER] = d.segmentNumber;
    this.#bytes[record + Record.ENTRIES_LEFT] = this.threshold % COUNTER_RANGE;
    // Relative to the instruction's end, and that to the page's start.
    words[(record + Record.DISPLACEMENT) >> 2] = d.ripRelative ? d.displacement + offset : d.displacement;
    words[(record + Record.IMMEDIATE) >> 2] = d.immediateLow;
    words[(record + Record.IMMEDIATE + 4) >> 2] = d.immediateHigh;
  }

  /** Makes one of the record before `record`, which executes `first`, and of `record`, if it is a jump on its flags. */
  #fuse(first: Variant, jump: Variant, record: number): void {
    const mask = fusedMask(first, jump);
    if (mask === undefined) return;
    this.#halves[(record - RECORD_SIZE) >> 1] = this.handlers.number({ variant: first, fused: true });
    this.#bytes[record + Record.SCALE] = mask;
  }

  #page(page: number): CodePage {
    let found = this.#pages.get(page);
    if (found === undefined) this.#pages.set(page, found = { runs: [], keys: [] });
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
    const info = this.#pages.get(page);
    this.regions?.drop(page);
    this.#bytes[CODE_PAGES + page] = 0;
    this.#words[(CODE_PIECES >> 2) + page * 2] = 0;
    this.#words[(CODE_PIECES >> 2) + page * 2 + 1] = 0;
    if (info === undefined) return;
    this.invalidations++;
    // Whoever still holds such a record, the run loop included, decodes again when it gets there.
    for (const { first, last } of info.runs) {
      for (let record = first; record <= last; record += RECORD_SIZE) {
        this.#halves[record >> 1] = SpecialHandler.Refetch;
      }
    }
    for (const key of info.keys) {
      const record = this.#entries.get(key);
      if (record !== undefined) {
        this.#keys.delete(record);
        this.#replaced.delete(record);
      }
      this.#entries.delete(key);
    }
    this.#pages.delete(page);
  }
}
