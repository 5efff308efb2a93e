/**
 * MOV to and from debug registers (SDM volume 3, 18.2).
 *
 * @module
 */

import { type Cpu, GuestFault } from "../cpu.ts";
import { CodeMode, CR, Cr4, DR, Vector } from "../state.ts";
import { generalProtection, requirePrivilege, undefinedOpcode } from "./fault.ts";

const DR6 = DR + 6 * 8;
const DR7 = DR + 7 * 8;
/** Bits of DR6 that read as ones: those of features that CPUID does not name included. */
const DR6_FIXED = 0xffff0ff0n;
/** B0 to B3, BD, BS and BT. */
const DR6_BITS = 0xe00fn;
/** Bit 10 reads as one. */
const DR7_FIXED = 0x400n;
const DR7_BITS = 0xffff23ffn;
/** Debug register access detected. */
const DR6_BD = 1n << 13n;
/** General detect: any access to a debug register is a #DB. */
const DR7_GD = 1 << 13;

/** Values that DR6 and DR7 have after reset. */
export const DEBUG_RESET = { dr6: DR6_FIXED, dr7: DR7_FIXED } as const;

function select(cpu: Cpu, register: number): number {
  if (register > 7) throw undefinedOpcode();
  const alias = register === 4 || register === 5;
  if (alias && (cpu.get32(CR + 4 * 8) & Cr4.DE) !== 0) throw undefinedOpcode();
  requirePrivilege(cpu);
  if ((cpu.get32(DR7) & DR7_GD) !== 0) {
    cpu.set64(DR6, cpu.get64(DR6) | DR6_BD);
    throw new GuestFault(Vector.DB);
  }
  return alias ? register + 2 : register;
}

/** a = number of the debug register; gives its value. MOV from DR. */
export function moveFromDebug(cpu: Cpu, a: bigint): bigint {
  const register = select(cpu, Number(a));
  const value = cpu.get64(DR + register * 8);
  if (register === 6) return (value & DR6_BITS) | DR6_FIXED;
  if (register === 7) return (value & DR7_BITS) | DR7_FIXED;
  return value;
}

/** a = value (outside 64-bit mode its lower 32 bits), b = number of the debug register. MOV to DR. */
export function moveToDebug(cpu: Cpu, a: bigint, b: bigint): void {
  const register = select(cpu, Number(b));
  const value = BigInt.asUintN(cpu.codeMode === CodeMode.Bits64 ? 64 : 32, a);
  if (register >= 6 && value >> 32n !== 0n) throw generalProtection(0);
  if (register === 6) return cpu.set64(DR6, (value & DR6_BITS) | DR6_FIXED);
  cpu.set64(DR + register * 8, register === 7 ? (value & DR7_BITS) | DR7_FIXED : value);
  cpu.debugRegistersChanged();
}
