import { assertEquals, assertRejects } from "@std/assert";
import { findInTar } from "./tar.ts";
import { makeTar } from "./test_tar.ts";

const encoder = new TextEncoder();
const LONG = `usr/share/${"long/".repeat(40)}name`;

function find(tar: Uint8Array, path: string, chunk = tar.length) {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < tar.length; at += chunk) chunks.push(tar.subarray(at, at + chunk));
  return findInTar(ReadableStream.from(chunks), (name) => name === path);
}

Deno.test("a file is found however the stream is cut", async () => {
  const tar = makeTar([
    { path: "./", type: "5", bytes: new Uint8Array(0) },
    { path: "./first", type: "0", bytes: new Uint8Array(700).fill(1) },
    { path: "./boot/vmlinuz", type: "0", bytes: encoder.encode("kernel") },
  ]);
  for (const chunk of [1, 511, 512, 513, 10_000]) {
    assertEquals(await find(tar, "boot/vmlinuz", chunk), {
      path: "boot/vmlinuz",
      bytes: encoder.encode("kernel"),
    });
  }
  assertEquals(await find(tar, "boot/other"), undefined);
});

Deno.test("links and directories are not taken for the file", async () => {
  const tar = makeTar([
    { path: "vmlinuz", type: "2", bytes: new Uint8Array(0) },
    { path: "vmlinuz", type: "0", bytes: encoder.encode("x") },
  ]);
  assertEquals((await find(tar, "vmlinuz"))?.bytes, encoder.encode("x"));
});

Deno.test("long names are read from GNU and pax headers", async () => {
  const record = ` path=${LONG}\n`;
  const pax = `${record.length + 3}${record}`;
  for (const [type, text] of [["L", `${LONG}\0`], ["x", pax]] as const) {
    const tar = makeTar([
      { path: "header", type, bytes: encoder.encode(text) },
      { path: LONG.slice(0, 99), type: "0", bytes: encoder.encode("y") },
      { path: "after", type: "0", bytes: encoder.encode("z") },
    ]);
    assertEquals((await find(tar, LONG))?.bytes, encoder.encode("y"));
    assertEquals((await find(tar, "after"))?.bytes, encoder.encode("z"));
  }
});

Deno.test("a malformed archive is refused", async () => {
  const tar = makeTar([{ path: "a", type: "0", bytes: new Uint8Array(2000) }]);
  await assertRejects(() => find(tar.subarray(0, 1024), "a"), RangeError, "truncated");
  await assertRejects(() => find(tar.subarray(0, 1024), "b"), RangeError, "truncated");
  const damaged = tar.slice();
  damaged[0] = 0x62;
  await assertRejects(() => find(damaged, "b"), RangeError, "checksum");
});
