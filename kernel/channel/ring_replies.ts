/**
 * The kernel's end of the ring that a Worker server's replies and interrupts come through. A vCPU thread that
 * waits for a reply takes them out itself, and the main thread at other times.
 *
 * @module
 */

import { HEADER_SIZE, MessageReader, ProtocolError } from "../abi/message.ts";
import { Inbound } from "./inbound.ts";
import type { MapRefusal } from "../io/io_map.ts";
import type { Lock } from "./lock.ts";
import { answerToMap } from "./map_answer.ts";
import type { Ring } from "./ring.ts";

/** Takes out and carries out what is in the ring. */
export class RingReplies {
  readonly #ring: Ring;
  readonly #lock: Lock;
  readonly #inbound: Inbound;

  /** `lock` is the same for all threads. */
  constructor(ring: Ring, lock: Lock, inbound: Inbound) {
    this.#ring = ring;
    this.#lock = lock;
    this.#inbound = inbound;
  }

  /** @throws {ProtocolError} if the server sent what it may not */
  drain(): void {
    this.#lock.acquire();
    try {
      while (this.#ring.available > 0) this.#acceptAll(this.#ring.read());
    } finally {
      this.#lock.release();
    }
  }

  #acceptAll(bytes: Uint8Array): void {
    const messages = new MessageReader();
    messages.push(bytes);
    let left = bytes.length;
    for (let message; (message = messages.next()) !== undefined;) {
      left -= HEADER_SIZE + message.body.length;
      if (!Inbound.takes(message)) throw new ProtocolError("Message is in the wrong ring");
      this.#inbound.accept(message);
    }
    // Only whole messages are published, since the next reader may be another thread.
    if (left !== 0) throw new ProtocolError("Message is cut off");
  }
}

/** Answers a request to map or unmap a range. @throws {ProtocolError} if the server does not read its ring */
export function sendMapAnswer(requests: Ring, lock: Lock, id: number, refusal: MapRefusal): void {
  lock.acquire();
  try {
    if (!requests.tryWrite(answerToMap(id, refusal))) {
      throw new ProtocolError("Server does not read what it is sent");
    }
  } finally {
    lock.release();
  }
}
