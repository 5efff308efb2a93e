import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { decodeState, encodeState } from "../abi/state.ts";
import { Signal } from "./delivery.ts";
import { InterruptController, IO_APIC_ADDRESS } from "./interrupt_controller.ts";

const LOCAL_APIC_ADDRESS = 0xfee0_0000;
const IA32_APIC_BASE = 0x1b;
const IA32_TSC_DEADLINE = 0x6e0;

/** A machine's interrupt controllers with a clock that the test sets. */
class Machine {
  now = 0;
  readonly signals: [number, Signal, number][] = [];
  readonly controller: InterruptController;

  constructor(vcpus = 1) {
    const clock = {
      now: () => this.now,
      tscFrequency: 1_000_000_000,
      tsc: () => BigInt(this.now),
    };
    this.controller = new InterruptController({
      clocks: Array.from({ length: vcpus }, () => clock),
      physicalAddressBits: 46,
      signal: (vcpu, signal, vector) => this.signals.push([vcpu, signal, vector]),
    });
  }

  /** Vectors 0x30 to 0x3f, nothing masked. */
  initializePic(icw4 = 0x01): void {
    for (const [port, values] of [[0x20, [0x30, 4, icw4]], [0xa0, [0x38, 2, icw4]]] as const) {
      this.controller.writePort(port, 0x11);
      for (const value of values) this.controller.writePort(port + 1, value);
    }
  }

  writeLocal(vcpu: number, offset: number, value: number): void {
    this.controller.writeMemory(vcpu, LOCAL_APIC_ADDRESS + offset, 4, value);
  }

  readLocal(vcpu: number, offset: number): number {
    return this.controller.readMemory(vcpu, LOCAL_APIC_ADDRESS + offset, 4);
  }

  redirect(pin: number, low: number, high = 0): void {
    for (const [index, value] of [[0x11 + 2 * pin, high], [0x10 + 2 * pin, low]]) {
      this.controller.writeMemory(0, IO_APIC_ADDRESS, 4, index);
      this.controller.writeMemory(0, IO_APIC_ADDRESS + 0x10, 4, value);
    }
  }

  /** Software-enables every local APIC. */
  enable(): void {
    this.controller.localApics.forEach((_, vcpu) => this.writeLocal(vcpu, 0xf0, 0x1ff));
  }

  /** Vectors that a vCPU takes, each ended in the local APIC; at most 4, as a level can stay asserted. */
  take(vcpu: number): number[] {
    const taken = [];
    while (taken.length < 4 && this.controller.pending(vcpu)) {
      taken.push(this.controller.acknowledge(vcpu));
      this.writeLocal(vcpu, 0xb0, 0);
    }
    return taken;
  }
}

Deno.test("PIC reaches a vCPU whose local APIC is disabled, and none whose LINT0 is masked", () => {
  const machine = new Machine(2);
  const { controller } = machine;
  machine.initializePic();
  controller.setLine(0, true);
  assertFalse(controller.pending(0));
  controller.writeMsr(0, IA32_APIC_BASE, 0xfee0_0000n);
  assert(controller.pending(0));
  assertFalse(controller.pending(1));
  assertEquals(machine.signals.at(-1), [0, Signal.Interrupt, 0]);
  assertEquals(controller.acknowledge(0), 0x30);
  assertFalse(controller.pending(0));
});

Deno.test("PIC reaches a vCPU through LINT0 in ExtINT mode, ahead of the local APIC's interrupts", () => {
  const machine = new Machine();
  const { controller } = machine;
  machine.initializePic();
  machine.enable();
  machine.writeLocal(0, 0x350, 0x700);
  machine.writeLocal(0, 0x80, 0xff);
  controller.setLine(1, true);
  assertEquals(machine.signals, [[0, Signal.Interrupt, 0]]);
  assert(controller.pending(0));
  machine.writeLocal(0, 0x80, 0);
  controller.injectMsi(0xfee0_0000, 0x41);
  assertEquals(controller.acknowledge(0), 0x31);
  assertEquals(controller.acknowledge(0), 0x41);
  assertFalse(controller.pending(0));
});

Deno.test("PIC request that vanishes leaves nothing pending, and an acknowledge finds the spurious vector", () => {
  const machine = new Machine();
  const { controller } = machine;
  machine.initializePic();
  controller.writeMsr(0, IA32_APIC_BASE, 0xfee0_0000n);
  controller.setLine(4, true);
  controller.setLine(4, false);
  assertFalse(controller.pending(0));
  assertEquals(controller.acknowledge(0), 0x37);
});

Deno.test("PIC behind LINT0 in fixed mode delivers the entry's vector", () => {
  const machine = new Machine();
  machine.initializePic();
  machine.enable();
  machine.writeLocal(0, 0x350, 0x31);
  machine.controller.setLine(0, true);
  assertEquals(machine.take(0), [0x31]);
});

Deno.test("PIC behind the I/O APIC's pin 0 delivers ExtINT messages, each acknowledged at the PIC", () => {
  const machine = new Machine(2);
  const { controller } = machine;
  machine.initializePic(0x03);
  machine.enable();
  machine.redirect(0, 0x700, 0x0100_0000);
  controller.setLine(3, true);
  controller.setLine(4, true);
  assertFalse(controller.pending(0));
  assertEquals(machine.take(1), [0x33, 0x34]);
  assertEquals(machine.signals, [[1, Signal.ExtInt, 0], [1, Signal.ExtInt, 0]]);
});

Deno.test("line 0 drives the PIC's input 0 and the I/O APIC's pin 2", () => {
  const machine = new Machine();
  const { controller } = machine;
  machine.initializePic();
  machine.enable();
  machine.redirect(0, 0x40);
  machine.redirect(2, 0x42);
  machine.controller.writePort(0x21, 0xfe);
  controller.setLine(0, true);
  // Pin 0 sees INTR rise.
  assertEquals(machine.take(0), [0x42, 0x40]);
  assertEquals(controller.readPort(0x20), 0x01);
  controller.setLine(2, true);
  assertEquals([machine.take(0), controller.readPort(0x20)], [[], 0x01]);
  controller.setLine(0, false);
  controller.setLine(2, false);
  controller.setLine(2, true);
  assertEquals([machine.take(0), controller.readPort(0x20)], [[0x42], 0]);
});

Deno.test("lines from 1 on drive the pin of their number, from 16 on the I/O APIC alone", () => {
  for (let gsi = 3; gsi < 24; gsi++) {
    const machine = new Machine();
    machine.initializePic();
    machine.enable();
    machine.redirect(gsi, 0x60 + gsi);
    machine.controller.setLine(gsi, true);
    assertEquals(machine.take(0), [0x60 + gsi]);
    assertEquals(machine.controller.pic.output, gsi < 16);
  }
});

Deno.test("level-triggered line is delivered again after its EOI as long as it is asserted", () => {
  const machine = new Machine();
  const { controller } = machine;
  machine.enable();
  machine.redirect(18, 0x8062);
  controller.setLine(18, true);
  assertEquals(controller.acknowledge(0), 0x62);
  assertFalse(controller.pending(0));
  machine.writeLocal(0, 0xb0, 0);
  assertEquals(controller.acknowledge(0), 0x62);
  controller.setLine(18, false);
  machine.writeLocal(0, 0xb0, 0);
  assertFalse(controller.pending(0));
});

Deno.test("lines that do not exist are refused", () => {
  const { controller } = new Machine();
  for (const gsi of [-1, 24, NaN]) assertThrows(() => controller.setLine(gsi, true), RangeError);
  assertThrows(() => new Machine(0), RangeError);
  assertThrows(() => new Machine(256), RangeError);
});

Deno.test("MSI reaches the vCPU that it names", () => {
  const machine = new Machine(3);
  machine.enable();
  assertEquals(machine.controller.injectMsi(0xfee0_2000, 0x55), true);
  assertEquals(machine.signals, [[2, Signal.Interrupt, 0]]);
  assertEquals([machine.take(0), machine.take(1), machine.take(2)], [[], [], [0x55]]);
  assertEquals(machine.controller.injectMsi(0xfee0_7000, 0x55), false);
  assertEquals(machine.controller.injectMsi(0xd000_0000, 0x55), false);
});

Deno.test("NMI line reaches the vCPUs whose LINT1 lets it through", () => {
  const machine = new Machine(2);
  machine.enable();
  machine.writeLocal(0, 0x360, 0x400);
  machine.controller.setNmi(true);
  assertEquals(machine.signals, [[0, Signal.Nmi, 0]]);
});

Deno.test("IPIs start a second vCPU: INIT, then start-up", () => {
  const machine = new Machine(2);
  machine.enable();
  machine.writeLocal(0, 0x310, 0x0100_0000);
  machine.writeLocal(0, 0x300, 0x4500);
  machine.writeLocal(0, 0x300, 0x8500);
  machine.writeLocal(0, 0x300, 0x4699);
  assertEquals(machine.signals, [[1, Signal.Init, 0], [1, Signal.Startup, 0x99]]);
  assertEquals(machine.readLocal(1, 0xf0), 0xff);
});

Deno.test("IPIs cross between xAPIC and x2APIC mode", () => {
  const machine = new Machine(3);
  machine.enable();
  machine.controller.writeMsr(1, IA32_APIC_BASE, 0xfee0_0c00n);
  machine.controller.writeMsr(1, 0x830, 0x0000_0002_0000_4061n);
  machine.writeLocal(0, 0x310, 0xff00_0000);
  machine.writeLocal(0, 0x300, 0x4041);
  assertEquals([machine.take(0), machine.take(2)], [[0x41], [0x61, 0x41]]);
  assertEquals(machine.controller.acknowledge(1), 0x41);
});

Deno.test("memory accesses reach the I/O APIC and the vCPU's own local APIC where its base is", () => {
  const { controller } = new Machine(2);
  assert(controller.ownsMemory(0, IO_APIC_ADDRESS));
  assert(controller.ownsMemory(0, LOCAL_APIC_ADDRESS + 0xfff));
  assertFalse(controller.ownsMemory(0, LOCAL_APIC_ADDRESS + 0x1000));
  controller.writeMsr(1, IA32_APIC_BASE, 0x1_2345_6000n | 0x800n);
  assertFalse(controller.ownsMemory(1, LOCAL_APIC_ADDRESS));
  assertEquals(controller.readMemory(1, 0x1_2345_6020, 4), 0x0100_0000);
  assertEquals(controller.readMemory(1, 0x1_2345_6023, 1), 0x01);
  assertEquals(controller.readMemory(1, 0x1_2345_6022, 2), 0x0100);
  controller.writeMemory(1, 0x1_2345_6080, 1, 0x50);
  assertEquals(controller.readMemory(1, 0x1_2345_6080, 4), 0);
  controller.writeMsr(0, IA32_APIC_BASE, 0xfee0_0c00n);
  assertFalse(controller.ownsMemory(0, LOCAL_APIC_ADDRESS));
});

Deno.test("MSRs reach the vCPU's own local APIC", () => {
  const machine = new Machine(2);
  const { controller } = machine;
  machine.enable();
  for (const msr of [IA32_APIC_BASE, IA32_TSC_DEADLINE, 0x800, 0x8ff]) assert(controller.ownsMsr(msr));
  for (const msr of [0x10, 0x7ff, 0x900]) assertFalse(controller.ownsMsr(msr));
  assertEquals(controller.readMsr(0, IA32_APIC_BASE), 0xfee0_0900n);
  assertEquals(controller.readMsr(1, IA32_APIC_BASE), 0xfee0_0800n);
  machine.writeLocal(1, 0x320, 0x4_00ec);
  controller.writeMsr(1, IA32_TSC_DEADLINE, 5000n);
  assertEquals(controller.readMsr(1, IA32_TSC_DEADLINE), 5000n);
  assertEquals([controller.nextDeadline(0), controller.nextDeadline(1)], [undefined, 5000]);
  machine.now = 5000;
  controller.expire(1, 5000);
  assertEquals(machine.take(1), [0xec]);
});

Deno.test("reset puts every controller in its power-on state and keeps the lines", () => {
  const machine = new Machine(2);
  const { controller } = machine;
  const fresh = controller.save();
  machine.initializePic();
  machine.enable();
  machine.redirect(18, 0x8062);
  machine.controller.injectMsi(0xfee0_1000, 0x55);
  controller.setLine(5, true);
  controller.setLine(18, true);
  controller.reset();
  controller.setLine(5, false);
  controller.setLine(18, false);
  assertEquals(controller.save(), fresh);
});

Deno.test("state of another version or machine is refused", () => {
  const { controller } = new Machine(2);
  const saved = controller.save();
  assertThrows(() => controller.restore({ ...saved, version: 2 }), TypeError, "version 2");
  assertThrows(() => new Machine(1).controller.restore(saved), TypeError, '"localApics"');
  assertThrows(() => controller.restore({ ...saved, extInt: [1] }), TypeError, '"extInt"');
});

/** What a guest and its devices do, step by step; each step gives what can be seen of it. */
const SCRIPT: ((machine: Machine) => unknown)[] = [
  (m) => m.initializePic(0x11),
  (m) => m.enable(),
  (m) => m.writeLocal(0, 0x350, 0x700),
  (m) => m.controller.writePort(0x21, 0xf0),
  (m) => m.controller.writePort(0x4d1, 0x0c),
  (m) => m.controller.setLine(1, true),
  (m) => m.controller.pending(0),
  (m) => m.controller.acknowledge(0),
  (m) => m.controller.writePort(0x20, 0x0b),
  (m) => m.controller.readPort(0x20),
  (m) => m.controller.setLine(11, true),
  (m) => m.controller.pending(0),
  (m) => m.controller.writePort(0x20, 0xa0),
  (m) => m.controller.acknowledge(0),
  (m) => m.controller.writePort(0xa0, 0x11),
  (m) => m.controller.writePort(0xa1, 0x48),
  (m) => m.controller.writePort(0xa1, 0x02),
  (m) => m.controller.writePort(0xa1, 0x01),
  (m) => m.controller.writePort(0x20, 0x0c),
  (m) => m.controller.readPort(0x20),
  (m) => m.controller.acknowledge(0),
  (m) => m.writeLocal(0, 0x350, 0x1_0700),
  (m) => m.redirect(2, 0x0042, 0x0100_0000),
  (m) => m.redirect(18, 0x8062, 0),
  (m) => m.controller.setLine(0, true),
  (m) => m.controller.setLine(18, true),
  (m) => m.controller.acknowledge(0),
  (m) => m.controller.injectMsi(0xfee0_0000, 0x71),
  (m) => m.controller.injectMsi(0xfee0_0000, 0x64),
  (m) => m.controller.acknowledge(0),
  (m) => m.writeLocal(0, 0x80, 0x65),
  (m) => m.writeLocal(0, 0xb0, 0),
  (m) => m.writeLocal(0, 0xb0, 0),
  (m) => m.controller.pending(0),
  (m) => m.writeLocal(0, 0x80, 0),
  (m) => m.take(0),
  (m) => m.controller.setLine(18, false),
  (m) => m.take(0),
  (m) => m.take(1),
  (m) => m.writeLocal(1, 0x370, 0xfe),
  (m) => m.writeLocal(1, 0x310, 0x0000_0000),
  (m) => m.writeLocal(1, 0x300, 0x4005),
  (m) => m.writeLocal(1, 0x300, 0x4055),
  (m) => m.writeLocal(1, 0x280, 0),
  (m) => [m.readLocal(1, 0x280), m.take(1), m.take(0)],
  (m) => m.writeLocal(1, 0x3e0, 0x03),
  (m) => m.writeLocal(1, 0x320, 0x2_00ec),
  (m) => m.writeLocal(1, 0x380, 1000),
  (m) => m.now += 5000,
  (m) => m.readLocal(1, 0x390),
  (m) => m.now += 50_000,
  (m) => [m.controller.expire(1, m.now), m.controller.nextDeadline(1)],
  (m) => m.controller.acknowledge(1),
  (m) => m.writeLocal(1, 0xb0, 0),
  (m) => m.take(1),
  (m) => m.writeLocal(0, 0x320, 0x4_00ed),
  (m) => m.controller.writeMsr(0, IA32_TSC_DEADLINE, BigInt(m.now) + 4000n),
  (m) => m.controller.readMsr(0, IA32_TSC_DEADLINE),
  (m) => m.now += 4000,
  (m) => [m.controller.expire(0, m.now), m.controller.nextDeadline(0), m.take(0)],
  (m) => m.controller.injectMsi(0xfeef_f008, 0x81),
  (m) => m.controller.injectMsi(0xfeef_f008, 0x91),
  (m) => [m.take(0), m.take(1)],
  (m) => m.controller.writeMsr(1, IA32_APIC_BASE, 0xfee0_0c00n),
  (m) => m.controller.writeMsr(1, 0x830, 0x0000_0001_0000_4851n),
  (m) => m.controller.writeMsr(1, 0x83f, 0x59n),
  (m) => [m.take(0), m.controller.acknowledge(1), m.controller.readMsr(1, 0x812)],
  (m) => m.controller.writeMsr(1, 0x80b, 0n),
  (m) => m.redirect(0, 0x700, 0),
  (m) => m.controller.setLine(3, true),
  (m) => m.controller.pending(0),
  (m) => m.controller.acknowledge(0),
  (m) => m.controller.setNmi(true),
  (m) => m.controller.writeMsr(0, IA32_APIC_BASE, 0xfee0_0000n),
  (m) => m.controller.writePort(0x20, 0x20),
  (m) => m.controller.setNmi(false),
  (m) => m.controller.setNmi(true),
  (m) => m.controller.pending(0),
  (m) => m.controller.save(),
];

Deno.test("script goes on the same after a save and restore at any of its steps", () => {
  const original = new Machine(2);
  const seen: unknown[] = [];
  const points: { now: number; saved: Uint8Array; signals: number }[] = [];
  for (const step of SCRIPT) {
    const saved = encodeState({ device: "interrupt", version: 1, fields: original.controller.save() });
    points.push({ now: original.now, saved, signals: original.signals.length });
    seen.push(step(original));
  }
  points.forEach(({ now, saved, signals }, index) => {
    const machine = new Machine(2);
    machine.now = now;
    machine.controller.restore(decodeState(saved).fields);
    assertEquals(machine.signals, []);
    const seenHere = SCRIPT.slice(index).map((step) => step(machine));
    assertEquals(seenHere, seen.slice(index), `restored before step ${index}`);
    assertEquals(machine.signals, original.signals.slice(signals), `restored before step ${index}`);
  });
});

Deno.test("script sees what the data sheets say", () => {
  const machine = new Machine(2);
  const seen = SCRIPT.slice(0, -1).map((step) => step(machine)).filter((result) => result !== undefined);
  assertEquals(seen, [
    true, // keyboard, through the PIC
    0x31,
    0x02, // ISR
    false, // the slave's request waits for the keyboard's EOI
    0x3b,
    0x82, // poll: the slave's level-triggered line is still asserted
    0x37, // and nothing else is: spurious
    0x62,
    true, // two MSIs
    true,
    0x71, // of the higher class, while 0x62 is in service
    false, // held back by the task priority
    [0x64, 0x62, 0x62, 0x62], // the line stays asserted
    [0x62],
    [0x42], // the timer's pin, sent to vCPU 1
    [0x20, [0xfe], [0x55]], // illegal vector sent, and a legal one
    5000,
    688, // of 1000, after 5000 ns divided by 16
    55_000,
    [undefined, 64_000], // three periods late
    0xec,
    [0xec, 0xec],
    59_000n,
    59_000,
    [undefined, undefined, [0xed]],
    true, // lowest priority, in turn
    true,
    [[0x81], [0x91]],
    [[], 0x59, 1n << 0x19n], // SELF IPI
    false, // the slave, still in service by the poll, holds 3 back
    0xff,
    true, // until its EOI, and with the local APIC disabled
  ]);
  assertEquals(machine.signals.at(-1), [0, Signal.Nmi, 0]);
});
