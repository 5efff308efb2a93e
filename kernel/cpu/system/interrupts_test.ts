import { assertEquals } from "@std/assert";
import { CodeMode, CR, DR, Flag, Gpr, IDTR, Segment, SegmentAttribute, Vector } from "../state.ts";
import { HARDWARE, SOFTWARE } from "./interrupt_source.ts";
import { deliverInterrupt } from "./interrupts.ts";
import { interrupt, raise, raiseDebugTrap } from "./raise.ts";
import { GuestFault } from "../cpu.ts";
import {
  faultOf,
  Layout,
  longCpu,
  protectedCpu,
  realCpu,
  Selector,
  type TestCpu,
  writeDescriptor,
  writeGate,
} from "./test_cpu.ts";

const { IDT, TSS, STACK0, STACK3 } = Layout;
const HANDLER64 = 0xffffffff81001000n;

function words64(cpu: TestCpu, count: number): bigint[] {
  const top = cpu.gpr[Gpr.RSP];
  return Array.from({ length: count }, (_, i) => cpu.memory.read64(top + BigInt(i * 8)));
}

function words32(cpu: TestCpu, count: number): number[] {
  const top = cpu.gpr[Gpr.RSP];
  return Array.from({ length: count }, (_, i) => cpu.memory.read(top + BigInt(i * 4), 4));
}

Deno.test("long mode, user to kernel: RSP0, frame, null SS, IF cleared", () => {
  const cpu = longCpu(3);
  cpu.rflags = Flag.IF | Flag.TF | Flag.CF | 2;
  writeGate(cpu, IDT + 32 * 16, Selector.CODE64, HANDLER64, 0x8e);
  cpu.gpr[Gpr.RSP] = 0x7fffffffe123n;
  deliverInterrupt(cpu, 32, HARDWARE);
  assertEquals(cpu.rip, HANDLER64);
  assertEquals(cpu.cpl, 0);
  assertEquals(cpu.codeMode, CodeMode.Bits64);
  assertEquals(cpu.rflags, Flag.CF | 2);
  assertEquals(cpu.segmentSelector(Segment.CS), Selector.CODE64);
  assertEquals(cpu.segmentSelector(Segment.SS), 0);
  assertEquals(cpu.segmentAttributes(Segment.SS) & SegmentAttribute.UNUSABLE, SegmentAttribute.UNUSABLE);
  assertEquals(cpu.gpr[Gpr.RSP], BigInt(STACK0 - 40));
  const flags = BigInt(Flag.IF | Flag.TF | Flag.CF | 2);
  const code = BigInt(Selector.CODE64_3);
  assertEquals(words64(cpu, 5), [0x1234n, code, flags, 0x7fffffffe123n, BigInt(Selector.DATA3)]);
  assertEquals(cpu.memory.systemWrites, 41, "the frame with supervisor rights, and the accessed bit");
});

Deno.test("long mode, kernel to kernel: the stack is aligned and SS kept; a trap gate keeps IF", () => {
  const cpu = longCpu(0);
  cpu.rflags = Flag.IF | 2;
  writeGate(cpu, IDT + 32 * 16, Selector.CODE64, HANDLER64, 0x8f);
  cpu.gpr[Gpr.RSP] = 0x9009n;
  deliverInterrupt(cpu, 32, HARDWARE);
  assertEquals(cpu.gpr[Gpr.RSP], 0x9000n - 40n);
  assertEquals(words64(cpu, 5)[3], 0x9009n);
  assertEquals(cpu.segmentSelector(Segment.SS), Selector.DATA0);
  assertEquals(cpu.rflags & Flag.IF, Flag.IF);
});

Deno.test("long mode: IST is used at any level; an error code is pushed last", () => {
  const cpu = longCpu(0);
  writeGate(cpu, IDT + Vector.DF * 16, Selector.CODE64, HANDLER64, 0x8e, 3);
  cpu.memory.view.setBigUint64(TSS + 36 + 2 * 8, 0x8000n, true);
  deliverInterrupt(cpu, Vector.DF, { kind: "exception", error: 0 });
  assertEquals(cpu.gpr[Gpr.RSP], 0x8000n - 48n);
  assertEquals(words64(cpu, 2), [0n, 0x1234n]);
});

Deno.test("long mode: what can be wrong with a gate, and in which order", () => {
  const cpu = longCpu(3);
  const vector = 0x40;
  const at = IDT + vector * 16;
  const deliver = (source = HARDWARE) => faultOf(() => deliverInterrupt(cpu, vector, source));
  const gateError = vector * 8 + 2;

  cpu.set64(IDTR + 8, BigInt(vector * 16 + 14));
  assertEquals(deliver(), [Vector.GP, gateError + 1]);
  cpu.set64(IDTR + 8, 0xfffn);
  writeGate(cpu, at, Selector.CODE64, HANDLER64, 0x85);
  assertEquals(deliver(), [Vector.GP, gateError + 1], "a task gate");
  writeGate(cpu, at, Selector.CODE64, HANDLER64, 0x0e);
  assertEquals(deliver(SOFTWARE), [Vector.GP, gateError], "DPL before presence");
  assertEquals(deliver(), [Vector.NP, gateError + 1], "hardware ignores the DPL");
  writeGate(cpu, at, 0, HANDLER64, 0x8e);
  assertEquals(deliver(), [Vector.GP, 1], "null selector");
  writeGate(cpu, at, 0x88, HANDLER64, 0x8e);
  assertEquals(deliver(), [Vector.GP, 0x89], "beyond the GDT");
  writeGate(cpu, at, Selector.CODE0, HANDLER64, 0x8e);
  assertEquals(deliver(), [Vector.GP, Selector.CODE0 | 1], "not 64-bit code");
  writeGate(cpu, at, Selector.CODE64, 0x8000_0000_0000n, 0x8e);
  assertEquals(deliver(), [Vector.GP, 1], "not canonical");
  writeGate(cpu, at, Selector.CODE64, HANDLER64, 0x8e);
  cpu.memory.view.setBigUint64(TSS + 4, 0x8000_0000_0000n, true);
  assertEquals(deliver(), [Vector.SS, 1], "RSP0 not canonical");
  cpu.setSegment(Segment.TR, Selector.TSS, BigInt(TSS), 10, 0x8b);
  assertEquals(deliver(), [Vector.TS, Selector.TSS | 1], "TSS too short");
  assertEquals(cpu.rip, 0x1234n);
  assertEquals(cpu.cpl, 3);
});

Deno.test("a fault is restartable: RIP of the instruction and RF are pushed, CR2 is written", () => {
  const cpu = longCpu(3);
  writeGate(cpu, IDT + Vector.PF * 16, Selector.CODE64, HANDLER64, 0x8e);
  raise(cpu, new GuestFault(Vector.PF, 6, 0xdead000n));
  assertEquals(cpu.get64(CR + 16), 0xdead000n);
  const [error, rip, , flags] = words64(cpu, 4);
  assertEquals([error, rip, flags], [6n, 0x1230n, BigInt(Flag.RF | 2)]);
  assertEquals(cpu.rflags, 2);
});

Deno.test("#UD has no error code", () => {
  const cpu = longCpu(0);
  writeGate(cpu, IDT + Vector.UD * 16, Selector.CODE64, HANDLER64, 0x8e);
  raise(cpu, new GuestFault(Vector.UD));
  assertEquals(words64(cpu, 1), [0x1230n]);
  assertEquals(cpu.gpr[Gpr.RSP], BigInt(STACK0 - 40));
});

Deno.test("a contributory fault during a contributory one is a double fault; during #UD it is delivered", () => {
  const cpu = longCpu(0);
  writeGate(cpu, IDT + Vector.DF * 16, Selector.CODE64, HANDLER64, 0x8e);
  writeGate(cpu, IDT + Vector.NP * 16, Selector.CODE64, HANDLER64 + 16n, 0x8e);
  writeGate(cpu, IDT + Vector.UD * 16, Selector.CODE64, HANDLER64, 0x0e);
  writeGate(cpu, IDT + Vector.GP * 16, Selector.CODE64, HANDLER64, 0x0e);
  raise(cpu, new GuestFault(Vector.UD));
  assertEquals(cpu.rip, HANDLER64 + 16n);
  assertEquals(words64(cpu, 2), [BigInt(Vector.UD * 8 + 3), 0x1230n]);
  raise(cpu, new GuestFault(Vector.GP, 0));
  assertEquals(cpu.rip, HANDLER64);
  assertEquals(words64(cpu, 1), [0n]);
});

Deno.test("a page fault while #GP is delivered is delivered itself; while #PF is delivered, it is a double fault", () => {
  const cpu = longCpu(3);
  writeGate(cpu, IDT + Vector.GP * 16, Selector.CODE64, HANDLER64, 0x8e, 1);
  writeGate(cpu, IDT + Vector.PF * 16, Selector.CODE64, HANDLER64 + 16n, 0x8e);
  writeGate(cpu, IDT + Vector.DF * 16, Selector.CODE64, HANDLER64 + 32n, 0x8e);
  cpu.memory.view.setBigUint64(TSS + 36, 0x20000n, true);
  cpu.memory.absent.add(0x1f);
  raise(cpu, new GuestFault(Vector.GP, 0));
  assertEquals(cpu.rip, HANDLER64 + 16n);
  assertEquals(cpu.get64(CR + 16), 0x1fff8n);

  writeGate(cpu, IDT + Vector.PF * 16, Selector.CODE64, HANDLER64, 0x8e, 1);
  raise(cpu, new GuestFault(Vector.PF, 0, 0x1000n));
  assertEquals(cpu.rip, HANDLER64 + 32n);
});

Deno.test("a fault while a double fault is delivered shuts the vCPU down", () => {
  const cpu = longCpu(0);
  cpu.set64(IDTR + 8, 0n);
  raise(cpu, new GuestFault(Vector.UD));
  assertEquals(cpu.shutdownReason, "Triple fault: vector 13 while a double fault was delivered");
});

Deno.test("an interrupt whose gate is absent becomes #NP with EXT", () => {
  const cpu = longCpu(0);
  writeGate(cpu, IDT + 0x30 * 16, Selector.CODE64, HANDLER64, 0x0e);
  writeGate(cpu, IDT + Vector.NP * 16, Selector.CODE64, HANDLER64, 0x8e);
  interrupt(cpu, 0x30);
  assertEquals(words64(cpu, 2), [BigInt(0x30 * 8 + 3), 0x1234n]);
});

Deno.test("a debug trap sets DR6, clears DR7.GD and returns to the next instruction", () => {
  const cpu = longCpu(0);
  cpu.set64(DR + 7 * 8, 0x2400n);
  writeGate(cpu, IDT + Vector.DB * 16, Selector.CODE64, HANDLER64, 0x8e);
  raiseDebugTrap(cpu, 1 << 14);
  assertEquals(cpu.get64(DR + 6 * 8), 0xffff4ff0n);
  assertEquals(cpu.get64(DR + 7 * 8), 0x400n);
  assertEquals(words64(cpu, 3), [0x1234n, BigInt(Selector.CODE64), 2n]);
});

Deno.test("protected mode, ring 3 to ring 0 through the TSS", () => {
  const cpu = protectedCpu(3);
  cpu.rflags = Flag.IF | 2;
  writeGate(cpu, IDT + 0x80 * 8, Selector.CODE0, 0x00201000n, 0xee);
  deliverInterrupt(cpu, 0x80, SOFTWARE);
  assertEquals(cpu.rip, 0x201000n);
  assertEquals(cpu.cpl, 0);
  assertEquals(cpu.segmentSelector(Segment.SS), Selector.DATA0);
  assertEquals(cpu.gpr[Gpr.RSP], BigInt(STACK0 - 20));
  assertEquals(words32(cpu, 5), [0x1234, Selector.CODE3, Flag.IF | 2, STACK3, Selector.DATA3]);
  assertEquals(cpu.rflags, 2);
});

Deno.test("protected mode: a 16-bit gate pushes 16 bits and cuts the offset", () => {
  const cpu = protectedCpu(0);
  writeGate(cpu, IDT + 0x21 * 8, Selector.CODE0, 0x55551000n, 0x86);
  deliverInterrupt(cpu, 0x21, HARDWARE);
  assertEquals(cpu.rip, 0x1000n);
  assertEquals(cpu.gpr[Gpr.RSP], BigInt(STACK0 - 6));
  assertEquals(cpu.memory.read(cpu.gpr[Gpr.RSP], 2), 0x1234);
});

Deno.test("protected mode: the inner stack is checked, #TS then #SS", () => {
  const cpu = protectedCpu(3);
  writeGate(cpu, IDT + 0x80 * 8, Selector.CODE0, 0x1000n, 0xee);
  const deliver = () => faultOf(() => deliverInterrupt(cpu, 0x80, SOFTWARE));
  const ss0 = (selector: number) => cpu.memory.view.setUint16(TSS + 8, selector, true);
  ss0(0);
  assertEquals(deliver(), [Vector.TS, 0]);
  ss0(0x88);
  assertEquals(deliver(), [Vector.TS, 0x88]);
  ss0(Selector.DATA3);
  assertEquals(deliver(), [Vector.TS, Selector.DATA3 & ~3]);
  writeDescriptor(cpu, Layout.GDT + Selector.FREE, 0, 0xfff, 0x12, 0x4);
  ss0(Selector.FREE);
  assertEquals(deliver(), [Vector.SS, Selector.FREE]);
  writeDescriptor(cpu, Layout.GDT + Selector.FREE, 0, 0xfff, 0x92, 0x4);
  cpu.memory.view.setUint32(TSS + 4, 0x10, true);
  assertEquals(deliver(), [Vector.SS, Selector.FREE], "no room for five words");
  assertEquals(cpu.gpr[Gpr.RSP], BigInt(STACK3));
});

Deno.test("virtual-8086 mode to ring 0: the segment registers are pushed and become null", () => {
  const cpu = protectedCpu(3);
  cpu.rflags = Flag.VM | Flag.IF | 2;
  for (let i = 0; i < 6; i++) cpu.setSegment(i, 0x100 + i, BigInt((0x100 + i) * 16), 0xffff, 0xf3);
  writeGate(cpu, IDT + 0x21 * 8, Selector.CODE0, 0x1000n, 0x8e);
  deliverInterrupt(cpu, 0x21, HARDWARE);
  const { ES, CS, SS, DS, FS, GS } = Segment;
  assertEquals(words32(cpu, 9), [
    0x1234,
    0x100 + CS,
    Flag.VM | Flag.IF | 2,
    STACK3,
    0x100 + SS,
    0x100 + ES,
    0x100 + DS,
    0x100 + FS,
    0x100 + GS,
  ]);
  assertEquals(cpu.rflags, 2);
  assertEquals(cpu.cpl, 0);
  for (const segment of [ES, DS, FS, GS]) assertEquals(cpu.segmentSelector(segment), 0);
});

Deno.test("real mode: three words, IF and TF cleared, the vector table obeys the limit of the IDTR", () => {
  const cpu = realCpu();
  cpu.rflags = Flag.IF | Flag.TF | Flag.ZF | 2;
  cpu.setSegment(Segment.CS, 0x100, 0x1000n, 0xffff, 0x93);
  cpu.memory.view.setUint32(0x10 * 4, 0xf0001234, true);
  deliverInterrupt(cpu, 0x10, SOFTWARE);
  assertEquals(cpu.segmentSelector(Segment.CS), 0xf000);
  assertEquals(cpu.segmentBase(Segment.CS), 0xf0000n);
  assertEquals(cpu.rip, 0x1234n);
  assertEquals(cpu.gpr[Gpr.RSP], BigInt(STACK3 - 6));
  const top = cpu.gpr[Gpr.RSP];
  assertEquals(cpu.memory.read(top, 2), 0x1234);
  assertEquals(cpu.memory.read(top + 2n, 2), 0x100);
  assertEquals(cpu.memory.read(top + 4n, 2), Flag.IF | Flag.TF | Flag.ZF | 2);
  assertEquals(cpu.rflags, Flag.ZF | 2);
  cpu.set64(IDTR + 8, 0x42n);
  assertEquals(faultOf(() => deliverInterrupt(cpu, 0x10, HARDWARE)), [Vector.GP, 0]);
});

Deno.test("real mode: SP wraps within the stack segment", () => {
  const cpu = realCpu();
  cpu.gpr[Gpr.RSP] = 0xabcd0000n;
  cpu.memory.view.setUint32(0x10 * 4, 0x1234, true);
  deliverInterrupt(cpu, 0x10, SOFTWARE);
  assertEquals(cpu.gpr[Gpr.RSP], 0xabcdfffan);
});
