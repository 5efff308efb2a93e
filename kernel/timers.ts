/**
 * The timers that servers arm, on guest time.
 *
 * The runtime's own timers are late by a millisecond or two, which is a tick of some guests. So they
 * bring the thread close to a deadline, and it sleeps the last stretch by itself.
 *
 * @module
 */

import type { GuestClock } from "./clock.ts";

/** Timers that each server has. */
export const TIMERS_PER_SERVER = 16;

const MILLISECOND = 1_000_000;
/** Nanoseconds before a deadline from which on the thread sleeps by itself, doing nothing else. */
const LAST_STRETCH = 1.5 * MILLISECOND;
/** Longest delay that `setTimeout` takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

interface Timer {
  readonly slot: number;
  readonly id: number;
  readonly deadline: number;
}

/** All armed timers. `due` is called with guest time when one is, once for each arming. */
export class ServerTimers {
  readonly #clock: GuestClock;
  readonly #due: (slot: number, id: number, time: number) => void;
  readonly #timers = new Map<number, Timer>();
  readonly #never = new Int32Array(new SharedArrayBuffer(4));
  #timeout: ReturnType<typeof setTimeout> | undefined;

  constructor(clock: GuestClock, due: (slot: number, id: number, time: number) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** Arms timer `id` of the server in `slot` for guest time `deadline` (ns); NaN disarms. */
  arm(slot: number, id: number, deadline: number): void {
    const key = slot * TIMERS_PER_SERVER + id;
    if (Number.isNaN(deadline)) this.#timers.delete(key);
    else this.#timers.set(key, { slot, id, deadline });
    this.schedule();
  }

  /** Disarms all timers of the server in `slot`. */
  disarm(slot: number): void {
    for (const [key, timer] of this.#timers) if (timer.slot === slot) this.#timers.delete(key);
    this.schedule();
  }

  /** Disarms all timers. */
  disarmAll(): void {
    this.#timers.clear();
    this.schedule();
  }

  /** To be called when the clock was started, stopped or set. */
  schedule(): void {
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
    if (!this.#clock.running || this.#timers.size === 0) return;
    const delay = (this.#next() - this.#clock.now() - LAST_STRETCH) / MILLISECOND;
    this.#timeout = setTimeout(() => this.#expire(), Math.min(Math.max(0, Math.floor(delay)), LONGEST));
  }

  #expire(): void {
    const left = this.#next() - this.#clock.now();
    if (left > 0 && left <= LAST_STRETCH) Atomics.wait(this.#never, 0, 0, left / MILLISECOND);
    const now = this.#clock.now();
    for (const [key, timer] of [...this.#timers].toSorted(([, a], [, b]) => a.deadline - b.deadline)) {
      if (timer.deadline > now || !this.#timers.delete(key)) continue;
      this.#due(timer.slot, timer.id, now);
    }
    this.schedule();
  }

  #next(): number {
    let next = Infinity;
    for (const timer of this.#timers.values()) next = Math.min(next, timer.deadline);
    return next;
  }
}
