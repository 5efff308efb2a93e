/**
 * The toolstack's end of the control protocol (`kernel/abi/control.ts`): requests and their answers,
 * and what the kernel process tells without being asked.
 *
 * @module
 */

import { ControlType, type DomainEvent } from "../kernel/abi/control.ts";
import { HEADER_SIZE, MAX_MESSAGE, MessageReader, ProtocolError } from "../kernel/abi/message.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Most bytes of a body. */
export const MAX_BODY = MAX_MESSAGE - HEADER_SIZE;

/** As much is not copied before it is written. */
const LONG_PART = 1 << 16;

/** Called for what the kernel process sends without being asked. */
export interface ControlHandlers {
  event(event: DomainEvent): void;
  serverOutput(server: string, bytes: Uint8Array): void;
  /** Nothing more will come: the stream ended, or held what the protocol does not allow. */
  closed(reason: string): void;
}

/** Sends control requests over a pair of byte streams. */
export class ControlClient {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #handlers: ControlHandlers;
  /** Settles once all that the kernel process sent has been read. */
  readonly ended: Promise<void>;
  readonly #pending = new Map<number, PromiseWithResolvers<Uint8Array>>();
  #nextId = 1;
  #closed: string | undefined;

  constructor(
    readable: ReadableStream<Uint8Array>,
    writable: WritableStream<Uint8Array>,
    handlers: ControlHandlers,
  ) {
    this.#writer = writable.getWriter();
    this.#handlers = handlers;
    this.ended = this.#receive(readable);
  }

  /** Sends a request whose body is JSON. @throws {Error} what the kernel process answers, in its words. */
  requestJson(type: ControlType, body: unknown): Promise<Uint8Array> {
    return this.request(type, encoder.encode(JSON.stringify(body)));
  }

  /**
   * Sends a request. A long part at its end must not change before the answer.
   *
   * @throws {Error} what the kernel process answers, in its words.
   */
  async request(type: ControlType, ...parts: readonly Uint8Array[]): Promise<Uint8Array> {
    if (this.#closed !== undefined) throw new Error(this.#closed);
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    const length = HEADER_SIZE + parts.reduce((sum, part) => sum + part.length, 0);
    if (length > MAX_MESSAGE) throw new RangeError(`Control request of ${length} bytes is too long`);
    const answer = Promise.withResolvers<Uint8Array>();
    // The stream may end before the answer is waited for below.
    answer.promise.catch(() => {});
    this.#pending.set(id, answer);
    try {
      const apart = parts.slice(-1).filter((part) => part.length >= LONG_PART);
      const message = encodeRequest(type, id, length, parts.slice(0, parts.length - apart.length));
      await Promise.all([message, ...apart].map((bytes) => this.#writer.write(bytes)));
    } catch {
      this.#close("Kernel process does not read its standard input");
    }
    return await answer.promise;
  }

  /** Closes the stream to the kernel process, which ends it. */
  async close(): Promise<void> {
    try {
      await this.#writer.close();
    } catch {
      // It is closed already, or the process is gone.
    }
  }

  async #receive(readable: ReadableStream<Uint8Array>): Promise<void> {
    const reader = new MessageReader();
    let reason = "Kernel process has ended";
    try {
      for await (const bytes of readable) {
        reader.push(bytes);
        for (let message = reader.next(); message !== undefined; message = reader.next()) {
          this.#dispatch(message.type as number, message.id, message.body);
        }
      }
    } catch (error) {
      reason = error instanceof ProtocolError
        ? `Kernel process sent what the control protocol does not allow: ${error.message}`
        : `Cannot read from the kernel process: ${error instanceof Error ? error.message : error}`;
    }
    this.#close(reason);
  }

  #dispatch(type: ControlType, id: number, body: Uint8Array): void {
    switch (type) {
      case ControlType.Ok:
        return this.#take(id).resolve(body.slice());
      case ControlType.Failed:
        return this.#take(id).reject(new Error(decoder.decode(body)));
      case ControlType.ServerOutput: {
        const end = 1 + body[0]!;
        if (!(end <= body.length)) throw new ProtocolError("Server output has no name");
        return this.#handlers.serverOutput(decoder.decode(body.subarray(1, end)), body.slice(end));
      }
      case ControlType.Event:
        return this.#handlers.event(decodeEvent(body));
      default:
        throw new ProtocolError(`Type 0x${type.toString(16)} is not for the toolstack`);
    }
  }

  #take(id: number): PromiseWithResolvers<Uint8Array> {
    const pending = this.#pending.get(id);
    if (pending === undefined) throw new ProtocolError(`Answer to request ${id}, which does not wait`);
    this.#pending.delete(id);
    return pending;
  }

  #close(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    for (const answer of this.#pending.values()) answer.reject(new Error(reason));
    this.#pending.clear();
    this.#handlers.closed(reason);
  }
}

/** The beginning of a request of `length` bytes: its header and the first parts of its body. */
function encodeRequest(
  type: ControlType,
  id: number,
  length: number,
  parts: readonly Uint8Array[],
): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, HEADER_SIZE));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, type, true);
  view.setUint32(8, id, true);
  let at = HEADER_SIZE;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function decodeEvent(body: Uint8Array): DomainEvent {
  let event: unknown;
  try {
    event = JSON.parse(decoder.decode(body));
  } catch {
    throw new ProtocolError("Event is not JSON");
  }
  if (typeof event !== "object" || event === null || !("kind" in event)) {
    throw new ProtocolError("Event has no kind");
  }
  return event as DomainEvent;
}
