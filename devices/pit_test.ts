import { assert, assertEquals, assertThrows } from "@std/assert";
import { Oscillator } from "./oscillator.ts";
import { Pit, PIT_FREQUENCY, PIT_MANIFEST } from "./pit.ts";
import { assertNeverThrows, assertSurvivesRestore, TestBench } from "./test_context.ts";

const clock = new Oscillator(PIT_FREQUENCY);

function makeBench(): TestBench {
  return new TestBench(PIT_MANIFEST, (context) => new Pit(context));
}

/** Lets guest time reach CLK tick `tick`. */
function waitFor(bench: TestBench, tick: number): void {
  bench.wait(clock.time(tick) - bench.context.time);
}

function writeCount(bench: TestBench, port: number, count: number): void {
  bench.out(port, count & 0xff);
  bench.out(port, count >> 8);
}

function readCount(bench: TestBench, port: number): number {
  return bench.in(port) | bench.in(port) << 8;
}

function out2(bench: TestBench): boolean {
  return (bench.in(0x61) & 0x20) !== 0;
}

/** Ticks up to `last` at which OUT of counter 2 changes. */
function edges2(bench: TestBench, first: number, last: number): number[] {
  const edges: number[] = [];
  let level = out2(bench);
  for (let tick = first; tick <= last; tick++) {
    waitFor(bench, tick);
    if (out2(bench) !== level) edges.push(tick);
    level = out2(bench);
  }
  return edges;
}

Deno.test("mode 0 raises IRQ 0 one tick plus the count after the write", () => {
  const bench = makeBench();
  bench.out(0x43, 0x30);
  writeCount(bench, 0x40, 1000);
  waitFor(bench, 1000);
  assertEquals(bench.context.take(), []);
  waitFor(bench, 1001);
  assertEquals(bench.context.take(), ["irq 0 high"]);
  bench.wait(1e9);
  assertEquals(bench.context.take(), []);
  bench.out(0x43, 0x30);
  assertEquals(bench.context.take(), ["irq 0 low"]);
});

Deno.test("mode 2 gives a pulse of IRQ 0 each period, without drift", () => {
  const bench = makeBench();
  bench.out(0x43, 0x34);
  writeCount(bench, 0x40, 11932);
  assertEquals(bench.context.take(), ["irq 0 high"]);
  bench.wait(10e9);
  const pulses = bench.context.take().filter((event) => event === "irq 0 high").length;
  assertEquals(pulses, Math.floor((clock.ticks(10e9) - 1) / 11932));
});

Deno.test("mode 3 gives a square wave on IRQ 0", () => {
  const bench = makeBench();
  bench.out(0x43, 0x36);
  writeCount(bench, 0x40, 101);
  bench.context.take();
  waitFor(bench, 1 + 50);
  assertEquals(bench.context.take(), []);
  waitFor(bench, 1 + 51);
  assertEquals(bench.context.take(), ["irq 0 low"]);
  waitFor(bench, 1 + 101);
  assertEquals(bench.context.take(), ["irq 0 high"]);
});

Deno.test("mode 4 gives one pulse of IRQ 0 after the count", () => {
  const bench = makeBench();
  bench.out(0x43, 0x38);
  writeCount(bench, 0x40, 500);
  bench.context.take();
  waitFor(bench, 1 + 500);
  assertEquals(bench.context.take(), []);
  waitFor(bench, 1 + 501);
  assertEquals(bench.context.take(), ["irq 0 low", "irq 0 high"]);
  bench.wait(1e9);
  assertEquals(bench.context.take(), []);
});

Deno.test("periods that passed while the process stood still are all delivered", () => {
  const bench = makeBench();
  bench.out(0x43, 0x34);
  writeCount(bench, 0x40, 1193);
  bench.stall(clock.time(1 + 1193 * 5 + 10));
  bench.context.take();
  bench.wait(0);
  assertEquals(bench.context.take().filter((event) => event === "irq 0 high").length, 5);
});

Deno.test("after standing still for more than a second the periods in between are skipped", () => {
  const bench = makeBench();
  bench.out(0x43, 0x34);
  writeCount(bench, 0x40, 1193);
  bench.stall(100e9);
  bench.context.take();
  bench.wait(0);
  assertEquals(bench.context.take(), ["irq 0 low", "irq 0 high"]);
  const tick = clock.ticks(bench.context.time);
  waitFor(bench, 1 + (Math.floor((tick - 1) / 1193) + 1) * 1193);
  assertEquals(bench.context.take(), ["irq 0 low", "irq 0 high"]);
});

Deno.test("an edge that is due when counter 0 is written comes first", () => {
  const bench = makeBench();
  bench.out(0x43, 0x30);
  writeCount(bench, 0x40, 10);
  bench.stall(1e6);
  bench.out(0x43, 0x30);
  assertEquals(bench.context.take(), ["irq 0 high", "irq 0 low"]);
});

Deno.test("the counts of modes 2 and 3 wrap at the end of the period", () => {
  const bench = makeBench();
  bench.out(0x43, 0x54);
  bench.out(0x41, 3);
  const mode2: number[] = [];
  for (let tick = 1; tick <= 7; tick++) {
    waitFor(bench, tick);
    mode2.push(bench.in(0x41));
  }
  assertEquals(mode2, [3, 2, 1, 3, 2, 1, 3]);
  bench.out(0x43, 0x56);
  bench.out(0x41, 5);
  const mode3: number[] = [];
  for (let tick = 8; tick <= 17; tick++) {
    waitFor(bench, tick);
    mode3.push(bench.in(0x41));
  }
  assertEquals(mode3, [4, 2, 0, 4, 2, 4, 2, 0, 4, 2]);
});

Deno.test("OUT of counter 2 follows the 8254's waveforms", () => {
  for (
    const [control, count, gateAt, expected] of [
      [0xb0, 6, 0, [7]],
      [0xb4, 3, 0, [3, 4, 6, 7, 9, 10]],
      [0xb6, 4, 0, [3, 5, 7, 9]],
      [0xb6, 5, 0, [4, 6, 9]],
      [0xb8, 4, 0, [5, 6]],
      [0xb2, 4, 3, [4, 8]],
      [0xba, 4, 3, [8, 9]],
    ] as const
  ) {
    const bench = makeBench();
    bench.out(0x61, gateAt === 0 ? 1 : 0);
    bench.out(0x43, control);
    writeCount(bench, 0x42, count);
    const edges: number[] = [];
    if (gateAt !== 0) {
      edges.push(...edges2(bench, 1, gateAt));
      bench.out(0x61, 1);
    }
    edges.push(...edges2(bench, gateAt + 1, 10));
    assertEquals(edges, [...expected], `control word 0x${control.toString(16)}`);
  }
});

Deno.test("the gate of counter 2 stops mode 0 and restarts mode 3", () => {
  const bench = makeBench();
  bench.out(0x61, 1);
  bench.out(0x43, 0xb0);
  writeCount(bench, 0x42, 100);
  waitFor(bench, 51);
  bench.out(0x61, 0);
  waitFor(bench, 1000);
  assertEquals(readCount(bench, 0x42), 50);
  bench.out(0x61, 1);
  waitFor(bench, 1049);
  assertEquals(out2(bench), false);
  waitFor(bench, 1050);
  assertEquals(out2(bench), true);

  bench.out(0x43, 0xb6);
  writeCount(bench, 0x42, 10);
  waitFor(bench, 1057);
  assertEquals(out2(bench), false);
  bench.out(0x61, 0);
  assertEquals(out2(bench), true);
  waitFor(bench, 2000);
  bench.out(0x61, 1);
  assertEquals(edges2(bench, 2001, 2011), [2006, 2011]);
});

Deno.test("a new count of mode 2 or 3 waits for the end of the period or half period", () => {
  const bench = makeBench();
  bench.out(0x61, 1);
  bench.out(0x43, 0xb4);
  writeCount(bench, 0x42, 5);
  waitFor(bench, 3);
  writeCount(bench, 0x42, 3);
  assertEquals(edges2(bench, 4, 12), [5, 6, 8, 9, 11, 12]);
  bench.out(0x43, 0xb6);
  writeCount(bench, 0x42, 8);
  waitFor(bench, 15);
  writeCount(bench, 0x42, 4);
  assertEquals(edges2(bench, 16, 23), [17, 19, 21, 23]);
});

Deno.test("a latched count stays until it is read", () => {
  const bench = makeBench();
  bench.out(0x43, 0x74);
  writeCount(bench, 0x41, 0x1234);
  waitFor(bench, 1 + 0x34);
  bench.out(0x43, 0x40);
  waitFor(bench, 1 + 0x134);
  bench.out(0x43, 0x40);
  assertEquals(readCount(bench, 0x41), 0x1200);
  assertEquals(readCount(bench, 0x41), 0x1100);
});

Deno.test("read-back latches status and count, status first", () => {
  const bench = makeBench();
  bench.out(0x43, 0x74);
  bench.out(0x43, 0xe4);
  assertEquals(bench.in(0x41), 0xf4, "OUT high, null count, both bytes, mode 2");
  writeCount(bench, 0x41, 0x0200);
  waitFor(bench, 1 + 0x10);
  bench.out(0x43, 0xc4);
  waitFor(bench, 1 + 0x50);
  assertEquals(bench.in(0x41), 0xb4);
  assertEquals(readCount(bench, 0x41), 0x01f0);
});

Deno.test("BCD counts decimal", () => {
  const bench = makeBench();
  bench.out(0x61, 1);
  bench.out(0x43, 0xb1);
  writeCount(bench, 0x42, 0x1000);
  waitFor(bench, 2);
  assertEquals(readCount(bench, 0x42), 0x0999);
  writeCount(bench, 0x42, 0);
  waitFor(bench, 3);
  assertEquals(readCount(bench, 0x42), 0);
  waitFor(bench, 4);
  assertEquals(readCount(bench, 0x42), 0x9999);
});

Deno.test("single-byte access reads and writes one byte of the count", () => {
  const bench = makeBench();
  bench.out(0x43, 0x64);
  bench.out(0x41, 0x12);
  waitFor(bench, 2);
  assertEquals([bench.in(0x41), bench.in(0x41)], [0x11, 0x11]);
  bench.out(0x43, 0x54);
  bench.out(0x41, 0x12);
  waitFor(bench, 4);
  assertEquals([bench.in(0x41), bench.in(0x41)], [0x11, 0x11]);
});

Deno.test("port 0x61 keeps its low bits and toggles refresh", () => {
  const bench = makeBench();
  bench.out(0x61, 0xff);
  assertEquals(bench.in(0x61) & 0xcf, 0x0f);
  const seen = new Set<number>();
  for (let i = 0; i < 100; i++) {
    bench.wait(5000);
    seen.add(bench.in(0x61) & 0x10);
  }
  assertEquals(seen.size, 2);
});

Deno.test("a guest that measures 10 ms with counter 2 sees 10 ms pass", () => {
  const bench = makeBench();
  bench.out(0x61, 1);
  bench.out(0x43, 0xb0);
  writeCount(bench, 0x42, 11932);
  const start = bench.context.time;
  while (!out2(bench)) bench.wait(1000);
  assert(Math.abs(bench.context.time - start - 10e6) < 3000);
});

Deno.test("saved at any point, the timer goes on the same", () => {
  assertSurvivesRestore(PIT_MANIFEST, (context) => new Pit(context), [
    (bench) => bench.out(0x43, 0x36),
    (bench) => bench.out(0x40, 0x34),
    (bench) => bench.out(0x40, 0x12),
    (bench) => bench.wait(1),
    (bench) => bench.wait(5e6),
    (bench) => bench.in(0x40),
    (bench) => bench.in(0x40),
    (bench) => bench.out(0x61, 3),
    (bench) => bench.out(0x43, 0xb1),
    (bench) => bench.out(0x42, 0x99),
    (bench) => bench.out(0x42, 0x55),
    (bench) => bench.wait(1e6),
    (bench) => bench.out(0x43, 0xc8),
    (bench) => bench.in(0x42),
    (bench) => bench.out(0x61, 2),
    (bench) => bench.wait(1e6),
    (bench) => bench.in(0x42),
    (bench) => bench.in(0x42),
    (bench) => bench.out(0x61, 3),
    (bench) => bench.wait(3e6),
    (bench) => bench.in(0x61),
    (bench) => bench.out(0x40, 0x00),
    (bench) => bench.out(0x40, 0x20),
    (bench) => bench.wait(20e6),
    (bench) => bench.stall(30e6),
    (bench) => bench.wait(0),
    (bench) => bench.out(0x43, 0x34),
    (bench) => bench.out(0x40, 0xff),
    (bench) => bench.out(0x40, 0x03),
    (bench) => bench.wait(2.5e6),
    (bench) => bench.out(0x43, 0x00),
    (bench) => bench.wait(1e5),
    (bench) => readCount(bench, 0x40),
    (bench) => bench.device.reset(),
    (bench) => bench.wait(1e9),
  ]);
});

Deno.test("reset stops the timer and lowers the line", () => {
  const bench = makeBench();
  bench.out(0x43, 0x34);
  writeCount(bench, 0x40, 1000);
  bench.device.reset();
  assertEquals(bench.context.take(), ["irq 0 high", "irq 0 low"]);
  bench.wait(1e9);
  assertEquals(bench.context.take(), []);
});

Deno.test("a state that is not one is refused and changes nothing", () => {
  const bench = makeBench();
  bench.out(0x43, 0x34);
  const before = bench.save();
  assertThrows(() => bench.device.restore({ ...before, line: 1 }), TypeError, `"line"`);
  assertThrows(() => bench.device.restore({}), TypeError);
  assertEquals(bench.save(), before);
});

Deno.test("no access throws", () => {
  assertNeverThrows(PIT_MANIFEST, (context) => new Pit(context), 5000);
});
