/**
 * Questions about the operating mode.
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { CodeMode, CR, Cr0, Flag, RFLAGS } from "../state.ts";
import { undefinedOpcode } from "./fault.ts";

/** CR0.PE is clear. */
export function realMode(cpu: Cpu): boolean {
  return (cpu.get32(CR) & Cr0.PE) === 0;
}

/** RFLAGS.VM is set: virtual-8086 mode. */
export function virtual8086(cpu: Cpu): boolean {
  return (cpu.get32(RFLAGS) & Flag.VM) !== 0;
}

/** Segment registers hold descriptors: neither real nor virtual-8086 mode. */
export function protectedMode(cpu: Cpu): boolean {
  return (cpu.get32(CR) & Cr0.PE) !== 0 && (cpu.get32(RFLAGS) & Flag.VM) === 0;
}

/** @throws {GuestFault} #UD in real and virtual-8086 mode. */
export function requireProtectedMode(cpu: Cpu): void {
  if (!protectedMode(cpu)) throw undefinedOpcode();
}

/** @throws {GuestFault} #UD outside 64-bit mode. */
export function require64(cpu: Cpu): void {
  if (cpu.codeMode !== CodeMode.Bits64) throw undefinedOpcode();
}

/** The I/O privilege level, RFLAGS.IOPL. */
export function ioPrivilege(cpu: Cpu): number {
  return (cpu.get32(RFLAGS) & Flag.IOPL) >>> 12;
}

/** Whether bits 63 to 47 of a linear address are equal. */
export function canonical(address: bigint): boolean {
  return BigInt.asIntN(48, address) === BigInt.asIntN(64, address);
}

/** A linear address, cut to the width that it has in the current mode. */
export function wrapLinear(cpu: Cpu, address: bigint): bigint {
  return BigInt.asUintN(cpu.longMode ? 64 : 32, address);
}
