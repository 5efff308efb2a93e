/**
 * XSAVE, XSAVEOPT, XRSTOR, XGETBV, XSETBV, with x87 and SSE state (SDM volume 1, chapter 13).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { CR, Cr0, Cr4, Gpr, MXCSR, XCR0 } from "../state.ts";
import { deviceNotAvailable, generalProtection, requirePrivilege, undefinedOpcode } from "./fault.ts";
import {
  initializeX87,
  initializeXmm,
  loadX87,
  loadXmm,
  MXCSR_AT,
  regionMxcsr,
  ST0,
  storeMxcsr,
  storeX87,
  storeXmm,
  X87_LENGTH,
  XMM0,
  xmmCount,
} from "./legacy_region.ts";
import { getEdxEax, getGpr32, setEdxEax } from "./register_halves.ts";

/** State components. */
const X87_STATE = 1 << 0;
const SSE_STATE = 1 << 1;
/** All of them. */
export const ALL_COMPONENTS = X87_STATE | SSE_STATE;
/** Components that XCR0 may enable. */
export const XCR0_BITS = BigInt(ALL_COMPONENTS);

/** Legacy region and header. */
export const AREA_LENGTH = 576;
const HEADER = 512n;
/** Offsets in it. */
export const XSTATE_BV = 512;
export const XCOMP_BV = 520;
export const HEADER_RESERVED = 528;

/** Where an area is put together, or read; every instruction fills the parts that it uses. */
const region = new Uint8Array(AREA_LENGTH);
const view = new DataView(region.buffer);

function requireXsave(cpu: Cpu): void {
  if ((cpu.get32(CR + 4 * 8) & Cr4.OSXSAVE) === 0) throw undefinedOpcode();
}

/** Checks that come before any access, and gives the requested components. */
function begin(cpu: Cpu, address: bigint): number {
  requireXsave(cpu);
  if ((cpu.get32(CR) & Cr0.TS) !== 0) throw deviceNotAvailable();
  if ((address & 63n) !== 0n) throw generalProtection(0);
  return cpu.get32(XCR0) & getGpr32(cpu, Gpr.RAX);
}

/** a = linear address, b = operand size in bytes (8 with REX.W); EDX:EAX. XSAVE, XSAVE64, XSAVEOPT, XSAVEOPT64. */
export function xsave(cpu: Cpu, a: bigint, b: bigint): void {
  const address = BigInt.asUintN(64, a);
  const requested = begin(cpu, address);
  const memory = cpu.memory;
  memory.probeWrite(address, AREA_LENGTH, false);
  const inUse = memory.read64(address + HEADER);
  if ((requested & X87_STATE) !== 0) storeX87(cpu, view, b === 8n);
  if ((requested & SSE_STATE) !== 0) {
    storeMxcsr(cpu, view);
    storeXmm(cpu, view);
  }
  // What is not requested belongs to the program.
  if (requested === ALL_COMPONENTS) {
    memory.writeBytes(address, region.subarray(0, XMM0 + xmmCount(cpu) * 16));
  } else if (requested === X87_STATE) {
    memory.writeBytes(address, region.subarray(0, MXCSR_AT));
    memory.writeBytes(address + BigInt(ST0), region.subarray(ST0, X87_LENGTH));
  } else if (requested === SSE_STATE) {
    memory.writeBytes(address + BigInt(MXCSR_AT), region.subarray(MXCSR_AT, ST0));
    memory.writeBytes(address + BigInt(XMM0), region.subarray(XMM0, XMM0 + xmmCount(cpu) * 16));
  }
  const components = BigInt(requested);
  memory.write64(address + HEADER, (BigInt.asUintN(64, inUse) & ~components) | components);
}

/** a = linear address, b = operand size in bytes (8 with REX.W); EDX:EAX. XRSTOR, XRSTOR64. */
export function xrstor(cpu: Cpu, a: bigint, b: bigint): void {
  const address = BigInt.asUintN(64, a);
  const requested = begin(cpu, address);
  cpu.memory.readBytes(address, region);
  const present = view.getBigUint64(XSTATE_BV, true);
  if ((present & ~cpu.get64(XCR0)) !== 0n) throw generalProtection(0);
  // A compacted area is for XSAVEC, and reserved words of the header must be zero.
  if (view.getBigUint64(XCOMP_BV, true) !== 0n) throw generalProtection(0);
  if (view.getBigUint64(HEADER_RESERVED, true) !== 0n) throw generalProtection(0);
  const mxcsr = (requested & SSE_STATE) !== 0 ? regionMxcsr(view) : undefined;

  const components = Number(present);
  if ((requested & X87_STATE) !== 0) {
    if ((components & X87_STATE) !== 0) loadX87(cpu, view, b === 8n);
    else initializeX87(cpu);
  }
  if (mxcsr !== undefined) {
    if ((components & SSE_STATE) !== 0) loadXmm(cpu, view);
    else initializeXmm(cpu);
    cpu.set32(MXCSR, mxcsr);
  }
}

/** No operands: ECX, result in EDX:EAX. XGETBV. */
export function xgetbv(cpu: Cpu): void {
  requireXsave(cpu);
  if (getGpr32(cpu, Gpr.RCX) !== 0) throw generalProtection(0);
  setEdxEax(cpu, cpu.get64(XCR0));
}

/** No operands: ECX and EDX:EAX. XSETBV. */
export function xsetbv(cpu: Cpu): void {
  requireXsave(cpu);
  requirePrivilege(cpu);
  const value = getEdxEax(cpu);
  if (getGpr32(cpu, Gpr.RCX) !== 0 || (value & ~XCR0_BITS) !== 0n || (value & BigInt(X87_STATE)) === 0n) {
    throw generalProtection(0);
  }
  cpu.set64(XCR0, value);
}
