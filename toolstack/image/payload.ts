/**
 * Unpacking of the compressed kernel inside a bzImage.
 *
 * @module
 */

import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { ConfigurationError } from "../configuration_error.ts";
import { decodeLz4Legacy, LZ4_LEGACY_MAGIC } from "./lz4.ts";
import { decodeXz } from "./xz.ts";

/** Largest kernel that is unpacked, in bytes. It bounds what a malformed payload can make the host hold. */
const MAX_UNPACKED = 1 << 30;

/**
 * Bytes after the compressed data that hold its unpacked size. The kernel's build appends them to every
 * format but gzip, which ends with the same number by itself.
 */
const TRAILER = 4;

type Unpack = (compressed: Uint8Array, size: number) => Uint8Array | Promise<Uint8Array>;

const FORMATS: readonly { readonly magic: readonly number[]; readonly unpack: Unpack }[] = [
  { magic: [0x28, 0xb5, 0x2f, 0xfd], unpack: unpackZstd },
  { magic: [0x1f, 0x8b, 0x08], unpack: unpackGzip },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], unpack: unpackXz },
  { magic: littleEndian(LZ4_LEGACY_MAGIC), unpack: unpackLz4 },
];

/**
 * Unpacks a bzImage's payload: zstd, gzip, xz or LZ4. Any other (bzip2, LZMA, LZO) gives `undefined` and is
 * left to the kernel's own decompressor. `name` is what errors call the kernel.
 *
 * @throws {ConfigurationError} if the payload is damaged
 */
export async function unpackPayload(payload: Uint8Array, name: string): Promise<Uint8Array | undefined> {
  const format = FORMATS.find(({ magic }) => magic.every((byte, index) => payload[index] === byte));
  if (format === undefined || payload.length < TRAILER) return undefined;
  const size = new DataView(payload.buffer, payload.byteOffset + payload.length - TRAILER, TRAILER)
    .getUint32(0, true);
  try {
    if (size > MAX_UNPACKED) throw new RangeError(`Unpacked size ${size} is too large`);
    const kernel = await format.unpack(payload, size);
    if (kernel.length !== size) throw new RangeError(`Payload holds ${kernel.length} bytes, not ${size}`);
    return kernel;
  } catch (error) {
    throw new ConfigurationError(`Kernel "${name}" is damaged and cannot be unpacked: get the file again`, {
      cause: error,
    });
  }
}

function unpackZstd(payload: Uint8Array, size: number): Uint8Array {
  return plain(zstdDecompressSync(payload.subarray(0, -TRAILER), { maxOutputLength: Math.max(size, 1) }));
}

function unpackGzip(payload: Uint8Array, size: number): Uint8Array {
  return plain(gunzipSync(payload, { maxOutputLength: Math.max(size, 1) }));
}

/** A buffer of Node's as a plain array, whose `slice` copies. */
function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function unpackLz4(payload: Uint8Array, size: number): Uint8Array {
  return decodeLz4Legacy(payload.subarray(0, -TRAILER), size);
}

function unpackXz(payload: Uint8Array, size: number): Promise<Uint8Array> {
  return decodeXz(payload.subarray(0, -TRAILER), size);
}

function littleEndian(word: number): number[] {
  return [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff);
}
