/**
 * Memory type range registers: stored and validated, without effect (SDM volume 3, 12.11).
 *
 * @module
 */

import { PHYSICAL_ADDRESS_BITS } from "./cpuid.ts";
import { type ModelSpecificRegisters, VARIABLE_RANGES } from "./model_specific.ts";

const IA32_MTRRCAP = 0xfe;
const IA32_MTRR_PHYSBASE0 = 0x200;
const IA32_MTRR_FIX64K_00000 = 0x250;
const IA32_MTRR_FIX16K_80000 = 0x258;
const IA32_MTRR_FIX16K_A0000 = 0x259;
const IA32_MTRR_FIX4K_C0000 = 0x268;
const IA32_MTRR_DEF_TYPE = 0x2ff;

/** VCNT, FIX and WC. */
const MTRRCAP = BigInt(VARIABLE_RANGES | (1 << 8) | (1 << 10));
/** UC, WC, WT, WP and WB. */
const MEMORY_TYPES = (1 << 0) | (1 << 1) | (1 << 4) | (1 << 5) | (1 << 6);
const ADDRESS = ((1n << BigInt(PHYSICAL_ADDRESS_BITS)) - 1n) & ~0xfffn;
/** Default type, FE and E. */
const DEF_TYPE_BITS = 0xcffn;
/** V of IA32_MTRR_PHYSMASK. */
const PHYSMASK_VALID = 1n << 11n;

function validType(type: bigint): boolean {
  return type < 8n && (MEMORY_TYPES & (1 << Number(type))) !== 0;
}

function fixedIndex(msr: number): number | undefined {
  if (msr === IA32_MTRR_FIX64K_00000) return 0;
  if (msr === IA32_MTRR_FIX16K_80000 || msr === IA32_MTRR_FIX16K_A0000) {
    return msr - IA32_MTRR_FIX16K_80000 + 1;
  }
  const index = msr - IA32_MTRR_FIX4K_C0000;
  return index >= 0 && index < 8 ? index + 3 : undefined;
}

function variableIndex(msr: number): number | undefined {
  const index = msr - IA32_MTRR_PHYSBASE0;
  return index >= 0 && index < VARIABLE_RANGES * 2 ? index : undefined;
}

/** Reads one; `undefined` if there is no such register. */
export function readMtrr(registers: ModelSpecificRegisters, msr: number): bigint | undefined {
  if (msr === IA32_MTRRCAP) return MTRRCAP;
  if (msr === IA32_MTRR_DEF_TYPE) return registers.mtrrDefType;
  const variable = variableIndex(msr);
  if (variable !== undefined) return registers.mtrrVariable[variable];
  const fixed = fixedIndex(msr);
  return fixed === undefined ? undefined : registers.mtrrFixed[fixed];
}

/** Writes one; `false` if there is no such register, it cannot be written or the value is not valid. */
export function writeMtrr(registers: ModelSpecificRegisters, msr: number, value: bigint): boolean {
  if (msr === IA32_MTRR_DEF_TYPE) {
    if ((value & ~DEF_TYPE_BITS) !== 0n || !validType(value & 0xffn)) return false;
    registers.mtrrDefType = value;
    return true;
  }
  const variable = variableIndex(msr);
  if (variable !== undefined) {
    const isMask = (variable & 1) !== 0;
    if ((value & ~(ADDRESS | (isMask ? PHYSMASK_VALID : 0xffn))) !== 0n) return false;
    if (!isMask && !validType(value & 0xffn)) return false;
    registers.mtrrVariable[variable] = value;
    return true;
  }
  const fixed = fixedIndex(msr);
  if (fixed === undefined) return false;
  for (let shift = 0n; shift < 64n; shift += 8n) {
    if (!validType((value >> shift) & 0xffn)) return false;
  }
  registers.mtrrFixed[fixed] = value;
  return true;
}
