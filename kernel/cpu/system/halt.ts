/**
 * HLT (SDM volume 2).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { requirePrivilege } from "./fault.ts";

/** No operands. HLT. */
export function hlt(cpu: Cpu): void {
  requirePrivilege(cpu);
  cpu.halt();
}
