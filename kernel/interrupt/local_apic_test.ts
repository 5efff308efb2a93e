import { assertEquals, assertThrows } from "@std/assert";
import {
  BROADCAST,
  DeliveryMode,
  type InterruptMessage,
  type Shorthand,
  Signal,
  TriggerMode,
} from "./delivery.ts";
import { LocalApic } from "./local_apic.ts";
import { LvtEntry } from "./local_vector_table.ts";

const ID = 0x20;
const VERSION = 0x30;
const TPR = 0x80;
const APR = 0x90;
const PPR = 0xa0;
const EOI = 0xb0;
const LDR = 0xd0;
const DFR = 0xe0;
const SVR = 0xf0;
const ISR = 0x100;
const TMR = 0x180;
const IRR = 0x200;
const ESR = 0x280;
const ICR_LOW = 0x300;
const ICR_HIGH = 0x310;
const LVT_TIMER = 0x320;
const LVT_THERMAL = 0x330;
const LVT_PERFORMANCE = 0x340;
const LVT_LINT0 = 0x350;
const LVT_LINT1 = 0x360;
const LVT_ERROR = 0x370;

const MASKED = 0x1_0000;
const EN = 0x800n;
const EXTD = 0x400n;
const BASE = 0xfee0_0000n;

class Processor {
  readonly signals: [Signal, number][] = [];
  readonly sent: [Shorthand, InterruptMessage][] = [];
  readonly ended: number[] = [];
  readonly apic: LocalApic;

  constructor(id = 3, boot = false) {
    const clock = { now: () => 0, tscFrequency: 2_000_000_000, tsc: () => 0n };
    this.apic = new LocalApic(id, boot, 40, clock, {
      signal: (signal, vector) => this.signals.push([signal, vector]),
      sendIpi: (shorthand, message) => this.sent.push([shorthand, message]),
      endOfInterrupt: (vector) => this.ended.push(vector),
    });
  }

  /** Software-enabled, with spurious vector 0xff. */
  static enabled(id = 3): Processor {
    const processor = new Processor(id);
    processor.apic.write(SVR, 0x1ff);
    return processor;
  }

  static inX2apicMode(id = 3): Processor {
    const processor = Processor.enabled(id);
    processor.apic.apicBase = BASE | EN | EXTD;
    return processor;
  }

  interrupt(vector: number, fields: Partial<InterruptMessage> = {}): boolean {
    return this.apic.accept({
      destination: this.apic.id,
      logical: false,
      deliveryMode: DeliveryMode.Fixed,
      vector,
      level: true,
      trigger: TriggerMode.Edge,
      ...fields,
    });
  }

  takeSignals(): Signal[] {
    return this.signals.splice(0).map(([signal]) => signal);
  }
}

Deno.test("local APIC has its power-up state", () => {
  const { apic } = new Processor(3);
  assertEquals(apic.apicBase, BASE | EN);
  assertEquals(new Processor(0, true).apic.apicBase, BASE | EN | 0x100n);
  assertEquals(apic.read(ID), 0x0300_0000);
  assertEquals(apic.read(VERSION), 0x0005_0014);
  assertEquals(apic.read(DFR), 0xffff_ffff);
  assertEquals(apic.read(SVR), 0xff);
  for (const offset of [TPR, APR, PPR, LDR, ISR, TMR, IRR, ESR, ICR_LOW, ICR_HIGH, 0x380, 0x390, 0x3e0]) {
    assertEquals(apic.read(offset), 0, `register 0x${offset.toString(16)}`);
  }
  for (let offset = LVT_TIMER; offset <= LVT_ERROR; offset += 0x10) assertEquals(apic.read(offset), MASKED);
});

Deno.test("local APIC keeps the defined bits of its registers", () => {
  const { apic } = Processor.enabled();
  const written: [number, number][] = [
    [TPR, 0xff],
    [LDR, 0xff00_0000],
    [DFR, 0xffff_ffff],
    [ICR_HIGH, 0xff00_0000],
    [LVT_TIMER, 0x7_00ff],
    [LVT_THERMAL, 0x1_07ff],
    [LVT_PERFORMANCE, 0x1_07ff],
    [LVT_LINT0, 0x1_a7ff],
    [LVT_LINT1, 0x1_a7ff],
    [LVT_ERROR, 0x1_00ff],
    [0x3e0, 0x0b],
    [ID, 0x0300_0000],
    [VERSION, 0x0005_0014],
    [SVR, 0x3ff],
  ];
  for (const [offset, expected] of written) {
    apic.write(offset, 0xffff_ffff);
    assertEquals(apic.read(offset), expected, `register 0x${offset.toString(16)}`);
  }
  apic.write(DFR, 0);
  assertEquals(apic.read(DFR), 0x0fff_ffff);
});

Deno.test("local APIC moves an interrupt from IRR to ISR and ends it", () => {
  const { apic, ...processor } = Processor.enabled();
  const { signals } = processor;
  apic.accept({
    destination: 3,
    logical: false,
    deliveryMode: 0,
    vector: 0x65,
    level: true,
    trigger: TriggerMode.Edge,
  });
  assertEquals(signals, [[Signal.Interrupt, 0]]);
  assertEquals([apic.pendingVector(), apic.read(IRR + 0x30), apic.read(ISR + 0x30)], [0x65, 0x20, 0]);
  assertEquals(apic.acknowledge(), 0x65);
  assertEquals([apic.pendingVector(), apic.read(IRR + 0x30), apic.read(ISR + 0x30)], [-1, 0, 0x20]);
  assertEquals(apic.read(PPR), 0x60);
  apic.write(EOI, 0);
  assertEquals([apic.read(ISR + 0x30), apic.read(PPR)], [0, 0]);
});

Deno.test("local APIC delivers by priority class and nests higher classes alone", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  for (const vector of [0x41, 0x52, 0x51]) processor.interrupt(vector);
  assertEquals(apic.acknowledge(), 0x52);
  assertEquals(apic.pendingVector(), -1);
  processor.interrupt(0x5f);
  assertEquals(apic.pendingVector(), -1);
  processor.interrupt(0x60);
  assertEquals(apic.acknowledge(), 0x60);
  apic.endOfInterrupt();
  assertEquals(apic.pendingVector(), -1);
  apic.endOfInterrupt();
  const order = [];
  while (apic.pendingVector() >= 0) {
    order.push(apic.acknowledge());
    apic.endOfInterrupt();
  }
  assertEquals(order, [0x5f, 0x51, 0x41]);
});

Deno.test("local APIC says once that interrupts have become deliverable", () => {
  const processor = Processor.enabled();
  processor.apic.cr8 = 5;
  processor.interrupt(0x51);
  assertEquals(processor.takeSignals(), []);
  processor.apic.cr8 = 4;
  processor.interrupt(0x61);
  assertEquals(processor.takeSignals(), [Signal.Interrupt]);
});

Deno.test("task priority holds back its own class and those below", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  processor.interrupt(0x4f);
  apic.write(TPR, 0x40);
  assertEquals([apic.pendingVector(), apic.cr8, apic.read(PPR)], [-1, 4, 0x40]);
  apic.cr8 = 3;
  assertEquals([apic.pendingVector(), apic.read(TPR)], [0x4f, 0x30]);
  assertThrows(() => apic.cr8 = 16, RangeError);
});

Deno.test("processor priority is the higher of task priority and interrupt in service", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  processor.interrupt(0x55);
  apic.acknowledge();
  for (const [tpr, ppr] of [[0x00, 0x50], [0x4f, 0x50], [0x53, 0x53], [0x61, 0x61]]) {
    apic.write(TPR, tpr);
    assertEquals(apic.read(PPR), ppr);
  }
});

Deno.test("arbitration priority counts requests too", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  apic.write(TPR, 0x35);
  assertEquals(apic.read(APR), 0x35);
  processor.interrupt(0x72);
  assertEquals(apic.arbitrationPriority, 0x70);
  apic.acknowledge();
  assertEquals(apic.read(APR), 0x70);
});

Deno.test("acknowledge without an interrupt gives the spurious vector and leaves ISR alone", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  apic.write(SVR, 0x1ef);
  processor.interrupt(0x41);
  apic.cr8 = 15;
  assertEquals(apic.acknowledge(), 0xef);
  assertEquals(apic.read(ISR + 0x70), 0);
  apic.cr8 = 0;
  assertEquals(apic.acknowledge(), 0x41);
});

Deno.test("EOI of a level-triggered interrupt goes to the I/O APIC, with the last trigger mode", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  processor.interrupt(0x45, { trigger: TriggerMode.Level });
  assertEquals(apic.read(TMR + 0x20), 0x20);
  apic.acknowledge();
  apic.write(EOI, 0);
  assertEquals(processor.ended, [0x45]);
  processor.interrupt(0x45);
  assertEquals(apic.read(TMR + 0x20), 0);
  apic.acknowledge();
  apic.write(EOI, 0);
  apic.write(EOI, 0);
  assertEquals(processor.ended, [0x45]);
});

Deno.test("every vector from 16 on can be delivered", () => {
  for (let vector = 0; vector < 256; vector++) {
    const processor = Processor.enabled();
    assertEquals(processor.interrupt(vector), vector >= 16);
    assertEquals(processor.apic.pendingVector(), vector >= 16 ? vector : -1);
  }
});

Deno.test("ESR shows illegal vectors after it was written, and the error interrupt is raised once", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  apic.write(LVT_ERROR, 0xfe);
  processor.interrupt(5);
  assertEquals([apic.read(ESR), apic.acknowledge()], [0, 0xfe]);
  apic.endOfInterrupt();
  processor.interrupt(6);
  assertEquals(apic.pendingVector(), -1);
  apic.write(ICR_LOW, 0x0f);
  assertEquals([apic.acknowledge(), processor.sent.length], [0xfe, 0]);
  apic.write(ESR, 0);
  assertEquals(apic.read(ESR), 0x60);
  apic.write(ESR, 0);
  assertEquals(apic.read(ESR), 0);
});

Deno.test("ESR shows accesses to registers that do not exist", () => {
  for (const offset of [0x00, 0x10, 0x40, 0x290, 0x2f0, 0x3a0, 0x3f0]) {
    const { apic } = Processor.enabled();
    assertEquals(apic.read(offset), 0);
    apic.write(ESR, 0);
    assertEquals(apic.read(ESR), 0x80);
    apic.write(ESR, 0);
    apic.write(offset, 0);
    apic.write(ESR, 0);
    assertEquals(apic.read(ESR), 0x80);
  }
  const { apic } = Processor.enabled();
  for (const offset of [ID, VERSION, APR, PPR, 0xc0, ISR, TMR + 0x70, IRR + 0x10, 0x390]) {
    apic.write(offset, 0xffff_ffff);
  }
  apic.write(ESR, 0);
  assertEquals(apic.read(ESR), 0);
});

Deno.test("software-disabled local APIC masks its table, refuses interrupts and keeps what it has", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  apic.write(LVT_LINT0, 0x700);
  processor.interrupt(0x61);
  processor.takeSignals();
  apic.write(SVR, 0xff);
  assertEquals(apic.read(LVT_LINT0), MASKED | 0x700);
  apic.write(LVT_LINT0, 0x700);
  assertEquals(apic.read(LVT_LINT0), MASKED | 0x700);
  assertEquals(processor.interrupt(0x71), false);
  assertEquals(apic.pendingVector(), 0x61);
  for (const deliveryMode of [DeliveryMode.Smi, DeliveryMode.Nmi, DeliveryMode.Startup]) {
    assertEquals(processor.interrupt(0x12, { deliveryMode }), true);
  }
  assertEquals(processor.signals, [[Signal.Smi, 0], [Signal.Nmi, 0], [Signal.Startup, 0x12]]);
  apic.write(ICR_LOW, 0x4041);
  assertEquals(processor.sent.length, 1);
  apic.write(SVR, 0x1ff);
  assertEquals(apic.read(LVT_LINT0), MASKED | 0x700);
});

Deno.test("INIT resets all but the ID and IA32_APIC_BASE", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  apic.apicBase = 0xfed0_0000n | EN;
  apic.write(LDR, 0x0800_0000);
  apic.write(TPR, 0x20);
  processor.interrupt(0x61);
  processor.takeSignals();
  assertEquals(processor.interrupt(0, { deliveryMode: DeliveryMode.Init, level: false }), true);
  assertEquals(processor.takeSignals(), []);
  processor.interrupt(0, { deliveryMode: DeliveryMode.Init });
  assertEquals(processor.takeSignals(), [Signal.Init]);
  assertEquals([apic.read(SVR), apic.read(LDR), apic.read(TPR), apic.pendingVector()], [0xff, 0, 0, -1]);
  assertEquals([apic.apicBase, apic.read(ID)], [0xfed0_0000n | EN, 0x0300_0000]);
});

Deno.test("ICR sends what it says", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  const base = { destination: 5, logical: false, level: true, trigger: TriggerMode.Edge };
  apic.write(ICR_HIGH, 0x0500_0000);
  assertEquals(processor.sent, []);
  apic.write(ICR_LOW, 0x0000_5041);
  assertEquals(apic.read(ICR_LOW), 0x4041);
  apic.write(ICR_LOW, 0x0008_4d92);
  apic.write(ICR_LOW, 0x000c_4500);
  apic.write(ICR_LOW, 0x0000_8500);
  apic.write(ICR_LOW, 0x0000_4608);
  apic.write(ICR_HIGH, 0xff00_0000);
  apic.write(ICR_LOW, 0x0000_4400);
  apic.write(ICR_LOW, 0x0000_4341); // remote read
  apic.write(ICR_LOW, 0x0000_4741); // ExtINT
  assertEquals(processor.sent, [
    [0, { ...base, deliveryMode: DeliveryMode.Fixed, vector: 0x41 }],
    [2, { ...base, deliveryMode: 5, vector: 0x92, logical: true }],
    [3, { ...base, deliveryMode: DeliveryMode.Init, vector: 0 }],
    [0, { ...base, deliveryMode: DeliveryMode.Init, vector: 0, level: false }],
    [0, { ...base, deliveryMode: DeliveryMode.Startup, vector: 8 }],
    [0, { ...base, deliveryMode: DeliveryMode.Nmi, vector: 0, destination: BROADCAST }],
  ]);
});

Deno.test("LINT inputs deliver in every mode of their entries", () => {
  const modes: [number, Signal][] = [[0x200, Signal.Smi], [0x400, Signal.Nmi], [0x500, Signal.Init]];
  for (const pin of [0, 1]) {
    for (const [mode, signal] of modes) {
      const processor = Processor.enabled();
      processor.apic.write(LVT_LINT0 + 0x10 * pin, mode);
      processor.apic.setLint(pin, true);
      processor.apic.setLint(pin, true);
      assertEquals(processor.takeSignals(), [signal]);
    }
    const processor = Processor.enabled();
    processor.apic.write(LVT_LINT0 + 0x10 * pin, 0x3d);
    processor.apic.setLint(pin, true);
    assertEquals(processor.apic.acknowledge(), 0x3d);
    processor.apic.endOfInterrupt();
    assertEquals(processor.apic.pendingVector(), -1);
    processor.apic.setLint(pin, false);
    processor.apic.write(LVT_LINT0 + 0x10 * pin, MASKED | 0x3d);
    processor.apic.setLint(pin, true);
    assertEquals(processor.apic.pendingVector(), -1);
  }
});

Deno.test("LINT0 level-triggered repeats after its EOI while it is high", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  apic.setLint(0, true);
  apic.write(LVT_LINT0, 0x803d);
  assertEquals([apic.pendingVector(), apic.read(LVT_LINT0)], [0x3d, 0xc03d]);
  apic.acknowledge();
  apic.endOfInterrupt();
  assertEquals(apic.acknowledge(), 0x3d);
  apic.setLint(0, false);
  apic.endOfInterrupt();
  assertEquals([apic.pendingVector(), apic.read(LVT_LINT0)], [-1, 0x803d]);
});

Deno.test("LINT0 lets ExtINT through only unmasked and in that mode", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  assertEquals(apic.acceptsExtInt, false);
  apic.write(LVT_LINT0, 0x700);
  assertEquals(apic.acceptsExtInt, true);
  apic.setLint(0, true);
  assertEquals([processor.takeSignals(), apic.pendingVector()], [[Signal.Interrupt], -1]);
  apic.write(LVT_LINT0, MASKED | 0x700);
  assertEquals(apic.acceptsExtInt, false);
  apic.write(LVT_LINT0, 0x700);
  assertEquals(processor.takeSignals(), [Signal.Interrupt]);
});

Deno.test("performance interrupt masks its entry, the thermal one does not", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  apic.write(LVT_PERFORMANCE, 0x400);
  apic.write(LVT_THERMAL, 0xfa);
  apic.raise(LvtEntry.Performance);
  apic.raise(LvtEntry.Performance);
  assertEquals(processor.takeSignals(), [Signal.Nmi]);
  assertEquals(apic.read(LVT_PERFORMANCE), MASKED | 0x400);
  apic.raise(LvtEntry.Thermal);
  assertEquals([apic.pendingVector(), apic.read(LVT_THERMAL)], [0xfa, 0xfa]);
});

Deno.test("destinations name a local APIC by ID, flat, cluster and broadcast", () => {
  const { apic } = Processor.enabled(3);
  assertEquals([apic.matches(3, false), apic.matches(2, false), apic.matches(BROADCAST, false)], [
    true,
    false,
    true,
  ]);
  apic.write(LDR, 0x4200_0000);
  assertEquals([apic.matches(0x02, true), apic.matches(0x40, true), apic.matches(0x81, true)], [
    true,
    true,
    false,
  ]);
  apic.write(DFR, 0x0fff_ffff);
  assertEquals([apic.matches(0x42, true), apic.matches(0x02, true), apic.matches(BROADCAST, true)], [
    true,
    false,
    true,
  ]);
});

Deno.test("IA32_APIC_BASE changes modes as the state diagram allows, from reset", () => {
  const disabled = BASE, xapic = BASE | EN, x2apic = BASE | EN | EXTD, invalid = BASE | EXTD;
  const states: [bigint, bigint[]][] = [
    [disabled, [disabled, xapic]],
    [xapic, [disabled, xapic, x2apic]],
    [x2apic, [disabled, x2apic]],
  ];
  for (const [from, allowed] of states) {
    for (const to of [disabled, xapic, x2apic, invalid]) {
      const { apic } = new Processor();
      apic.apicBase = from;
      if (allowed.includes(to)) {
        apic.apicBase = to;
        assertEquals(apic.apicBase, to);
      } else {
        assertThrows(() => apic.apicBase = to, RangeError);
        assertEquals(apic.apicBase, from);
      }
    }
  }
});

Deno.test("IA32_APIC_BASE refuses reserved bits and addresses beyond the physical width", () => {
  const { apic } = new Processor();
  for (const bit of [0n, 7n, 9n, 40n, 63n]) {
    assertThrows(() => apic.apicBase = BASE | EN | (1n << bit), RangeError);
  }
  apic.apicBase = 0xff_ffff_f000n | EN;
  assertEquals(apic.pageAddress, 0xff_ffff_f000);
});

Deno.test("disabled by IA32_APIC_BASE, the local APIC is as absent and forgets", () => {
  const processor = Processor.enabled();
  const { apic } = processor;
  processor.interrupt(0x61);
  processor.takeSignals();
  apic.apicBase = BASE;
  assertEquals([apic.pageAddress, apic.pendingVector(), apic.acceptsExtInt], [-1, -1, true]);
  assertEquals(apic.read(SVR), 0xffff_ffff);
  apic.write(SVR, 0x1ff);
  assertEquals([apic.matches(3, false), apic.matches(BROADCAST, false)], [false, false]);
  assertEquals(processor.interrupt(0, { deliveryMode: DeliveryMode.Nmi }), false);
  assertEquals(processor.takeSignals(), [Signal.Interrupt]);
  apic.setLint(0, true);
  apic.setLint(1, true);
  assertEquals(processor.takeSignals(), [Signal.Interrupt, Signal.Nmi]);
  apic.apicBase = BASE | EN;
  assertEquals([apic.read(SVR), apic.acceptsExtInt], [0xff, false]);
});

Deno.test("x2APIC mode has its registers in MSRs and none in memory", () => {
  const { apic } = Processor.enabled(0x25);
  assertThrows(() => apic.readMsr(0x802), RangeError);
  assertThrows(() => apic.writeMsr(0x80b, 0n), RangeError);
  apic.write(TPR, 0x20);
  apic.write(ICR_HIGH, 0x0100_0000);
  apic.apicBase = BASE | EN | EXTD;
  assertEquals([apic.pageAddress, apic.read(ID)], [-1, 0xffff_ffff]);
  assertEquals(apic.readMsr(0x802), 0x25n);
  assertEquals(apic.readMsr(0x80d), 0x0002_0020n);
  assertEquals(apic.readMsr(0x808), 0x20n);
  assertEquals(apic.readMsr(0x80f), 0x1ffn);
  assertEquals(apic.readMsr(0x830), 0n);
  apic.write(TPR, 0);
  assertEquals(apic.readMsr(0x808), 0x20n);
});

Deno.test("x2APIC mode raises #GP for registers that cannot be read or written", () => {
  const { apic } = Processor.inX2apicMode();
  const readable = new Set([0x802, 0x803, 0x808, 0x80a, 0x80d, 0x80f, 0x828, 0x830, 0x838, 0x839, 0x83e]);
  for (let msr = 0x810; msr <= 0x827; msr++) readable.add(msr);
  for (let msr = 0x832; msr <= 0x837; msr++) readable.add(msr);
  const writable = new Set([0x808, 0x80b, 0x80f, 0x828, 0x830, 0x838, 0x83e, 0x83f]);
  for (let msr = 0x832; msr <= 0x837; msr++) writable.add(msr);
  for (let msr = 0x800; msr <= 0x8ff; msr++) {
    if (readable.has(msr)) apic.readMsr(msr);
    else assertThrows(() => apic.readMsr(msr), RangeError);
    if (writable.has(msr)) apic.writeMsr(msr, 0n);
    else assertThrows(() => apic.writeMsr(msr, 0n), RangeError);
  }
});

Deno.test("x2APIC mode raises #GP for reserved bits", () => {
  const { apic } = Processor.inX2apicMode();
  const refused: [number, bigint][] = [
    [0x808, 0x100n],
    [0x808, 1n << 32n],
    [0x80b, 1n],
    [0x80f, 0x1000n],
    [0x828, 1n],
    [0x830, 0x2041n],
    [0x830, 0x10_0041n],
    [0x832, 0x8_0000n],
    [0x832, 0x100n],
    [0x835, 0x800n],
    [0x835, 1n << 32n],
    [0x837, 0x400n],
    [0x838, 1n << 32n],
    [0x83e, 0x04n],
    [0x83f, 0x100n],
  ];
  for (const [msr, value] of refused) {
    assertThrows(() => apic.writeMsr(msr, value), RangeError, `0x${msr.toString(16)}`);
  }
  apic.writeMsr(0x835, 0x5700n); // read-only status bits may be written back
  assertEquals(apic.readMsr(0x835), 0x700n);
});

Deno.test("x2APIC mode sends with one write, to 32-bit destinations", () => {
  const processor = Processor.inX2apicMode();
  const { apic } = processor;
  apic.writeMsr(0x830, 0x0001_0002_0000_4841n);
  apic.writeMsr(0x830, 0xffff_ffff_0000_4041n);
  apic.writeMsr(0x830, 0x0000_00ff_0000_4041n);
  apic.writeMsr(0x83f, 0x55n);
  assertEquals(
    processor.sent.map(([shorthand, { destination, logical, vector }]) => ({
      shorthand,
      destination,
      logical,
      vector,
    })),
    [
      { shorthand: 0, destination: 0x0001_0002, logical: true, vector: 0x41 },
      { shorthand: 0, destination: BROADCAST, logical: false, vector: 0x41 },
      { shorthand: 0, destination: 0xff, logical: false, vector: 0x41 },
      { shorthand: 1, destination: 0xff, logical: false, vector: 0x55 },
    ],
  );
  assertEquals(apic.readMsr(0x830), 0x0000_00ff_0000_4041n);
});

Deno.test("x2APIC mode reports illegal vectors of SELF IPI and takes EOIs", () => {
  const processor = Processor.inX2apicMode();
  const { apic } = processor;
  apic.writeMsr(0x83f, 0x0fn);
  apic.writeMsr(0x828, 0n);
  assertEquals(apic.readMsr(0x828), 0x20n);
  processor.interrupt(0x41);
  apic.acknowledge();
  assertEquals(apic.readMsr(0x812), 2n);
  apic.writeMsr(0x80b, 0n);
  assertEquals(apic.readMsr(0x812), 0n);
});

Deno.test("x2APIC mode compares logical destinations with the logical ID", () => {
  const { apic } = Processor.inX2apicMode(0x25);
  assertEquals([0x0002_0020, 0x0002_0010, 0x0020].map((destination) => apic.matches(destination, true)), [
    true,
    false,
    false,
  ]);
});

Deno.test("local APIC refuses a state that is none", () => {
  const { apic } = new Processor(3);
  const saved = apic.save();
  assertThrows(() => apic.restore({ ...saved, id: 4 }), TypeError);
  assertThrows(() => apic.restore({ ...saved, apicBase: BASE | EXTD }), TypeError);
  assertThrows(() => apic.restore({ ...saved, apicBase: 1n << 50n }), TypeError);
  assertThrows(() => apic.restore({ ...saved, queue: [] }), TypeError);
});
