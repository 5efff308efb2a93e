/**
 * Decompression of the `.xz` format (The .xz File Format, version 1.2.1).
 *
 * @module
 */

import { crc32 } from "node:zlib";
import xz from "xz-decompress";
import { decodeX86Filter } from "./x86_bcj.ts";

const STREAM_HEADER_SIZE = 12;
const STREAM_FOOTER_SIZE = 12;
const CHECK_CRC32 = 1;
const FILTER_X86 = 0x04n;
const FILTER_LZMA2 = 0x21n;
/** Block flags: the number of filters less one, and which sizes are there. */
const FILTER_COUNT_MASK = 0x03;
const COMPRESSED_SIZE_PRESENT = 0x40;
const UNCOMPRESSED_SIZE_PRESENT = 0x80;

/** Decompressed bytes of an `.xz` stream. Cancelling it stops the decompression. */
export function xzStream(compressed: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  return new xz.XzReadableStream(compressed);
}

/**
 * Decompresses the `size` bytes of one stream, which may have the filter for x86 code.
 *
 * @throws {Error} if it is malformed or holds another number of bytes
 */
export async function decodeXz(stream: Uint8Array, size: number): Promise<Uint8Array> {
  const filtered = removeX86Filter(stream);
  const bytes = await read(xzStream(ReadableStream.from([filtered?.stream ?? stream])), size, !filtered);
  if (filtered) {
    decodeX86Filter(bytes);
    if (crc32(bytes) !== filtered.check) throw new RangeError("Xz block has another checksum");
  }
  return bytes;
}

/** Reads `size` bytes; `toEnd` asks that the stream ends there, else it is left. */
async function read(stream: ReadableStream<Uint8Array>, size: number, toEnd: boolean): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let written = 0;
  for await (const chunk of stream) {
    if (written + chunk.length > size) throw new RangeError("Xz stream holds too much");
    bytes.set(chunk, written);
    written += chunk.length;
    if (!toEnd && written === size) break;
  }
  if (written !== size) throw new RangeError(`Xz stream holds ${written} bytes, not ${size}`);
  return bytes;
}

/**
 * Rewrites a stream of one block as if the block had no x86 filter, which the decompressor does not have. It
 * ends before the block's checksum, because that is of the unfiltered bytes. `undefined` if there is no such
 * filter.
 *
 * @throws {RangeError} if the stream has the filter and another form than the kernel's build gives it
 */
function removeX86Filter(stream: Uint8Array): { stream: Uint8Array; check: number } | undefined {
  const reader = new Reader(stream, STREAM_HEADER_SIZE);
  const headerSize = (reader.byte() + 1) * 4;
  const flags = reader.byte();
  if ((flags & FILTER_COUNT_MASK) === 0) return undefined;
  for (const present of [COMPRESSED_SIZE_PRESENT, UNCOMPRESSED_SIZE_PRESENT]) {
    if (flags & present) reader.integer();
  }
  const filtersStart = reader.at;
  if (reader.integer() !== FILTER_X86) return undefined;
  reader.skipProperties();
  const lzma2Start = reader.at;
  if ((flags & FILTER_COUNT_MASK) !== 1 || reader.integer() !== FILTER_LZMA2) {
    throw new RangeError("Xz block has filters that are not known");
  }
  reader.skipProperties();
  const header = new Uint8Array(headerSize);
  header.set(stream.subarray(STREAM_HEADER_SIZE, filtersStart));
  header[1] = flags & ~FILTER_COUNT_MASK;
  header.set(stream.subarray(lzma2Start, reader.at), filtersStart - STREAM_HEADER_SIZE);
  const headerView = new DataView(header.buffer);
  headerView.setUint32(headerSize - 4, crc32(header.subarray(0, -4)), true);
  // The size in the index leaves out the padding to 4 bytes, which is before the check.
  const checkAt = STREAM_HEADER_SIZE + Math.ceil((onlyBlockSize(stream) - 4) / 4) * 4;
  if (stream[7] !== CHECK_CRC32 || checkAt + 4 > stream.length) {
    throw new RangeError("Xz stream has another check than CRC32, or is truncated");
  }
  const rewritten = stream.slice(0, checkAt);
  rewritten.set(header, STREAM_HEADER_SIZE);
  return { stream: rewritten, check: new Reader(stream, checkAt).word() };
}

/** Bytes of the stream's one block with its check and without padding, from the index. */
function onlyBlockSize(stream: Uint8Array): number {
  const backwardSize = new Reader(stream, stream.length - STREAM_FOOTER_SIZE + 4).word();
  const index = new Reader(stream, stream.length - STREAM_FOOTER_SIZE - (backwardSize + 1) * 4);
  if (index.byte() !== 0 || index.integer() !== 1n) throw new RangeError("Xz stream has several blocks");
  return Number(index.integer());
}

class Reader {
  at: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new RangeError("Xz stream is truncated");
    return byte;
  }

  word(): number {
    return (this.byte() | this.byte() << 8 | this.byte() << 16 | this.byte() << 24) >>> 0;
  }

  /** Passes over a filter's properties and the size before them. */
  skipProperties(): void {
    const size = this.integer();
    this.at += Number(size);
  }

  /** An integer of up to nine bytes, the low seven bits of each, the last one below 0x80. */
  integer(): bigint {
    let value = 0n;
    for (let index = 0; index < 9; index++) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << BigInt(index * 7);
      if (byte < 0x80) return value;
    }
    throw new RangeError("Xz stream has an integer that is too long");
  }
}
