/**
 * FXSAVE, FXRSTOR, LDMXCSR, STMXCSR (SDM volume 1, 10.5).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { CR, Cr0, Cr4, MXCSR } from "../state.ts";
import { deviceNotAvailable, generalProtection, undefinedOpcode } from "./fault.ts";
import {
  loadX87,
  loadXmm,
  MXCSR_BITS,
  regionMxcsr,
  storeMxcsr,
  storeX87,
  storeXmm,
  XMM0,
  xmmCount,
} from "./legacy_region.ts";

/** Where a region is put together, or read. */
const region = new Uint8Array(512);
const view = new DataView(region.buffer);

function requireFpu(cpu: Cpu): void {
  const cr0 = cpu.get32(CR);
  if ((cr0 & Cr0.EM) !== 0) throw undefinedOpcode();
  if ((cr0 & Cr0.TS) !== 0) throw deviceNotAvailable();
}

function regionAddress(a: bigint): bigint {
  if ((a & 0xfn) !== 0n) throw generalProtection(0);
  return BigInt.asUintN(64, a);
}

/** a = linear address, b = operand size in bytes (8 with REX.W). FXSAVE, FXSAVE64. */
export function fxsave(cpu: Cpu, a: bigint, b: bigint): void {
  requireFpu(cpu);
  const address = regionAddress(a);
  storeX87(cpu, view, b === 8n);
  storeMxcsr(cpu, view);
  storeXmm(cpu, view);
  cpu.memory.writeBytes(address, region.subarray(0, XMM0 + xmmCount(cpu) * 16));
}

/** a = linear address, b = operand size in bytes (8 with REX.W). FXRSTOR, FXRSTOR64. */
export function fxrstor(cpu: Cpu, a: bigint, b: bigint): void {
  requireFpu(cpu);
  cpu.memory.readBytes(regionAddress(a), region);
  const mxcsr = regionMxcsr(view);
  loadX87(cpu, view, b === 8n);
  loadXmm(cpu, view);
  cpu.set32(MXCSR, mxcsr);
}

function requireSse(cpu: Cpu): void {
  if ((cpu.get32(CR + 4 * 8) & Cr4.OSFXSR) === 0) throw undefinedOpcode();
  requireFpu(cpu);
}

/** a = linear address of 4 bytes. LDMXCSR. */
export function ldmxcsr(cpu: Cpu, a: bigint): void {
  requireSse(cpu);
  const value = cpu.memory.read(BigInt.asUintN(64, a), 4);
  if ((value & ~MXCSR_BITS) !== 0) throw generalProtection(0);
  cpu.set32(MXCSR, value);
}

/** a = linear address of 4 bytes. STMXCSR. */
export function stmxcsr(cpu: Cpu, a: bigint): void {
  requireSse(cpu);
  cpu.memory.write(BigInt.asUintN(64, a), 4, cpu.get32(MXCSR) & MXCSR_BITS);
}
