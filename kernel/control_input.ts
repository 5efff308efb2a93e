/**
 * What the toolstack writes to the kernel process.
 *
 * @module
 */

import type { ControlType } from "./abi/control.ts";
import { HEADER_SIZE, MAX_MESSAGE, ProtocolError } from "./abi/message.ts";

const READ_SIZE = 1 << 16;

/** A request. */
export interface ControlRequest {
  readonly type: ControlType;
  readonly id: number;
  /** Valid until the next request is read. */
  readonly body: Uint8Array;
}

/** Reads some bytes and gives how many, or `null` at the end. */
type Read = (into: Uint8Array) => Promise<number | null> | number | null;

/** Cuts a stream of bytes into requests. */
export class ControlInput {
  readonly #read: Read;
  readonly #readLong: Read;
  readonly #buffer = new Uint8Array(READ_SIZE);
  /** Body of a long request. Memory that is new each time is most of what loading RAM would cost. */
  #long: Uint8Array<ArrayBuffer> | undefined;
  #start = 0;
  #end = 0;

  /** `readLong` is called for the inside of long requests, which the toolstack writes as fast as it can. */
  constructor(read: Read, readLong: Read = read) {
    this.#read = read;
    this.#readLong = readLong;
  }

  /** Waits for the next request; `undefined` at the end. @throws {ProtocolError} if it is malformed */
  async next(): Promise<ControlRequest | undefined> {
    const header = new Uint8Array(HEADER_SIZE);
    if (!await this.#take(header)) return undefined;
    const view = new DataView(header.buffer);
    const length = view.getUint32(0, true);
    if (length < HEADER_SIZE || length > MAX_MESSAGE) {
      throw new ProtocolError(`Request length ${length} is outside ${HEADER_SIZE} to ${MAX_MESSAGE}`);
    }
    if (view.getUint16(6, true) !== 0 || view.getUint32(12, true) !== 0) {
      throw new ProtocolError("Reserved header fields are not zero");
    }
    const body = this.#body(length - HEADER_SIZE);
    if (!await this.#take(body)) return undefined;
    return { type: view.getUint16(4, true), id: view.getUint32(8, true), body };
  }

  #body(length: number): Uint8Array<ArrayBuffer> {
    if (length < READ_SIZE) return new Uint8Array(length);
    return (this.#long ??= new Uint8Array(MAX_MESSAGE)).subarray(0, length);
  }

  /** Fills `bytes`; false at the end. What is long is not copied twice: RAM is loaded through here. */
  async #take(bytes: Uint8Array): Promise<boolean> {
    const { length } = bytes;
    for (let done = 0; done < length;) {
      if (this.#start === this.#end && length - done < READ_SIZE) {
        const read = await this.#read(this.#buffer);
        if (read === null) return false;
        [this.#start, this.#end] = [0, read];
      }
      const held = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + length - done));
      bytes.set(held, done);
      this.#start += held.length;
      done += held.length;
      if (length - done >= READ_SIZE) {
        const read = await this.#readLong(bytes.subarray(done));
        if (read === null) return false;
        done += read;
      }
    }
    return true;
  }
}
