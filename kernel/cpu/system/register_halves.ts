/**
 * 64-bit values as pairs of 32-bit registers, without a BigInt where none is needed.
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { GPR, Gpr } from "../state.ts";

const halves = new Uint32Array(2);
const whole = new BigUint64Array(halves.buffer);

/** The 64-bit value with these halves; their signs do not matter. */
export function join(low: number, high: number): bigint {
  halves[0] = low;
  halves[1] = high;
  return whole[0];
}

/** Bits 31 to 0 of a general register. */
export function getGpr32(cpu: Cpu, register: Gpr): number {
  return cpu.view.getUint32(GPR + register * 8, true);
}

/** Writes a general register as a 32-bit instruction does: the upper half becomes zero. */
export function setGpr32(cpu: Cpu, register: Gpr, value: number): void {
  cpu.view.setUint32(GPR + register * 8, value, true);
  cpu.view.setUint32(GPR + register * 8 + 4, 0, true);
}

/** EDX:EAX. */
export function getEdxEax(cpu: Cpu): bigint {
  return join(getGpr32(cpu, Gpr.RAX), getGpr32(cpu, Gpr.RDX));
}

/** Writes EDX:EAX; the upper halves of RDX and RAX become zero. */
export function setEdxEax(cpu: Cpu, value: bigint): void {
  whole[0] = value;
  setGpr32(cpu, Gpr.RAX, halves[0]);
  setGpr32(cpu, Gpr.RDX, halves[1]);
}
