import { assertEquals } from "@std/assert";
import {
  CodeMode,
  CR,
  Cr0,
  Cr4,
  EFER,
  Efer,
  GDTR,
  Gpr,
  Segment,
  SegmentAttribute,
  Vector,
} from "../state.ts";
import { moveToControl } from "./control_registers.ts";
import { farCall, farJump } from "./far_call.ts";
import { farReturn } from "./far_return.ts";
import { deliverInterrupt } from "./interrupts.ts";
import { iret } from "./iret.ts";
import { wrmsr } from "./msr.ts";
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

const { GDT, STACK0, STACK3, TSS } = Layout;

function target(selector: number, size: number): bigint {
  return BigInt(selector | (size << 16));
}

function words32(cpu: TestCpu, count: number): number[] {
  const top = cpu.gpr[Gpr.RSP];
  return Array.from({ length: count }, (_, i) => cpu.memory.read(top + BigInt(i * 4), 4));
}

Deno.test("from 32-bit protected mode into 64-bit mode, as a kernel entered by PVH does it", () => {
  const cpu = protectedCpu(0);
  moveToControl(cpu, BigInt(Cr4.PAE), 4n);
  cpu.gpr[Gpr.RCX] = 0xc0000080n;
  cpu.gpr[Gpr.RAX] = BigInt(Efer.LME);
  wrmsr(cpu);
  assertEquals(cpu.longMode, false);
  moveToControl(cpu, 0x100000n, 3n);
  moveToControl(cpu, cpu.get64(CR) | 0x80000000n, 0n);
  assertEquals(cpu.longMode, true);
  assertEquals(cpu.get32(EFER), Efer.LME | Efer.LMA);
  assertEquals(cpu.codeMode, CodeMode.Bits32, "compatibility mode until CS is loaded");

  cpu.memory.write(BigInt(STACK0), 4, 0x1000123);
  cpu.memory.write(BigInt(STACK0 + 4), 4, Selector.CODE64);
  farReturn(cpu, 0n, 4n);
  assertEquals(cpu.codeMode, CodeMode.Bits64);
  assertEquals(cpu.rip, 0x1000123n);
  assertEquals(cpu.gpr[Gpr.RSP], BigInt(STACK0 + 8));
  assertEquals(cpu.memory.read(BigInt(GDT + Selector.CODE64 + 5), 1), 0x9b, "accessed");
});

Deno.test("real mode to protected mode and back", () => {
  const cpu = realCpu();
  const tables = protectedCpu(0);
  const bytes = new Uint8Array(0x8000);
  tables.memory.readBytes(0n, bytes);
  cpu.memory.writeBytes(0n, bytes);
  cpu.set64(GDTR, BigInt(GDT));
  cpu.set64(GDTR + 8, 0x7fn);
  moveToControl(cpu, BigInt(Cr0.PE), 0n);
  farJump(cpu, 0x12345678n, target(Selector.CODE0, 4));
  assertEquals([cpu.rip, cpu.codeMode], [0x12345678n, CodeMode.Bits32]);

  writeDescriptor(cpu, GDT + Selector.FREE, 0, 0xffff, 0x9a, 0);
  farJump(cpu, 0x1000n, target(Selector.FREE, 4));
  moveToControl(cpu, 0n, 0n);
  farJump(cpu, 0x2000n, target(0xf000, 2));
  assertEquals([cpu.rip, cpu.codeMode], [0x2000n, CodeMode.Bits16]);
  assertEquals([cpu.segmentBase(Segment.CS), cpu.segmentLimit(Segment.CS)], [0xf0000n, 0xffff]);
});

Deno.test("far JMP: which code segments it may enter", () => {
  const cpu = protectedCpu(3);
  const jump = (selector: number, offset = 0n) => faultOf(() => farJump(cpu, offset, target(selector, 4)));
  assertEquals(jump(0), [Vector.GP, 0]);
  assertEquals(jump(0x88), [Vector.GP, 0x88]);
  assertEquals(jump(Selector.CODE0), [Vector.GP, Selector.CODE0], "a more privileged level");
  assertEquals(jump(Selector.DATA3), [Vector.GP, Selector.DATA3 & ~3], "data");
  writeDescriptor(cpu, GDT + Selector.FREE, 0, 0xfff, 0x7a, 4);
  assertEquals(jump(Selector.FREE | 3), [Vector.NP, Selector.FREE]);
  writeDescriptor(cpu, GDT + Selector.FREE, 0, 0xfff, 0xfa, 4);
  assertEquals(jump(Selector.FREE | 3, 0x1000n), [Vector.GP, 0], "beyond the limit");
  farJump(cpu, 0x10n, target(Selector.CONFORMING, 4));
  assertEquals([cpu.cpl, cpu.segmentSelector(Segment.CS)], [3, Selector.CONFORMING | 3]);
});

Deno.test("far CALL and RET at the same level", () => {
  const cpu = protectedCpu(0);
  farCall(cpu, 0x5000n, target(Selector.CODE0, 4));
  assertEquals(words32(cpu, 2), [0x1234, Selector.CODE0]);
  farReturn(cpu, 0n, 4n | (16n << 8n));
  assertEquals([cpu.rip, cpu.gpr[Gpr.RSP]], [0x1234n, BigInt(STACK0 + 16)]);
});

Deno.test("a 32-bit call gate to ring 0 copies parameters, and RET releases them on both stacks", () => {
  const cpu = protectedCpu(3);
  writeGate(cpu, GDT + Selector.FREE, Selector.CODE0, 0x7000n, 0xec, 2);
  cpu.memory.write(BigInt(STACK3), 4, 0xaaaa);
  cpu.memory.write(BigInt(STACK3 + 4), 4, 0xbbbb);
  farCall(cpu, 0n, target(Selector.FREE | 3, 4));
  assertEquals([cpu.rip, cpu.cpl], [0x7000n, 0]);
  assertEquals(words32(cpu, 6), [0x1234, Selector.CODE3, 0xaaaa, 0xbbbb, STACK3, Selector.DATA3]);

  farReturn(cpu, 0n, 4n | (8n << 8n));
  assertEquals([cpu.rip, cpu.cpl, cpu.gpr[Gpr.RSP]], [0x1234n, 3, BigInt(STACK3 + 8)]);
  assertEquals(cpu.segmentSelector(Segment.SS), Selector.DATA3);
});

Deno.test("a call gate's own privilege: DPL against CPL and RPL", () => {
  const cpu = protectedCpu(3);
  writeGate(cpu, GDT + Selector.FREE, Selector.CODE0, 0x7000n, 0x8c);
  assertEquals(faultOf(() => farCall(cpu, 0n, target(Selector.FREE, 4))), [Vector.GP, Selector.FREE]);
  writeGate(cpu, GDT + Selector.FREE, Selector.CODE0, 0x7000n, 0x6c);
  assertEquals(faultOf(() => farCall(cpu, 0n, target(Selector.FREE, 4))), [Vector.NP, Selector.FREE]);
  writeGate(cpu, GDT + Selector.FREE, Selector.CODE0, 0x7000n, 0xec);
  assertEquals(faultOf(() => farJump(cpu, 0n, target(Selector.FREE, 4))), [Vector.GP, Selector.CODE0]);
});

Deno.test("a 64-bit call gate from 32-bit user code", () => {
  const cpu = longCpu(3);
  cpu.setSegment(Segment.CS, Selector.CODE3, 0n, 0xffffffff, 0xcfb);
  writeGate(cpu, GDT + Selector.FREE, Selector.CODE64, 0xffffffff80001000n, 0xec);
  farCall(cpu, 0n, target(Selector.FREE, 4));
  assertEquals([cpu.rip, cpu.cpl, cpu.codeMode], [0xffffffff80001000n, 0, CodeMode.Bits64]);
  assertEquals(cpu.gpr[Gpr.RSP], BigInt(STACK0 - 32));
  assertEquals(cpu.segmentAttributes(Segment.SS) & SegmentAttribute.UNUSABLE, SegmentAttribute.UNUSABLE);
  assertEquals(cpu.memory.read64(cpu.gpr[Gpr.RSP]), 0x1234n);
  farReturn(cpu, 0n, 8n);
  assertEquals([cpu.rip, cpu.cpl, cpu.codeMode], [0x1234n, 3, CodeMode.Bits32]);
  assertEquals(cpu.gpr[Gpr.RSP], BigInt(STACK3));
});

Deno.test("64-bit far CALL with 64-bit operands; 16-bit and task descriptors do not exist there", () => {
  const cpu = longCpu(0);
  farCall(cpu, 0xffffffff80000000n - (1n << 64n), target(Selector.CODE64, 8));
  assertEquals(cpu.rip, 0xffffffff80000000n);
  assertEquals(cpu.memory.read64(cpu.gpr[Gpr.RSP] + 8n), BigInt(Selector.CODE64));
  assertEquals(faultOf(() => farJump(cpu, 0n, target(Selector.TSS, 4))), [Vector.GP, Selector.TSS]);
  const far = () => farJump(cpu, 0x8000_0000_0000n, target(Selector.CODE64, 8));
  assertEquals(faultOf(far), [Vector.GP, 0]);
});

Deno.test("RET far does not go inwards, and leaves the stack alone when it faults", () => {
  const cpu = protectedCpu(3);
  cpu.memory.write(BigInt(STACK3), 4, 0x1000);
  cpu.memory.write(BigInt(STACK3 + 4), 4, Selector.CODE0);
  assertEquals(faultOf(() => farReturn(cpu, 0n, 4n)), [Vector.GP, Selector.CODE0]);
  assertEquals(cpu.gpr[Gpr.RSP], BigInt(STACK3));
});

Deno.test("a task switch by CALL saves, links and loads; IRET with NT returns", () => {
  const cpu = protectedCpu(0);
  const NEW = 0x6000;
  const { view } = cpu.memory;
  writeDescriptor(cpu, GDT + Selector.FREE, NEW, 0x67, 0x89, 0);
  writeDescriptor(cpu, GDT + Selector.TSS, TSS, 0x7ff, 0x8b, 0);
  view.setUint32(NEW + 0x20, 0x4321, true);
  view.setUint32(NEW + 0x24, 2, true);
  for (let i = 0; i < 8; i++) view.setUint32(NEW + 0x28 + i * 4, 0x1000 * i + 0x1000, true);
  const selectors = [Selector.DATA0, Selector.CODE0, Selector.DATA0, Selector.DATA0, 0, 0];
  selectors.forEach((selector, i) => view.setUint32(NEW + 0x48 + i * 4, selector, true));
  cpu.gpr[Gpr.RAX] = 0x77n;

  farCall(cpu, 0n, target(Selector.FREE, 4));
  assertEquals([cpu.rip, cpu.gpr[Gpr.RAX], cpu.gpr[Gpr.RSP]], [0x4321n, 0x1000n, 0x5000n]);
  assertEquals(cpu.rflags & (1 << 14), 1 << 14);
  assertEquals(cpu.segmentSelector(Segment.TR), Selector.FREE);
  assertEquals(cpu.segmentAttributes(Segment.FS) & SegmentAttribute.UNUSABLE, SegmentAttribute.UNUSABLE);
  assertEquals(view.getUint16(NEW, true), Selector.TSS, "link");
  assertEquals(view.getUint32(TSS + 0x20, true), 0x1234);
  assertEquals(view.getUint8(GDT + Selector.FREE + 5), 0x8b, "busy");
  assertEquals(cpu.get32(CR) & Cr0.TS, Cr0.TS);

  iret(cpu, 0n, 4n);
  assertEquals([cpu.rip, cpu.gpr[Gpr.RAX], cpu.gpr[Gpr.RSP]], [0x1234n, 0x77n, BigInt(STACK0)]);
  assertEquals(cpu.rflags & (1 << 14), 0);
  assertEquals(view.getUint8(GDT + Selector.FREE + 5), 0x89, "available again");
  assertEquals(view.getUint32(NEW + 0x24, true) & (1 << 14), 0);
});

Deno.test("a task gate pushes the error code on the new task's stack; a bad CS there is #TS in the new task", () => {
  const cpu = protectedCpu(0);
  const NEW = 0x6000;
  const { view } = cpu.memory;
  writeDescriptor(cpu, GDT + Selector.FREE, NEW, 0x67, 0x89, 0);
  writeGate(cpu, Layout.IDT + Vector.DF * 8, Selector.FREE, 0n, 0x85);
  view.setUint32(NEW + 0x20, 0x4321, true);
  view.setUint32(NEW + 0x38, 0x8000, true);
  const selectors = [0, Selector.CODE0, Selector.DATA0, 0, 0, 0];
  selectors.forEach((selector, i) => view.setUint32(NEW + 0x48 + i * 4, selector, true));
  deliverInterrupt(cpu, Vector.DF, { kind: "exception", error: 0x55 });
  assertEquals(words32(cpu, 1), [0x55]);
  assertEquals([cpu.rip, cpu.gpr[Gpr.RSP]], [0x4321n, 0x7ffcn]);

  const bad = protectedCpu(0);
  writeDescriptor(bad, GDT + Selector.FREE, NEW, 0x67, 0x89, 0);
  bad.memory.view.setUint32(NEW + 0x4c, Selector.DATA0, true);
  bad.memory.view.setUint32(NEW + 0x20, 0x99, true);
  assertEquals(faultOf(() => farJump(bad, 0n, target(Selector.FREE, 4))), [Vector.TS, Selector.DATA0]);
  assertEquals(bad.instructionRip, 0x99n);
  assertEquals(bad.segmentSelector(Segment.CS), Selector.DATA0);

  const short = protectedCpu(0);
  writeDescriptor(short, GDT + Selector.FREE, NEW, 0x66, 0x89, 0);
  assertEquals(faultOf(() => farJump(short, 0n, target(Selector.FREE, 4))), [Vector.TS, Selector.FREE]);
  assertEquals(short.rip, 0x1234n);
});
