/**
 * The thread that reads what a server process writes.
 *
 * Measured round trips of an ioreq, 2 cores: 9 us when a thread of its own reads (45 us if the vCPU's thread
 * does not spin), 14 to 70 us through the event loop of the main thread.
 *
 * @module
 */

import { encodeMessage, type Message, MessageReader, MessageType, ProtocolError } from "../abi/message.ts";
import type { AttentionWord } from "../attention.ts";
import type { DomainShare, Grants } from "./grants.ts";
import { Inbound } from "./inbound.ts";
import { answerToMap } from "./map_answer.ts";
import { Ring } from "./ring.ts";
import { WakeFlag } from "./wake_flag.ts";

/** What the thread is started with. */
export interface FifoReaderStart {
  readonly path: string;
  readonly grants: Grants;
  readonly share: DomainShare;
  readonly attention: readonly AttentionWord[];
  /** Takes what the main thread has to do. */
  readonly ring: SharedArrayBuffer;
  readonly flag: SharedArrayBuffer;
}

/** What the thread posts to the main thread. */
export type FifoReaderEvent =
  /** The FIFO has been opened. */
  | { readonly kind: "open" }
  /** There is something in the ring. */
  | { readonly kind: "ready" }
  /** The server's end is closed. */
  | { readonly kind: "end" }
  /** The server sent what it may not. Nothing more is read. */
  | { readonly kind: "violation"; readonly reason: string };

/** Pipes hold 64 KiB unless told otherwise. */
const READ_SIZE = 1 << 16;

const scope = self as unknown as { postMessage(event: FifoReaderEvent): void };

/** Reads until the end. Gives why it ended. */
function readAll(start: FifoReaderStart): FifoReaderEvent {
  const ring = new Ring(start.ring);
  const flag = new WakeFlag(start.flag);
  const forward = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; done += READ_SIZE) {
      if (flag.raise()) scope.postMessage({ kind: "ready" });
      ring.write(bytes.subarray(done, done + READ_SIZE));
    }
    if (flag.raise()) scope.postMessage({ kind: "ready" });
  };
  const inbound = new Inbound(
    start.grants,
    start.share,
    start.attention,
    // The main thread sends it on: this thread must not wait for the server to read.
    (id, refusal) => forward(answerToMap(id, refusal)),
  );
  const messages = new MessageReader();
  const bytes = new Uint8Array(READ_SIZE);
  using file = Deno.openSync(start.path, { read: true });
  scope.postMessage({ kind: "open" });
  try {
    for (;;) {
      const length = file.readSync(bytes);
      if (length === null || ring.closed) return { kind: "end" };
      messages.push(bytes.subarray(0, length));
      for (let message; (message = messages.next()) !== undefined;) receive(message, inbound, forward);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) return { kind: "end" };
    return { kind: "violation", reason: error.message };
  }
}

function receive(message: Message, inbound: Inbound, forward: (bytes: Uint8Array) => void): void {
  if (Inbound.takes(message)) return inbound.accept(message);
  if (message.type < MessageType.Hello) {
    throw new ProtocolError(`Message ${MessageType[message.type]} is not one that a server sends`);
  }
  forward(encodeMessage(message.type, message.id, message.body));
}

addEventListener("message", (event) => {
  const { data: start } = event as MessageEvent<FifoReaderStart>;
  let end: FifoReaderEvent;
  try {
    end = readAll(start);
  } catch (error) {
    end = { kind: "violation", reason: error instanceof Error ? error.message : String(error) };
  }
  scope.postMessage(end);
  close();
});
