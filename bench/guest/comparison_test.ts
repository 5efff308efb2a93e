import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { Benchmark } from "./catalogue.ts";
import { compareBenchmarks, compareClasses, findDifferences, type Measurements } from "./comparison.ts";

const SIEVE: Benchmark = { name: "sieve", class: "loops" };
const CALLS: Benchmark = { name: "calls", class: "loops" };

function measurements(times: Readonly<Record<string, readonly number[]>>, checksum = "1"): Measurements {
  return new Map(
    Object.entries(times).map(([name, list]) => [
      name,
      list.map((milliseconds) => ({ name, milliseconds, guestMilliseconds: milliseconds, checksum })),
    ]),
  );
}

Deno.test("a ratio is their median divided by ours", () => {
  const [sieve] = compareBenchmarks(
    [SIEVE],
    measurements({ sieve: [10, 400, 20] }),
    measurements({ sieve: [60, 1, 70] }),
  );
  assertEquals([sieve?.ours, sieve?.theirs, sieve?.ratio], [20, 60, 3]);
});

Deno.test("a benchmark that one machine did not run is not compared", () => {
  assertEquals(compareBenchmarks([SIEVE], measurements({ sieve: [1] }), measurements({})), []);
});

Deno.test("a class has the geometric mean of its ratios, and its worst", () => {
  const compared = compareBenchmarks(
    [SIEVE, CALLS],
    measurements({ sieve: [1], calls: [8] }),
    measurements({ sieve: [8], calls: [4] }),
  );
  const [loops, ...others] = compareClasses(compared);
  assertEquals(others, []);
  assertAlmostEquals(loops!.mean, 2);
  assertEquals([loops!.worst.name, loops!.worst.ratio], ["calls", 0.5]);
});

Deno.test("different results and missing ones are told", () => {
  assertEquals(
    findDifferences([SIEVE, CALLS], [
      ["atoll", measurements({ sieve: [1] }, "a")],
      ["qemu", measurements({ sieve: [1], calls: [1] }, "b")],
    ]),
    ["No result on atoll: calls", "sieve computed different results: a on atoll, b on qemu"],
  );
});
