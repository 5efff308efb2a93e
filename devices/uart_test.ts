import { assertEquals, assertThrows } from "@std/assert";
import { assertNeverThrows, assertSurvivesRestore, TestBench } from "./test_context.ts";
import { Uart, uartManifest } from "./uart.ts";
import { LINE_LIMIT } from "./uart_receiver.ts";

const COM1 = uartManifest(0);

const DATA = 0x3f8;
const IER = 0x3f9;
const IIR = 0x3fa;
const FCR = 0x3fa;
const LCR = 0x3fb;
const MCR = 0x3fc;
const LSR = 0x3fd;
const MSR = 0x3fe;
const SCR = 0x3ff;

/** Four character times of 10 bits at 115200 baud. */
const TIMEOUT = Math.ceil(40e9 / 115200);

function makeBench(): TestBench {
  return new TestBench(COM1, (context) => new Uart(context));
}

/** As a driver starts: 115200 baud, 8 data bits, FIFO with trigger level 8. */
function makeDriven(): TestBench {
  const bench = makeBench();
  bench.out(LCR, 0x83);
  bench.out(DATA, 1);
  bench.out(IER, 0);
  bench.out(LCR, 0x03);
  bench.out(FCR, 0x87);
  bench.out(MCR, 0x0b);
  return bench;
}

function readAll(bench: TestBench): string {
  let text = "";
  while ((bench.in(LSR) & 1) !== 0) text += String.fromCharCode(bench.in(DATA));
  return text;
}

Deno.test("the four ports have their PC addresses and interrupts", () => {
  assertEquals(
    [0, 1, 2, 3].map((index) => [uartManifest(index).ranges[0].first, uartManifest(index).interrupts[0]]),
    [[0x3f8, 4], [0x2f8, 3], [0x3e8, 4], [0x2e8, 3]],
  );
  assertThrows(() => uartManifest(4), RangeError);
});

Deno.test("only writes of the data port are posted", () => {
  assertEquals(COM1.ranges.map(({ first, last, posted }) => [first, last, posted]), [
    [0x3f8, 0x3f8, true],
    [0x3f9, 0x3ff, false],
  ]);
});

Deno.test("registers after power-on", () => {
  const bench = makeBench();
  assertEquals([IER, IIR, LCR, MCR, LSR, MSR].map((port) => bench.in(port)), [0, 1, 0, 0, 0x60, 0xb0]);
});

Deno.test("what is transmitted arrives and the transmitter is empty again", () => {
  const bench = makeDriven();
  for (const byte of [72, 105, 10]) {
    bench.out(DATA, byte);
    assertEquals(bench.in(LSR), 0x60);
  }
  assertEquals(bench.context.sent, [72, 105, 10]);
});

Deno.test("the divisor is behind DLAB", () => {
  const bench = makeBench();
  bench.out(LCR, 0x80);
  bench.out(DATA, 0x34);
  bench.out(IER, 0x12);
  assertEquals([bench.in(DATA), bench.in(IER)], [0x34, 0x12]);
  bench.out(LCR, 0);
  assertEquals([bench.in(DATA), bench.in(IER)], [0, 0]);
  assertEquals(bench.context.sent, []);
});

Deno.test("a scratch register and the writable bits read back", () => {
  const bench = makeBench();
  bench.out(SCR, 0xa5);
  bench.out(IER, 0xff);
  bench.out(MCR, 0xef);
  bench.out(LSR, 0xff);
  bench.out(MSR, 0xff);
  assertEquals([SCR, IER, MCR, LSR].map((port) => bench.in(port)), [0xa5, 0x0f, 0x0f, 0x60]);
});

Deno.test("a 16550A says in IIR that its FIFO is enabled", () => {
  const bench = makeBench();
  bench.out(FCR, 1);
  assertEquals(bench.in(IIR), 0xc1);
  bench.out(FCR, 0);
  assertEquals(bench.in(IIR), 0x01);
});

Deno.test("without the FIFO each byte interrupts, and none is lost", () => {
  const bench = makeBench();
  bench.out(IER, 1);
  bench.input("abc");
  assertEquals(bench.context.take(), ["irq 4 high"]);
  assertEquals(bench.in(IIR), 0x04);
  assertEquals(readAll(bench), "abc");
  assertEquals(bench.context.take(), ["irq 4 low"]);
});

Deno.test("the FIFO interrupts at its trigger level", () => {
  const bench = makeDriven();
  bench.out(IER, 1);
  bench.input("1234567");
  assertEquals(bench.level(4), false);
  bench.input("8");
  assertEquals(bench.level(4), true);
  assertEquals(bench.in(IIR), 0xc4);
  bench.in(DATA);
  assertEquals(bench.level(4), false);
});

Deno.test("fewer bytes interrupt after four character times in which none moved", () => {
  const bench = makeDriven();
  bench.out(IER, 1);
  bench.input("ab");
  bench.wait(TIMEOUT - 1000);
  bench.input("c");
  bench.wait(TIMEOUT - 1);
  assertEquals(bench.context.take(), []);
  bench.wait(1);
  assertEquals(bench.context.take(), ["irq 4 high"]);
  assertEquals(bench.in(IIR), 0xcc);
  bench.in(DATA);
  assertEquals(bench.context.take(), ["irq 4 low"]);
  bench.wait(TIMEOUT);
  assertEquals(bench.in(IIR), 0xcc);
  assertEquals(readAll(bench), "bc");
  bench.wait(TIMEOUT);
  assertEquals(bench.in(IIR), 0xc1);
});

Deno.test("bytes that came before the interrupt was enabled interrupt as well", () => {
  const bench = makeDriven();
  bench.input("x");
  bench.wait(1e9);
  bench.out(IER, 1);
  bench.wait(0);
  assertEquals(bench.in(IIR), 0xcc);
});

Deno.test("input beyond the FIFO waits and never overruns", () => {
  const bench = makeDriven();
  const text = "The quick brown fox jumps over the lazy dog. ".repeat(100);
  for (let at = 0; at < text.length; at += 7) bench.input(text.slice(at, at + 7));
  assertEquals(readAll(bench), text);
  assertEquals(bench.in(LSR), 0x60);
});

Deno.test("input is dropped with a warning once a mebibyte waits", () => {
  const bench = makeDriven();
  const half = "x".repeat(LINE_LIMIT / 2);
  bench.input(half);
  bench.input(half);
  assertEquals(bench.context.take(), []);
  bench.input("y".repeat(20));
  assertEquals(bench.context.take(), [
    "log Warn: Dropped 4 bytes of input: the guest does not read them",
  ]);
  assertEquals(readAll(bench).length, LINE_LIMIT + 16);
});

Deno.test("the transmitter-empty interrupt comes when enabled and after each burst", () => {
  const bench = makeDriven();
  bench.out(IER, 2);
  assertEquals(bench.context.take(), ["irq 4 high"]);
  assertEquals(bench.in(IIR), 0xc2);
  assertEquals(bench.context.take(), ["irq 4 low"]);
  assertEquals(bench.in(IIR), 0xc1);
  bench.out(DATA, 65);
  bench.out(DATA, 66);
  assertEquals(bench.context.take(), ["output 65", "irq 4 high", "output 66"]);
  assertEquals(bench.in(LSR), 0x60);
  bench.out(DATA, 67);
  assertEquals(
    bench.context.take(),
    ["irq 4 low", "output 67", "irq 4 high"],
    "an edge for drivers that do not read IIR",
  );
  bench.out(IER, 0);
  assertEquals(bench.context.take(), ["irq 4 low"]);
  bench.out(IER, 2);
  assertEquals(bench.in(IIR), 0xc2);
  bench.out(IER, 0);
  bench.out(IER, 2);
  assertEquals(bench.in(IIR), 0xc2, "enabling it again gives it again");
});

Deno.test("loopback connects transmitter and receiver, modem outputs and inputs", () => {
  const bench = makeDriven();
  bench.in(MSR);
  bench.out(MCR, 0x10);
  assertEquals(bench.in(MSR), 0x0b);
  for (const [mcr, msr] of [[0x11, 0x22], [0x12, 0x13], [0x14, 0x41], [0x18, 0x8c]]) {
    bench.out(MCR, mcr);
    assertEquals(bench.in(MSR), msr, `MCR 0x${mcr.toString(16)}`);
  }
  bench.out(DATA, 0x5a);
  assertEquals(bench.in(LSR), 0x61);
  assertEquals(bench.in(DATA), 0x5a);
  assertEquals(bench.context.sent, []);
});

Deno.test("loopback overruns after 16 bytes, and input waits outside", () => {
  const bench = makeDriven();
  bench.out(MCR, 0x10);
  bench.out(IER, 4);
  bench.input("later");
  for (let i = 0; i < 16; i++) bench.out(DATA, 48 + i);
  assertEquals(bench.level(4), false);
  bench.out(DATA, 90);
  assertEquals(bench.in(IIR), 0xc6);
  assertEquals(bench.in(LSR), 0x63);
  assertEquals(bench.in(IIR), 0xc1);
  assertEquals(readAll(bench), "0123456789:;<=>?");
  bench.out(MCR, 0);
  assertEquals(readAll(bench), "later");
});

Deno.test("the line status is published while reading it changes nothing", () => {
  const bench = makeDriven();
  const published = () => bench.context.published.get("1.4");
  assertEquals(published(), 0x60);
  bench.input("a");
  assertEquals(published(), 0x61);
  bench.in(DATA);
  assertEquals(published(), 0x60);
  bench.out(MCR, 0x1b);
  assertEquals(published(), undefined, "in loopback");
  for (let i = 0; i < 17; i++) bench.out(DATA, i);
  bench.out(MCR, 0x0b);
  assertEquals(published(), undefined, "with an overrun");
  assertEquals(bench.in(LSR), 0x63);
  assertEquals(published(), 0x61);
  bench.out(IER, 2);
  assertEquals(published(), undefined, "with the transmitter's interrupt");
  bench.device.reset();
  assertEquals(published(), 0x60);
});

Deno.test("modem changes interrupt", () => {
  const bench = makeDriven();
  bench.out(IER, 8);
  bench.out(MCR, 0x10);
  assertEquals(bench.in(IIR), 0xc0);
  assertEquals(bench.level(4), true);
  bench.in(MSR);
  assertEquals(bench.level(4), false);
});

Deno.test("received data comes before transmitter empty in IIR", () => {
  const bench = makeDriven();
  bench.out(FCR, 1);
  bench.out(IER, 3);
  bench.input("z");
  assertEquals(bench.in(IIR), 0xc4);
  bench.in(DATA);
  assertEquals(bench.in(IIR), 0xc2);
});

Deno.test("clearing the FIFO loses what is in it and not what waits behind", () => {
  const bench = makeDriven();
  bench.input("0123456789abcdefXYZ");
  bench.out(FCR, 0x83);
  assertEquals(readAll(bench), "XYZ");
});

Deno.test("saved at any point, the port goes on the same", () => {
  assertSurvivesRestore(COM1, (context) => new Uart(context), [
    (bench) => bench.out(LCR, 0x83),
    (bench) => bench.out(DATA, 1),
    (bench) => bench.out(IER, 0),
    (bench) => bench.out(LCR, 0x03),
    (bench) => bench.out(FCR, 0xc1),
    (bench) => bench.out(IER, 7),
    (bench) => bench.in(IIR),
    (bench) => bench.out(DATA, 65),
    (bench) => bench.out(DATA, 66),
    (bench) => bench.in(IIR),
    (bench) => bench.input("hello"),
    (bench) => bench.wait(TIMEOUT / 2),
    (bench) => bench.in(DATA),
    (bench) => bench.wait(TIMEOUT),
    (bench) => bench.in(IIR),
    (bench) => bench.input("a longer line that does not fit the FIFO"),
    (bench) => bench.in(IIR),
    (bench) => bench.in(DATA),
    (bench) => bench.stall(TIMEOUT * 3),
    (bench) => readAll(bench),
    (bench) => bench.wait(0),
    (bench) => bench.out(IER, 0x0f),
    (bench) => bench.out(MCR, 0x1f),
    (bench) => bench.in(IIR),
    (bench) => bench.in(MSR),
    (bench) => bench.out(DATA, 67),
    (bench) => bench.input("waits"),
    (bench) => bench.wait(1e6),
    (bench) => readAll(bench),
    (bench) => bench.out(SCR, 9),
    (bench) => bench.out(MCR, 0x0b),
    (bench) => [MSR, SCR, MCR, LCR, IER].map((port) => bench.in(port)),
    (bench) => bench.device.reset(),
    (bench) => [DATA, IIR, LSR, MSR].map((port) => bench.in(port)),
    (bench) => bench.wait(1e9),
  ]);
});

Deno.test("a state that is not one is refused and changes nothing", () => {
  const bench = makeDriven();
  const before = bench.save();
  assertThrows(() => bench.device.restore({ ...before, ier: 256 }), TypeError, `"ier"`);
  assertEquals(bench.save(), before);
});

Deno.test("no access throws", () => {
  assertNeverThrows(COM1, (context) => new Uart(context));
});
