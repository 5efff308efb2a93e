import { assertEquals, assertThrows } from "@std/assert";
import { BROADCAST, DeliveryMode, type InterruptMessage, TriggerMode } from "./delivery.ts";
import { IO_APIC_PINS, IoApic } from "./io_apic.ts";

const MASKED = 0x1_0000;
const LEVEL = 0x8000;
const REMOTE_IRR = 0x4000;

class Board {
  readonly sent: InterruptMessage[] = [];
  accepting = true;
  readonly apic = new IoApic((message) => {
    this.sent.push({ ...message });
    return this.accepting;
  });

  read(index: number): number {
    this.apic.write(0x00, 4, index);
    return this.apic.read(0x10, 4);
  }

  write(index: number, value: number): void {
    this.apic.write(0x00, 4, index);
    this.apic.write(0x10, 4, value);
  }

  /** Writes a redirection entry, destination first. */
  redirect(pin: number, low: number, destination = 0): void {
    this.write(0x11 + 2 * pin, destination << 24);
    this.write(0x10 + 2 * pin, low);
  }

  vectors(): number[] {
    return this.sent.splice(0).map((message) => message.vector);
  }
}

Deno.test("I/O APIC identifies itself", () => {
  const board = new Board();
  assertEquals(board.read(1), 0x0017_0020);
  board.write(0, 0xffff_ffff);
  assertEquals(board.read(0), 0x0f00_0000);
  assertEquals(board.read(2), 0x0f00_0000);
  board.write(1, 0);
  assertEquals(board.read(1), 0x0017_0020);
  assertEquals(board.read(0x40), 0);
  assertEquals(board.apic.read(0x00, 1), 0x40);
});

Deno.test("I/O APIC starts with every entry masked", () => {
  const board = new Board();
  for (let pin = 0; pin < IO_APIC_PINS; pin++) {
    assertEquals([board.read(0x10 + 2 * pin), board.read(0x11 + 2 * pin)], [MASKED, 0]);
    board.apic.setLine(pin, true);
  }
  assertEquals(board.sent, []);
});

Deno.test("I/O APIC keeps the fields of an entry and not the read-only and reserved bits", () => {
  const board = new Board();
  board.write(0x10, 0xffff_ffff);
  board.write(0x11, 0xffff_ffff);
  assertEquals([board.read(0x10), board.read(0x11)], [0x1_afff, 0xff00_0000]);
});

Deno.test("I/O APIC sends a message for each rising edge", () => {
  const board = new Board();
  board.redirect(4, 0x34, 3);
  board.apic.setLine(4, true);
  board.apic.setLine(4, true);
  board.apic.setLine(4, false);
  assertEquals(board.sent, [{
    destination: 3,
    logical: false,
    deliveryMode: DeliveryMode.Fixed,
    vector: 0x34,
    level: true,
    trigger: TriggerMode.Edge,
  }]);
  board.apic.setLine(4, true);
  assertEquals(board.vectors(), [0x34, 0x34]);
});

Deno.test("I/O APIC asks for the delivery mode and destination that the entry names", () => {
  const modes: [number, DeliveryMode][] = [
    [0x000, DeliveryMode.Fixed],
    [0x100, DeliveryMode.LowestPriority],
    [0x200, DeliveryMode.Smi],
    [0x400, DeliveryMode.Nmi],
    [0x500, DeliveryMode.Init],
    [0x700, DeliveryMode.ExtInt],
  ];
  for (const [low, deliveryMode] of modes) {
    const board = new Board();
    board.redirect(9, low | 0x800 | 0x40, 0xff);
    board.apic.setLine(9, true);
    const level = true;
    const trigger = TriggerMode.Edge;
    assertEquals(board.sent, [{
      destination: BROADCAST,
      logical: true,
      deliveryMode,
      vector: 0x40,
      level,
      trigger,
    }]);
  }
});

Deno.test("I/O APIC ignores edges on a masked pin", () => {
  const board = new Board();
  board.redirect(4, MASKED | 0x34);
  board.apic.setLine(4, true);
  board.redirect(4, 0x34);
  assertEquals(board.vectors(), []);
});

Deno.test("I/O APIC holds a level-triggered pin back until its EOI", () => {
  const board = new Board();
  board.redirect(16, LEVEL | 0x50);
  board.apic.setLine(16, true);
  board.apic.setLine(16, false);
  board.apic.setLine(16, true);
  assertEquals(board.vectors(), [0x50]);
  assertEquals(board.read(0x10 + 32), LEVEL | REMOTE_IRR | 0x50);
  board.apic.endOfInterrupt(0x51);
  assertEquals(board.vectors(), []);
  board.apic.endOfInterrupt(0x50);
  assertEquals(board.vectors(), [0x50]);
  board.apic.setLine(16, false);
  board.apic.endOfInterrupt(0x50);
  assertEquals(board.vectors(), []);
  assertEquals(board.read(0x10 + 32), LEVEL | 0x50);
});

Deno.test("I/O APIC delivers a level-triggered pin that is high when it is unmasked", () => {
  const board = new Board();
  board.redirect(16, MASKED | LEVEL | 0x50);
  board.apic.setLine(16, true);
  assertEquals(board.vectors(), []);
  board.redirect(16, LEVEL | 0x50);
  assertEquals(board.vectors(), [0x50]);
});

Deno.test("I/O APIC does not repeat a masked level-triggered interrupt at its EOI", () => {
  const board = new Board();
  board.redirect(16, LEVEL | 0x50);
  board.apic.setLine(16, true);
  board.redirect(16, MASKED | LEVEL | 0x50);
  assertEquals(board.vectors(), [0x50]);
  board.apic.endOfInterrupt(0x50);
  assertEquals(board.vectors(), []);
  board.redirect(16, LEVEL | 0x50);
  assertEquals(board.vectors(), [0x50]);
});

Deno.test("I/O APIC keeps remote IRR clear where nobody accepts", () => {
  const board = new Board();
  board.accepting = false;
  board.redirect(16, LEVEL | 0x50);
  board.apic.setLine(16, true);
  assertEquals(board.read(0x10 + 32) & REMOTE_IRR, 0);
});

Deno.test("I/O APIC ends interrupts through its EOI register, every entry with the vector", () => {
  const board = new Board();
  board.redirect(16, LEVEL | 0x50);
  board.redirect(18, LEVEL | 0x50);
  board.apic.setLine(16, true);
  board.apic.setLine(18, true);
  assertEquals(board.vectors(), [0x50, 0x50]);
  board.apic.write(0x40, 4, 0x50);
  assertEquals(board.vectors(), [0x50, 0x50]);
});

Deno.test("I/O APIC clears remote IRR when an entry is switched to edge", () => {
  const board = new Board();
  board.redirect(16, LEVEL | 0x50);
  board.apic.setLine(16, true);
  board.redirect(16, MASKED | 0x50);
  board.redirect(16, MASKED | LEVEL | 0x50);
  assertEquals(board.read(0x10 + 32) & REMOTE_IRR, 0);
});

Deno.test("I/O APIC hears an asserted line with either polarity", () => {
  const board = new Board();
  board.redirect(5, 0x2000 | 0x35);
  board.apic.setLine(5, true);
  assertEquals(board.vectors(), [0x35]);
  assertEquals(board.read(0x1a), 0x2035);
});

Deno.test("I/O APIC refuses a state that is none", () => {
  const board = new Board();
  const saved = board.apic.save();
  assertThrows(() => board.apic.restore({ ...saved, lines: 2 ** 24 }), TypeError, '"lines"');
  assertThrows(() => board.apic.restore({ ...saved, redirectionLow: [1] }), TypeError, '"redirectionLow"');
});
