/**
 * Says whether the main thread has been told that there is something for it, so that it is told once.
 *
 * @module
 */

/** Memory for a flag. */
export function makeWakeFlag(): SharedArrayBuffer {
  return new SharedArrayBuffer(4);
}

/** A flag in shared memory. */
export class WakeFlag {
  readonly #word: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.#word = new Int32Array(memory, 0, 1);
  }

  /** Raises the flag. Gives true if it was down: then the main thread is to be told. */
  raise(): boolean {
    return Atomics.exchange(this.#word, 0, 1) === 0;
  }

  /** Lowers the flag: before looking. */
  lower(): void {
    Atomics.store(this.#word, 0, 0);
  }
}
