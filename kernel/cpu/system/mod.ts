/**
 * The instructions of the CPU that are written in TypeScript, and the delivery of interrupts and exceptions.
 *
 * @module
 */

import { clts, lmsw, moveFromControl, moveToControl, smsw } from "./control_registers.ts";
import { cpuid } from "./cpuid.ts";
import { moveFromDebug, moveToDebug } from "./debug_registers.ts";
import { lgdt, lidt, lldt, ltr, sgdt, sidt, sldt, str } from "./descriptor_tables.ts";
import { farCall, farJump } from "./far_call.ts";
import { farReturn } from "./far_return.ts";
import { cli, popf, pushf, sti } from "./flags.ts";
import { fxrstor, fxsave, ldmxcsr, stmxcsr } from "./fxsave.ts";
import { hlt } from "./halt.ts";
import { invlpg, invpcid, wbinvd } from "./invalidation.ts";
import { checkPort, ins, outs, portIn, portOut } from "./io_permission.ts";
import { iret } from "./iret.ts";
import { rdmsr, wrmsr } from "./msr.ts";
import { rdrand } from "./random.ts";
import { loadFarPointer, moveToSegment } from "./segments.ts";
import { arpl, lar, lsl, verr, verw } from "./selector_checks.ts";
import { bound, int, int1, int3, into, ud } from "./software_interrupts.ts";
import { readSegmentBase, syscall, sysenter, sysexit, sysret, writeSegmentBase } from "./system_call.ts";
import type { SystemFunction } from "./system_function.ts";
import { rdpid, rdpmc, rdtsc, rdtscp } from "./time_stamp.ts";
import { xgetbv, xrstor, xsave, xsetbv } from "./xsave.ts";

export { HARDWARE, type InterruptSource, PRIVILEGED_SOFTWARE, SOFTWARE } from "./interrupt_source.ts";
export { deliverInterrupt } from "./interrupts.ts";
export { type ModelSpecificRegisters, modelSpecificRegisters } from "./model_specific.ts";
export { DEBUG_RESET } from "./debug_registers.ts";
export { MXCSR_RESET, X87_CONTROL_RESET } from "./legacy_region.ts";
export { readMsr, writeMsr } from "./msr.ts";
export { interrupt, raise, raiseDebugTrap } from "./raise.ts";
export { loadSegment } from "./segments.ts";
export type { SystemFunction } from "./system_function.ts";

/** What generated code calls, by name. What `a` and `b` are stands with each function. */
export const systemFunctions = {
  arpl,
  bound,
  checkPort,
  cli,
  clts,
  cpuid,
  farCall,
  farJump,
  farReturn,
  fxrstor,
  fxsave,
  hlt,
  ins,
  int,
  int1,
  int3,
  into,
  invlpg,
  invpcid,
  iret,
  lar,
  ldmxcsr,
  lgdt,
  lidt,
  lldt,
  lmsw,
  loadFarPointer,
  lsl,
  ltr,
  moveFromControl,
  moveFromDebug,
  moveToControl,
  moveToDebug,
  moveToSegment,
  outs,
  popf,
  portIn,
  portOut,
  pushf,
  rdmsr,
  rdpid,
  rdpmc,
  rdrand,
  rdtsc,
  rdtscp,
  readSegmentBase,
  sgdt,
  sidt,
  sldt,
  smsw,
  sti,
  stmxcsr,
  str,
  syscall,
  sysenter,
  sysexit,
  sysret,
  ud,
  verr,
  verw,
  wbinvd,
  writeSegmentBase,
  wrmsr,
  xgetbv,
  xrstor,
  xsave,
  xsetbv,
} satisfies Record<string, SystemFunction>;
