/**
 * The 512-byte region that FXSAVE and XSAVE share: x87 and SSE state (SDM volume 1, 10.5.1 and 13.4.1).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import {
  CodeMode,
  MXCSR,
  X87,
  X87_CONTROL,
  X87_CS,
  X87_DP,
  X87_DS,
  X87_IP,
  X87_OPCODE,
  X87_STATUS,
  X87_TAG,
  XMM,
} from "../state.ts";
import { generalProtection } from "./fault.ts";

/** Offsets in the region. */
export const FCW = 0;
export const FSW = 2;
export const FTW = 4;
export const FOP = 6;
export const FIP = 8;
export const FCS = 12;
export const FDP = 16;
export const FDS = 20;
export const MXCSR_AT = 24;
export const MXCSR_MASK_AT = 28;
export const ST0 = 32;
export const XMM0 = 160;

/** Bits of MXCSR that exist, denormals-are-zeros included. */
export const MXCSR_BITS = 0xffff;
/** MXCSR after reset: all exceptions masked. */
export const MXCSR_RESET = 0x1f80;
/** x87 control word after FNINIT. */
export const X87_CONTROL_RESET = 0x37f;
/** Exception flags of the status word, and their masks in the control word. */
export const X87_EXCEPTIONS = 0x3f;
/** ES and B of the status word: an exception is pending. */
export const X87_PENDING = 0x8080;

/** Bytes that x87 state takes from the start of the region. */
export const X87_LENGTH = XMM0;

/** XMM registers that the current mode has. */
export function xmmCount(cpu: Cpu): number {
  return cpu.codeMode === CodeMode.Bits64 ? 16 : 8;
}

/** Physical number of ST(i). */
function physical(status: number, i: number): number {
  return ((status >>> 11) + i) & 7;
}

/** Writes the x87 state, not MXCSR. `wide`: pointers have 64 bits and no selectors. */
export function storeX87(cpu: Cpu, region: DataView, wide: boolean): void {
  const status = cpu.get32(X87_STATUS);
  region.setUint16(FCW, cpu.get32(X87_CONTROL), true);
  region.setUint16(FSW, status, true);
  region.setUint16(FTW, cpu.get32(X87_TAG) & 0xff, true);
  region.setUint16(FOP, cpu.get32(X87_OPCODE) & 0x7ff, true);
  region.setBigUint64(FIP, cpu.get64(X87_IP), true);
  region.setBigUint64(FDP, cpu.get64(X87_DP), true);
  if (!wide) {
    region.setUint32(FCS, cpu.get32(X87_CS) & 0xffff, true);
    region.setUint32(FDS, cpu.get32(X87_DS) & 0xffff, true);
  }
  for (let i = 0; i < 8; i++) {
    const from = X87 + physical(status, i) * 16;
    region.setBigUint64(ST0 + i * 16, cpu.view.getBigUint64(from, true), true);
    region.setBigUint64(ST0 + i * 16 + 8, BigInt(cpu.view.getUint16(from + 8, true)), true);
  }
}

/** Writes MXCSR and its mask. */
export function storeMxcsr(cpu: Cpu, region: DataView): void {
  region.setUint32(MXCSR_AT, cpu.get32(MXCSR), true);
  region.setUint32(MXCSR_MASK_AT, MXCSR_BITS, true);
}

/** Writes the XMM registers. */
export function storeXmm(cpu: Cpu, region: DataView): void {
  const length = xmmCount(cpu) * 16;
  bytes(region).set(new Uint8Array(cpu.view.buffer, cpu.view.byteOffset + XMM, length), XMM0);
}

/** Loads the x87 state, not MXCSR. */
export function loadX87(cpu: Cpu, region: DataView, wide: boolean): void {
  const control = region.getUint16(FCW, true);
  const image = region.getUint16(FSW, true);
  const pending = (image & ~control & X87_EXCEPTIONS) !== 0;
  const status = pending ? image | X87_PENDING : image & ~X87_PENDING;
  cpu.set32(X87_CONTROL, control);
  cpu.set32(X87_STATUS, status);
  cpu.set32(X87_TAG, region.getUint8(FTW));
  cpu.set32(X87_OPCODE, region.getUint16(FOP, true) & 0x7ff);
  cpu.set64(X87_IP, wide ? region.getBigUint64(FIP, true) : BigInt(region.getUint32(FIP, true)));
  cpu.set64(X87_DP, wide ? region.getBigUint64(FDP, true) : BigInt(region.getUint32(FDP, true)));
  cpu.set32(X87_CS, wide ? 0 : region.getUint16(FCS, true));
  cpu.set32(X87_DS, wide ? 0 : region.getUint16(FDS, true));
  for (let i = 0; i < 8; i++) {
    const to = X87 + physical(status, i) * 16;
    cpu.view.setBigUint64(to, region.getBigUint64(ST0 + i * 16, true), true);
    cpu.view.setBigUint64(to + 8, BigInt(region.getUint16(ST0 + i * 16 + 8, true)), true);
  }
}

/** Puts the x87 unit in its initial configuration (SDM volume 1, 13.6). */
export function initializeX87(cpu: Cpu): void {
  cpu.set32(X87_CONTROL, X87_CONTROL_RESET);
  cpu.set32(X87_STATUS, 0);
  cpu.set32(X87_TAG, 0);
  cpu.set32(X87_OPCODE, 0);
  cpu.set64(X87_IP, 0n);
  cpu.set64(X87_DP, 0n);
  cpu.set32(X87_CS, 0);
  cpu.set32(X87_DS, 0);
  new Uint8Array(cpu.view.buffer, cpu.view.byteOffset + X87, 8 * 16).fill(0);
}

/** MXCSR of the region. @throws {GuestFault} #GP(0) if a reserved bit is set. */
export function regionMxcsr(region: DataView): number {
  const value = region.getUint32(MXCSR_AT, true);
  if ((value & ~MXCSR_BITS) !== 0) throw generalProtection(0);
  return value;
}

/** Loads the XMM registers. */
export function loadXmm(cpu: Cpu, region: DataView): void {
  const length = xmmCount(cpu) * 16;
  const registers = new Uint8Array(cpu.view.buffer, cpu.view.byteOffset + XMM, length);
  registers.set(bytes(region).subarray(XMM0, XMM0 + length));
}

/** Puts the XMM registers in their initial configuration. */
export function initializeXmm(cpu: Cpu): void {
  new Uint8Array(cpu.view.buffer, cpu.view.byteOffset + XMM, xmmCount(cpu) * 16).fill(0);
}

function bytes(region: DataView): Uint8Array {
  return new Uint8Array(region.buffer, region.byteOffset, region.byteLength);
}
