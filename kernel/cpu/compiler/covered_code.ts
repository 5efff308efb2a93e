/**
 * What has been compiled already as a part of other regions.
 *
 * Code becomes hot all at once: when a loop of many blocks does, each of them is asked for, and the region of the first
 * may hold all the rest. Then execution comes into that region sooner or later. So what lies within one is put off until
 * it has been asked for more often, each time after a few hundred entries.
 *
 * @module
 */

/** How often code is put off: compiling it costs as much as some thousands of entries take in the interpreter. */
const TIMES = 8;
/** Likewise for where calls return to, which no other jumps lead to: it will always be entered by a RET. */
const TIMES_AFTER_CALL = 1;

/** Most places that are remembered. */
const MOST_PLACES = 1 << 18;

/** Code of regions, by offset in RAM memory. */
export class CoveredCode {
  readonly #places = new Set<number>();
  readonly #afterCalls = new Set<number>();
  readonly #putOff = new Map<number, number>();

  /** Whether code is to be put off. */
  putsOff(host: number): boolean {
    if (!this.#places.has(host)) return false;
    const times = this.#putOff.get(host) ?? 0;
    if (times >= (this.#afterCalls.has(host) ? TIMES_AFTER_CALL : TIMES)) return false;
    if (this.#putOff.size === MOST_PLACES) this.#putOff.clear();
    this.#putOff.set(host, times + 1);
    return true;
  }

  /** Notes an instruction of a region. */
  add(host: number): void {
    if (this.#places.size === MOST_PLACES) this.#places.clear();
    this.#places.add(host);
  }

  /** Notes where a call of a region returns to. */
  addAfterCall(host: number): void {
    if (this.#afterCalls.size === MOST_PLACES) this.#afterCalls.clear();
    this.#afterCalls.add(host);
  }
}
