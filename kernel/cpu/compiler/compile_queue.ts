/**
 * In which order code is compiled: what the guest is waiting for most comes first.
 *
 * Code goes on to be interpreted while it waits: two thirds of the jumps that are interpreted in a boot lead to code that
 * has been asked for. So the vCPU's thread counts how often that is entered, in shared memory.
 *
 * @module
 */

import { REGION_SLOTS } from "../layout.ts";
import type { CompileRequest } from "./compiler.ts";

/** Most regions of one module: a module costs the guest's thread seven times as much as a region in it. */
const BATCH = 32;
/** Likewise, while code is hot that waits. */
const HOT_BATCH = 8;
/** How often code is entered some hundred times before it is hot. */
const HOT = 8;

/** Word 0 counts how often code has become hot that waits; then there is one for each slot. */
export function makeHeat(): Int32Array {
  return new Int32Array(new SharedArrayBuffer((1 + REGION_SLOTS) * 4));
}

/** The code of a slot has just been asked for. */
export function coolDown(heat: Int32Array, slot: number): void {
  Atomics.store(heat, 1 + slot, 0);
}

/** The code of a slot has been entered some hundred times while it waits. */
export function heatUp(heat: Int32Array, slot: number): void {
  if (Atomics.add(heat, 1 + slot, 1) + 1 !== HOT) return;
  Atomics.add(heat, 0, 1);
  Atomics.notify(heat, 0);
}

/** Requests that wait. */
export class CompileQueue {
  #waiting: CompileRequest[] = [];

  constructor(private readonly heat: Int32Array) {}

  get length(): number {
    return this.#waiting.length;
  }

  add(requests: readonly CompileRequest[]): void {
    this.#waiting.push(...requests);
  }

  /** Waits for code to become hot that waits, for `milliseconds` at most. */
  linger(milliseconds: number): void {
    const before = Atomics.load(this.heat, 0);
    if (!this.#waiting.some((request) => this.#isHot(request))) {
      Atomics.wait(this.heat, 0, before, milliseconds);
    }
  }

  /** Takes out what is to be compiled next: what is hot, hottest first, or else what has waited for longest. */
  take(): CompileRequest[] {
    const hot = this.#waiting.filter((request) => this.#isHot(request))
      .sort((a, b) => this.#heatOf(b) - this.#heatOf(a));
    const taken = new Set(hot.length > 0 ? hot.slice(0, HOT_BATCH) : this.#waiting.slice(0, BATCH));
    this.#waiting = this.#waiting.filter((request) => !taken.has(request));
    return [...taken];
  }

  #isHot(request: CompileRequest): boolean {
    return this.#heatOf(request) >= HOT;
  }

  #heatOf({ slot }: CompileRequest): number {
    return Atomics.load(this.heat, 1 + slot);
  }
}
