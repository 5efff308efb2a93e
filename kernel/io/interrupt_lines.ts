/**
 * Interrupt lines on their way from the servers to the thread that has the interrupt controllers.
 *
 * For each server and line there is a count of the line's changes: odd means asserted. So no edge is lost and none
 * is seen twice, whenever the reader looks. A line that several servers drive is asserted while any of them asserts it.
 *
 * @module
 */

import { IO_APIC_PINS } from "../interrupt/io_apic.ts";
import { MAX_SERVERS } from "./slots.ts";

/** Global system interrupts that can be driven. */
export const INTERRUPT_COUNT = IO_APIC_PINS;

/** Lines that changed, a bit for each. */
const CHANGED = 0;
const COUNTS = 16;

/** Memory for the lines. */
export function makeInterruptLines(): SharedArrayBuffer {
  return new SharedArrayBuffer((COUNTS + INTERRUPT_COUNT * MAX_SERVERS) * 4);
}

/** The servers' end: any thread. */
export class InterruptLines {
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Drives line `gsi` for the server in `slot`. Gives whether that changed anything. */
  set(slot: number, gsi: number, level: boolean): boolean {
    const word = COUNTS + gsi * MAX_SERVERS + slot;
    for (;;) {
      const count = Atomics.load(this.#words, word);
      if ((count & 1) === (level ? 1 : 0)) return false;
      if (Atomics.compareExchange(this.#words, word, count, (count + 1) | 0) !== count) continue;
      Atomics.or(this.#words, CHANGED, 1 << gsi);
      return true;
    }
  }

  /** Releases all lines of the server in `slot`. */
  release(slot: number): void {
    for (let gsi = 0; gsi < INTERRUPT_COUNT; gsi++) this.set(slot, gsi, false);
  }
}

/** What is driven: the interrupt controllers. */
export interface InterruptInput {
  setLine(gsi: number, level: boolean): void;
}

/** The interrupt controllers' end: one thread. */
export class InterruptLineReader {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #seen: Int32Array;
  readonly #driven = new Uint8Array(INTERRUPT_COUNT);

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#seen = new Int32Array(this.#words.length);
  }

  /** Drives `input` as the servers have driven the lines since the last call. */
  apply(input: InterruptInput): void {
    if (Atomics.load(this.#words, CHANGED) === 0) return;
    const changed = Atomics.exchange(this.#words, CHANGED, 0);
    for (let gsi = 0; gsi < INTERRUPT_COUNT; gsi++) {
      if ((changed & (1 << gsi)) !== 0) this.#applyLine(gsi, input);
    }
  }

  /** Drives `input` with the levels of all lines: after its state was replaced. */
  applyAll(input: InterruptInput): void {
    this.apply(input);
    for (let gsi = 0; gsi < INTERRUPT_COUNT; gsi++) input.setLine(gsi, this.#driven[gsi] !== 0);
  }

  #applyLine(gsi: number, input: InterruptInput): void {
    let level = false;
    let pulse = false;
    let held = false;
    const first = COUNTS + gsi * MAX_SERVERS;
    for (let word = first; word < first + MAX_SERVERS; word++) {
      const count = Atomics.load(this.#words, word);
      const changes = (count - this.#seen[word]) | 0;
      this.#seen[word] = count;
      const asserted = (count & 1) !== 0;
      level ||= asserted;
      // One change is the step to the present level; two more are a pulse on the way there.
      if (changes >= 2) pulse = true;
      else if (changes === 0 && asserted) held = true;
    }
    const driven = this.#driven[gsi] !== 0;
    if (pulse && !held) {
      // What happened between is worth one edge: neither input can tell more apart.
      if (driven && !level) input.setLine(gsi, false);
      if (driven === level || !level) input.setLine(gsi, !level);
    }
    input.setLine(gsi, level);
    this.#driven[gsi] = level ? 1 : 0;
  }
}
