/**
 * LGDT, SGDT, LIDT, SIDT, LLDT, SLDT, LTR, STR (SDM volume 3, 2.4).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { CodeMode, GDTR, IDTR, Segment, Vector } from "../state.ts";
import { requireUserAllowed } from "./control_registers.ts";
import { fetchDescriptor, isNull, SystemType, widenDescriptor } from "./descriptor.ts";
import { generalProtection, notPresent, requirePrivilege, selectorError } from "./fault.ts";
import { canonical, requireProtectedMode } from "./mode.ts";
import { setNullSegment } from "./segments.ts";

function load(cpu: Cpu, a: bigint, b: bigint, register: number): void {
  requirePrivilege(cpu);
  const address = BigInt.asUintN(64, a);
  const limit = cpu.memory.read(address, 2) & 0xffff;
  let base: bigint;
  if (cpu.codeMode === CodeMode.Bits64) {
    base = BigInt.asUintN(64, cpu.memory.read64(address + 2n));
    if (!canonical(base)) throw generalProtection(0);
  } else {
    const whole = cpu.memory.read(address + 2n, 4) >>> 0;
    base = BigInt(b === 2n ? whole & 0xffffff : whole);
  }
  cpu.set64(register, base);
  cpu.set64(register + 8, BigInt(limit));
}

function store(cpu: Cpu, a: bigint, register: number): void {
  requireUserAllowed(cpu);
  const address = BigInt.asUintN(64, a);
  const base = cpu.get64(register);
  const long = cpu.codeMode === CodeMode.Bits64;
  const baseBytes = long ? 8 : 4;
  cpu.memory.probeWrite(address, 2 + baseBytes, false);
  cpu.memory.requireAligned(address, 2, 2, true);
  cpu.memory.requireAligned(address + 2n, baseBytes, baseBytes, true);
  cpu.memory.write(address, 2, cpu.get32(register + 8) & 0xffff);
  if (long) cpu.memory.write64(address + 2n, base);
  else cpu.memory.write(address + 2n, 4, Number(BigInt.asUintN(32, base)));
}

/** a = linear address, b = operand size in bytes (2: the base has 24 bits). LGDT. */
export function lgdt(cpu: Cpu, a: bigint, b: bigint): void {
  load(cpu, a, b, GDTR);
}

/** a = linear address, b = operand size in bytes (2: the base has 24 bits). LIDT. */
export function lidt(cpu: Cpu, a: bigint, b: bigint): void {
  load(cpu, a, b, IDTR);
}

/** a = linear address. SGDT. */
export function sgdt(cpu: Cpu, a: bigint): void {
  store(cpu, a, GDTR);
}

/** a = linear address. SIDT. */
export function sidt(cpu: Cpu, a: bigint): void {
  store(cpu, a, IDTR);
}

/** a = selector. LLDT. */
export function lldt(cpu: Cpu, a: bigint): void {
  requireProtectedMode(cpu);
  requirePrivilege(cpu);
  const selector = Number(a & 0xffffn);
  if (isNull(selector)) return setNullSegment(cpu, Segment.LDTR, selector, 0);
  const error = selectorError(selector, 0);
  if ((selector & 4) !== 0) throw generalProtection(error);
  const descriptor = fetchDescriptor(cpu, selector, Vector.GP, 0);
  if (descriptor.isSegment || descriptor.type !== SystemType.Ldt) throw generalProtection(error);
  const ldt = widenDescriptor(cpu, descriptor);
  if (!ldt.present) throw notPresent(error);
  cpu.setSegment(Segment.LDTR, selector, ldt.base, ldt.limit, ldt.attributes);
}

/** a = selector. LTR. */
export function ltr(cpu: Cpu, a: bigint): void {
  requireProtectedMode(cpu);
  requirePrivilege(cpu);
  const selector = Number(a & 0xffffn);
  if (isNull(selector)) throw generalProtection(0);
  const error = selectorError(selector, 0);
  if ((selector & 4) !== 0) throw generalProtection(error);
  const descriptor = fetchDescriptor(cpu, selector, Vector.GP, 0);
  const available = descriptor.type === SystemType.TssAvailable ||
    (!cpu.longMode && descriptor.type === SystemType.Tss16Available);
  if (descriptor.isSegment || !available) throw generalProtection(error);
  const tss = widenDescriptor(cpu, descriptor);
  if (!tss.present) throw notPresent(error);
  const busy = tss.attributes | (SystemType.TssBusy & ~SystemType.TssAvailable);
  cpu.memory.systemWrite(tss.address + 5n, 1, busy & 0xff);
  cpu.setSegment(Segment.TR, selector, tss.base, tss.limit, busy);
}

/** Gives the selector of the LDT. SLDT. */
export function sldt(cpu: Cpu): bigint {
  requireProtectedMode(cpu);
  requireUserAllowed(cpu);
  return BigInt(cpu.segmentSelector(Segment.LDTR));
}

/** Gives the selector of the task register. STR. */
export function str(cpu: Cpu): bigint {
  requireProtectedMode(cpu);
  requireUserAllowed(cpu);
  return BigInt(cpu.segmentSelector(Segment.TR));
}
