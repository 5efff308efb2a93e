/**
 * Where a vCPU thread waits for the reply to its ioreq: one for each vCPU, in shared memory.
 *
 * The vCPU's thread opens it before it sends. Whoever receives the reply fills it. The main thread closes it
 * when the server is gone.
 *
 * @module
 */

import { IOREQ_MAX_COUNT } from "../abi/ioreq.ts";

/** What a mailbox is waiting for, or has got. */
export enum MailboxState {
  Idle = 0,
  Waiting = 1,
  /** Somebody is copying the reply. */
  Filling = 2,
  Answered = 3,
  /** The server is gone for good: nobody answers. */
  Gone = 4,
  /** The server has failed, and may be replaced. */
  Held = 5,
  /** The server has been replaced: the access is to be made again. */
  Reissue = 6,
}

const STATE = 0;
const ID = 1;
const SLOT = 2;
const LENGTH = 3;
const DATA = 64;
/** Largest reply: {@link IOREQ_MAX_COUNT} elements of 4 bytes, since ports have no wider ones. */
const DATA_SIZE = IOREQ_MAX_COUNT * 4;

/** Memory for a mailbox. */
export function makeMailbox(): SharedArrayBuffer {
  return new SharedArrayBuffer(DATA + DATA_SIZE);
}

/** A mailbox, as all of its users see it. */
export class Mailbox {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #data: Uint8Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, DATA / 4);
    this.#data = new Uint8Array(memory, DATA, DATA_SIZE);
  }

  get state(): MailboxState {
    return Atomics.load(this.#words, STATE);
  }

  /** Id of the request that is or was waited for. */
  get id(): number {
    return Atomics.load(this.#words, ID) >>> 0;
  }

  /** Server that is or was asked. */
  get slot(): number {
    return Atomics.load(this.#words, SLOT);
  }

  /** Starts waiting for `length` bytes from the server in `slot`. Only the vCPU's thread. */
  open(id: number, slot: number, length: number): void {
    Atomics.store(this.#words, ID, id | 0);
    Atomics.store(this.#words, SLOT, slot);
    Atomics.store(this.#words, LENGTH, length);
    Atomics.store(this.#words, STATE, MailboxState.Waiting);
  }

  /** Sleeps while the state is `state`. */
  sleep(state: MailboxState): void {
    Atomics.wait(this.#words, STATE, state);
  }

  /** Takes the reply's first `length` bytes, or nothing for `length` 0, and stops waiting. */
  take(into: Uint8Array): void {
    into.set(this.#data.subarray(0, into.length));
    Atomics.store(this.#words, STATE, MailboxState.Idle);
  }

  /**
   * Puts in what the server in `slot` replied. Gives what is wrong with it, or `undefined`. A reply to a request
   * that was given up is dropped.
   */
  answer(id: number, slot: number, body: Uint8Array): string | undefined {
    if (this.id !== id || this.slot !== slot) return `answers request ${id}, which was not made`;
    const state = this.state;
    if (state === MailboxState.Gone || state === MailboxState.Held) return undefined;
    const length = Atomics.load(this.#words, LENGTH);
    if (body.length !== length) return `answers request ${id} with ${body.length} bytes, not ${length}`;
    if (!this.#change(MailboxState.Waiting, MailboxState.Filling)) {
      return `answers request ${id}, which does not wait`;
    }
    this.#data.set(body);
    Atomics.store(this.#words, STATE, MailboxState.Answered);
    Atomics.notify(this.#words, STATE);
    return undefined;
  }

  /** Makes who waits for the server in `slot` stop waiting, or wait for its replacement. */
  abandon(slot: number, outcome: MailboxState.Gone | MailboxState.Held | MailboxState.Reissue): void {
    if (this.slot !== slot) return;
    if (this.#change(MailboxState.Waiting, outcome) || this.#change(MailboxState.Held, outcome)) {
      Atomics.notify(this.#words, STATE);
    }
  }

  #change(from: MailboxState, to: MailboxState): boolean {
    return Atomics.compareExchange(this.#words, STATE, from, to) === from;
  }
}
