/**
 * The server's side of a channel. A server's thread does nothing but wait for messages and answer them, so
 * it blocks.
 *
 * @module
 */

import { HEADER_SIZE, type Message, MessageReader, MessageType, precedesGuest } from "../abi/message.ts";
import { Ring, RING_CAPACITY } from "./ring.ts";
import { spinUntil } from "./spin.ts";
import { WakeFlag } from "./wake_flag.ts";

/** A channel to the kernel. */
export interface ServerChannel {
  /** Keeps a message until {@link flush}. */
  send(message: Uint8Array): void;
  /** Sends what was kept, in one piece. Gives false if the kernel is gone. */
  flush(): boolean;
  /** Waits for the next message; `undefined` if the kernel is gone. @throws {ProtocolError} if it is malformed */
  receive(): Message | undefined;
  /** Ends the channel, after sending what was kept. */
  close(): void;
}

const READ_SIZE = 1 << 16;
/** Kept messages are sent by themselves from so many bytes on. */
const KEPT_SIZE = 1 << 15;

/** Messages that are kept. */
class Kept {
  #bytes = new Uint8Array(KEPT_SIZE);
  #length = 0;

  add(message: Uint8Array): void {
    const length = this.#length + message.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(length * 2);
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(message, this.#length);
    this.#length = length;
  }

  get length(): number {
    return this.#length;
  }

  /** Takes everything. Valid until the next {@link add}. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return bytes;
  }
}

/** A server process: standard input and output. */
export class ProcessServerChannel implements ServerChannel {
  readonly #messages = new MessageReader();
  readonly #bytes = new Uint8Array(READ_SIZE);
  readonly #kept = new Kept();

  send(message: Uint8Array): void {
    this.#kept.add(message);
    if (this.#kept.length >= KEPT_SIZE) this.flush();
  }

  flush(): boolean {
    const bytes = this.#kept.take();
    try {
      for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
      return true;
    } catch {
      return false;
    }
  }

  receive(): Message | undefined {
    for (;;) {
      const message = this.#messages.next();
      if (message !== undefined) return message;
      const length = Deno.stdin.readSync(this.#bytes);
      if (length === null) return undefined;
      this.#messages.push(this.#bytes.subarray(0, length));
    }
  }

  close(): void {
    this.flush();
  }
}

/** What the kernel posts to a Worker server first. */
export interface WorkerServerStart {
  readonly options: string;
  /** From the kernel. */
  readonly requests: SharedArrayBuffer;
  /** To the kernel, in whole messages: what the guest's next instruction may depend on. */
  readonly replies: SharedArrayBuffer;
  /** To the kernel's main thread: the rest. */
  readonly effects: SharedArrayBuffer;
  readonly flag: SharedArrayBuffer;
}

/** Time in milliseconds for which a server looks for the next message before it sleeps. */
const SPIN_MILLISECONDS = 0.03;

/** A server in a Worker of the kernel process: rings. */
export class WorkerServerChannel implements ServerChannel {
  readonly #requests: Ring;
  readonly #replies: Ring;
  readonly #effects: Ring;
  readonly #flag: WakeFlag;
  readonly #wake: () => void;
  readonly #messages = new MessageReader();
  readonly #keptReplies = new Kept();
  readonly #keptEffects = new Kept();
  /** A vCPU waits for something that is kept, and will take all of it. */
  #awaited = false;

  /** `wake` makes the kernel's main thread look. */
  constructor(start: WorkerServerStart, wake: () => void) {
    this.#requests = new Ring(start.requests);
    this.#replies = new Ring(start.replies);
    this.#effects = new Ring(start.effects);
    this.#flag = new WakeFlag(start.flag);
    this.#wake = wake;
  }

  send(message: Uint8Array): void {
    const type = new DataView(message.buffer, message.byteOffset, HEADER_SIZE).getUint16(4, true);
    // The kernel refuses either kind in the other's ring.
    const reply = precedesGuest(type);
    if (reply && this.#keptReplies.length + message.length > RING_CAPACITY) this.flush();
    (reply ? this.#keptReplies : this.#keptEffects).add(message);
    if (type === MessageType.IoreqReply) this.#awaited = true;
    if (this.#keptReplies.length + this.#keptEffects.length >= KEPT_SIZE) this.flush();
  }

  flush(): boolean {
    const effects = this.#keptEffects.take();
    const wakes = effects.length > 0 || !this.#awaited;
    this.#awaited = false;
    for (let done = 0; done < effects.length; done += READ_SIZE) {
      if (this.#flag.raise()) this.#wake();
      if (!this.#effects.write(effects.subarray(done, done + READ_SIZE))) return false;
    }
    const replies = this.#keptReplies.take();
    for (;;) {
      const events = this.#replies.roomEvents;
      if (this.#replies.closed) return false;
      if (this.#replies.tryWrite(replies)) break;
      if (this.#flag.raise()) this.#wake();
      this.#replies.waitForRoom(events);
    }
    if (wakes && effects.length + replies.length > 0 && this.#flag.raise()) this.#wake();
    return true;
  }

  receive(): Message | undefined {
    for (;;) {
      const message = this.#messages.next();
      if (message !== undefined) return message;
      const { events } = this.#requests;
      if (this.#requests.available > 0) this.#messages.push(this.#requests.read());
      else if (this.#requests.closed) return undefined;
      else if (!spinUntil(() => this.#requests.available > 0, SPIN_MILLISECONDS)) this.#requests.wait(events);
    }
  }

  close(): void {
    this.flush();
    this.#effects.close();
    this.#wake();
  }
}
