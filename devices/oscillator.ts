/**
 * A crystal that starts at guest time zero: guest time in nanoseconds to clock ticks and back, exactly.
 *
 * @module
 */

const NANOSECONDS_PER_SECOND = 1_000_000_000;

/** A clock signal of a whole number of hertz, at most 9 MHz, for as long as guest time is below 2^53 ns. */
export class Oscillator {
  readonly hertz: number;

  constructor(hertz: number) {
    this.hertz = hertz;
  }

  /** Ticks that have happened by guest time `ns`. */
  ticks(ns: number): number {
    // Whole seconds and the rest apart: either product stays below 2^53, so nothing is rounded.
    const seconds = Math.floor(ns / NANOSECONDS_PER_SECOND);
    const rest = Math.floor(ns - seconds * NANOSECONDS_PER_SECOND);
    return seconds * this.hertz + Math.floor(rest * this.hertz / NANOSECONDS_PER_SECOND);
  }

  /** First guest time in nanoseconds at which tick number `tick` has happened. */
  time(tick: number): number {
    const seconds = Math.floor(tick / this.hertz);
    const rest = tick - seconds * this.hertz;
    return seconds * NANOSECONDS_PER_SECOND + Math.ceil(rest * NANOSECONDS_PER_SECOND / this.hertz);
  }
}
