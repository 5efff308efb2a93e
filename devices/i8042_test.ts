import { assertEquals, assertThrows } from "@std/assert";
import { I8042, I8042_MANIFEST } from "./i8042.ts";
import { assertNeverThrows, assertSurvivesRestore, TestBench } from "./test_context.ts";

function makeBench(): TestBench {
  return new TestBench(I8042_MANIFEST, (context) => new I8042(context));
}

function command(bench: TestBench, command: number, ...data: number[]): void {
  bench.out(0x64, command);
  for (const byte of data) bench.out(0x60, byte);
}

/** Everything that can be read, in hexadecimal; the mouse's bytes are marked. */
function drain(bench: TestBench): string {
  const bytes: string[] = [];
  for (let status = bench.in(0x64); (status & 1) !== 0; status = bench.in(0x64)) {
    bytes.push(((status & 0x20) !== 0 ? "m" : "") + bench.in(0x60).toString(16));
  }
  return bytes.join(" ");
}

function key(bench: TestBench, name: string): void {
  bench.input(`{"key":"${name}","down":true}\n{"key":"${name}","down":false}\n`);
}

Deno.test("the controller answers its tests", () => {
  const bench = makeBench();
  command(bench, 0xad);
  command(bench, 0xaa);
  assertEquals(bench.in(0x64) & 0x0d, 0x0d);
  assertEquals(drain(bench), "55");
  for (const [test, answer] of [[0xab, "0"], [0xa9, "0"], [0xa4, "f1"], [0xc0, "80"]] as const) {
    command(bench, test);
    assertEquals(drain(bench), answer);
  }
});

Deno.test("the controller's memory can be written and read", () => {
  const bench = makeBench();
  command(bench, 0x20);
  assertEquals(drain(bench), "47");
  for (let index = 0; index < 32; index++) command(bench, 0x60 + index, index === 0 ? 0x74 : index);
  for (let index = 0; index < 32; index++) {
    command(bench, 0x20 + index);
    assertEquals(drain(bench), index === 0 ? "74" : index.toString(16));
  }
});

Deno.test("either device can be disabled and enabled", () => {
  const bench = makeBench();
  command(bench, 0xad);
  command(bench, 0xa7);
  command(bench, 0x20);
  assertEquals(drain(bench), "77");
  key(bench, "KeyA");
  assertEquals(drain(bench), "");
  command(bench, 0xae);
  command(bench, 0xa8);
  assertEquals(drain(bench), "1e 9e");
  command(bench, 0x20);
  assertEquals(drain(bench), "47");
});

Deno.test("keys are translated to set 1, or not", () => {
  const bench = makeBench();
  key(bench, "ArrowUp");
  key(bench, "F7");
  assertEquals(drain(bench), "e0 48 e0 c8 41 c1");
  command(bench, 0x60, 0x07);
  key(bench, "ArrowUp");
  assertEquals(drain(bench), "e0 75 e0 f0 75");
});

Deno.test("each byte of the keyboard is an edge on IRQ 1", () => {
  const bench = makeBench();
  key(bench, "KeyA");
  assertEquals(bench.context.take(), ["irq 1 high"]);
  bench.in(0x60);
  assertEquals(bench.context.take(), ["irq 1 low", "irq 1 high"]);
  bench.in(0x60);
  assertEquals(bench.context.take(), ["irq 1 low"]);
  command(bench, 0x60, 0x46);
  key(bench, "KeyA");
  assertEquals(bench.context.take(), []);
  command(bench, 0x60, 0x47);
  assertEquals(bench.context.take(), ["irq 1 high"]);
});

Deno.test("the keyboard is reached through the data port, and that enables it", () => {
  const bench = makeBench();
  command(bench, 0xad);
  bench.out(0x60, 0xf2);
  assertEquals(drain(bench), "fa ab 41");
  command(bench, 0x20);
  assertEquals(drain(bench), "47");
});

Deno.test("the mouse is reached through D4 and drives IRQ 12", () => {
  const bench = makeBench();
  command(bench, 0xd4, 0xff);
  assertEquals(bench.level(12), true);
  assertEquals(bench.level(1), false);
  assertEquals(drain(bench), "mfa maa m0");
  assertEquals(bench.level(12), false);
  command(bench, 0xd4, 0xf4);
  assertEquals(drain(bench), "mfa");
  bench.input('{"move":{"dx":3,"dy":1}}');
  assertEquals(drain(bench), "m28 m3 mff");
  bench.input('{"button":"left","down":true}');
  assertEquals(drain(bench), "m9 m0 m0");
});

Deno.test("bytes can be put into the output buffer as if a device had sent them", () => {
  const bench = makeBench();
  command(bench, 0xd2, 0x12);
  assertEquals(bench.level(1), true);
  assertEquals(drain(bench), "12");
  command(bench, 0xd3, 0x5a);
  assertEquals(bench.level(12), true);
  assertEquals(drain(bench), "m5a");
});

Deno.test("the data port gives the last byte again when there is none", () => {
  const bench = makeBench();
  command(bench, 0xd2, 0x12);
  assertEquals([bench.in(0x60), bench.in(0x60)], [0x12, 0x12]);
});

Deno.test("the status is published as it is", () => {
  const bench = makeBench();
  const published = () => bench.context.published.get("1.0");
  assertEquals(published(), undefined, "before the first access");
  for (
    const step of [
      () => command(bench, 0xaa),
      () => bench.in(0x60),
      () => command(bench, 0xd3, 7),
      () => key(bench, "KeyA"),
      () => bench.in(0x60),
      () => command(bench, 0x60, 0),
      () => bench.device.restore(bench.save()),
      () => bench.device.reset(),
    ]
  ) {
    step();
    assertEquals(published(), bench.device.read(1, 0, 1), String(step));
  }
});

Deno.test("A20 can be read back however it was set", () => {
  const bench = makeBench();
  const a20 = () => {
    command(bench, 0xd0);
    return [parseInt(drain(bench), 16) & 2, bench.in(0x92) & 2];
  };
  assertEquals(a20(), [2, 2]);
  command(bench, 0xd1, 0xdd);
  assertEquals(a20(), [0, 0]);
  bench.out(0x92, 2);
  assertEquals(a20(), [2, 2]);
  command(bench, 0xdd);
  assertEquals(a20(), [0, 0]);
  command(bench, 0xdf);
  assertEquals(a20(), [2, 2]);
  assertEquals(bench.context.take().filter((event) => event.startsWith("power")), []);
});

Deno.test("the machine is reset in every way that software knows", () => {
  for (
    const reset of [
      (bench: TestBench) => command(bench, 0xfe),
      (bench: TestBench) => command(bench, 0xf0),
      (bench: TestBench) => command(bench, 0xd1, 0xfe),
      (bench: TestBench) => bench.out(0x92, 1),
    ]
  ) {
    const bench = makeBench();
    reset(bench);
    assertEquals(bench.context.take(), ["power Reset"]);
  }
  const bench = makeBench();
  command(bench, 0xff);
  bench.out(0x92, 2);
  assertEquals(bench.context.take(), []);
});

Deno.test("a held key repeats", () => {
  const bench = makeBench();
  bench.input('{"key":"KeyA","down":true}');
  assertEquals(drain(bench), "1e");
  bench.wait(500e6);
  assertEquals(drain(bench), "1e");
  bench.input('{"key":"KeyA","down":false}');
  assertEquals(drain(bench), "9e");
});

Deno.test("of malformed input nothing happens but a warning", () => {
  const bench = makeBench();
  bench.input('{"key":"KeyA","down":true}\n{"key":"NoKey","down":true}\n');
  bench.device.input?.(new Uint8Array([0xff]));
  bench.input('{"move":{"dx":');
  const events = bench.context.take();
  assertEquals(events.length, 3);
  assertEquals(events.every((event) => event.startsWith("log Warn: ")), true);
  assertEquals(drain(bench), "");
});

Deno.test("a driver's way through initialization works", () => {
  const bench = makeBench();
  command(bench, 0xad);
  command(bench, 0xa7);
  drain(bench);
  command(bench, 0x20);
  const ccb = parseInt(drain(bench), 16);
  command(bench, 0x60, ccb & ~0x43);
  command(bench, 0xaa);
  assertEquals(drain(bench), "55");
  command(bench, 0xa8);
  command(bench, 0x20);
  assertEquals(parseInt(drain(bench), 16) & 0x20, 0);
  command(bench, 0xae);
  bench.out(0x60, 0xff);
  assertEquals(drain(bench), "fa aa");
  command(bench, 0xd4, 0xff);
  assertEquals(drain(bench), "mfa maa m0");
  command(bench, 0x60, 0x03);
  key(bench, "KeyZ");
  assertEquals(bench.level(1), true);
  assertEquals(drain(bench), "1a f0 1a");
});

Deno.test("saved at any point, controller, keyboard and mouse go on the same", () => {
  assertSurvivesRestore(I8042_MANIFEST, (context) => new I8042(context), [
    (bench) => bench.out(0x64, 0x60),
    (bench) => bench.out(0x60, 0x47),
    (bench) => bench.out(0x60, 0xf3),
    (bench) => bench.out(0x60, 0x00),
    (bench) => bench.in(0x60),
    (bench) => bench.input('{"key":"ShiftLeft","down":true}\n{"key":"KeyA","down":true}'),
    (bench) => bench.in(0x60),
    (bench) => bench.in(0x60),
    (bench) => bench.wait(300e6),
    (bench) => drain(bench),
    (bench) => bench.wait(100e6),
    (bench) => bench.out(0x64, 0xd4),
    (bench) => bench.out(0x60, 0xf3),
    (bench) => command(bench, 0xd4, 200),
    (bench) => command(bench, 0xd4, 0xf3),
    (bench) => command(bench, 0xd4, 100),
    (bench) => command(bench, 0xd4, 0xf3),
    (bench) => command(bench, 0xd4, 80),
    (bench) => drain(bench),
    (bench) => command(bench, 0xd4, 0xf4),
    (bench) => bench.input('{"move":{"dx":700,"dy":9,"wheel":20}}'),
    (bench) => bench.in(0x60),
    (bench) => bench.input('{"button":"middle","down":true}'),
    (bench) => drain(bench),
    (bench) => bench.wait(10e6),
    (bench) => bench.wait(10e6),
    (bench) => drain(bench),
    (bench) => bench.wait(30e6),
    (bench) => bench.stall(30e6),
    (bench) => drain(bench),
    (bench) => bench.input('{"key":"KeyA","down":false}'),
    (bench) => command(bench, 0xd3, 0x77),
    (bench) => command(bench, 0x20),
    (bench) => command(bench, 0x60, 0x04),
    (bench) => bench.input('{"key":"KeyQ","down":true}\n{"key":"KeyQ","down":false}'),
    (bench) => bench.in(0x60),
    (bench) => bench.in(0x60),
    (bench) => bench.in(0x60),
    (bench) => bench.out(0x60, 0xf0),
    (bench) => bench.out(0x60, 0x03),
    (bench) => bench.out(0x60, 0xfd),
    (bench) => bench.out(0x60, 0x1c),
    (bench) => drain(bench),
    (bench) => bench.input('{"key":"KeyA","down":true}\n{"key":"KeyA","down":false}'),
    (bench) => command(bench, 0xd1, 0xdd),
    (bench) => bench.out(0x60, 0xfe),
    (bench) => drain(bench),
    (bench) => bench.in(0x92),
    (bench) => bench.out(0x92, 3),
    (bench) => bench.out(0x92, 3),
    (bench) => command(bench, 0xd4, 0xeb),
    (bench) => drain(bench),
    (bench) => bench.device.reset(),
    (bench) => key(bench, "KeyB"),
    (bench) => drain(bench),
  ]);
});

Deno.test("a state that is not one is refused and changes nothing", () => {
  const bench = makeBench();
  key(bench, "KeyA");
  const before = bench.save();
  assertThrows(() => bench.device.restore({ ...before, mouse: {} }), TypeError, `"mouse.enabled"`);
  assertThrows(() => bench.device.restore({ ...before, responses: [512] }), TypeError, `"responses"`);
  assertEquals(bench.save(), before);
});

Deno.test("no access throws", () => {
  assertNeverThrows(I8042_MANIFEST, (context) => new I8042(context));
});
