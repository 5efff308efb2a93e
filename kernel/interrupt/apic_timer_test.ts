import { assertEquals, assertThrows } from "@std/assert";
import { LocalApic } from "./local_apic.ts";

const SVR = 0xf0;
const LVT_TIMER = 0x320;
const INITIAL_COUNT = 0x380;
const CURRENT_COUNT = 0x390;
const DIVIDE = 0x3e0;

const MASKED = 0x1_0000;
const PERIODIC = 0x2_0000;
const TSC_DEADLINE = 0x4_0000;
const VECTOR = 0xec;
const DIVIDE_BY_1 = 0x0b;

/** A local APIC on a clock that the test sets, with a time-stamp counter of 2.5 GHz. */
class Machine {
  now = 1000;
  tscOffset = 0;
  readonly apic = new LocalApic(0, true, 40, {
    now: () => this.now,
    tscFrequency: 2_500_000_000,
    tsc: () => BigInt(Math.floor(this.now * 2.5) + this.tscOffset),
  }, { signal() {}, sendIpi() {}, endOfInterrupt() {} });

  constructor(lvt: number, divide = DIVIDE_BY_1) {
    this.apic.write(SVR, 0x1ff);
    this.apic.write(DIVIDE, divide);
    this.apic.write(LVT_TIMER, lvt);
  }

  /** Lets guest time pass with the timer served on time. Gives how many interrupts were taken. */
  run(until: number): number {
    let taken = 0;
    for (;;) {
      const deadline = this.apic.nextDeadline();
      if (deadline === undefined || deadline > until) break;
      this.now = deadline;
      this.apic.expire(deadline);
      taken += this.take();
    }
    this.now = until;
    return taken;
  }

  /** Delivers and ends whatever is pending. */
  take(): number {
    let taken = 0;
    while (this.apic.pendingVector() === VECTOR) {
      assertEquals(this.apic.acknowledge(), VECTOR);
      this.apic.endOfInterrupt();
      taken++;
    }
    return taken;
  }

  get count(): number {
    return this.apic.read(CURRENT_COUNT);
  }
}

Deno.test("APIC timer one-shot expires once, after its count of bus clocks", () => {
  const machine = new Machine(VECTOR);
  assertEquals(machine.apic.nextDeadline(), undefined);
  machine.apic.write(INITIAL_COUNT, 500);
  assertEquals([machine.apic.nextDeadline(), machine.count], [1500, 500]);
  machine.now = 1200;
  assertEquals(machine.count, 300);
  machine.apic.expire(1499);
  assertEquals(machine.apic.pendingVector(), -1);
  assertEquals(machine.run(5000), 1);
  assertEquals([machine.apic.nextDeadline(), machine.count, machine.apic.read(INITIAL_COUNT)], [
    undefined,
    0,
    500,
  ]);
});

Deno.test("APIC timer divides the bus clock", () => {
  const divisors: [number, number][] = [
    [0x0, 2],
    [0x1, 4],
    [0x2, 8],
    [0x3, 16],
    [0x8, 32],
    [0x9, 64],
    [0xa, 128],
    [0xb, 1],
  ];
  for (const [configuration, divisor] of divisors) {
    const machine = new Machine(VECTOR, configuration);
    machine.apic.write(INITIAL_COUNT, 1000);
    assertEquals(machine.apic.nextDeadline(), 1000 + 1000 * divisor);
    machine.now += 10 * divisor;
    assertEquals(machine.count, 990);
  }
});

Deno.test("APIC timer goes on from its count when the divisor changes", () => {
  const machine = new Machine(VECTOR, DIVIDE_BY_1);
  machine.apic.write(INITIAL_COUNT, 1000);
  machine.now += 400;
  machine.apic.write(DIVIDE, 0);
  assertEquals([machine.count, machine.apic.nextDeadline()], [600, 1400 + 1200]);
});

Deno.test("APIC timer is stopped by a count of 0 and restarted by another", () => {
  const machine = new Machine(VECTOR);
  machine.apic.write(INITIAL_COUNT, 500);
  machine.apic.write(INITIAL_COUNT, 0);
  assertEquals([machine.apic.nextDeadline(), machine.count], [undefined, 0]);
  machine.apic.write(INITIAL_COUNT, 0xffff_ffff);
  assertEquals(machine.apic.nextDeadline(), 1000 + 0xffff_ffff);
});

Deno.test("APIC timer periodic expires again and again without drifting", () => {
  const machine = new Machine(PERIODIC | VECTOR);
  machine.apic.write(INITIAL_COUNT, 700);
  assertEquals(machine.run(1000 + 7000), 10);
  assertEquals(machine.apic.nextDeadline(), 1000 + 7700);
  machine.now += 100;
  assertEquals(machine.count, 600);
});

Deno.test("APIC timer periodic that is late delivers one interrupt at a time and keeps its phase", () => {
  const machine = new Machine(PERIODIC | VECTOR);
  machine.apic.write(INITIAL_COUNT, 1000);
  machine.now = 1000 + 3400;
  assertEquals(machine.count, 600);
  machine.apic.expire(machine.now);
  assertEquals(machine.apic.nextDeadline(), 5000);
  assertEquals(machine.apic.acknowledge(), VECTOR);
  assertEquals(machine.apic.pendingVector(), -1);
  machine.apic.endOfInterrupt();
  assertEquals(machine.take(), 2);
  assertEquals(machine.run(5000), 1);
});

Deno.test("APIC timer periodic makes up for a bounded number of interrupts", () => {
  const machine = new Machine(PERIODIC | VECTOR);
  machine.apic.write(INITIAL_COUNT, 1);
  machine.now += 1e9;
  machine.apic.expire(machine.now);
  assertEquals(machine.take(), 101);
});

Deno.test("APIC timer periodic merges what the guest leaves pending", () => {
  const machine = new Machine(PERIODIC | VECTOR);
  machine.apic.write(INITIAL_COUNT, 1000);
  for (machine.now = 2000; machine.now <= 6000; machine.now += 1000) machine.apic.expire(machine.now);
  assertEquals(machine.take(), 1);
});

Deno.test("APIC timer runs masked and loses its interrupts", () => {
  const machine = new Machine(MASKED | PERIODIC | VECTOR);
  machine.apic.write(INITIAL_COUNT, 1000);
  machine.now = 2500;
  machine.apic.write(LVT_TIMER, PERIODIC | VECTOR);
  assertEquals(machine.take(), 0);
  assertEquals(machine.run(3000), 1);
});

Deno.test("APIC timer changes between one-shot and periodic in its countdown", () => {
  const machine = new Machine(PERIODIC | VECTOR);
  machine.apic.write(INITIAL_COUNT, 1000);
  machine.apic.write(LVT_TIMER, VECTOR);
  assertEquals(machine.run(10_000), 1);
});

Deno.test("APIC timer TSC-deadline expires when the counter is there", () => {
  const machine = new Machine(TSC_DEADLINE | VECTOR);
  assertEquals(machine.apic.tscDeadline, 0n);
  machine.apic.tscDeadline = 5001n;
  assertEquals([machine.apic.tscDeadline, machine.apic.nextDeadline()], [5001n, 2001]);
  machine.apic.expire(2000);
  assertEquals(machine.take(), 0);
  assertEquals(machine.run(3000), 1);
  assertEquals([machine.apic.tscDeadline, machine.apic.nextDeadline()], [0n, undefined]);
});

Deno.test("APIC timer TSC-deadline in the past raises the interrupt at once", () => {
  const machine = new Machine(TSC_DEADLINE | VECTOR);
  for (const deadline of [2500n, 1n]) {
    machine.apic.tscDeadline = deadline;
    assertEquals(machine.take(), 1);
    assertEquals([machine.apic.tscDeadline, machine.apic.nextDeadline()], [0n, undefined]);
  }
});

Deno.test("APIC timer TSC-deadline is replaced by another and stopped by 0", () => {
  const machine = new Machine(TSC_DEADLINE | VECTOR);
  machine.apic.tscDeadline = 5000n;
  machine.apic.tscDeadline = 10_000n;
  assertEquals(machine.apic.nextDeadline(), 4000);
  machine.apic.tscDeadline = 0n;
  assertEquals(machine.run(10_000), 0);
  machine.apic.tscDeadline = 0xffff_ffff_ffff_ffffn;
  assertEquals(machine.run(1e12), 0);
});

Deno.test("APIC timer TSC-deadline follows a counter that the guest moves", () => {
  const machine = new Machine(TSC_DEADLINE | VECTOR);
  machine.apic.tscDeadline = 5000n;
  machine.tscOffset = -2500;
  machine.apic.tscChanged();
  assertEquals([machine.apic.tscDeadline, machine.apic.nextDeadline()], [5000n, 3000]);
});

Deno.test("APIC timer ignores the other mode's registers", () => {
  const deadline = new Machine(TSC_DEADLINE | VECTOR);
  deadline.apic.write(INITIAL_COUNT, 1000);
  assertEquals([deadline.count, deadline.apic.read(INITIAL_COUNT), deadline.apic.nextDeadline()], [
    0,
    0,
    undefined,
  ]);
  const counting = new Machine(VECTOR);
  counting.apic.tscDeadline = 5000n;
  assertEquals([counting.apic.tscDeadline, counting.apic.nextDeadline()], [0n, undefined]);
});

Deno.test("APIC timer is stopped by a change to or from TSC-deadline mode", () => {
  const machine = new Machine(VECTOR);
  machine.apic.write(INITIAL_COUNT, 1000);
  machine.apic.write(LVT_TIMER, TSC_DEADLINE | VECTOR);
  assertEquals(machine.apic.nextDeadline(), undefined);
  machine.apic.tscDeadline = 5000n;
  machine.apic.write(LVT_TIMER, TSC_DEADLINE | MASKED | VECTOR);
  assertEquals(machine.apic.tscDeadline, 5000n);
  machine.apic.write(LVT_TIMER, PERIODIC | VECTOR);
  assertEquals([machine.apic.nextDeadline(), machine.count], [undefined, 0]);
});

Deno.test("APIC timer does not run in the reserved mode", () => {
  const machine = new Machine(PERIODIC | TSC_DEADLINE | VECTOR);
  machine.apic.write(INITIAL_COUNT, 1000);
  machine.apic.tscDeadline = 5000n;
  assertEquals(machine.apic.nextDeadline(), undefined);
});

Deno.test("APIC timer refuses a state that is none", () => {
  const { apic } = new Machine(VECTOR);
  const saved = apic.save();
  const sources = saved.sources as Record<string, never>;
  const timer = sources.timer as Record<string, never>;
  for (const fields of [{ mode: 4 }, { tscDeadline: -1n }, { expiry: "soon" }, { initialCount: 0.5 }]) {
    assertThrows(
      () => apic.restore({ ...saved, sources: { ...sources, timer: { ...timer, ...fields } } }),
      TypeError,
    );
  }
});
