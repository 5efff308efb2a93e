/**
 * Mutual exclusion between threads.
 *
 * @module
 */

const FREE = 0;
const HELD = 1;
/** Held, and somebody sleeps: the holder has to wake it. */
const WANTED = 2;

/** A lock in one word of shared memory, zero when free. Not reentrant. */
export class Lock {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #index: number;

  constructor(words: Int32Array<SharedArrayBuffer>, index: number) {
    this.#words = words;
    this.#index = index;
  }

  /** Takes the lock if it is free. */
  tryAcquire(): boolean {
    return Atomics.compareExchange(this.#words, this.#index, FREE, HELD) === FREE;
  }

  /** Takes the lock, sleeping until it is free. */
  acquire(): void {
    if (this.tryAcquire()) return;
    while (Atomics.exchange(this.#words, this.#index, WANTED) !== FREE) {
      Atomics.wait(this.#words, this.#index, WANTED);
    }
  }

  release(): void {
    if (Atomics.exchange(this.#words, this.#index, FREE) === WANTED) {
      Atomics.notify(this.#words, this.#index, 1);
    }
  }
}
