/**
 * Which code makes a region: the basic blocks that execution reaches from a hot one, with the functions that they call.
 *
 * A called function stands in the region once for each place that calls it. So it is known where its RET leads, and no
 * loop is entered twice.
 *
 * @module
 */

import { isSeam } from "../code_seams.ts";
import { type CodePages, pageOf } from "./code_pages.ts";
import type { Instruction } from "./instruction.ts";

/** Where execution goes on. */
export interface Edge {
  readonly address: number;
  /** Number of the block there; `undefined` if it is not in the region. */
  readonly block: number | undefined;
}

/** Instructions with one entry at the start and exits at the end. */
export interface Block {
  readonly address: number;
  readonly instructions: readonly Instruction[];
  /** Of the relative branch at the end. */
  readonly taken: Edge | undefined;
  /** Behind the last instruction; `undefined` if execution does not go on there. */
  readonly next: Edge | undefined;
  /** Of the indirect branch at the end: where it may lead, as far as is known. */
  readonly likely: readonly Edge[];
  /** Pages that it lies in: two, if it is an instruction that does. */
  readonly pages: readonly number[];
}

/** How many instructions a region has when no more blocks are taken into it. */
const REGION_LENGTH = 100;
/** How many instructions a block has when it ends at the next seam. */
const BLOCK_LENGTH = 400;
/** Most instructions of a function that stands in the region of its caller. */
const CALLED_LENGTH = 24;
/** Calls of a function by itself to which its RETs are known to return: each is a comparison more. */
const MOST_RECURSIONS = 3;

/** A function that is entered from one place. The region's entry is in the first. */
class Frame {
  readonly instructions = new Map<number, Instruction>();
  readonly leaders = new Set<number>();
  /** Functions that are called, by the address of the CALL. */
  readonly calls = new Map<number, Frame>();
  /** Where it goes on when it has called itself, as the branch that such a call is. */
  readonly recursions = new Set<number>();

  constructor(
    readonly entry: number,
    readonly caller?: { readonly frame: Frame; readonly next: number },
  ) {
    this.leaders.add(entry);
  }

  /** Whether a call leads back to where the region is entered: to go on there is no more than a branch. */
  recurs(target: number | undefined): boolean {
    return this.caller === undefined && this.entry === target;
  }

  /** Where a RET may lead: frames, and addresses in them. */
  returns(): [Frame, number][] {
    if (this.caller !== undefined) return [[this.caller.frame, this.caller.next]];
    return [...this.recursions].map((next) => [this, next]);
  }

  /** Whether a function is being called here already. */
  calling(entry: number): boolean {
    return this.entry === entry || (this.caller?.frame.calling(entry) ?? false);
  }
}

/**
 * Finds the blocks of the region that is entered at `entry`, an offset in its page. The first is the entry's. There are
 * none if that begins with an instruction that does not exist or lies in two pages: of the second nobody knows, when the
 * region is entered, whether it lies where it did.
 */
export function findBlocks(code: CodePages, entry: number): Block[] {
  const first = code.instruction(entry);
  if (first === undefined || pageOf(entry + first.length - 1) !== 0) return [];
  return formBlocks(new Discovery(code).discover(entry));
}

class Discovery {
  readonly #frames: Frame[] = [];
  readonly #waiting: { readonly frame: Frame; readonly address: number }[] = [];
  readonly #short = new Map<number, boolean>();
  #length = 0;

  constructor(private readonly code: CodePages) {}

  discover(entry: number): Frame[] {
    this.#enter(new Frame(entry));
    while (this.#waiting.length > 0) {
      const { frame, address } = this.#waiting.shift()!;
      this.#follow(frame, address);
    }
    return this.#frames;
  }

  #enter(frame: Frame): void {
    this.#frames.push(frame);
    this.#waiting.push({ frame, address: frame.entry });
  }

  #lead(frame: Frame, address: number): void {
    frame.leaders.add(address);
    this.#waiting.push({ frame, address });
  }

  #follow(frame: Frame, start: number): void {
    let length = 0;
    for (let address = start; !frame.instructions.has(address);) {
      if (length === 0 && this.#length >= REGION_LENGTH) return;
      const instruction = this.code.instruction(address);
      if (instruction === undefined) return;
      length++;
      frame.instructions.set(address, instruction);
      this.#length++;
      const next = address + instruction.length;
      const { name, ends } = instruction.variant.form.definition;
      const target = targetOf(instruction);
      if (target !== undefined && name === "call") {
        if (this.#call(frame, address, target, next)) this.#lead(frame, next);
        return;
      }
      if (target !== undefined && this.code.reached(target)) this.#lead(frame, target);
      if (ends === true) return;
      const crosses = pageOf(next - 1) !== pageOf(address);
      if (crosses) frame.leaders.add(address);
      if (target !== undefined || pageOf(next) !== pageOf(address)) frame.leaders.add(next);
      if (target !== undefined) length = 0;
      else if (length >= BLOCK_LENGTH && isSeam(address, next)) return;
      address = next;
    }
  }

  /** Whether a function that has been called before is short enough to stand in its caller's region. */
  #isShort(entry: number): boolean {
    if (!this.code.reached(entry)) return false;
    let short = this.#short.get(entry);
    if (short === undefined) this.#short.set(entry, short = this.#measure(entry) <= CALLED_LENGTH);
    return short;
  }

  /** Instructions of a function, without those that it calls; more than {@link CALLED_LENGTH} are not counted. */
  #measure(entry: number): number {
    const seen = new Set<number>();
    const waiting = [entry];
    while (waiting.length > 0) {
      let address = waiting.pop()!;
      while (!seen.has(address)) {
        const instruction = this.code.instruction(address);
        if (instruction === undefined || seen.size > CALLED_LENGTH) return Infinity;
        seen.add(address);
        const { name, ends } = instruction.variant.form.definition;
        const target = targetOf(instruction);
        const call = name === "call";
        if (target !== undefined && !call && this.code.reached(target)) waiting.push(target);
        if (ends === true && !call) break;
        address += instruction.length;
      }
    }
    return seen.size;
  }

  /** Whether execution is to be followed to where a call returns. */
  #call(frame: Frame, address: number, target: number, next: number): boolean {
    if (frame.recurs(target)) {
      if (frame.recursions.size === MOST_RECURSIONS || !this.code.reached(next)) return false;
      frame.recursions.add(next);
      return true;
    }
    if (frame.calling(target) || !this.#isShort(target)) return false;
    const called = new Frame(target, { frame, next });
    frame.calls.set(address, called);
    this.#enter(called);
    return true;
  }
}

/** Where a branch leads, or is likely to. */
function targetOf({ target, likelyTarget }: Instruction): number | undefined {
  return target ?? likelyTarget;
}

function formBlocks(frames: readonly Frame[]): Block[] {
  const starts: { frame: Frame; address: number }[] = [];
  const numbers = new Map<Frame, Map<number, number>>();
  for (const frame of frames) {
    const known = new Map<number, number>();
    numbers.set(frame, known);
    for (const address of frame.leaders) {
      if (frame.instructions.has(address)) known.set(address, starts.push({ frame, address }) - 1);
    }
  }
  /** To an address in a frame; without one, out of the region. */
  const edge = (frame: Frame | undefined, address: number): Edge => ({
    address,
    block: frame === undefined ? undefined : numbers.get(frame)!.get(address),
  });
  return starts.map(({ frame, address }) => {
    const block: Instruction[] = [];
    let next = address;
    let ends = false;
    do {
      const instruction = frame.instructions.get(next)!;
      block.push(instruction);
      next += instruction.length;
      ends = instruction.variant.form.definition.ends === true;
      if (instruction.target !== undefined) break;
    } while (!ends && frame.instructions.has(next) && !frame.leaders.has(next));
    const last = block.at(-1)!;
    const { name } = last.variant.form.definition;
    const { target, likelyTarget } = last;
    const called = frame.calls.get(last.address);
    const to = name === "call" && !frame.recurs(targetOf(last)) ? called : frame;
    return {
      address,
      instructions: block,
      taken: target === undefined ? undefined : edge(to, target),
      next: ends ? undefined : edge(frame, next),
      likely: name === "ret"
        ? frame.returns().map(([caller, next]) => edge(caller, next))
        : likelyTarget === undefined
        ? []
        : [edge(to, likelyTarget)],
      pages: [...new Set([pageOf(address), pageOf(block[0]!.address + block[0]!.length - 1)])],
    };
  });
}
