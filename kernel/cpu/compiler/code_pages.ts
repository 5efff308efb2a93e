/**
 * The code that a region may be made of: pages by their distance from the one that it is entered in.
 *
 * What lies in another page is found through the fetch TLB as it was when the code ran, and is only a guess: the region
 * checks it whenever it goes from page to page.
 *
 * @module
 */

import type { Decoder } from "../decoder.ts";
import { DecodeResult, MAXIMUM_LENGTH } from "../decoder.ts";
import { FETCH_TLB, TLB_ENTRIES, TLB_ENTRY_SIZE } from "../layout.ts";
import { CodeMode } from "../state.ts";
import { RmKind } from "../variant.ts";
import { type Instruction, instructionFrom } from "./instruction.ts";

export const PAGE = 4096;

/** Most pages of one region. */
const MOST_PAGES = 8;

/** How far away from the entry's page code may lie, in bytes: half of the address space. */
const FARTHEST = 2 ** 47 - PAGE;

/** A page as it was when compiling began. */
export interface CodePage {
  /** Offset in RAM memory. */
  readonly host: number;
  readonly bytes: Uint8Array;
}

/** Memory that code is taken from. */
export interface CodeMemory {
  readonly ram: Uint8Array;
  /** The vCPU's engine memory. */
  readonly engine: DataView;
  /** Lower half of the address that the indirect branch at a place in RAM led to last; 0 if that is not known. */
  readonly targetFrom: (host: number, mode: CodeMode) => number;
  /** A bit for each byte of RAM: whether a run has begun there. */
  readonly starts: Uint8Array;
}

/** Where a region is entered. */
export interface CodeEntry {
  /** Offset in RAM memory of the first byte. */
  readonly host: number;
  readonly mode: CodeMode;
  /** Linear address of its page. */
  readonly page: bigint;
  /** What tags of the fetch TLB have in their low bits there. */
  readonly context: bigint;
}

/** Number of the page that an address of a region lies in; the entry's is 0. */
export function pageOf(address: number): number {
  return Math.floor(address / PAGE);
}

/** Where the fetch TLB has the entry for a linear address, of which the lower half tells. */
function fetchEntry(linear: number): number {
  return FETCH_TLB + ((linear >>> 12) & (TLB_ENTRIES - 1)) * TLB_ENTRY_SIZE;
}

/**
 * Whether an indirect branch may lead to the same place each time: a call, or a jump by way of a variable, as from one
 * library to another. Those of a table go everywhere.
 */
function leadsToOne({ variant, target }: Instruction): boolean {
  const { name } = variant.form.definition;
  if (target !== undefined) return false;
  return name === "call" || name === "jmp" && variant.rm === RmKind.MemoryBase;
}

/** Pages and instructions of one region. */
export class CodePages {
  readonly #pages = new Map<number, CodePage | undefined>();
  readonly #instructions = new Map<number, Instruction | undefined>();
  #count = 0;

  constructor(
    private readonly memory: CodeMemory,
    private readonly decoder: Decoder,
    private readonly entry: CodeEntry,
  ) {
    this.#pages.set(0, this.#copy(entry.host - entry.host % PAGE));
  }

  // The guest may write it meanwhile: what is installed is what is in this copy.
  #copy(host: number): CodePage {
    this.#count++;
    return { host, bytes: this.memory.ram.slice(host, host + PAGE) };
  }

  /** Page `number`, if it is known where it lies. */
  page(number: number): CodePage | undefined {
    if (!this.#pages.has(number)) this.#pages.set(number, this.#find(number));
    return this.#pages.get(number);
  }

  #find(number: number): CodePage | undefined {
    if (this.#count === MOST_PAGES) return undefined;
    const { engine, ram } = this.memory;
    const { page, mode, context } = this.entry;
    const address = page + BigInt(number * PAGE);
    const linear = mode === CodeMode.Bits64 ? BigInt.asIntN(64, address) : BigInt.asUintN(32, address);
    const slot = fetchEntry(Number(BigInt.asIntN(32, linear)));
    if (engine.getBigInt64(slot, true) !== (linear | context)) return undefined;
    const host = (engine.getInt32(slot + 8, true) + Number(BigInt.asIntN(32, linear))) >>> 0;
    return host + PAGE <= ram.length ? this.#copy(host) : undefined;
  }

  /** Offset in RAM memory of an address, if its page is known. */
  host(address: number): number | undefined {
    const page = this.page(pageOf(address));
    return page === undefined ? undefined : page.host + address - pageOf(address) * PAGE;
  }

  /** Whether execution has come to an address by a jump: code that was never reached is left out. */
  reached(address: number): boolean {
    const host = this.host(address);
    return host !== undefined && (this.memory.starts[host >> 3]! & (1 << (host & 7))) !== 0;
  }

  /** Where an indirect branch led to when it was interpreted last, if the fetch TLB knows. */
  #likelyTarget({ address }: Instruction): number | undefined {
    const { engine, targetFrom } = this.memory;
    const { page, mode, context } = this.entry;
    const target = targetFrom(this.host(address)!, mode);
    if (target === 0) return undefined;
    const tag = engine.getBigInt64(fetchEntry(target), true);
    const linear = tag - context;
    if (BigInt.asIntN(32, linear) !== BigInt(target & -PAGE)) return undefined;
    const distance = Number(BigInt.asIntN(64, linear - page));
    return Math.abs(distance) < FARTHEST ? distance + (target & PAGE - 1) : undefined;
  }

  /** The instruction at an address, if there is one that is known whole. */
  instruction(address: number): Instruction | undefined {
    if (!this.#instructions.has(address)) this.#instructions.set(address, this.#decode(address));
    return this.#instructions.get(address);
  }

  #decode(address: number): Instruction | undefined {
    const page = this.page(pageOf(address));
    if (page === undefined) return undefined;
    const { decoder } = this;
    const { mode } = this.entry;
    const offset = address - pageOf(address) * PAGE;
    let result = decoder.decode(page.bytes, offset, PAGE, mode);
    if (result === DecodeResult.NeedsMore) {
      const second = this.page(pageOf(address) + 1);
      if (second === undefined) return undefined;
      const bytes = new Uint8Array(PAGE - offset + MAXIMUM_LENGTH);
      bytes.set(page.bytes.subarray(offset));
      bytes.set(second.bytes.subarray(0, MAXIMUM_LENGTH), PAGE - offset);
      result = decoder.decode(bytes, 0, bytes.length, mode);
    }
    if (result !== DecodeResult.Ok) return undefined;
    const instruction = instructionFrom(decoder, address);
    if (!leadsToOne(instruction)) return instruction;
    return { ...instruction, likelyTarget: this.#likelyTarget(instruction) };
  }

  /** Bytes of RAM memory that a set of instructions was made from, as pieces that each lie in one page. */
  pieces(instructions: Iterable<Instruction>): { from: number; to: number; bytes: Uint8Array }[] {
    const ranges = new Map<number, number>();
    for (const { address, length } of instructions) {
      for (let at = address; at < address + length;) {
        const end = Math.min(address + length, (pageOf(at) + 1) * PAGE);
        ranges.set(at, Math.max(end, ranges.get(at) ?? end));
        at = end;
      }
    }
    const pieces: { start: number; end: number }[] = [];
    for (const [start, end] of [...ranges].sort(([a], [b]) => a - b)) {
      const last = pieces.at(-1);
      if (last !== undefined && start <= last.end && pageOf(start) === pageOf(last.start)) {
        last.end = Math.max(last.end, end);
      } else pieces.push({ start, end });
    }
    return pieces.map(({ start, end }) => {
      const page = this.page(pageOf(start))!;
      const offset = start - pageOf(start) * PAGE;
      const bytes = page.bytes.subarray(offset, offset + end - start);
      return { from: page.host + offset, to: page.host + offset + end - start, bytes };
    });
  }
}
