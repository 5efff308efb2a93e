/**
 * RDMSR and WRMSR (SDM volume 4). Any register that is not here is a #GP(0).
 *
 * @module
 */

import type { Cpu, PagingChange } from "../cpu.ts";
import {
  CR,
  Cr0,
  CSTAR,
  EFER,
  Efer,
  Gpr,
  KERNEL_GS_BASE,
  LSTAR,
  PAT,
  Segment,
  SFMASK,
  STAR,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
  TSC_ADJUST,
  TSC_AUX,
  TSC_OFFSET,
} from "../state.ts";
import { generalProtection, requirePrivilege } from "./fault.ts";
import { canonical } from "./mode.ts";
import { modelSpecificRegisters } from "./model_specific.ts";
import { readMtrr, writeMtrr } from "./mtrr.ts";
import { getEdxEax, getGpr32, setEdxEax } from "./register_halves.ts";

/** Numbers of model-specific registers. */
export enum Msr {
  IA32_TIME_STAMP_COUNTER = 0x10,
  IA32_PLATFORM_ID = 0x17,
  IA32_APIC_BASE = 0x1b,
  IA32_FEATURE_CONTROL = 0x3a,
  IA32_TSC_ADJUST = 0x3b,
  IA32_BIOS_UPDT_TRIG = 0x79,
  IA32_BIOS_SIGN_ID = 0x8b,
  MSR_PLATFORM_INFO = 0xce,
  IA32_ARCH_CAPABILITIES = 0x10a,
  MISC_FEATURES_ENABLES = 0x140,
  IA32_SYSENTER_CS = 0x174,
  IA32_SYSENTER_ESP = 0x175,
  IA32_SYSENTER_EIP = 0x176,
  IA32_MCG_CAP = 0x179,
  IA32_MCG_STATUS = 0x17a,
  IA32_MISC_ENABLE = 0x1a0,
  IA32_DEBUGCTL = 0x1d9,
  IA32_PAT = 0x277,
  IA32_TSC_DEADLINE = 0x6e0,
  X2APIC_FIRST = 0x800,
  X2APIC_LAST = 0x83f,
  IA32_EFER = 0xc0000080,
  IA32_STAR = 0xc0000081,
  IA32_LSTAR = 0xc0000082,
  IA32_CSTAR = 0xc0000083,
  IA32_FMASK = 0xc0000084,
  IA32_FS_BASE = 0xc0000100,
  IA32_GS_BASE = 0xc0000101,
  IA32_KERNEL_GS_BASE = 0xc0000102,
  IA32_TSC_AUX = 0xc0000103,
}

/** Bit 0 of IA32_FEATURE_CONTROL: locked, with nothing enabled. */
const FEATURE_CONTROL_LOCKED = 1n;
/** Microcode revision in the upper half of IA32_BIOS_SIGN_ID; zero would mean that none is loaded. */
const MICROCODE_REVISION = 1n << 32n;
const EFER_BITS = BigInt(Efer.SCE | Efer.LME | Efer.LMA | Efer.NXE);
/** LBR and BTF. */
const DEBUGCTL_BITS = 3n;
/** Bits of IA32_MISC_ENABLE that say what is missing and cannot be written: BTS and PEBS unavailable. */
const MISC_ENABLE_FIXED = 0x1800n;

const bit = (number: number) => 1n << BigInt(number);

/** Fast strings, thermal control, FERR, SpeedStep, MONITOR, limit CPUID, xTPR, XD disable. */
const MISC_ENABLE_BITS = bit(0) | bit(3) | bit(10) | bit(16) | bit(18) | bit(22) | bit(23) | bit(34);

/**
 * IA32_ARCH_CAPABILITIES: this CPU does not speculate, so it has none of the flaws that these bits deny:
 * RDCL_NO, SKIP_L1DFL, SSB_NO, MDS_NO, PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO, FBSDP_NO, PSDP_NO, BHI_NO,
 * PBRSB_NO, GDS_NO, RFDS_NO, ITS_NO.
 */
const ARCH_CAPABILITIES = bit(0) | bit(3) | bit(4) | bit(5) | bit(6) | bit(8) | bit(13) | bit(14) | bit(15) |
  bit(20) | bit(24) | bit(26) | bit(27) | bit(62);

const MODE_CHANGE: PagingChange = { kind: "mode" };

/** No operands: ECX, result in EDX:EAX. RDMSR. */
export function rdmsr(cpu: Cpu): void {
  requirePrivilege(cpu);
  const value = readMsr(cpu, getGpr32(cpu, Gpr.RCX));
  if (value === undefined) throw generalProtection(0);
  setEdxEax(cpu, value);
}

/** No operands: ECX and EDX:EAX. WRMSR. */
export function wrmsr(cpu: Cpu): void {
  requirePrivilege(cpu);
  if (!writeMsr(cpu, getGpr32(cpu, Gpr.RCX), getEdxEax(cpu))) throw generalProtection(0);
}

/** Value of a register; `undefined` if there is none of this number. */
export function readMsr(cpu: Cpu, msr: number): bigint | undefined {
  switch (msr) {
    case Msr.IA32_TIME_STAMP_COUNTER:
      return cpu.readTsc();
    case Msr.IA32_TSC_ADJUST:
      return cpu.get64(TSC_ADJUST);
    case Msr.IA32_APIC_BASE:
    case Msr.IA32_TSC_DEADLINE:
      return cpu.readApicMsr(msr);
    case Msr.IA32_PLATFORM_ID:
    case Msr.MISC_FEATURES_ENABLES:
    case Msr.IA32_MCG_CAP:
    case Msr.IA32_MCG_STATUS:
      return 0n;
    case Msr.IA32_FEATURE_CONTROL:
      return FEATURE_CONTROL_LOCKED;
    case Msr.IA32_BIOS_SIGN_ID:
      return MICROCODE_REVISION;
    case Msr.MSR_PLATFORM_INFO:
      // Maximum non-turbo ratio, in units of 100 MHz.
      return BigInt(Math.min(0xff, Math.round(cpu.tscFrequency / 1e8))) << 8n;
    case Msr.IA32_ARCH_CAPABILITIES:
      return ARCH_CAPABILITIES;
    case Msr.IA32_MISC_ENABLE:
      return modelSpecificRegisters(cpu).miscEnable;
    case Msr.IA32_DEBUGCTL:
      return modelSpecificRegisters(cpu).debugControl;
    case Msr.IA32_FS_BASE:
      return cpu.segmentBase(Segment.FS);
    case Msr.IA32_GS_BASE:
      return cpu.segmentBase(Segment.GS);
    default: {
      const address = stored(msr);
      if (address !== undefined) return cpu.get64(address);
      if (msr >= Msr.X2APIC_FIRST && msr <= Msr.X2APIC_LAST) return cpu.readApicMsr(msr);
      return readMtrr(modelSpecificRegisters(cpu), msr);
    }
  }
}

/** Writes a register; `false` if there is none of this number, it is read-only or the value is not valid. */
export function writeMsr(cpu: Cpu, msr: number, value: bigint): boolean {
  switch (msr) {
    case Msr.IA32_TSC_DEADLINE:
    case Msr.IA32_APIC_BASE:
      return cpu.writeApicMsr(msr, value);
    case Msr.IA32_FS_BASE:
    case Msr.IA32_GS_BASE:
      if (!canonical(value)) return false;
      cpu.setSegmentBase(msr === Msr.IA32_FS_BASE ? Segment.FS : Segment.GS, value);
      return true;
    case Msr.IA32_KERNEL_GS_BASE:
    case Msr.IA32_LSTAR:
    case Msr.IA32_CSTAR:
    case Msr.IA32_SYSENTER_ESP:
    case Msr.IA32_SYSENTER_EIP:
      return canonical(value) && store(cpu, msr, value);
    case Msr.IA32_STAR:
    case Msr.IA32_FMASK:
    case Msr.IA32_SYSENTER_CS:
      return store(cpu, msr, value);
    case Msr.IA32_TSC_AUX:
      return value >> 32n === 0n && store(cpu, msr, value);
    case Msr.IA32_PAT:
      return validPat(value) && store(cpu, msr, value);
    case Msr.IA32_EFER:
      return writeEfer(cpu, value);
    case Msr.IA32_TIME_STAMP_COUNTER:
      adjustTsc(cpu, value - cpu.readTsc());
      return true;
    case Msr.IA32_TSC_ADJUST:
      adjustTsc(cpu, value - cpu.get64(TSC_ADJUST));
      return true;
    case Msr.IA32_MISC_ENABLE: {
      const registers = modelSpecificRegisters(cpu);
      registers.miscEnable = (value & MISC_ENABLE_BITS) | MISC_ENABLE_FIXED;
      return true;
    }
    case Msr.IA32_DEBUGCTL:
      if ((value & ~DEBUGCTL_BITS) !== 0n) return false;
      modelSpecificRegisters(cpu).debugControl = value;
      return true;
    case Msr.IA32_BIOS_SIGN_ID:
    case Msr.IA32_BIOS_UPDT_TRIG:
      return true;
    case Msr.MISC_FEATURES_ENABLES:
    case Msr.IA32_MCG_STATUS:
      return value === 0n;
    default:
      if (msr >= Msr.X2APIC_FIRST && msr <= Msr.X2APIC_LAST) return cpu.writeApicMsr(msr, value);
      return writeMtrr(modelSpecificRegisters(cpu), msr, value);
  }
}

/** Address of a register that is part of the architectural state as it is. */
function stored(msr: number): number | undefined {
  switch (msr) {
    case Msr.IA32_SYSENTER_CS:
      return SYSENTER_CS;
    case Msr.IA32_SYSENTER_ESP:
      return SYSENTER_ESP;
    case Msr.IA32_SYSENTER_EIP:
      return SYSENTER_EIP;
    case Msr.IA32_PAT:
      return PAT;
    case Msr.IA32_EFER:
      return EFER;
    case Msr.IA32_STAR:
      return STAR;
    case Msr.IA32_LSTAR:
      return LSTAR;
    case Msr.IA32_CSTAR:
      return CSTAR;
    case Msr.IA32_FMASK:
      return SFMASK;
    case Msr.IA32_KERNEL_GS_BASE:
      return KERNEL_GS_BASE;
    case Msr.IA32_TSC_AUX:
      return TSC_AUX;
    default:
      return undefined;
  }
}

function store(cpu: Cpu, msr: number, value: bigint): boolean {
  const address = stored(msr);
  if (address === undefined) return false;
  cpu.set64(address, value);
  return true;
}

/** PAT entries are UC, WC, WT, WP, WB or UC-. */
function validPat(value: bigint): boolean {
  for (let shift = 0n; shift < 64n; shift += 8n) {
    const type = (value >> shift) & 0xffn;
    if (type > 7n || type === 2n || type === 3n) return false;
  }
  return true;
}

function writeEfer(cpu: Cpu, value: bigint): boolean {
  if ((value & ~EFER_BITS) !== 0n) return false;
  const old = cpu.get32(EFER);
  const next = (Number(value) & ~Efer.LMA) | (old & Efer.LMA);
  const changed = old ^ next;
  if ((changed & Efer.LME) !== 0 && (cpu.get32(CR) & Cr0.PG) !== 0) return false;
  cpu.set64(EFER, BigInt(next));
  if ((changed & Efer.NXE) !== 0) cpu.pagingChanged(MODE_CHANGE);
  return true;
}

/** Moves the time-stamp counter, which IA32_TSC_ADJUST keeps account of (SDM volume 3, 18.17.3). */
function adjustTsc(cpu: Cpu, delta: bigint): void {
  cpu.set64(TSC_OFFSET, BigInt.asUintN(64, cpu.get64(TSC_OFFSET) + delta));
  cpu.set64(TSC_ADJUST, BigInt.asUintN(64, cpu.get64(TSC_ADJUST) + delta));
}
