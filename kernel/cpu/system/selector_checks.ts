/**
 * VERR, VERW, LAR, LSL, ARPL: what a program may ask about a selector. None of them faults because of it
 * (SDM volume 3, 5.10).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { Flag } from "../state.ts";
import { type Descriptor, findDescriptor, isNull, SystemType } from "./descriptor.ts";
import { requireProtectedMode } from "./mode.ts";

function setZero(cpu: Cpu, zero: boolean): void {
  cpu.rflags = zero ? cpu.rflags | Flag.ZF : cpu.rflags & ~Flag.ZF;
}

/** A descriptor that the program may see. Conforming code is visible from every level. */
function visible(cpu: Cpu, selector: number): Descriptor | undefined {
  if (isNull(selector)) return undefined;
  const descriptor = findDescriptor(cpu, selector);
  if (descriptor === undefined || descriptor.isConforming) return descriptor;
  return descriptor.dpl >= Math.max(cpu.cpl, selector & 3) ? descriptor : undefined;
}

/** a = selector; sets ZF if the segment can be read. VERR. */
export function verr(cpu: Cpu, a: bigint): void {
  requireProtectedMode(cpu);
  setZero(cpu, visible(cpu, Number(a & 0xffffn))?.isReadable ?? false);
}

/** a = selector; sets ZF if the segment can be written. VERW. */
export function verw(cpu: Cpu, a: bigint): void {
  requireProtectedMode(cpu);
  setZero(cpu, visible(cpu, Number(a & 0xffffn))?.isWritableData ?? false);
}

/** Descriptors with a limit: LDTs and TSSs. */
const WITH_LIMIT = (1 << SystemType.Tss16Available) | (1 << SystemType.Ldt) | (1 << SystemType.Tss16Busy) |
  (1 << SystemType.TssAvailable) | (1 << SystemType.TssBusy);
/** Descriptors that only exist outside long mode. */
const LEGACY_ONLY = (1 << SystemType.Tss16Available) | (1 << SystemType.Tss16Busy) |
  (1 << SystemType.CallGate16) | (1 << SystemType.TaskGate);
const CALL_AND_TASK_GATES = (1 << SystemType.CallGate16) | (1 << SystemType.TaskGate) |
  (1 << SystemType.CallGate);

function describes(cpu: Cpu, descriptor: Descriptor, types: number): boolean {
  if (descriptor.isSegment) return true;
  const allowed = cpu.longMode ? types & ~LEGACY_ONLY : types;
  return (allowed & (1 << descriptor.type)) !== 0;
}

/** `result` in as many bits as the operand has, merged into the old destination. */
function merge(size: number, result: number, old: bigint): bigint {
  return size === 2 ? (old & ~0xffffn) | BigInt(result & 0xffff) : BigInt(result >>> 0);
}

/**
 * a = selector | operand size in bytes << 16, b = the destination register's 64 bits; gives its new 64 bits, which
 * are the old ones if ZF becomes 0. LAR.
 */
export function lar(cpu: Cpu, a: bigint, b: bigint): bigint {
  requireProtectedMode(cpu);
  const operands = Number(a);
  const descriptor = visible(cpu, operands & 0xffff);
  const valid = descriptor !== undefined && describes(cpu, descriptor, WITH_LIMIT | CALL_AND_TASK_GATES);
  setZero(cpu, valid);
  return valid ? merge(operands >>> 16, descriptor.high & 0x00f0ff00, b) : b;
}

/**
 * a = selector | operand size in bytes << 16, b = the destination register's 64 bits; gives its new 64 bits, which
 * are the old ones if ZF becomes 0. LSL.
 */
export function lsl(cpu: Cpu, a: bigint, b: bigint): bigint {
  requireProtectedMode(cpu);
  const operands = Number(a);
  const descriptor = visible(cpu, operands & 0xffff);
  const valid = descriptor !== undefined && describes(cpu, descriptor, WITH_LIMIT);
  setZero(cpu, valid);
  return valid ? merge(operands >>> 16, descriptor.limit, b) : b;
}

/** a = destination selector, b = source selector; gives the new destination. ARPL. */
export function arpl(cpu: Cpu, a: bigint, b: bigint): bigint {
  requireProtectedMode(cpu);
  const destination = Number(a & 0xffffn);
  const rpl = Number(b & 3n);
  const raised = (destination & 3) < rpl;
  setZero(cpu, raised);
  return BigInt(raised ? (destination & 0xfffc) | rpl : destination);
}
