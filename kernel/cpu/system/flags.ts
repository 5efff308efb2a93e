/**
 * PUSHF, POPF, CLI and STI: who may see and change which flags (SDM volume 2).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { Flag, RFLAGS } from "../state.ts";
import { generalProtection } from "./fault.ts";
import { ioPrivilege, realMode, virtual8086 } from "./mode.ts";

const ALWAYS = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.TF | Flag.DF | Flag.OF | Flag.NT;
const WIDE = Flag.AC | Flag.ID;

function requireVirtual8086Privilege(cpu: Cpu): void {
  if (virtual8086(cpu) && ioPrivilege(cpu) < 3) throw generalProtection(0);
}

/** Gives the image that PUSHF pushes, of which the destination takes as many bits as it has. */
export function pushf(cpu: Cpu): bigint {
  requireVirtual8086Privilege(cpu);
  return BigInt(cpu.rflags & ~(Flag.VM | Flag.RF));
}

/** a = the popped image, b = operand size in bytes (2, 4 or 8). POPF. */
export function popf(cpu: Cpu, a: bigint, b: bigint): void {
  requireVirtual8086Privilege(cpu);
  const image = Number(a & 0xffffffn);
  let mask = b === 2n ? ALWAYS : ALWAYS | WIDE;
  const cpl = cpu.cpl;
  if (cpl <= ioPrivilege(cpu)) mask |= Flag.IF;
  if (cpl === 0) mask |= Flag.IOPL;
  cpu.rflags = (cpu.rflags & ~(mask | Flag.RF)) | (image & mask);
}

function requireInterruptPrivilege(cpu: Cpu): void {
  if (!realMode(cpu) && cpu.cpl > ioPrivilege(cpu)) throw generalProtection(0);
}

/** No operands. CLI. */
export function cli(cpu: Cpu): void {
  requireInterruptPrivilege(cpu);
  cpu.set32(RFLAGS, cpu.get32(RFLAGS) & ~Flag.IF);
}

/** No operands. STI: interrupts are taken after the next instruction. */
export function sti(cpu: Cpu): void {
  requireInterruptPrivilege(cpu);
  const flags = cpu.get32(RFLAGS);
  if ((flags & Flag.IF) === 0) cpu.shadowInterrupts(false);
  cpu.set32(RFLAGS, flags | Flag.IF);
}
