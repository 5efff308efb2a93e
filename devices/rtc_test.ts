import { assertEquals, assertThrows } from "@std/assert";
import type { DeviceFactory } from "./device.ts";
import { Rtc, RTC_MANIFEST, type RtcOptions } from "./rtc.ts";
import { assertNeverThrows, assertSurvivesRestore, TestBench } from "./test_context.ts";

const UNIX_TIME = Date.UTC(2026, 1, 28, 23, 59, 57, 250);
const IRQ = 8;

function factory(options: Partial<RtcOptions> = {}): DeviceFactory {
  return (context) => new Rtc(context, { unixTime: UNIX_TIME, tickPolicy: "discard", ...options });
}

function makeBench(options: Partial<RtcOptions> = {}): TestBench {
  return new TestBench(RTC_MANIFEST, factory(options));
}

function get(bench: TestBench, register: number): number {
  bench.out(0x70, register);
  return bench.in(0x71);
}

function set(bench: TestBench, register: number, value: number): void {
  bench.out(0x70, register);
  bench.out(0x71, value);
}

/** Century, year, month, date, day of the week, hours, minutes, seconds. */
function calendar(bench: TestBench): number[] {
  return [0x32, 9, 8, 7, 6, 4, 2, 0].map((register) => get(bench, register));
}

Deno.test("the clock shows the time it was given and goes on with guest time", () => {
  const bench = makeBench();
  assertEquals(calendar(bench), [0x20, 0x26, 0x02, 0x28, 7, 0x23, 0x59, 0x57]);
  bench.wait(749_999_999);
  assertEquals(get(bench, 0), 0x57);
  bench.wait(1);
  assertEquals(get(bench, 0), 0x58);
  bench.wait(2e9);
  assertEquals(calendar(bench), [0x20, 0x26, 0x03, 0x01, 1, 0, 0, 0]);
});

Deno.test("the clock can be read in binary and with 12 hours", () => {
  const bench = makeBench();
  set(bench, 0x0b, 0x04);
  assertEquals(calendar(bench), [20, 26, 2, 28, 7, 0x80 | 11, 59, 57]);
  set(bench, 0x0b, 0x02);
  assertEquals(calendar(bench)[5], 0x23);
});

Deno.test("a time that is set between SET and its end is kept", () => {
  const bench = makeBench();
  set(bench, 0x0b, 0x82);
  bench.wait(5e9);
  assertEquals(get(bench, 0), 0x57, "time stands still");
  for (const [register, value] of [[0x32, 0x19], [9, 0x99], [8, 0x12], [7, 0x31], [6, 3], [4, 0x23]]) {
    set(bench, register, value);
  }
  set(bench, 2, 0x59);
  set(bench, 0, 0x59);
  assertEquals(calendar(bench), [0x19, 0x99, 0x12, 0x31, 3, 0x23, 0x59, 0x59]);
  set(bench, 0x0b, 0x02);
  bench.wait(1e9);
  assertEquals(calendar(bench), [0x20, 0, 1, 1, 4, 0, 0, 0]);
});

Deno.test("after a reset of the divider the first second is half a second away", () => {
  const bench = makeBench();
  set(bench, 0x0b, 0x82);
  set(bench, 0x0a, 0x70);
  set(bench, 0, 0x10);
  set(bench, 0x0b, 0x02);
  bench.wait(3e9);
  assertEquals(get(bench, 0), 0x10);
  set(bench, 0x0a, 0x26);
  bench.wait(499_999_999);
  assertEquals(get(bench, 0), 0x10);
  bench.wait(1);
  assertEquals(get(bench, 0), 0x11);
});

Deno.test("a register that is written without SET takes effect at once", () => {
  const bench = makeBench();
  set(bench, 4, 0x05);
  assertEquals(calendar(bench), [0x20, 0x26, 0x02, 0x28, 7, 0x05, 0x59, 0x57]);
  bench.wait(750_000_000);
  assertEquals(get(bench, 0), 0x58);
});

Deno.test("UIP announces each update at least 244 us ahead and ends with it", () => {
  const bench = makeBench();
  let rose = 0;
  let fell = 0;
  for (let time = 0; time < 1e9; time += 20_000) {
    const before = get(bench, 0x0a);
    const second = get(bench, 0);
    bench.wait(20_000);
    const after = get(bench, 0x0a);
    if (before === 0x26 && after === 0xa6) rose = bench.context.time;
    if (before === 0xa6 && after === 0x26) {
      fell = bench.context.time;
      assertEquals(get(bench, 0) !== second, true);
    }
  }
  assertEquals(fell, 750_000_000);
  assertEquals(fell - rose >= 244_000 && fell - rose < 3_000_000, true);
  set(bench, 0x0b, 0x82);
  bench.wait(749_900_000 + 1e9 - 250_000_000);
  assertEquals(get(bench, 0x0a), 0x26);
});

Deno.test("memory keeps what is written, and a reset of the machine keeps it too", () => {
  const bench = makeBench({ memory: [[0x34, 0x12], [0x0b, 0xff]] });
  assertEquals([get(bench, 0x34), get(bench, 0x0b)], [0x12, 0x02]);
  for (let register = 0x0e; register < 0x80; register++) {
    if (register !== 0x32) set(bench, register, register ^ 0x5a);
  }
  set(bench, 0x0b, 0x72);
  bench.device.reset();
  for (let register = 0x0e; register < 0x80; register++) {
    if (register !== 0x32) assertEquals(get(bench, register), register ^ 0x5a);
  }
  assertEquals([get(bench, 0x0b), get(bench, 0x0d), bench.in(0x70)], [0x02, 0x80, 0xff]);
});

Deno.test("the update-ended interrupt comes once a second and register C withdraws it", () => {
  const bench = makeBench();
  set(bench, 0x0b, 0x12);
  bench.wait(749_999_999);
  assertEquals(bench.level(IRQ), false);
  bench.wait(1);
  assertEquals(bench.level(IRQ), true);
  assertEquals(get(bench, 0x0c) & 0xb0, 0x90);
  assertEquals(bench.level(IRQ), false);
  assertEquals(get(bench, 0x0c), 0);
  bench.wait(1e9);
  assertEquals(bench.level(IRQ), true);
});

Deno.test("flags are set without their interrupts, and enabling one then interrupts", () => {
  const bench = makeBench();
  set(bench, 0x0a, 0x20);
  bench.wait(1e9);
  set(bench, 0x0b, 0x12);
  assertEquals(bench.level(IRQ), true);
  assertEquals(get(bench, 0x0c), 0x90);
  bench.wait(3e9);
  set(bench, 0x0b, 0x02);
  assertEquals(bench.level(IRQ), false);
  assertEquals(get(bench, 0x0c) & ~0x20, 0x10);
});

Deno.test("SET clears the update-ended interrupt enable", () => {
  const bench = makeBench();
  set(bench, 0x0b, 0x92);
  assertEquals(get(bench, 0x0b), 0x82);
});

Deno.test("the alarm interrupts at its time of day, once a day", () => {
  const bench = makeBench();
  for (const [register, value] of [[1, 0x03], [3, 0x00], [5, 0x00], [0x0b, 0x22]]) {
    set(bench, register, value);
  }
  bench.wait(5_749_999_999);
  assertEquals(bench.level(IRQ), false);
  bench.wait(1);
  assertEquals(bench.level(IRQ), true);
  assertEquals(calendar(bench).slice(5), [0, 0, 3]);
  assertEquals(get(bench, 0x0c) & 0xa0, 0xa0);
  bench.wait(86399e9);
  assertEquals(bench.level(IRQ), false);
  bench.wait(1e9);
  assertEquals(bench.level(IRQ), true);
});

Deno.test("an alarm that matches everything comes every second", () => {
  const bench = makeBench();
  for (const register of [1, 3, 5]) set(bench, register, 0xc0);
  set(bench, 0x0b, 0x22);
  for (let second = 0; second < 5; second++) {
    bench.wait(1e9);
    assertEquals(get(bench, 0x0c) & 0xa0, 0xa0);
  }
});

Deno.test("the periodic interrupt has the rates of register A", () => {
  for (const [rate, hertz] of [[1, 256], [2, 128], [3, 8192], [6, 1024], [15, 2]]) {
    const bench = makeBench();
    set(bench, 0x0a, 0x20 | rate);
    set(bench, 0x0b, 0x42);
    get(bench, 0x0c);
    let count = 0;
    while (bench.context.time < 2e9) {
      bench.wait(1e9 / 16384);
      if (!bench.level(IRQ)) continue;
      assertEquals(get(bench, 0x0c) & 0xc0, 0xc0);
      count++;
    }
    assertEquals(Math.abs(count - 2 * hertz) <= 1, true, `rate ${rate}: ${count} in two seconds`);
  }
});

Deno.test("no rate, no periodic interrupt", () => {
  const bench = makeBench();
  set(bench, 0x0a, 0x20);
  set(bench, 0x0b, 0x42);
  bench.wait(10e9);
  assertEquals(get(bench, 0x0c) & 0xd0, 0x10);
});

Deno.test("missed periods are delivered after register C is read, or dropped, as the policy says", () => {
  for (const [tickPolicy, expected] of [["catchup", 10], ["discard", 1]] as const) {
    const bench = makeBench({ tickPolicy });
    set(bench, 0x0b, 0x42);
    get(bench, 0x0c);
    bench.context.take();
    bench.wait(10 * 1e9 / 1024);
    assertEquals(bench.context.take(), ["irq 8 high"]);
    let count = 0;
    while ((get(bench, 0x0c) & 0x40) !== 0) count++;
    assertEquals(count, expected, tickPolicy);
    assertEquals(bench.context.take().filter((event) => event === "irq 8 high").length, expected - 1);
  }
});

Deno.test("at most a second of missed periods is delivered", () => {
  const bench = makeBench({ tickPolicy: "catchup" });
  set(bench, 0x0b, 0x42);
  bench.wait(3600e9);
  let count = 0;
  while ((get(bench, 0x0c) & 0x40) !== 0) count++;
  assertEquals(count, 1025);
});

Deno.test("saved at any point, the clock goes on the same", () => {
  for (const tickPolicy of ["catchup", "discard"] as const) {
    assertSurvivesRestore(RTC_MANIFEST, factory({ tickPolicy }), [
      (bench) => calendar(bench),
      (bench) => set(bench, 0x50, 0x77),
      (bench) => set(bench, 0x0b, 0x52),
      (bench) => bench.wait(3e6),
      (bench) => get(bench, 0x0c),
      (bench) => bench.wait(2.5e6),
      (bench) => bench.stall(1e9),
      (bench) => get(bench, 0x0c),
      (bench) => bench.wait(1e6),
      (bench) => get(bench, 0x0c),
      (bench) => set(bench, 0x0b, 0x82),
      (bench) => bench.wait(1e9),
      (bench) => set(bench, 4, 0x11),
      (bench) => set(bench, 6, 0x01),
      (bench) => set(bench, 0x0a, 0x76),
      (bench) => set(bench, 0x0b, 0x06),
      (bench) => set(bench, 7, 9),
      (bench) => bench.wait(7e8),
      (bench) => set(bench, 0x0a, 0x26),
      (bench) => set(bench, 1, 0xff),
      (bench) => set(bench, 0x0b, 0x36),
      (bench) => bench.wait(1.3e9),
      (bench) => get(bench, 0x0a),
      (bench) => get(bench, 0x0c),
      (bench) => calendar(bench),
      (bench) => bench.out(0x70, 0x50),
      (bench) => bench.in(0x71),
      (bench) => bench.wait(20e9),
      (bench) => bench.device.reset(),
      (bench) => calendar(bench),
      (bench) => bench.wait(20e9),
    ]);
  }
});

Deno.test("a state that is not one is refused and changes nothing", () => {
  const bench = makeBench();
  const before = bench.save();
  assertThrows(() => bench.device.restore({ ...before, cmos: new Uint8Array(5) }), TypeError, `"cmos"`);
  assertThrows(() => bench.device.restore({ ...before, owed: -1 }), TypeError, `"owed"`);
  assertEquals(bench.save(), before);
});

Deno.test("no access throws", () => {
  assertNeverThrows(RTC_MANIFEST, factory({ tickPolicy: "catchup" }));
});
