/**
 * RFLAGS.AC as the override of supervisor-mode access prevention (SDM volume 3, 4.6).
 *
 * @module
 */

import { type Cpu, GuestFault } from "./cpu.ts";
import { Flag, RFLAGS, Vector } from "./state.ts";

function setOverride(cpu: Cpu, on: boolean): void {
  if (cpu.cpl !== 0) throw new GuestFault(Vector.UD);
  const flags = cpu.get32(RFLAGS);
  cpu.set32(RFLAGS, on ? flags | Flag.AC : flags & ~Flag.AC);
  cpu.accessOverrideChanged();
}

/** No operands. CLAC. */
export function clac(cpu: Cpu): void {
  setOverride(cpu, false);
}

/** No operands. STAC. */
export function stac(cpu: Cpu): void {
  setOverride(cpu, true);
}
