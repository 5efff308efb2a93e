import { assertEquals, assertThrows } from "@std/assert";
import {
  ACPI_PM_MANIFEST,
  AcpiPm,
  PM1A_CONTROL_PORT,
  PM1A_EVENT_PORT,
  PM_TIMER_FREQUENCY,
  PM_TIMER_PORT,
  RESET_PORT,
  RESET_VALUE,
  SCI_INTERRUPT,
  SLEEP_TYPE_S5,
} from "./acpi_pm.ts";
import { assertNeverThrows, assertSurvivesRestore, TestBench } from "./test_context.ts";

const STATUS = PM1A_EVENT_PORT;
const ENABLE = PM1A_EVENT_PORT + 2;
const POWER_BUTTON = '{"button":"power"}\n';
/** Time in which the highest bit of the timer changes, in nanoseconds. */
const CARRY = Math.ceil(2 ** 31 / PM_TIMER_FREQUENCY * 1e9);

function makeBench(): TestBench {
  return new TestBench(ACPI_PM_MANIFEST, (context) => new AcpiPm(context));
}

Deno.test("registers after power-on", () => {
  const bench = makeBench();
  assertEquals(bench.in(PM1A_EVENT_PORT, 4), 0);
  assertEquals(bench.in(PM1A_CONTROL_PORT, 2), 1, "SCI_EN is set: there is no legacy mode");
  assertEquals(bench.in(RESET_PORT), 0);
});

Deno.test("the timer counts 3.579545 MHz in 32 bits and wraps", () => {
  const bench = makeBench();
  bench.wait(1e9);
  assertEquals(bench.in(PM_TIMER_PORT, 4), PM_TIMER_FREQUENCY);
  bench.wait(2000e9);
  assertEquals(bench.in(PM_TIMER_PORT, 4), 2001 * PM_TIMER_FREQUENCY % 2 ** 32);
  bench.out(PM_TIMER_PORT, 0, 4);
  assertEquals(bench.in(PM_TIMER_PORT, 4), 2001 * PM_TIMER_FREQUENCY % 2 ** 32);
});

Deno.test("registers can be read in parts", () => {
  const bench = makeBench();
  bench.wait(1000e9);
  const timer = bench.in(PM_TIMER_PORT, 4);
  const bytes = [0, 1, 2, 3].map((offset) => bench.in(PM_TIMER_PORT + offset));
  assertEquals(bytes, [0, 8, 16, 24].map((shift) => timer >>> shift & 0xff));
  assertEquals(bench.in(PM_TIMER_PORT + 2, 2), timer >>> 16);
  bench.out(ENABLE + 1, 0x01);
  bench.out(ENABLE, 0x21);
  assertEquals(bench.in(ENABLE, 2), 0x0121);
  bench.out(ENABLE, 0x00);
  assertEquals(bench.in(PM1A_EVENT_PORT, 4), 0x01000001);
});

Deno.test("the power button interrupts once it is enabled, until its status is cleared", () => {
  const bench = makeBench();
  bench.input(POWER_BUTTON);
  assertEquals(bench.in(STATUS, 2), 0x0100);
  assertEquals(bench.level(SCI_INTERRUPT), false);
  bench.out(ENABLE, 0x0100, 2);
  assertEquals(bench.level(SCI_INTERRUPT), true);
  bench.out(STATUS, 0x0000, 2);
  assertEquals(bench.level(SCI_INTERRUPT), true);
  bench.out(STATUS, 0x0100, 2);
  assertEquals(bench.level(SCI_INTERRUPT), false);
  bench.input(POWER_BUTTON);
  assertEquals(bench.level(SCI_INTERRUPT), true);
  bench.out(PM1A_EVENT_PORT, 0x0100_0100, 4);
  assertEquals(bench.level(SCI_INTERRUPT), false);
});

Deno.test("malformed input does nothing but a warning", () => {
  const bench = makeBench();
  for (const text of ["power", '{"button":"reset"}', `${POWER_BUTTON}{}`, "[]"]) {
    bench.input(text);
    const events = bench.context.take();
    assertEquals(events.map((event) => event.slice(0, 9)), ["log Warn:"]);
  }
  bench.input("");
  assertEquals(bench.in(STATUS, 2), 0);
});

Deno.test("the timer's carry interrupts if it is enabled", () => {
  const bench = makeBench();
  bench.out(ENABLE, 0x0001, 2);
  bench.wait(CARRY - 1);
  assertEquals(bench.level(SCI_INTERRUPT), false);
  bench.wait(1);
  assertEquals(bench.level(SCI_INTERRUPT), true);
  bench.out(STATUS, 0x0001, 2);
  assertEquals(bench.level(SCI_INTERRUPT), false);
  bench.wait(CARRY);
  assertEquals(bench.level(SCI_INTERRUPT), true);
});

Deno.test("the timer's carry sets its status without the interrupt too", () => {
  const bench = makeBench();
  bench.wait(CARRY);
  assertEquals(bench.in(STATUS, 2), 1);
  bench.out(STATUS, 1, 2);
  assertEquals(bench.in(STATUS, 2), 0);
});

Deno.test("S5 turns the machine off", () => {
  const bench = makeBench();
  bench.out(PM1A_CONTROL_PORT, SLEEP_TYPE_S5 << 10 | 0x0001, 2);
  assertEquals(bench.context.take(), []);
  bench.out(PM1A_CONTROL_PORT, SLEEP_TYPE_S5 << 10 | 0x2001, 2);
  assertEquals(bench.context.take(), ["power Off"]);
  assertEquals(bench.in(PM1A_CONTROL_PORT, 2), SLEEP_TYPE_S5 << 10 | 1);
  bench.out(PM1A_CONTROL_PORT + 1, SLEEP_TYPE_S5 << 2 | 0x20);
  assertEquals(bench.context.take(), ["power Off"]);
});

Deno.test("other sleep types do nothing but a warning", () => {
  const bench = makeBench();
  bench.out(PM1A_CONTROL_PORT, 3 << 10 | 0x2000, 2);
  assertEquals(bench.context.take(), ["log Warn: Guest asked for sleep type 3, which does not exist"]);
});

Deno.test("the reset register resets", () => {
  for (const value of [RESET_VALUE, 0x0e]) {
    const bench = makeBench();
    bench.out(RESET_PORT, 0x02);
    assertEquals(bench.context.take(), []);
    assertEquals(bench.in(RESET_PORT), 0x02);
    bench.out(RESET_PORT, value);
    assertEquals(bench.context.take(), ["power Reset"]);
  }
});

Deno.test("registers that only writes change are published", () => {
  const bench = makeBench();
  const published = (...places: string[]) => places.map((place) => bench.context.published.get(place));
  bench.out(ENABLE, 0x0121, 2);
  assertEquals(published("0.0", "0.1", "0.2", "0.3", "2.0"), [undefined, undefined, 0x21, 1, undefined]);
  bench.out(PM1A_CONTROL_PORT, 0x1402, 2);
  assertEquals(published("1.0", "1.1"), [3, 0x14]);
  bench.device.reset();
  assertEquals(published("0.2", "0.3", "1.0", "1.1"), [0, 0, 1, 0]);
});

Deno.test("saved at any point, the hardware goes on the same", () => {
  assertSurvivesRestore(ACPI_PM_MANIFEST, (context) => new AcpiPm(context), [
    (bench) => bench.out(ENABLE, 0x0121, 2),
    (bench) => bench.wait(CARRY / 2),
    (bench) => bench.in(PM_TIMER_PORT, 4),
    (bench) => bench.input(POWER_BUTTON),
    (bench) => bench.in(STATUS, 2),
    (bench) => bench.wait(CARRY),
    (bench) => bench.out(STATUS, 0x0100, 2),
    (bench) => bench.stall(CARRY),
    (bench) => bench.out(STATUS, 0x0001, 2),
    (bench) => bench.in(PM1A_EVENT_PORT, 4),
    (bench) => bench.wait(CARRY),
    (bench) => bench.stall(CARRY),
    (bench) => bench.out(STATUS, 0x0001, 2),
    (bench) => bench.wait(0),
    (bench) => bench.out(RESET_PORT, 0x0a),
    (bench) => bench.in(RESET_PORT),
    (bench) => bench.out(PM1A_CONTROL_PORT, SLEEP_TYPE_S5 << 10, 2),
    (bench) => bench.out(PM1A_CONTROL_PORT + 1, 0x20 | SLEEP_TYPE_S5 << 2),
    (bench) => bench.in(PM1A_CONTROL_PORT, 2),
    (bench) => bench.device.reset(),
    (bench) => bench.in(PM1A_EVENT_PORT, 4),
    (bench) => bench.wait(CARRY),
    (bench) => bench.in(PM1A_EVENT_PORT, 4),
  ]);
});

Deno.test("a state that is not one is refused and changes nothing", () => {
  const bench = makeBench();
  bench.input(POWER_BUTTON);
  const before = bench.save();
  assertThrows(() => bench.device.restore({ ...before, control: "1" }), TypeError, `"control"`);
  assertEquals(bench.save(), before);
});

Deno.test("no access throws", () => {
  assertNeverThrows(ACPI_PM_MANIFEST, (context) => new AcpiPm(context));
});
