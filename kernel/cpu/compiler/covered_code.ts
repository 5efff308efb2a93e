/**
 * What has been compiled already as a part of other regions.
 *
 * Code becomes hot all at once: when a loop of many blocks does, each of them is asked for, and the region of the first
 * may hold all the rest. So what lies within a region is put off until it is asked for once more.
 *
 * @module
 */

/** Most places that are remembered. */
const MOST_PLACES = 1 << 17;

/** Blocks of regions, by offset in RAM memory. */
export class CoveredCode {
  readonly #blocks = new Set<number>();
  readonly #putOff = new Set<number>();

  /** Whether code is to be put off. */
  putsOff(host: number): boolean {
    if (!this.#blocks.has(host) || this.#putOff.has(host)) return false;
    if (this.#putOff.size === MOST_PLACES) this.#putOff.clear();
    this.#putOff.add(host);
    return true;
  }

  /** Notes a block of a region. */
  add(host: number): void {
    if (this.#blocks.size === MOST_PLACES) this.#blocks.clear();
    this.#blocks.add(host);
  }
}
