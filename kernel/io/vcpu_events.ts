/**
 * What servers have for a vCPU beside interrupt lines: message-signalled interrupts, and the news that guest
 * memory was written. A queue in shared memory, from any thread to the vCPU's.
 *
 * @module
 */

import { Lock } from "../channel/lock.ts";

/** Kinds of events. */
export enum VcpuEventKind {
  /** `first` is the address, `second` the data. */
  Msi = 1,
  /** `first` is the guest-physical address, `second` the length in bytes. */
  ModifiedMemory = 2,
}

/** An event. */
export interface VcpuEvent {
  readonly kind: VcpuEventKind;
  readonly first: number;
  readonly second: number;
}

/** Events that the queue holds. A power of two. */
const CAPACITY = 1024;

const LOCK = 0;
const WRITTEN = 1;
const READ = 2;
/** More was modified than the queue holds: all of memory counts as modified. */
const ALL_MODIFIED = 3;
const HEADER = 64;
const FIELDS = 3;

/** Memory for a queue. */
export function makeVcpuEvents(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER + CAPACITY * FIELDS * 8);
}

/** The queue, as both ends see it. */
export class VcpuEvents {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #entries: Float64Array<SharedArrayBuffer>;
  readonly #lock: Lock;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, HEADER / 4);
    this.#entries = new Float64Array(memory, HEADER);
    this.#lock = new Lock(this.#words, LOCK);
  }

  /** Adds a message-signalled interrupt. Gives false if there is no room. */
  addMsi(address: number, data: number): boolean {
    return this.#add(VcpuEventKind.Msi, address, data);
  }

  /** Adds a range of memory that was written. */
  addModifiedMemory(gpa: number, length: number): void {
    if (!this.#add(VcpuEventKind.ModifiedMemory, gpa, length)) Atomics.store(this.#words, ALL_MODIFIED, 1);
  }

  /** Whether {@link take} has something to give. */
  get pending(): boolean {
    return Atomics.load(this.#words, WRITTEN) !== Atomics.load(this.#words, READ) ||
      Atomics.load(this.#words, ALL_MODIFIED) !== 0;
  }

  /** Takes the oldest event. Only the vCPU's thread. `memoryEnd` is where RAM ends. */
  take(memoryEnd: number): VcpuEvent | undefined {
    if (Atomics.exchange(this.#words, ALL_MODIFIED, 0) !== 0) {
      return { kind: VcpuEventKind.ModifiedMemory, first: 0, second: memoryEnd };
    }
    const read = Atomics.load(this.#words, READ);
    if (read === Atomics.load(this.#words, WRITTEN)) return undefined;
    const at = (read & (CAPACITY - 1)) * FIELDS;
    const event = { kind: this.#entries[at], first: this.#entries[at + 1], second: this.#entries[at + 2] };
    Atomics.store(this.#words, READ, (read + 1) | 0);
    return event;
  }

  #add(kind: VcpuEventKind, first: number, second: number): boolean {
    this.#lock.acquire();
    try {
      const written = Atomics.load(this.#words, WRITTEN);
      if (((written - Atomics.load(this.#words, READ)) | 0) >= CAPACITY) return false;
      const at = (written & (CAPACITY - 1)) * FIELDS;
      this.#entries[at] = kind;
      this.#entries[at + 1] = first;
      this.#entries[at + 2] = second;
      Atomics.store(this.#words, WRITTEN, (written + 1) | 0);
      return true;
    } finally {
      this.#lock.release();
    }
  }
}
