/**
 * Which servers are there: a number for each, its slot, and what has become of it.
 *
 * @module
 */

/** Most servers that a domain has at one time. */
export const MAX_SERVERS = 32;

/** What has become of the server in a slot. */
export enum SlotState {
  Free = 0,
  Attached = 1,
  /** It has failed; accesses wait for its replacement. */
  Failed = 2,
  /** It is gone for good. */
  Gone = 3,
}

/** Memory for the table. */
export function makeSlots(): SharedArrayBuffer {
  return new SharedArrayBuffer(MAX_SERVERS * 8);
}

/** Table of the slots, in shared memory. The main thread changes states, the vCPU threads count ioreqs. */
export class Slots {
  readonly #states: Int32Array<SharedArrayBuffer>;
  readonly #ioreqs: Uint32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.#states = new Int32Array(memory, 0, MAX_SERVERS);
    this.#ioreqs = new Uint32Array(memory, MAX_SERVERS * 4, MAX_SERVERS);
  }

  state(slot: number): SlotState {
    return Atomics.load(this.#states, slot);
  }

  setState(slot: number, state: SlotState): void {
    Atomics.store(this.#states, slot, state);
  }

  /** Takes a free slot. @throws {RangeError} if there is none */
  allocate(): number {
    const slot = this.#states.indexOf(SlotState.Free);
    if (slot < 0) throw new RangeError(`A domain has at most ${MAX_SERVERS} servers`);
    this.setState(slot, SlotState.Attached);
    Atomics.store(this.#ioreqs, slot, 0);
    return slot;
  }

  /** Counts an ioreq. */
  count(slot: number): void {
    Atomics.add(this.#ioreqs, slot, 1);
  }

  /** Ioreqs sent to the server in `slot`, modulo 2^32. */
  ioreqs(slot: number): number {
    return Atomics.load(this.#ioreqs, slot);
  }
}
