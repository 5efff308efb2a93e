/**
 * What of an image has to be copied into memory that is zero.
 *
 * @module
 */

/** Bytes that are looked at together: fewer zeros in a row cost less to copy than to leave out. */
const BLOCK = 1 << 16;

/** Some bytes of an image. */
export interface Part {
  /** Where it begins in the image. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** The parts of `image` between long rows of zeros: a kernel's `.bss` is a quarter of it. */
export function filledParts(image: Uint8Array): Part[] {
  const parts: Part[] = [];
  let start = 0;
  for (let at = 0; at <= image.length; at += BLOCK) {
    if (at < image.length && !isZero(image.subarray(at, at + BLOCK))) continue;
    if (at > start) parts.push({ offset: start, bytes: image.subarray(start, at) });
    start = at + BLOCK;
  }
  if (start < image.length) parts.push({ offset: start, bytes: image.subarray(start) });
  return parts;
}

function isZero(bytes: Uint8Array): boolean {
  const first = -bytes.byteOffset & 3;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + first, (bytes.length - first) >> 2);
  return words.every((word) => word === 0) && bytes.subarray(0, first).every((byte) => byte === 0) &&
    bytes.subarray(first + words.length * 4).every((byte) => byte === 0);
}
