/**
 * The kernel's side of a channel to a server, on the main thread.
 *
 * @module
 */

import { type Message, MessageReader } from "../abi/message.ts";
import type { Ring } from "./ring.ts";
import type { VcpuChannelPlan } from "./vcpu_channel.ts";
import type { WakeFlag } from "./wake_flag.ts";

/** What comes through a channel. Nothing is called after {@link KernelChannel.close}. */
export interface ChannelHandlers {
  /** A message that is not for the vCPU threads. `body` is valid during the call. */
  message(message: Message): void;
  /** Settles when more messages can be taken; `undefined`: at once. */
  ready(): Promise<void> | undefined;
  /** The server has closed its end. */
  ended(): void;
  /** The server sent what it may not. */
  violated(reason: string): void;
}

/** A channel to a server. */
export interface KernelChannel {
  /** How the vCPU threads reach the server. */
  readonly vcpuPlan: VcpuChannelPlan;
  /** Sends a message without ever blocking. @throws {ProtocolError} if the server is too far behind */
  send(message: Uint8Array): void;
  /** A ping with `FENCE_ID` was answered. */
  fenceAnswered(): void;
  /** All vCPU threads have opened their ends, and the server has too or will not: from now on its end is noticed. */
  release(): void;
  /** Ends the channel, but for what {@link release} does. */
  close(): void;
}

/** Hands over what is in the main thread's ring, a part at a time, so that other work comes between. */
export class MainReceiver {
  readonly #ring: Ring;
  readonly #flag: WakeFlag;
  readonly #handlers: ChannelHandlers;
  readonly #before: () => void;
  readonly #messages = new MessageReader();
  #active = false;
  #again = false;
  #end: (() => void) | undefined;
  #closed = false;

  /** `before` is called between taking messages and handling them: what belongs before them is carried out there. */
  constructor(ring: Ring, flag: WakeFlag, handlers: ChannelHandlers, before: () => void) {
    this.#ring = ring;
    this.#flag = flag;
    this.#handlers = handlers;
    this.#before = before;
  }

  /** Handles what has come. */
  async receive(): Promise<void> {
    this.#again = true;
    if (this.#active) return;
    this.#active = true;
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        await this.#receiveAll();
      }
      if (!this.#closed) this.#end?.();
    } catch (error) {
      if (!this.#closed) this.#handlers.violated(error instanceof Error ? error.message : String(error));
    } finally {
      this.#active = false;
    }
  }

  /** Calls `end` after everything that has come has been handled. */
  endWith(end: () => void): void {
    this.#end = end;
    this.receive();
  }

  /** Drops what comes from now on. */
  close(): void {
    this.#closed = true;
    this.#ring.close();
  }

  async #receiveAll(): Promise<void> {
    for (let parts = 0;; parts++) {
      this.#flag.lower();
      const bytes = this.#ring.read();
      this.#before();
      if (bytes.length === 0) return;
      // A server that sends without end must not keep the thread from all else.
      if (parts > 0) await new Promise((resolve) => setTimeout(resolve, 0));
      this.#messages.push(bytes);
      for (let message; !this.#closed && (message = this.#messages.next()) !== undefined;) {
        this.#handlers.message(message);
      }
      await this.#handlers.ready();
      if (this.#closed) return;
    }
  }
}
