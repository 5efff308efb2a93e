/**
 * A vCPU thread's end of the way to a server.
 *
 * @module
 */

import { MessageType, writeHeader } from "../abi/message.ts";
import type { AttentionWord } from "../attention.ts";
import type { DomainShare, Grants } from "./grants.ts";
import { Inbound } from "./inbound.ts";
import { Lock } from "./lock.ts";
import { type Mailbox, MailboxState } from "./mailbox.ts";
import { Ring } from "./ring.ts";
import { RingReplies, sendMapAnswer } from "./ring_replies.ts";
import { spinUntil } from "./spin.ts";

/** How a vCPU thread reaches a server. It can be posted to a Worker. */
export type VcpuChannelPlan =
  | {
    readonly kind: "fifo";
    readonly slot: number;
    readonly path: string;
    /** Word of the lock that everybody who writes to the FIFO takes. */
    readonly locks: SharedArrayBuffer;
  }
  | {
    readonly kind: "ring";
    readonly slot: number;
    readonly requests: SharedArrayBuffer;
    readonly replies: SharedArrayBuffer;
    readonly locks: SharedArrayBuffer;
    readonly grants: Grants;
  };

/** Words of `locks`. */
export const REQUESTS_LOCK = 0;
export const REPLIES_LOCK = 1;

/** Memory for the locks of a channel. */
export function makeLocks(): SharedArrayBuffer {
  return new SharedArrayBuffer(8);
}

/** Time that a thread spins before it sleeps: sleeping and waking cost about 30 us. */
const SPIN_MILLISECONDS = 0.06;

/** One thread's end. */
export interface VcpuChannel {
  /** Sends a message. Gives false if nobody reads any more. */
  send(message: Uint8Array): boolean;
  /** Bytes sent for which no reply shows that they were read; may be large only where {@link send} waits for room. */
  readonly unread: number;
  /** A reply came: everything that was sent has been read. */
  replied(): void;
  /** Waits while `mailbox` waits. @throws {ProtocolError} if the server sent what it may not */
  wait(mailbox: Mailbox): void;
  close(): void;
}

/** Opens a thread's end. */
export function openVcpuChannel(
  plan: VcpuChannelPlan,
  share: DomainShare,
  attention: readonly AttentionWord[],
): VcpuChannel {
  return plan.kind === "fifo" ? new FifoEnd(plan) : new RingEnd(plan, share, attention);
}

function isWaiting(state: MailboxState): boolean {
  return state === MailboxState.Waiting || state === MailboxState.Filling || state === MailboxState.Held;
}

/** Sleeps until `mailbox` does not wait any more. */
export function sleepWhileWaiting(mailbox: Mailbox): void {
  for (let state = mailbox.state; isWaiting(state); state = mailbox.state) mailbox.sleep(state);
}

class FifoEnd implements VcpuChannel {
  readonly #file: Deno.FsFile;
  readonly #lock: Lock;
  unread = 0;

  constructor(plan: VcpuChannelPlan & { kind: "fifo" }) {
    this.#file = Deno.openSync(plan.path, { write: true });
    this.#lock = new Lock(new Int32Array(plan.locks), REQUESTS_LOCK);
  }

  send(message: Uint8Array): boolean {
    this.unread += message.length;
    this.#lock.acquire();
    try {
      for (let done = 0; done < message.length;) done += this.#file.writeSync(message.subarray(done));
      return true;
    } catch {
      return false;
    } finally {
      this.#lock.release();
    }
  }

  replied(): void {
    this.unread = 0;
  }

  wait(mailbox: Mailbox): void {
    if (!spinUntil(() => !isWaiting(mailbox.state), SPIN_MILLISECONDS)) sleepWhileWaiting(mailbox);
  }

  close(): void {
    this.#file.close();
  }
}

class RingEnd implements VcpuChannel {
  readonly #requests: Ring;
  readonly #lock: Lock;
  readonly #replies: Ring;
  readonly #receiver: RingReplies;
  readonly unread = 0;

  constructor(
    plan: VcpuChannelPlan & { kind: "ring" },
    share: DomainShare,
    attention: readonly AttentionWord[],
  ) {
    const locks = new Int32Array(plan.locks);
    this.#requests = new Ring(plan.requests);
    this.#lock = new Lock(locks, REQUESTS_LOCK);
    this.#replies = new Ring(plan.replies);
    const inbound = new Inbound(plan.grants, share, attention, (id, refusal) => {
      sendMapAnswer(this.#requests, this.#lock, id, refusal);
    });
    this.#receiver = new RingReplies(this.#replies, new Lock(locks, REPLIES_LOCK), inbound);
  }

  send(message: Uint8Array): boolean {
    for (;;) {
      const events = this.#requests.roomEvents;
      if (this.#requests.closed) return false;
      this.#lock.acquire();
      try {
        if (this.#requests.tryWrite(message)) return true;
      } finally {
        this.#lock.release();
      }
      this.#requests.waitForRoom(events);
    }
  }

  replied(): void {
    // The ring itself says what has been read.
  }

  wait(mailbox: Mailbox): void {
    const look = () => {
      if (this.#replies.mayHaveBytes) this.#receiver.drain();
      return !isWaiting(mailbox.state);
    };
    if (spinUntil(look, SPIN_MILLISECONDS)) return;
    for (;;) {
      const events = this.#replies.events;
      if (look()) return;
      // Nothing comes through the ring any more.
      if (this.#replies.closed) return sleepWhileWaiting(mailbox);
      this.#replies.wait(events);
    }
  }

  close(): void {
    // The main thread closes the rings.
  }
}

/** Writes a ping with `id` into `message`, which has the size of a header. */
export function writePing(message: Uint8Array, id: number): void {
  writeHeader(new DataView(message.buffer, message.byteOffset), message.length, MessageType.Ping, id);
}
