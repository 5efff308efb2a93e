/**
 * Guest time: nanoseconds since the domain was started, the same on all threads, standing still while the
 * domain is paused.
 *
 * It is host time with an offset. The threads of a process share a host clock but count from different origins,
 * which the system's clock tells apart: measured to agree within a microsecond.
 *
 * @module
 */

// Words. An odd version means that the rest is being changed.
const VERSION = 0;
const RUNNING = 1;
// Numbers: guest time at a moment, and host time at the same.
const GUEST = 1;
const HOST = 2;

const NANOSECONDS = 1_000_000;

/** What a thread needs to read guest time. */
export interface ClockShare {
  readonly memory: SharedArrayBuffer;
  /** `performance.timeOrigin` of the thread that made it. */
  readonly origin: number;
}

/** Guest time. One thread starts, stops and sets it; all can read it. */
export class GuestClock {
  readonly share: ClockShare;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #numbers: Float64Array<SharedArrayBuffer>;
  readonly #offset: number;

  /** A clock that stands at zero, or another thread's. */
  constructor(share?: ClockShare) {
    this.share = share ?? { memory: new SharedArrayBuffer(24), origin: performance.timeOrigin };
    this.#words = new Int32Array(this.share.memory, 0, 2);
    this.#numbers = new Float64Array(this.share.memory);
    this.#offset = performance.timeOrigin - this.share.origin;
  }

  /** Guest time in nanoseconds. */
  now(): number {
    for (;;) {
      const version = Atomics.load(this.#words, VERSION);
      const guest = this.#numbers[GUEST];
      const host = this.#numbers[HOST];
      const running = Atomics.load(this.#words, RUNNING) !== 0;
      if ((version & 1) !== 0 || Atomics.load(this.#words, VERSION) !== version) continue;
      // Another thread's clock may be behind the one that started it by what the origins are off.
      return running ? guest + Math.max(0, Math.floor(this.#host() - host)) : guest;
    }
  }

  get running(): boolean {
    return Atomics.load(this.#words, RUNNING) !== 0;
  }

  start(): void {
    if (!this.running) this.#change(this.#numbers[GUEST], true);
  }

  stop(): void {
    if (this.running) this.#change(this.now(), false);
  }

  /** Sets guest time in nanoseconds. */
  set(time: number): void {
    this.#change(time, this.running);
  }

  #host(): number {
    return (performance.now() + this.#offset) * NANOSECONDS;
  }

  #change(guest: number, running: boolean): void {
    Atomics.add(this.#words, VERSION, 1);
    this.#numbers[GUEST] = guest;
    this.#numbers[HOST] = this.#host();
    Atomics.store(this.#words, RUNNING, running ? 1 : 0);
    Atomics.add(this.#words, VERSION, 1);
  }
}
