/**
 * Results that the manuals give a bound for, not a value.
 *
 * @module
 */

import type { Instruction } from "./instruction_generator.ts";

/** Bound of the relative error of RCPSS and RSQRTSS is 1.5 * 2^-12; two results can be twice that apart. */
const SSE_TOLERANCE = 3 / 4096;
/** Somewhat more than the smallest normal float of 32 bits. */
const LEAST_NORMAL = 2 ** -126 * (1 + SSE_TOLERANCE);
/** Last bits in which transcendental results of the x87 may differ. */
const X87_TOLERANCE = 2n;

/** Second byte of D9: F2XM1, FYL2X, FPTAN, FPATAN, FYL2XP1, FSINCOS, FSIN, FCOS. */
const TRANSCENDENTAL = new Set([0xf0, 0xf1, 0xf2, 0xf3, 0xf9, 0xfb, 0xfe, 0xff]);

/** Whether an instruction approximates floats of 32 bits. */
export function approximatesSse({ form }: Instruction): boolean {
  return /^(rcp|rsqrt)[ps]s$/.test(form.definition.name);
}

/** Whether an instruction approximates floats of 80 bits. */
export function approximatesX87({ form, bytes }: Instruction): boolean {
  return form.definition.name === "x87" && form.opcode === 0xd9 && TRANSCENDENTAL.has(bytes.at(-1)!);
}

/** Whether the floats at an offset are close enough. */
export function closeFloat(a: Uint8Array, b: Uint8Array, at: number): boolean {
  const first = new DataView(a.buffer, a.byteOffset).getFloat32(at, true);
  const second = new DataView(b.buffer, b.byteOffset).getFloat32(at, true);
  // Results that may be denormal become zero.
  if (Math.abs(first) <= LEAST_NORMAL && Math.abs(second) <= LEAST_NORMAL) return true;
  return Math.abs(first - second) <= Math.abs(first) * SSE_TOLERANCE;
}

/** Whether the 80-bit floats at an offset are close enough. */
export function closeX87(a: Uint8Array, b: Uint8Array, at: number): boolean {
  const difference = ordinal(a, at) - ordinal(b, at);
  return difference <= X87_TOLERANCE && difference >= -X87_TOLERANCE;
}

/** Number of an 80-bit float in the order of all. */
function ordinal(bytes: Uint8Array, at: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const upper = view.getUint16(at + 8, true);
  const magnitude = (BigInt(upper & 0x7fff) << 63n) + BigInt.asUintN(63, view.getBigUint64(at, true));
  return (upper & 0x8000) === 0 ? magnitude : -magnitude;
}
