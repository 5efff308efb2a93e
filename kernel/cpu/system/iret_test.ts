import { assertEquals } from "@std/assert";
import { CodeMode, Flag, Gpr, Segment, SegmentAttribute, Vector } from "../state.ts";
import { iret } from "./iret.ts";
import {
  faultOf,
  Layout,
  longCpu,
  protectedCpu,
  realCpu,
  Selector,
  type TestCpu,
  writeDescriptor,
} from "./test_cpu.ts";

const { STACK0, STACK3 } = Layout;

function frame64(cpu: TestCpu, ...words: bigint[]): void {
  words.forEach((word, i) => cpu.memory.write64(BigInt(STACK0 + i * 8), word));
}

function frame32(cpu: TestCpu, ...words: number[]): void {
  words.forEach((word, i) => cpu.memory.write(BigInt(STACK0 + i * 4), 4, word));
}

Deno.test("IRETQ to 64-bit user code", () => {
  const cpu = longCpu(0);
  const flags = Flag.IF | Flag.ZF | Flag.AC | Flag.RF | 2;
  frame64(cpu, 0x401000n, BigInt(Selector.CODE64_3), BigInt(flags), 0x7ffff000n, BigInt(Selector.DATA3));
  iret(cpu, 0n, 8n);
  assertEquals(cpu.rip, 0x401000n);
  assertEquals(cpu.cpl, 3);
  assertEquals(cpu.codeMode, CodeMode.Bits64);
  assertEquals(cpu.gpr[Gpr.RSP], 0x7ffff000n);
  assertEquals(cpu.rflags, flags);
  assertEquals(cpu.segmentSelector(Segment.SS), Selector.DATA3);
  assertEquals(cpu.segmentSelector(Segment.DS), 0, "kernel data is taken away");
  assertEquals(cpu.segmentAttributes(Segment.DS) & SegmentAttribute.UNUSABLE, SegmentAttribute.UNUSABLE);
});

Deno.test("IRETQ to 32-bit user code", () => {
  const cpu = longCpu(0);
  frame64(cpu, 0x8048000n, BigInt(Selector.CODE3), BigInt(Flag.IF | 2), 0x1ffffd000n, BigInt(Selector.DATA3));
  iret(cpu, 0n, 8n);
  assertEquals(cpu.codeMode, CodeMode.Bits32);
  assertEquals(cpu.rip, 0x8048000n);
  assertEquals(cpu.gpr[Gpr.RSP], 0xffffd000n);
});

Deno.test("IRETQ within the kernel pops SS:RSP too, and SS may be null", () => {
  const cpu = longCpu(0);
  frame64(cpu, 0xffffffff81000000n, BigInt(Selector.CODE64), 2n, 0xffff888000001000n, 0n);
  iret(cpu, 0n, 8n);
  assertEquals(cpu.gpr[Gpr.RSP], 0xffff888000001000n);
  assertEquals(cpu.segmentSelector(Segment.SS), 0);
  assertEquals(cpu.rip, 0xffffffff81000000n);
});

Deno.test("IRETQ: what it refuses, with nothing changed", () => {
  const cpu = longCpu(0);
  const attempt = () => faultOf(() => iret(cpu, 0n, 8n));
  const user = BigInt(Selector.CODE64_3);
  const data = BigInt(Selector.DATA3);
  frame64(cpu, 0x1000n, 0n, 2n, 0n, data);
  assertEquals(attempt(), [Vector.GP, 0], "null CS");
  frame64(cpu, 0x8000_0000_0000n, user, 2n, 0n, data);
  assertEquals(attempt(), [Vector.GP, 0], "RIP not canonical");
  frame64(cpu, 0x1000n, user, 2n, 0n, 3n);
  assertEquals(attempt(), [Vector.GP, 0], "null SS for level 3");
  frame64(cpu, 0x1000n, user, 2n, 0n, BigInt(Selector.DATA0));
  assertEquals(attempt(), [Vector.GP, Selector.DATA0], "SS of another level");
  frame64(cpu, 0x1000n, BigInt(Selector.DATA0), 2n, 0n, data);
  assertEquals(attempt(), [Vector.GP, Selector.DATA0], "CS is data");
  cpu.rflags = Flag.NT | 2;
  frame64(cpu, 0x1000n, user, 2n, 0n, data);
  assertEquals(attempt(), [Vector.GP, 0], "NT");
  assertEquals(cpu.gpr[Gpr.RSP], BigInt(STACK0));
  assertEquals(cpu.cpl, 0);
});

Deno.test("a user program cannot change IOPL or IF with IRET, nor return inwards", () => {
  const cpu = longCpu(3);
  cpu.gpr[Gpr.RSP] = BigInt(STACK0);
  cpu.rflags = Flag.IF | 2;
  frame64(
    cpu,
    0x1000n,
    BigInt(Selector.CODE64_3),
    BigInt(Flag.IOPL | Flag.CF | 2),
    0x2000n,
    BigInt(Selector.DATA3),
  );
  iret(cpu, 0n, 8n);
  assertEquals(cpu.rflags, Flag.IF | Flag.CF | 2);
  cpu.gpr[Gpr.RSP] = BigInt(STACK0);
  frame64(cpu, 0x1000n, BigInt(Selector.CODE64), 2n, 0x2000n, BigInt(Selector.DATA0));
  assertEquals(faultOf(() => iret(cpu, 0n, 8n)), [Vector.GP, Selector.CODE64]);
});

Deno.test("protected mode: return to ring 3 and return to the same level", () => {
  const cpu = protectedCpu(0);
  frame32(cpu, 0x8048000, Selector.CODE3, Flag.IF | 2, 0xbffff000, Selector.DATA3);
  iret(cpu, 0n, 4n);
  assertEquals([cpu.rip, cpu.cpl, cpu.gpr[Gpr.RSP]], [0x8048000n, 3, 0xbffff000n]);

  const same = protectedCpu(0);
  frame32(same, 0x1000, Selector.CODE0, 2);
  iret(same, 0n, 4n);
  assertEquals([same.rip, same.cpl, same.gpr[Gpr.RSP]], [0x1000n, 0, BigInt(STACK0 + 12)]);
});

Deno.test("a 16-bit stack segment keeps the upper half of ESP", () => {
  const cpu = protectedCpu(0);
  writeDescriptor(cpu, Layout.GDT + Selector.FREE, 0, 0xffff, 0xf2, 0);
  cpu.gpr[Gpr.RSP] = BigInt(STACK0);
  frame32(cpu, 0x1000, Selector.CODE3, 2, 0x12345678, Selector.FREE | 3);
  iret(cpu, 0n, 4n);
  assertEquals(cpu.gpr[Gpr.RSP], 0x5678n);
});

Deno.test("ring 0 returns to virtual-8086 mode", () => {
  const cpu = protectedCpu(0);
  const flags = Flag.VM | Flag.IF | Flag.IOPL | 2;
  frame32(cpu, 0x100, 0x2000, flags, 0xfffe, 0x3000, 0x11, 0x22, 0x33, 0x44);
  iret(cpu, 0n, 4n);
  assertEquals(cpu.rflags, flags);
  assertEquals(cpu.cpl, 3);
  assertEquals(cpu.codeMode, CodeMode.Bits16);
  assertEquals([cpu.rip, cpu.gpr[Gpr.RSP]], [0x100n, 0xfffen]);
  const { ES, CS, SS, DS, FS, GS } = Segment;
  const selectors = [CS, SS, ES, DS, FS, GS].map((segment) => cpu.segmentSelector(segment));
  assertEquals(selectors, [0x2000, 0x3000, 0x11, 0x22, 0x33, 0x44]);
  assertEquals(cpu.segmentBase(SS), 0x30000n);
  assertEquals(cpu.segmentAttributes(CS), 0xf3);
});

Deno.test("virtual-8086 mode: IRET needs IOPL 3 and does not change it", () => {
  const cpu = protectedCpu(3);
  for (let i = 0; i < 6; i++) cpu.setSegment(i, 0, 0n, 0xffff, 0xf3);
  cpu.gpr[Gpr.RSP] = BigInt(STACK3);
  cpu.rflags = Flag.VM | 2;
  assertEquals(faultOf(() => iret(cpu, 0n, 2n)), [Vector.GP, 0]);
  cpu.rflags = Flag.VM | Flag.IOPL | 2;
  cpu.memory.write(BigInt(STACK3), 4, 0x20000100);
  cpu.memory.write(BigInt(STACK3 + 4), 2, Flag.IF | Flag.CF);
  iret(cpu, 0n, 2n);
  assertEquals(cpu.rflags, Flag.VM | Flag.IOPL | Flag.IF | Flag.CF | 2);
  assertEquals([cpu.rip, cpu.segmentBase(Segment.CS)], [0x100n, 0x20000n]);
});

Deno.test("real mode: IRET loads IOPL and IF", () => {
  const cpu = realCpu();
  cpu.memory.write(BigInt(STACK3), 4, 0xf0000100);
  cpu.memory.write(BigInt(STACK3 + 4), 2, 0xffff);
  iret(cpu, 0n, 2n);
  assertEquals([cpu.rip, cpu.segmentSelector(Segment.CS), cpu.cpl], [0x100n, 0xf000, 0]);
  assertEquals(cpu.rflags, 0x7fd7);
  assertEquals(cpu.gpr[Gpr.RSP], BigInt(STACK3 + 6));
});
