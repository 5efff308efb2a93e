import { assertEquals } from "@std/assert";
import { TimeStamps } from "./time_stamps.ts";

Deno.test("between two readings of the clock each instruction takes a nanosecond", () => {
  const readings = [5000.7, 9000];
  const stamps = new TimeStamps(() => readings.shift()!, 1000);
  assertEquals([stamps.read(90_000), stamps.read(89_999), stamps.read(89_001)], [5000, 5001, 5999]);
  assertEquals(stamps.read(89_000), 9000);
});

Deno.test("time does not go back where instructions were faster than the clock", () => {
  const readings = [5000, 5300, 5800, 6100];
  const stamps = new TimeStamps(() => readings.shift()!, 1000);
  assertEquals([stamps.read(10_000), stamps.read(9_100)], [5000, 5900]);
  assertEquals([stamps.read(8_000), stamps.read(6_000), stamps.read(4_000)], [5900, 5900, 6100]);
});

Deno.test("a clock that has been set back is followed", () => {
  const readings = [1e9, 2000];
  const stamps = new TimeStamps(() => readings.shift()!, 1000);
  stamps.read(10_000);
  stamps.forget();
  assertEquals(stamps.read(9_999), 2000);
});

Deno.test("what takes long and a new budget have the clock read again", () => {
  const readings = [5000, 25_000, 70_000];
  const stamps = new TimeStamps(() => readings.shift()!, 1000);
  stamps.read(10_000);
  stamps.forget();
  assertEquals(stamps.read(9_990), 25_000);
  assertEquals(stamps.read(500_000), 70_000);
});

Deno.test("without a window every reading is one of the clock", () => {
  const readings = [1, 2, 2, 1];
  const stamps = new TimeStamps(() => readings.shift()!, 0);
  assertEquals([stamps.read(9), stamps.read(9), stamps.read(8), stamps.read(7)], [1, 2, 2, 1]);
});
