/**
 * Makes a vCPU's accesses to servers, and waits for what they answer.
 *
 * @module
 */

import { encodeIoreq, type Ioreq, ioreqLength } from "../abi/ioreq.ts";
import { HEADER_SIZE, MessageType, ProtocolError, writeHeader } from "../abi/message.ts";
import { ID_SOURCE_SHIFT } from "../channel/inbound.ts";
import { type Mailbox, MailboxState } from "../channel/mailbox.ts";
import { sleepWhileWaiting, type VcpuChannel } from "../channel/vcpu_channel.ts";
import { type Slots, SlotState } from "./slots.ts";

/** Bytes that are sent ahead of a server that has not shown that it reads them. A pipe holds 64 KiB. */
const MAX_UNREAD = 12 << 10;

/** Ids run from 1 to this. */
const LAST_ID = (1 << ID_SOURCE_SHIFT) - 1;

/** What became of an access. */
export enum IoreqOutcome {
  Done,
  /** There is no such server any more. */
  Gone,
  /** Another server has taken over: the access is to be made again. */
  Reissue,
}

/** What a client is made of. */
export interface IoreqClientOptions {
  readonly vcpu: number;
  readonly mailbox: Mailbox;
  readonly slots: Slots;
  /** This thread's end to the server in `slot`. */
  channel(slot: number): VcpuChannel | undefined;
  /** The server in `slot` sent what it may not. */
  violated(slot: number, reason: string): void;
}

/** One vCPU's accesses. */
export class IoreqClient {
  readonly #options: IoreqClientOptions;
  readonly #source: number;
  #message = new Uint8Array(256);
  #view = new DataView(this.#message.buffer);
  #lastId = 0;

  constructor(options: IoreqClientOptions) {
    this.#options = options;
    this.#source = (options.vcpu + 1) << ID_SOURCE_SHIFT;
  }

  /** Makes an access to the server in `slot`. `into` takes what a read gives, `count * size` bytes. */
  access(slot: number, request: Ioreq, into: Uint8Array): IoreqOutcome {
    this.#options.slots.count(slot);
    const length = HEADER_SIZE + ioreqLength(request);
    this.#reserve(length);
    const channel = this.#options.channel(slot);
    if (channel !== undefined && channel.unread > 0 && channel.unread + length > MAX_UNREAD) {
      const outcome = this.#fence(slot);
      if (outcome !== IoreqOutcome.Done) return outcome;
    }
    const id = request.posted ? 0 : this.#nextId();
    writeHeader(this.#view, length, MessageType.Ioreq, id);
    encodeIoreq(new DataView(this.#message.buffer, HEADER_SIZE), request);
    const message = this.#message.subarray(0, length);
    if (request.posted && this.#post(slot, message, channel)) return IoreqOutcome.Done;
    return this.#roundTrip(slot, id, request.posted ? new Uint8Array(0) : message, into);
  }

  /** Waits until the server in `slot` has read all that was sent to it. */
  #fence(slot: number): IoreqOutcome {
    const message = new Uint8Array(HEADER_SIZE);
    const id = this.#nextId();
    writeHeader(new DataView(message.buffer), HEADER_SIZE, MessageType.Ping, id);
    return this.#roundTrip(slot, id, message, new Uint8Array(0));
  }

  /** Sends what is not answered. Gives false if the server does not take it. */
  #post(slot: number, message: Uint8Array, channel: VcpuChannel | undefined): boolean {
    return this.#options.slots.state(slot) === SlotState.Attached && channel !== undefined &&
      channel.send(message);
  }

  /** Sends `message`, unless it is empty, and waits until it is answered or the server is given up. */
  #roundTrip(slot: number, id: number, message: Uint8Array, into: Uint8Array): IoreqOutcome {
    const { mailbox, slots } = this.#options;
    mailbox.open(id, slot, into.length);
    // The main thread changes the slot first and looks at the mailbox then.
    const state = slots.state(slot);
    if (state === SlotState.Failed) mailbox.abandon(slot, MailboxState.Held);
    else if (state !== SlotState.Attached) mailbox.abandon(slot, MailboxState.Gone);
    const channel = this.#options.channel(slot);
    if (channel === undefined) sleepWhileWaiting(mailbox);
    else this.#exchange(slot, channel, message);
    const outcome = mailbox.state;
    mailbox.take(outcome === MailboxState.Answered ? into : into.subarray(0, 0));
    if (outcome === MailboxState.Gone) return IoreqOutcome.Gone;
    return outcome === MailboxState.Reissue ? IoreqOutcome.Reissue : IoreqOutcome.Done;
  }

  #exchange(slot: number, channel: VcpuChannel, message: Uint8Array): void {
    const { mailbox } = this.#options;
    try {
      // Where nobody reads, the main thread finds out and closes the mailbox.
      if (message.length > 0 && mailbox.state === MailboxState.Waiting) channel.send(message);
      channel.wait(mailbox);
      channel.replied();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.violated(slot, error.message);
      sleepWhileWaiting(mailbox);
    }
  }

  #nextId(): number {
    this.#lastId = this.#lastId === LAST_ID ? 1 : this.#lastId + 1;
    return (this.#source | this.#lastId) >>> 0;
  }

  #reserve(length: number): void {
    if (length <= this.#message.length) return;
    this.#message = new Uint8Array(length * 2);
    this.#view = new DataView(this.#message.buffer);
  }
}
