import { assert, assertEquals, assertThrows } from "@std/assert";
import { BENCHMARKS, chooseBenchmarks } from "./catalogue.ts";

Deno.test("no names choose all benchmarks", () => {
  assertEquals(chooseBenchmarks([]), [...BENCHMARKS]);
});

Deno.test("names are those of benchmarks and of classes", () => {
  const chosen = chooseBenchmarks(["kernel", "sieve"]);
  assert(chosen.some(({ name }) => name === "sieve"));
  assert(chosen.some(({ name }) => name === "fork"));
  assert(chosen.every((benchmark) => benchmark.name === "sieve" || benchmark.class === "kernel"));
});

Deno.test("a name that is not known is refused", () => {
  assertThrows(() => chooseBenchmarks(["seive"]), RangeError, 'Benchmark "seive" does not exist');
});

Deno.test("each benchmark has a name of its own, which the shell takes for one word", () => {
  assertEquals(new Set(BENCHMARKS.map(({ name }) => name)).size, BENCHMARKS.length);
  for (const { name, command } of BENCHMARKS) {
    assert(/^\w+$/.test(name));
    assert(!command?.includes("'"));
  }
});
