import { assertEquals } from "@std/assert";
import { filledParts } from "./filled_parts.ts";

const BLOCK = 1 << 16;

/** Zeros but for the bytes at `places`, beginning `shift` bytes behind the start of their buffer. */
function image(length: number, places: readonly number[], shift = 0): Uint8Array {
  const bytes = new Uint8Array(length + shift).subarray(shift);
  for (const place of places) bytes[place] = 0x5a;
  return bytes;
}

/** Offsets and lengths of the parts, which put together are the image again. */
function parts(bytes: Uint8Array): number[][] {
  const found = filledParts(bytes);
  const copy = new Uint8Array(bytes.length);
  for (const { offset, bytes: part } of found) copy.set(part, offset);
  assertEquals(copy, bytes);
  return found.map(({ offset, bytes }) => [offset, bytes.length]);
}

Deno.test("long rows of zeros are left out of an image", () => {
  assertEquals(parts(image(0, [])), []);
  assertEquals(parts(image(5 * BLOCK, [])), []);
  assertEquals(parts(image(100, [99])), [[0, 100]]);
  assertEquals(parts(image(3 * BLOCK, [0, BLOCK, 3 * BLOCK - 1])), [[0, 3 * BLOCK]]);
  assertEquals(parts(image(6 * BLOCK + 7, [BLOCK, 6 * BLOCK + 6])), [[BLOCK, BLOCK], [6 * BLOCK, 7]]);
  assertEquals(parts(image(4 * BLOCK + 1, [2 * BLOCK, 3 * BLOCK])), [[2 * BLOCK, 2 * BLOCK]]);
});

Deno.test("each byte of an image counts, wherever it lies in its buffer", () => {
  for (const shift of [0, 1, 2, 3]) {
    for (const place of [0, 1, 2, 3, 4, BLOCK - 4, BLOCK - 3, BLOCK - 2, BLOCK - 1]) {
      assertEquals(parts(image(2 * BLOCK, [BLOCK + place], shift)), [[BLOCK, BLOCK]]);
    }
    assertEquals(parts(image(3, [2], shift)), [[0, 3]]);
  }
});
