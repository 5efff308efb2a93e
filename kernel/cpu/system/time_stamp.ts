/**
 * RDTSC, RDTSCP, RDPMC, RDPID (SDM volume 3, 18.17).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { CR, Cr4, Gpr, TSC_AUX } from "../state.ts";
import { generalProtection } from "./fault.ts";
import { setEdxEax, setGpr32 } from "./register_halves.ts";

/** No operands, result in EDX:EAX. RDTSC. */
export function rdtsc(cpu: Cpu): void {
  if (cpu.cpl !== 0 && (cpu.get32(CR + 4 * 8) & Cr4.TSD) !== 0) throw generalProtection(0);
  setEdxEax(cpu, cpu.readTsc());
}

/** No operands, results in EDX:EAX and ECX. RDTSCP. */
export function rdtscp(cpu: Cpu): void {
  rdtsc(cpu);
  setGpr32(cpu, Gpr.RCX, cpu.get32(TSC_AUX));
}

/** No operands. RDPMC: there are no counters to read. */
export function rdpmc(_cpu: Cpu): void {
  throw generalProtection(0);
}

/** Gives IA32_TSC_AUX. RDPID. */
export function rdpid(cpu: Cpu): bigint {
  return BigInt.asUintN(32, cpu.get64(TSC_AUX));
}
