import { assertEquals } from "@std/assert";
import {
  CodeMode,
  CR,
  Cr4,
  EFER,
  Flag,
  Gpr,
  LSTAR,
  Segment,
  SFMASK,
  STAR,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
  Vector,
} from "../state.ts";
import { readSegmentBase, syscall, sysenter, sysexit, sysret, writeSegmentBase } from "./system_call.ts";
import { faultOf, longCpu, protectedCpu } from "./test_cpu.ts";

const KERNEL_ENTRY = 0xffffffff81e00080n;

Deno.test("SYSCALL and SYSRET there and back", () => {
  const cpu = longCpu(3);
  cpu.set64(STAR, 0x0023_0010_0000_0000n);
  cpu.set64(LSTAR, KERNEL_ENTRY);
  cpu.set64(SFMASK, 0x257fd5n);
  cpu.rflags = Flag.IF | Flag.ZF | Flag.RF | 2;
  syscall(cpu);
  assertEquals([cpu.rip, cpu.cpl], [KERNEL_ENTRY, 0]);
  assertEquals([cpu.segmentSelector(Segment.CS), cpu.segmentSelector(Segment.SS)], [0x10, 0x18]);
  assertEquals([cpu.segmentAttributes(Segment.CS), cpu.segmentAttributes(Segment.SS)], [0xa9b, 0xc93]);
  assertEquals([cpu.gpr[Gpr.RCX], cpu.gpr[Gpr.R11]], [0x1234n, BigInt(Flag.IF | Flag.ZF | 2)]);
  assertEquals(cpu.rflags, 2);

  sysret(cpu, 0n, 8n);
  assertEquals([cpu.rip, cpu.cpl, cpu.codeMode], [0x1234n, 3, CodeMode.Bits64]);
  assertEquals([cpu.segmentSelector(Segment.CS), cpu.segmentSelector(Segment.SS)], [0x33, 0x2b]);
  assertEquals([cpu.segmentAttributes(Segment.CS), cpu.segmentAttributes(Segment.SS)], [0xafb, 0xcf3]);
  assertEquals(cpu.rflags, Flag.IF | Flag.ZF | 2);
});

Deno.test("SYSRET to 32-bit code cuts RIP", () => {
  const cpu = longCpu(0);
  cpu.set64(STAR, 0x0023_0010_0000_0000n);
  cpu.gpr[Gpr.RCX] = 0x1_0804_8000n;
  sysret(cpu, 0n, 4n);
  assertEquals([cpu.rip, cpu.codeMode, cpu.segmentSelector(Segment.CS)], [0x8048000n, CodeMode.Bits32, 0x23]);
});

Deno.test("SYSCALL and SYSRET: where they do not work", () => {
  const user = longCpu(3);
  assertEquals(faultOf(() => sysret(user, 0n, 8n)), [Vector.GP, 0]);
  user.set64(EFER, user.get64(EFER) & ~1n);
  assertEquals(faultOf(() => syscall(user)), [Vector.UD, undefined]);
  assertEquals(faultOf(() => syscall(protectedCpu(3))), [Vector.UD, undefined]);
  const kernel = longCpu(0);
  kernel.gpr[Gpr.RCX] = 0x8000_0000_0000n;
  assertEquals(faultOf(() => sysret(kernel, 0n, 8n)), [Vector.GP, 0], "not canonical");
  assertEquals(kernel.cpl, 0);
});

Deno.test("SYSENTER and SYSEXIT, 32-bit", () => {
  const cpu = protectedCpu(3);
  assertEquals(faultOf(() => sysenter(cpu)), [Vector.GP, 0]);
  cpu.set64(SYSENTER_CS, 0x60n);
  cpu.set64(SYSENTER_ESP, 0xc0001000n);
  cpu.set64(SYSENTER_EIP, 0xc0100000n);
  cpu.rflags = Flag.IF | 2;
  sysenter(cpu);
  assertEquals([cpu.rip, cpu.gpr[Gpr.RSP], cpu.cpl, cpu.rflags], [0xc0100000n, 0xc0001000n, 0, 2]);
  assertEquals([cpu.segmentSelector(Segment.CS), cpu.segmentSelector(Segment.SS)], [0x60, 0x68]);
  cpu.gpr[Gpr.RDX] = 0x8048000n;
  cpu.gpr[Gpr.RCX] = 0xbffff000n;
  sysexit(cpu, 0n, 4n);
  assertEquals([cpu.rip, cpu.gpr[Gpr.RSP], cpu.cpl], [0x8048000n, 0xbffff000n, 3]);
  assertEquals([cpu.segmentSelector(Segment.CS), cpu.segmentSelector(Segment.SS)], [0x73, 0x7b]);
});

Deno.test("SYSENTER from 32-bit code under a 64-bit kernel enters 64-bit mode", () => {
  const cpu = longCpu(3);
  cpu.setSegment(Segment.CS, 0x23, 0n, 0xffffffff, 0xcfb);
  cpu.set64(SYSENTER_CS, 0x10n);
  cpu.set64(SYSENTER_EIP, KERNEL_ENTRY);
  sysenter(cpu);
  assertEquals([cpu.rip, cpu.codeMode], [KERNEL_ENTRY, CodeMode.Bits64]);
});

Deno.test("FS and GS bases need CR4.FSGSBASE and canonical addresses", () => {
  const cpu = longCpu(3);
  const fs = BigInt(Segment.FS);
  assertEquals(faultOf(() => readSegmentBase(cpu, fs)), [Vector.UD, undefined]);
  cpu.set64(CR + 32, cpu.get64(CR + 32) | BigInt(Cr4.FSGSBASE));
  writeSegmentBase(cpu, -0x1000n, fs | (8n << 8n));
  assertEquals(readSegmentBase(cpu, fs), 0xffff_ffff_ffff_f000n);
  writeSegmentBase(cpu, -0x1000n, fs | (4n << 8n));
  assertEquals(readSegmentBase(cpu, fs), 0xffff_f000n);
  assertEquals(faultOf(() => writeSegmentBase(cpu, 1n << 47n, fs | (8n << 8n))), [Vector.GP, 0]);
});
