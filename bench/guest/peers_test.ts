import { assert, assertEquals, assertThrows } from "@std/assert";
import { BENCHMARKS } from "./catalogue.ts";
import { choosePeers } from "./peers.ts";

Deno.test("a peer is chosen by its name, and all by one", () => {
  assertEquals(choosePeers("v86").map(([name]) => name), ["v86"]);
  assertEquals(choosePeers("all").map(([name]) => name), ["qemu", "v86", "host"]);
});

Deno.test("a peer that is not known is refused", () => {
  assertThrows(() => choosePeers("bochs"), RangeError, 'Machine "bochs" does not exist: there are qemu, v86');
});

Deno.test("the host itself runs what needs no guest", async () => {
  const [[, compare]] = choosePeers("host") as [ReturnType<typeof choosePeers>[0]];
  const { benchmarks } = await compare(BENCHMARKS, "/nowhere");
  const names = benchmarks.map(({ name }) => name);
  for (const name of ["sieve", "fork"]) assert(names.includes(name));
  for (const name of ["gzip", "exec", "cold_boot"]) assert(!names.includes(name));
});
