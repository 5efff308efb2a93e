/**
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT and access to the bases of FS and GS (SDM volume 3, 5.8.7 and 5.8.8).
 *
 * These are among the most frequent instructions of a kernel: selectors come from 32-bit halves of the MSRs, so
 * that no BigInt is made for them.
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import {
  CodeMode,
  CR,
  Cr4,
  EFER,
  Efer,
  Flag,
  Gpr,
  LSTAR,
  Segment,
  SegmentAttribute,
  SFMASK,
  STAR,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
} from "../state.ts";
import {
  CODE32_ATTRIBUTES as CODE32,
  CODE64_ATTRIBUTES as CODE64,
  FLAT_DATA_ATTRIBUTES as FLAT_DATA,
  SYSRET_FLAGS,
} from "../flat_segments.ts";
import { generalProtection, requirePrivilege, undefinedOpcode } from "./fault.ts";
import { canonical, realMode, require64 } from "./mode.ts";
import { getGpr32, setGpr32 } from "./register_halves.ts";

const USER = 3 << SegmentAttribute.DPL_SHIFT;

function enterFlat(cpu: Cpu, codeSelector: number, code: number, cpl: number): void {
  const level = cpl << SegmentAttribute.DPL_SHIFT;
  cpu.setSegment(Segment.CS, codeSelector, 0n, 0xffffffff, code | level);
  cpu.cpl = cpl;
}

function setFlatStack(cpu: Cpu, selector: number, level: number): void {
  cpu.setSegment(Segment.SS, selector, 0n, 0xffffffff, FLAT_DATA | level);
}

function requireSyscall(cpu: Cpu): void {
  if ((cpu.get32(EFER) & Efer.SCE) === 0 || cpu.codeMode !== CodeMode.Bits64) throw undefinedOpcode();
}

/** No operands. SYSCALL. */
export function syscall(cpu: Cpu): void {
  requireSyscall(cpu);
  const flags = cpu.rflags;
  cpu.gpr[Gpr.RCX] = cpu.rip;
  setGpr32(cpu, Gpr.R11, flags & ~Flag.RF);
  const selector = cpu.get32(STAR + 4) & 0xfffc;
  enterFlat(cpu, selector, CODE64, 0);
  setFlatStack(cpu, selector + 8, 0);
  const entered = flags & ~(cpu.get32(SFMASK) | Flag.RF);
  cpu.rflags = entered;
  // A single step that FMASK ends has no trap in the kernel.
  cpu.singleStep = (entered & Flag.TF) !== 0;
  cpu.rip = cpu.get64(LSTAR);
}

/** a is not used, b = operand size in bytes (8 returns to 64-bit code). SYSRET. */
export function sysret(cpu: Cpu, _a: bigint, b: bigint): void {
  requireSyscall(cpu);
  requirePrivilege(cpu);
  const to64 = b === 8n;
  const target = cpu.gpr[Gpr.RCX];
  if (to64 && !canonical(target)) throw generalProtection(0);
  const selector = cpu.get32(STAR + 4) >>> 16;
  enterFlat(cpu, ((to64 ? selector + 16 : selector) & 0xffff) | 3, to64 ? CODE64 : CODE32, 3);
  setFlatStack(cpu, ((selector + 8) & 0xffff) | 3, USER);
  const flags = (getGpr32(cpu, Gpr.R11) & SYSRET_FLAGS) | 2;
  cpu.rflags = flags;
  // As if SYSCALL had just been executed: a single step traps before the next instruction.
  cpu.singleStep = (flags & Flag.TF) !== 0;
  cpu.rip = to64 ? target : BigInt.asUintN(32, target);
}

/** No operands. SYSENTER. */
export function sysenter(cpu: Cpu): void {
  const selector = cpu.get32(SYSENTER_CS) & 0xfffc;
  if (realMode(cpu) || selector === 0) throw generalProtection(0);
  const long = cpu.longMode;
  cpu.rflags &= ~(Flag.VM | Flag.IF | Flag.RF);
  enterFlat(cpu, selector, long ? CODE64 : CODE32, 0);
  setFlatStack(cpu, selector + 8, 0);
  const width = long ? 64 : 32;
  cpu.gpr[Gpr.RSP] = BigInt.asUintN(width, cpu.get64(SYSENTER_ESP));
  cpu.rip = BigInt.asUintN(width, cpu.get64(SYSENTER_EIP));
}

/** a is not used, b = operand size in bytes (8 returns to 64-bit code). SYSEXIT. */
export function sysexit(cpu: Cpu, _a: bigint, b: bigint): void {
  const selector = cpu.get32(SYSENTER_CS) & 0xfffc;
  if (realMode(cpu) || selector === 0 || cpu.cpl !== 0) throw generalProtection(0);
  const to64 = b === 8n;
  const target = cpu.gpr[Gpr.RDX];
  const pointer = cpu.gpr[Gpr.RCX];
  if (to64 && (!canonical(target) || !canonical(pointer))) throw generalProtection(0);
  const code = selector + (to64 ? 32 : 16);
  enterFlat(cpu, (code & 0xffff) | 3, to64 ? CODE64 : CODE32, 3);
  setFlatStack(cpu, ((code + 8) & 0xffff) | 3, USER);
  const width = to64 ? 64 : 32;
  cpu.gpr[Gpr.RSP] = BigInt.asUintN(width, pointer);
  cpu.rip = BigInt.asUintN(width, target);
}

/** a = number of the segment register (FS or GS); gives its base. RDFSBASE, RDGSBASE. */
export function readSegmentBase(cpu: Cpu, a: bigint): bigint {
  requireBaseInstructions(cpu);
  return cpu.segmentBase(Number(a));
}

/** a = the base, b = number of the segment register (FS or GS) | operand size in bytes << 8. WRFSBASE, WRGSBASE. */
export function writeSegmentBase(cpu: Cpu, a: bigint, b: bigint): void {
  requireBaseInstructions(cpu);
  const operands = Number(b);
  const base = BigInt.asUintN(operands >>> 8 === 8 ? 64 : 32, a);
  if (!canonical(base)) throw generalProtection(0);
  cpu.setSegmentBase(operands & 0xff, base);
}

function requireBaseInstructions(cpu: Cpu): void {
  if ((cpu.get32(CR + 4 * 8) & Cr4.FSGSBASE) === 0) throw undefinedOpcode();
  require64(cpu);
}
