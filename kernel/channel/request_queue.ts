/**
 * The main thread's end of the way to a server. The main thread must never wait for a server, so what
 * cannot be written at once is kept.
 *
 * @module
 */

import { encodeMessage, MessageType, ProtocolError } from "../abi/message.ts";
import type { Lock } from "./lock.ts";
import type { Ring } from "./ring.ts";

/** Bytes that are kept for a server which does not read; a server that is further behind is ended. */
const MAX_KEPT = 4 << 20;

/** Id of the pings that this module sends, by which it learns that everything before was read. */
export const FENCE_ID = 0xff_ffff;

/** Where messages are put. */
export interface RequestSink {
  /** Writes the first of `messages` and drops them, until that would block or nothing is left. */
  flush(messages: Uint8Array[], sent: (bytes: number) => void): void;
  /** The server has read everything that was sent before the last fence. */
  fenceAnswered(): void;
  close(): void;
}

/** Sends in order, without ever blocking. */
export class RequestQueue {
  readonly #sink: RequestSink;
  readonly #messages: Uint8Array[] = [];
  #kept = 0;

  constructor(sink: RequestSink) {
    this.#sink = sink;
  }

  /** Sends a message. @throws {ProtocolError} if the server is too far behind */
  send(message: Uint8Array): void {
    this.#messages.push(message);
    this.#kept += message.length;
    this.flush();
    if (this.#kept > MAX_KEPT) throw new ProtocolError("Server does not read what it is sent");
  }

  /** Sends what is kept, as far as possible. */
  flush(): void {
    this.#sink.flush(this.#messages, (bytes) => this.#kept -= bytes);
  }

  /** To be called for the answer to a ping with {@link FENCE_ID}. */
  fenceAnswered(): void {
    this.#sink.fenceAnswered();
    this.flush();
  }

  close(): void {
    this.#messages.length = 0;
    this.#sink.close();
  }
}

/** A pipe holds 64 KiB, of which small writes may waste half; the vCPU threads need their part. */
const PIPE_SHARE = 12 << 10;

/** A FIFO. Writing to a full one blocks, so it is only written while what is unread must fit. */
export class FifoSink implements RequestSink {
  readonly #file: Deno.FsFile;
  readonly #lock: Lock;
  /** Bytes that the server may not have read yet, and those of them that are after the last fence. */
  #unread = 0;
  #afterFence = 0;
  #fenced = false;
  #busy = false;
  #closed = false;

  /** Takes over `file`. */
  constructor(file: Deno.FsFile, lock: Lock) {
    this.#file = file;
    this.#lock = lock;
  }

  flush(messages: Uint8Array[], sent: (bytes: number) => void): void {
    while (!this.#busy && !this.#closed && messages.length > 0) {
      const [message] = messages;
      if (this.#unread > 0 && this.#unread + message.length > PIPE_SHARE) return this.#fence();
      messages.shift();
      sent(message.length);
      if (message.length > PIPE_SHARE) return void this.#writeLong(message, messages, sent);
      this.#write(message);
      if (this.#unread > PIPE_SHARE / 2) this.#fence();
    }
  }

  fenceAnswered(): void {
    this.#fenced = false;
    this.#unread = this.#afterFence;
  }

  close(): void {
    this.#closed = true;
    if (!this.#busy) this.#file.close();
  }

  #fence(): void {
    if (this.#fenced) return;
    this.#write(encodeMessage(MessageType.Ping, FENCE_ID, new Uint8Array(0)));
    this.#fenced = true;
    this.#afterFence = 0;
  }

  #write(message: Uint8Array): void {
    this.#unread += message.length;
    this.#afterFence += message.length;
    this.#lock.acquire();
    try {
      for (let done = 0; done < message.length;) done += this.#file.writeSync(message.subarray(done));
    } catch {
      // Nobody reads any more: the end of the replies says so too.
    } finally {
      this.#lock.release();
    }
  }

  /** Writes a message that may not fit, on a thread of the runtime's. */
  async #writeLong(
    message: Uint8Array,
    messages: Uint8Array[],
    sent: (bytes: number) => void,
  ): Promise<void> {
    this.#busy = true;
    this.#lock.acquire();
    try {
      for (let done = 0; done < message.length && !this.#closed;) {
        done += await this.#file.write(message.subarray(done, done + PIPE_SHARE));
      }
    } catch {
      // As above.
    } finally {
      this.#lock.release();
      this.#busy = false;
    }
    if (this.#closed) return this.#file.close();
    // The end of it may still be in the pipe.
    this.#unread = this.#afterFence = PIPE_SHARE;
    this.#fence();
    this.flush(messages, sent);
  }
}

/** Delay in milliseconds after which a full ring is tried again. */
const RETRY_DELAY = 1;

/** A ring. */
export class RingSink implements RequestSink {
  readonly #ring: Ring;
  readonly #lock: Lock;
  /** Bytes of the first message that are in the ring. The lock is held meanwhile. */
  #begun = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(ring: Ring, lock: Lock) {
    this.#ring = ring;
    this.#lock = lock;
  }

  flush(messages: Uint8Array[], sent: (bytes: number) => void): void {
    while (messages.length > 0 && !this.#ring.closed) {
      const [message] = messages;
      if (this.#begun === 0) this.#lock.acquire();
      const part = message.subarray(this.#begun, this.#begun + this.#ring.room);
      this.#ring.tryWrite(part);
      this.#begun += part.length;
      if (this.#begun < message.length) {
        if (this.#begun === 0) this.#lock.release();
        this.#retry ??= setTimeout(() => {
          this.#retry = undefined;
          this.flush(messages, sent);
        }, RETRY_DELAY);
        return;
      }
      this.#begun = 0;
      this.#lock.release();
      messages.shift();
      sent(message.length);
    }
  }

  fenceAnswered(): void {
    // The ring itself says what has been read.
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#ring.close();
    if (this.#begun > 0) this.#lock.release();
    this.#begun = 0;
  }
}
