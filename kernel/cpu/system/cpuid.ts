/**
 * CPUID: exactly what this CPU has (SDM volume 2, CPUID).
 *
 * The model is that of an in-order CPU, which this one is as far as a guest can measure: it speculates on nothing.
 * Linux therefore spends no time on retpolines, page table isolation and their like.
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { APIC_BASE, CodeMode, CR, Cr4, Gpr } from "../state.ts";
import { modelSpecificRegisters } from "./model_specific.ts";
import { getGpr32, setGpr32 } from "./register_halves.ts";

/** Physical addresses have this many bits. */
export const PHYSICAL_ADDRESS_BITS = 40;
const LINEAR_ADDRESS_BITS = 48;

/** Family 6, model 0x36, stepping 1. */
const SIGNATURE = 0x00030661;
const BRAND = "Atoll x86-64 software CPU";
const VENDOR = "GenuineIntel";
const HYPERVISOR = "AtollAtollAt";
const MAX_BASIC = 0x16;
const MAX_HYPERVISOR = 0x40000000;
const MAX_EXTENDED = 0x80000008;
/** Bytes of the XSAVE area: legacy region and header. */
const XSAVE_SIZE = 576;
/** APIC global enable of IA32_APIC_BASE. */
const APIC_GLOBAL_ENABLE = 1 << 11;
const OSXSAVE = 1 << 27;
const APIC = 1 << 9;
const HTT = 1 << 28;
const SYSCALL = 1 << 11;

const bits = (...numbers: number[]) => numbers.reduce((set, number) => set | (1 << number), 0);

/** SSE3, SSSE3, CX16, PCID, SSE4.1, SSE4.2, MOVBE, POPCNT, TSC deadline, XSAVE, RDRAND, hypervisor. */
const LEAF1_ECX = bits(0, 9, 13, 17, 19, 20, 22, 23, 24, 26, 30, 31);
/** FPU, DE, PSE, TSC, MSR, PAE, MCE, CX8, SEP, MTRR, PGE, MCA (without banks), CMOV, PAT, PSE-36, CLFSH, MMX, FXSR, SSE, SSE2. */
const LEAF1_EDX = bits(0, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 19, 23, 24, 25, 26);
/** FSGSBASE, TSC_ADJUST, SMEP, ERMS, INVPCID, RDSEED, SMAP. */
const LEAF7_EBX = bits(0, 1, 7, 9, 10, 18, 20);
/** UMIP, RDPID. */
const LEAF7_ECX = bits(2, 22);
/** FSRM, SERIALIZE, IA32_ARCH_CAPABILITIES. */
const LEAF7_EDX = bits(4, 14, 29);
/** ARAT. */
const LEAF6_EAX = bits(2);
/** LAHF and SAHF in 64-bit mode. */
const EXTENDED1_ECX = bits(0);
/** NX, 1 GiB pages, RDTSCP, long mode. */
const EXTENDED1_EDX = bits(20, 26, 27, 29);
/** Invariant TSC. */
const EXTENDED7_EDX = bits(8);

/** EAX, EBX, ECX and EDX. */
export type Leaf = readonly [eax: number, ebx: number, ecx: number, edx: number];

const NOTHING: Leaf = [0, 0, 0, 0];

/** No operands: EAX and ECX, results in EAX, EBX, ECX and EDX. CPUID. */
export function cpuid(cpu: Cpu): void {
  const [eax, ebx, ecx, edx] = cpuidLeaf(cpu, getGpr32(cpu, Gpr.RAX), getGpr32(cpu, Gpr.RCX));
  setGpr32(cpu, Gpr.RAX, eax);
  setGpr32(cpu, Gpr.RBX, ebx);
  setGpr32(cpu, Gpr.RCX, ecx);
  setGpr32(cpu, Gpr.RDX, edx);
}

/** What CPUID gives for a leaf and subleaf, as 32-bit words whose sign does not matter. */
export function cpuidLeaf(cpu: Cpu, leaf: number, subleaf: number): Leaf {
  if (leaf >= 0x80000000 && leaf <= MAX_EXTENDED) return extendedLeaf(cpu, leaf);
  if (leaf === MAX_HYPERVISOR) {
    const [ebx, ecx, edx] = words(HYPERVISOR);
    return [MAX_HYPERVISOR, ebx, ecx, edx];
  }
  if (leaf > MAX_HYPERVISOR && leaf < 0x50000000) return NOTHING;
  // A leaf beyond the last gives the data of the last.
  return basicLeaf(cpu, leaf > MAX_BASIC ? MAX_BASIC : leaf, subleaf);
}

function basicLeaf(cpu: Cpu, leaf: number, subleaf: number): Leaf {
  switch (leaf) {
    case 0: {
      const [ebx, edx, ecx] = words(VENDOR);
      return [MAX_BASIC, ebx, ecx, edx];
    }
    case 1:
      return features(cpu);
    case 2:
      // Descriptors of TLBs; 0xff sends the reader to leaf 4 for caches.
      return [0x76036301, 0x00f0b5ff, 0, 0x00c30000];
    case 4:
      return cache(subleaf);
    case 6:
      return [LEAF6_EAX, 0, 0, 0];
    case 7:
      return subleaf === 0 ? [0, LEAF7_EBX, LEAF7_ECX, LEAF7_EDX] : NOTHING;
    case 0xb:
      return topology(cpu, subleaf);
    case 0xd:
      if (subleaf === 0) return [3, XSAVE_SIZE, XSAVE_SIZE, 0];
      return subleaf === 1 ? [1, 0, 0, 0] : NOTHING;
    case 0x15:
      return crystal(cpu.tscFrequency);
    case 0x16: {
      const megahertz = Math.round(cpu.tscFrequency / 1e6);
      return [megahertz, megahertz, 100, 0];
    }
    default:
      return NOTHING;
  }
}

function features(cpu: Cpu): Leaf {
  const { apicId, processors } = modelSpecificRegisters(cpu);
  const clflushLine = 64 / 8;
  const ebx = (clflushLine << 8) | (processors << 16) | (apicId << 24);
  const osxsave = (cpu.get32(CR + 4 * 8) & Cr4.OSXSAVE) !== 0 ? OSXSAVE : 0;
  const apic = (cpu.get32(APIC_BASE) & APIC_GLOBAL_ENABLE) !== 0 ? APIC : 0;
  return [SIGNATURE, ebx, LEAF1_ECX | osxsave, LEAF1_EDX | apic | (processors > 1 ? HTT : 0)];
}

/** Leaf 4: 32 KiB L1 data, 32 KiB L1 instruction, 1 MiB L2; lines of 64 bytes. */
function cache(subleaf: number): Leaf {
  const line = 64;
  const make = (type: number, level: number, ways: number, kibibytes: number): Leaf => {
    const sets = (kibibytes * 1024) / (ways * line);
    const selfInitializing = 1 << 8;
    return [type | (level << 5) | selfInitializing, ((ways - 1) << 22) | (line - 1), sets - 1, 0];
  };
  if (subleaf === 0) return make(1, 1, 8, 32);
  if (subleaf === 1) return make(2, 1, 8, 32);
  return subleaf === 2 ? make(3, 2, 16, 1024) : NOTHING;
}

/** Leaf 0xb: one thread a core; every vCPU is a core of one package. */
function topology(cpu: Cpu, subleaf: number): Leaf {
  const { apicId, processors } = modelSpecificRegisters(cpu);
  if (subleaf === 0) return [0, 1, 1 << 8, apicId];
  if (subleaf === 1) return [Math.ceil(Math.log2(processors)), processors, (2 << 8) | 1, apicId];
  return [0, 0, subleaf & 0xff, apicId];
}

/** Leaf 0x15: TSC frequency = crystal * EBX / EAX, exact. The local APIC timer counts the crystal. */
function crystal(tscFrequency: number): Leaf {
  const ratio = Math.ceil(tscFrequency / 0xffffffff);
  return [1, ratio, Math.round(tscFrequency / ratio), 0];
}

function extendedLeaf(cpu: Cpu, leaf: number): Leaf {
  switch (leaf) {
    case 0x80000000:
      return [MAX_EXTENDED, 0, 0, 0];
    case 0x80000001: {
      const syscall = cpu.codeMode === CodeMode.Bits64 ? SYSCALL : 0;
      return [0, 0, EXTENDED1_ECX, EXTENDED1_EDX | syscall];
    }
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: {
      const start = (leaf - 0x80000002) * 16;
      const [eax, ebx, ecx, edx] = words(BRAND.padEnd(48, "\0").slice(start, start + 16));
      return [eax, ebx, ecx, edx];
    }
    case 0x80000006:
      // L2: 1024 KiB, 16 ways, lines of 64 bytes.
      return [0, 0, (1024 << 16) | (8 << 12) | 64, 0];
    case 0x80000007:
      return [0, 0, 0, EXTENDED7_EDX];
    case 0x80000008:
      return [PHYSICAL_ADDRESS_BITS | (LINEAR_ADDRESS_BITS << 8), 0, 0, 0];
    default:
      return NOTHING;
  }
}

/** ASCII text as little-endian words. */
function words(text: string): [number, number, number, number] {
  const word = (at: number) => {
    let value = 0;
    for (let i = 0; i < 4; i++) value |= (text.charCodeAt(at + i) || 0) << (8 * i);
    return value;
  };
  return [word(0), word(4), word(8), word(12)];
}
