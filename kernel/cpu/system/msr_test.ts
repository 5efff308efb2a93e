import { assertEquals, assertThrows } from "@std/assert";
import { CR, Cr4, EFER, Efer, Gpr, Segment, TSC_ADJUST, TSC_AUX, Vector } from "../state.ts";
import { cpuidLeaf } from "./cpuid.ts";
import { ModelSpecificRegisters, modelSpecificRegisters } from "./model_specific.ts";
import { Msr, rdmsr, readMsr, writeMsr, wrmsr } from "./msr.ts";
import { rdpmc, rdtsc, rdtscp } from "./time_stamp.ts";
import { faultOf, longCpu, protectedCpu } from "./test_cpu.ts";

Deno.test("RDMSR and WRMSR use ECX and EDX:EAX, and clear upper halves", () => {
  const cpu = longCpu(0);
  cpu.gpr[Gpr.RCX] = 0xffff_ffff_c000_0102n;
  cpu.gpr[Gpr.RAX] = 0x1111_1111_2222_2222n;
  cpu.gpr[Gpr.RDX] = 0x3333_3333_ffff_8880n;
  wrmsr(cpu);
  assertEquals(readMsr(cpu, Msr.IA32_KERNEL_GS_BASE), 0xffff_8880_2222_2222n);
  rdmsr(cpu);
  assertEquals([cpu.gpr[Gpr.RAX], cpu.gpr[Gpr.RDX]], [0x2222_2222n, 0xffff_8880n]);
  cpu.gpr[Gpr.RCX] = 0xc0010015n;
  assertEquals(faultOf(() => rdmsr(cpu)), [Vector.GP, 0]);
  assertEquals(faultOf(() => wrmsr(cpu)), [Vector.GP, 0]);
  assertEquals(faultOf(() => rdmsr(longCpu(3))), [Vector.GP, 0]);
});

Deno.test("values that registers refuse", () => {
  const cpu = longCpu(0);
  const bad = 1n << 47n;
  for (const msr of [Msr.IA32_LSTAR, Msr.IA32_FS_BASE, Msr.IA32_GS_BASE, Msr.IA32_KERNEL_GS_BASE]) {
    assertEquals(writeMsr(cpu, msr, bad), false, `0x${msr.toString(16)}`);
  }
  assertEquals(writeMsr(cpu, Msr.IA32_PAT, 0x0007_0406_0007_0402n), false);
  assertEquals(writeMsr(cpu, Msr.IA32_PAT, 0x0407_0506_0007_0106n), true);
  assertEquals(writeMsr(cpu, Msr.IA32_TSC_AUX, 1n << 32n), false);
  assertEquals(writeMsr(cpu, Msr.IA32_ARCH_CAPABILITIES, 0n), false);
  assertEquals(writeMsr(cpu, 0x200, 2n), false, "no such memory type");
  assertEquals(writeMsr(cpu, 0x201, 1n << 40n), false, "no such address");
  assertEquals(writeMsr(cpu, 0xfe, 0n), false, "read-only");
});

Deno.test("EFER: LME is fixed while paging, LMA cannot be written, NXE changes paging", () => {
  const cpu = longCpu(0);
  assertEquals(writeMsr(cpu, Msr.IA32_EFER, BigInt(Efer.SCE)), false);
  assertEquals(writeMsr(cpu, Msr.IA32_EFER, 1n << 12n), false);
  assertEquals(writeMsr(cpu, Msr.IA32_EFER, BigInt(Efer.LME | Efer.NXE)), true);
  assertEquals(cpu.get32(EFER), Efer.LME | Efer.LMA | Efer.NXE);
  assertEquals(cpu.changes, [{ kind: "mode" }]);
  const legacy = protectedCpu(0);
  assertEquals(writeMsr(legacy, Msr.IA32_EFER, BigInt(Efer.LME | Efer.LMA)), true);
  assertEquals(legacy.get32(EFER), Efer.LME);
});

Deno.test("the time-stamp counter and its adjustment move together", () => {
  const cpu = longCpu(0);
  assertEquals(writeMsr(cpu, Msr.IA32_TIME_STAMP_COUNTER, 5n), true);
  assertEquals(cpu.readTsc(), 5n);
  assertEquals(cpu.get64(TSC_ADJUST), 2n ** 64n - 995n);
  assertEquals(writeMsr(cpu, Msr.IA32_TSC_ADJUST, 0n), true);
  assertEquals(cpu.readTsc(), 1000n);
});

Deno.test("RDTSC, RDTSCP, RDPMC", () => {
  const cpu = longCpu(3);
  cpu.tsc = 0x1_2345_6789n;
  cpu.set64(TSC_AUX, 7n);
  rdtscp(cpu);
  assertEquals([cpu.gpr[Gpr.RAX], cpu.gpr[Gpr.RDX], cpu.gpr[Gpr.RCX]], [0x2345_6789n, 1n, 7n]);
  cpu.set64(CR + 32, BigInt(Cr4.PAE | Cr4.TSD));
  assertEquals(faultOf(() => rdtsc(cpu)), [Vector.GP, 0]);
  assertEquals(faultOf(() => rdpmc(cpu)), [Vector.GP, 0]);
});

Deno.test("APIC registers are the local APIC's", () => {
  const cpu = longCpu(0);
  assertEquals(readMsr(cpu, Msr.IA32_TSC_DEADLINE), undefined);
  cpu.apicMsrs.set(0x6e0, 5n);
  assertEquals(writeMsr(cpu, 0x6e0, 6n), true);
  assertEquals(readMsr(cpu, 0x6e0), 6n);
  assertEquals(readMsr(cpu, 0x802), undefined);
});

Deno.test("segment bases, memory types and their saved form", () => {
  const cpu = longCpu(0);
  writeMsr(cpu, Msr.IA32_FS_BASE, 0x7f00_0000_0000n);
  assertEquals(cpu.segmentBase(Segment.FS), 0x7f00_0000_0000n);
  assertEquals(readMsr(cpu, 0x2ff), 0x806n, "write-back");
  writeMsr(cpu, 0x201, 0xff_c000_0800n);
  writeMsr(cpu, 0x26f, 0x0606_0606_0606_0606n);
  const restored = new ModelSpecificRegisters();
  restored.restore(modelSpecificRegisters(cpu).save());
  assertEquals(restored.save(), modelSpecificRegisters(cpu).save());
  assertEquals(restored.mtrrVariable[1], 0xff_c000_0800n);
  assertThrows(() => restored.restore({ mtrrDefType: 1 }), TypeError);
});

Deno.test("CPUID: identity, mirrored bits, exact frequency", () => {
  const cpu = longCpu(0);
  const text = (...words: number[]) => {
    const bytes = new Uint8Array(new Uint32Array(words).buffer);
    return new TextDecoder().decode(bytes).replace(/\0+$/, "");
  };
  const [max, b, c, d] = cpuidLeaf(cpu, 0, 0);
  assertEquals([max, text(b, d, c)], [0x16, "GenuineIntel"]);
  const brand = [0x80000002, 0x80000003, 0x80000004].flatMap((leaf) => [...cpuidLeaf(cpu, leaf, 0)]);
  assertEquals(text(...brand), "Atoll x86-64 software CPU");
  const [hypervisorMax, ...signature] = cpuidLeaf(cpu, 0x40000000, 0);
  assertEquals([hypervisorMax, text(...signature)], [0x40000000, "AtollAtollAt"]);
  assertEquals(cpuidLeaf(cpu, 1, 0)[2] & (1 << 27), 0);
  cpu.set64(CR + 32, BigInt(Cr4.PAE | Cr4.OSXSAVE));
  assertEquals(cpuidLeaf(cpu, 1, 0)[2] & (1 << 27), 1 << 27);
  assertEquals(cpuidLeaf(cpu, 0x15, 0), [1, 1, 1_000_000_000, 0]);
  assertEquals(cpuidLeaf(cpu, 0xd, 0), [3, 576, 576, 0]);
  assertEquals(cpuidLeaf(cpu, 0x80000008, 0)[0], 0x3028);
  assertEquals(cpuidLeaf(cpu, 0x12345678, 0), cpuidLeaf(cpu, 0x16, 0), "beyond the last leaf");
  assertEquals(cpuidLeaf(cpu, 0x80000001, 0)[3] & (1 << 11), 1 << 11);
  assertEquals(cpuidLeaf(protectedCpu(0), 0x80000001, 0)[3] & (1 << 11), 0, "SYSCALL is 64-bit only");
});

Deno.test("CPUID topology: every vCPU is a core", () => {
  const cpu = longCpu(0);
  const registers = modelSpecificRegisters(cpu);
  assertEquals(cpuidLeaf(cpu, 0xb, 1), [0, 1, 0x201, 0]);
  registers.apicId = 2;
  registers.processors = 3;
  assertEquals(cpuidLeaf(cpu, 0xb, 0), [0, 1, 0x100, 2]);
  assertEquals(cpuidLeaf(cpu, 0xb, 1), [2, 3, 0x201, 2]);
  assertEquals(cpuidLeaf(cpu, 1, 0)[1] >>> 24, 2);
});
