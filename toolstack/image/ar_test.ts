import { assertEquals, assertThrows } from "@std/assert";
import { readAr, writeAr } from "./ar.ts";

const MEMBERS = [
  { name: "debian-binary", bytes: new TextEncoder().encode("2.0\n") },
  { name: "odd", bytes: Uint8Array.of(1, 2, 3) },
  { name: "last", bytes: Uint8Array.of(4) },
];

Deno.test("what was written is read", () => assertEquals(readAr(writeAr(MEMBERS)), MEMBERS));

Deno.test("members start at even offsets, after a header of 60 bytes", () => {
  const archive = writeAr(MEMBERS);
  assertEquals(
    new TextDecoder().decode(archive.subarray(8, 72)),
    `debian-binary   0           0     0     100644  4         \`\n2.0\n`,
  );
  assertEquals(archive.length, 8 + 64 + 64 + 62);
});

Deno.test("a name in the System V style ends with a slash", () => {
  assertEquals(readAr(writeAr([{ name: "x/", bytes: new Uint8Array(0) }]))[0]?.name, "x");
});

Deno.test("a malformed archive is refused", () => {
  const archive = writeAr(MEMBERS);
  assertThrows(() => readAr(new Uint8Array(10)), RangeError, "not an ar archive");
  assertThrows(() => readAr(archive.subarray(0, 70)), RangeError, "truncated");
  assertThrows(() => readAr(archive.subarray(0, 80)), RangeError, "No ar header");
  const letters = archive.slice();
  letters[8 + 48] = 0x78;
  assertThrows(() => readAr(letters), RangeError, "truncated");
});
