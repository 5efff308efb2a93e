/**
 * What the kernel process writes to the toolstack.
 *
 * @module
 */

import { ControlType, type DomainEvent } from "./abi/control.ts";
import { HEADER_SIZE, MAX_MESSAGE } from "./abi/message.ts";

/** Bytes that are kept before servers have to wait with their output. */
const MAX_KEPT = 1 << 20;

const encoder = new TextEncoder();

/** Encodes a control message whose body is made of `parts`. @throws {RangeError} if it is too long */
export function encodeControl(type: ControlType, id: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, HEADER_SIZE);
  if (length > MAX_MESSAGE) throw new RangeError(`Answer of ${length} bytes is too long`);
  const bytes = new Uint8Array(length);
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

/** Messages on their way to the toolstack, in order. */
export class ControlOutput {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  #kept: Uint8Array[] = [];
  #length = 0;
  #writing: Promise<void> | undefined;

  /** `write` writes all of its bytes. */
  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  /** Sends a message. @throws {RangeError} if it is too long */
  send(type: ControlType, id: number, ...parts: readonly Uint8Array[]): void {
    const message = encodeControl(type, id, parts);
    this.#kept.push(message);
    this.#length += message.length;
    this.#writing ??= this.#writeAll();
  }

  event(event: DomainEvent): void {
    this.send(ControlType.Event, 0, encoder.encode(JSON.stringify(event)));
  }

  /** Whether the toolstack is behind with reading. */
  get congested(): boolean {
    return this.#length > MAX_KEPT;
  }

  /** Settles when everything so far has been written; `undefined` if the toolstack is not behind. */
  ready(): Promise<void> | undefined {
    return this.congested ? this.flushed() : undefined;
  }

  /** Settles when everything so far has been written. */
  flushed(): Promise<void> {
    return this.#writing ?? Promise.resolve();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#kept.length > 0) {
        const bytes = join(this.#kept);
        this.#kept = [];
        await this.#write(bytes);
        this.#length -= bytes.length;
      }
    } finally {
      this.#writing = undefined;
    }
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
