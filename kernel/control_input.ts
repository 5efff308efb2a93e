/**
 * What the toolstack writes to the kernel process.
 *
 * @module
 */

import { ControlType } from "./abi/control.ts";
import { HEADER_SIZE, MAX_MESSAGE, ProtocolError } from "./abi/message.ts";

const READ_SIZE = 1 << 16;

/** A request. The body of a {@link ControlType.Load} is good until the next one is waited for. */
export interface ControlRequest {
  readonly type: ControlType;
  readonly id: number;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Reads some bytes and gives how many, or `null` at the end. */
type Read = (into: Uint8Array) => Promise<number | null> | number | null;

/** Cuts a stream of bytes into requests. */
export class ControlInput {
  readonly #read: Read;
  readonly #readLong: Read;
  readonly #buffer = new Uint8Array(READ_SIZE);
  /** Loading a kernel takes a hundred long requests, whose pages the host would give anew each time. */
  readonly #loaded = new Uint8Array(MAX_MESSAGE);
  #start = 0;
  #end = 0;

  /** `readLong` is called for the inside of long requests, which the toolstack writes as fast as it can. */
  constructor(read: Read, readLong: Read = read) {
    this.#read = read;
    this.#readLong = readLong;
  }

  /** Waits for the next request; `undefined` at the end. @throws {ProtocolError} if it is malformed */
  async next(): Promise<ControlRequest | undefined> {
    const header = await this.#take(HEADER_SIZE);
    if (header === undefined) return undefined;
    const view = new DataView(header.buffer);
    const length = view.getUint32(0, true);
    if (length < HEADER_SIZE || length > MAX_MESSAGE) {
      throw new ProtocolError(`Request length ${length} is outside ${HEADER_SIZE} to ${MAX_MESSAGE}`);
    }
    if (view.getUint16(6, true) !== 0 || view.getUint32(12, true) !== 0) {
      throw new ProtocolError("Reserved header fields are not zero");
    }
    const type = view.getUint16(4, true);
    const body = await this.#take(length - HEADER_SIZE, type === ControlType.Load ? this.#loaded : undefined);
    if (body === undefined) return undefined;
    return { type, id: view.getUint32(8, true), body };
  }

  /** Reads `length` bytes, to `into` if that is given. What is long is not copied twice: RAM is loaded through here. */
  async #take(length: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = into?.subarray(0, length) ?? new Uint8Array(length);
    for (let done = 0; done < length;) {
      if (this.#start === this.#end && length - done < READ_SIZE) {
        const read = await this.#read(this.#buffer);
        if (read === null) return undefined;
        [this.#start, this.#end] = [0, read];
      }
      const held = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + length - done));
      bytes.set(held, done);
      this.#start += held.length;
      done += held.length;
      if (length - done >= READ_SIZE) {
        const read = await this.#readLong(bytes.subarray(done));
        if (read === null) return undefined;
        done += read;
      }
    }
    return bytes;
  }
}
