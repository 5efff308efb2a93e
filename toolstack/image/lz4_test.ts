import { assertEquals, assertThrows } from "@std/assert";
import { decodeLz4Legacy } from "./lz4.ts";

const MAGIC = [0x02, 0x21, 0x4c, 0x18];

function frame(...blocks: number[][]): Uint8Array {
  return Uint8Array.from([
    ...MAGIC,
    ...blocks.flatMap((block) => [block.length & 0xff, block.length >> 8, 0, 0, ...block]),
  ]);
}

const decode = (size: number, ...blocks: number[][]) =>
  new TextDecoder().decode(decodeLz4Legacy(frame(...blocks), size));

Deno.test("literals, matches that overlap themselves, and lengths above 15 are decoded", () => {
  assertEquals(decode(3, [0x30, 0x61, 0x62, 0x63]), "abc");
  assertEquals(decode(8, [0x12, 0x61, 1, 0, 0x10, 0x62]), "aaaaaaab");
  assertEquals(decode(22, [0x1f, 0x61, 1, 0, 1, 0x10, 0x62]), "a".repeat(21) + "b");
  assertEquals(decode(300, [0xf0, 255, 30, ...new Array<number>(300).fill(0x7a)]), "z".repeat(300));
  assertEquals(decode(9, [0x40, 0x61, 0x62, 0x63, 0x64, 4, 0, 0x10, 0x65]), "abcdabcde");
});

Deno.test("blocks and frames follow each other", () => {
  assertEquals(decode(2, [0x10, 0x61], [0x10, 0x62]), "ab");
  const two = Uint8Array.from([...frame([0x10, 0x61]), ...frame([0x10, 0x62])]);
  assertEquals(new TextDecoder().decode(decodeLz4Legacy(two, 2)), "ab");
});

Deno.test("malformed frames are refused", () => {
  const refusals: [number, number[], string][] = [
    [8, [0x12, 0x61, 0, 0, 0x10, 0x62], "before its block"],
    [8, [0x12, 0x61, 2, 0, 0x10, 0x62], "before its block"],
    [3, [0x12, 0x61, 1, 0, 0x10, 0x62], "match goes past the end"],
    [2, [0x30, 0x61, 0x62, 0x63], "literals go past the end"],
    [9, [0x30, 0x61, 0x62], "literals go past the end"],
    [9, [0x10, 0x61, 1], "truncated"],
    [9, [0xf0], "truncated"],
    [4, [0x30, 0x61, 0x62, 0x63], "holds 3 bytes, not 4"],
  ];
  for (const [size, block, reason] of refusals) {
    assertThrows(() => decodeLz4Legacy(frame(block), size), RangeError, reason);
  }
  assertThrows(() => decodeLz4Legacy(new Uint8Array(8), 1), RangeError, "magic");
  assertThrows(() => decodeLz4Legacy(Uint8Array.from([...MAGIC, 9, 0, 0, 0]), 1), RangeError, "not possible");
  assertThrows(() => decodeLz4Legacy(Uint8Array.from([...MAGIC, 9, 0]), 1), RangeError, "truncated");
});
