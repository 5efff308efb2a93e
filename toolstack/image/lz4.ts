/**
 * Decoder for LZ4's legacy frame, which `lz4 -l` writes and the Linux kernel's build uses.
 *
 * The frame is a magic number, then blocks, each with its compressed length before it. Every block but the
 * last holds 8 MiB, and no block refers to another.
 *
 * @module
 */

/** Magic number of a legacy frame. */
export const LZ4_LEGACY_MAGIC = 0x184c2102;

/** Shortest match that a block can hold. */
const MIN_MATCH = 4;

/**
 * Decodes a legacy frame that holds `size` bytes.
 *
 * @throws {RangeError} if the frame is malformed or holds another number of bytes
 */
export function decodeLz4Legacy(frame: Uint8Array, size: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length < 4 || view.getUint32(0, true) !== LZ4_LEGACY_MAGIC) {
    throw new RangeError("LZ4 frame has another magic number");
  }
  const output = new Uint8Array(size);
  let written = 0;
  let at = 4;
  while (at < frame.length) {
    if (at + 4 > frame.length) throw new RangeError("LZ4 frame is truncated");
    const length = view.getUint32(at, true);
    at += 4;
    if (length === LZ4_LEGACY_MAGIC) continue;
    if (length === 0 || at + length > frame.length) throw new RangeError("LZ4 block length is not possible");
    written = decodeBlock(frame.subarray(at, at + length), output, written);
    at += length;
  }
  if (written !== size) throw new RangeError(`LZ4 frame holds ${written} bytes, not ${size}`);
  return output;
}

/** Decodes one block into `output` from `start` on; gives where it ended. */
function decodeBlock(block: Uint8Array, output: Uint8Array, start: number): number {
  let from = 0;
  let to = start;
  const lengthAfter = (nibble: number): number => {
    let length = nibble;
    if (nibble !== 15) return length;
    for (;;) {
      if (from >= block.length) throw new RangeError("LZ4 block is truncated");
      const more = block[from++]!;
      length += more;
      if (more !== 255) return length;
    }
  };
  while (from < block.length) {
    const token = block[from++]!;
    const literals = lengthAfter(token >> 4);
    if (from + literals > block.length || to + literals > output.length) {
      throw new RangeError("LZ4 literals go past the end");
    }
    output.set(block.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    // The last sequence of a block is literals alone.
    if (from === block.length) return to;
    if (from + 2 > block.length) throw new RangeError("LZ4 block is truncated");
    const distance = block[from]! | (block[from + 1]! << 8);
    from += 2;
    const match = lengthAfter(token & 15) + MIN_MATCH;
    if (distance === 0 || to - distance < start) throw new RangeError("LZ4 match is before its block");
    if (to + match > output.length) throw new RangeError("LZ4 match goes past the end");
    if (distance >= match) output.copyWithin(to, to - distance, to - distance + match);
    else for (let count = 0; count < match; count++) output[to + count] = output[to + count - distance]!;
    to += match;
  }
  return to;
}
