/**
 * Guest time as the time-stamp counter shows it.
 *
 * To ask the host for the time takes as long as a hundred instructions, and kernels read the counter in every system
 * call. So for some instructions a reading of the host's clock is good enough, with a nanosecond for each of them.
 *
 * @module
 */

/** Readings of a clock, and what is made of them between. */
export class TimeStamps {
  /** The last reading, and what was left of the budget then. */
  #reading = 0;
  #left = 0;
  #good = false;
  #last = 0;

  constructor(
    private readonly now: () => number,
    /** For how many instructions a reading is good; 0: for none. */
    private readonly window: number,
  ) {}

  /** Guest time in nanoseconds where `left` instructions are left of the budget. It never goes back. */
  read(left: number): number {
    const executed = this.#left - left;
    if (this.#good && executed >= 0 && executed < this.window) return this.#last = this.#reading + executed;
    this.#reading = Math.floor(this.now());
    this.#left = left;
    this.#good = true;
    // What was made of the last reading may have been ahead; further back it is the clock that has been set.
    if (this.#last - this.#reading < this.window) this.#reading = Math.max(this.#reading, this.#last);
    return this.#last = this.#reading;
  }

  /** Time has passed that instructions do not tell of, or the budget is another one. */
  forget(): void {
    this.#good = false;
  }
}
