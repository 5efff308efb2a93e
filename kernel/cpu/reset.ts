/**
 * Registers after RESET (SDM volume 3, table 10-1).
 *
 * @module
 */

import type { SoftwareCpu } from "./software_cpu.ts";
import {
  APIC_BASE,
  CPL,
  CR,
  Cr0,
  DR,
  FAULT_VECTOR,
  Gpr,
  IDTR,
  MXCSR,
  PAT,
  Segment,
  STATE,
  STATE_END,
  X87_CONTROL,
  XCR0,
} from "./state.ts";
import { DEBUG_RESET, MXCSR_RESET, X87_CONTROL_RESET } from "./system/mod.ts";
import { CODE_ACCESS, DATA_ACCESS } from "./system/segments.ts";

/** PAT as processors reset it: WB, WT, UC-, UC, twice. */
const PAT_RESET = 0x0007040600070406n;
/** Family 6, model 0x36: what CPUID.1.EAX says. */
const SIGNATURE = 0x00030661n;

/** Puts all registers into their state after RESET: real mode, about to execute at F000:FFF0. */
export function resetRegisters(cpu: SoftwareCpu): void {
  new Uint8Array(cpu.view.buffer, STATE, STATE_END - STATE).fill(0);
  cpu.set32(FAULT_VECTOR, -1);
  cpu.set32(CPL, 0);
  cpu.set64(CR, BigInt(Cr0.ET | Cr0.NW | Cr0.CD));
  cpu.set64(DR + 6 * 8, DEBUG_RESET.dr6);
  cpu.set64(DR + 7 * 8, DEBUG_RESET.dr7);
  cpu.set64(IDTR + 8, 0x3ffn);
  cpu.set64(XCR0, 1n);
  cpu.set64(PAT, PAT_RESET);
  cpu.set64(APIC_BASE, 0xfee00900n);
  cpu.set32(MXCSR, MXCSR_RESET);
  cpu.set32(X87_CONTROL, X87_CONTROL_RESET);
  for (const segment of [Segment.ES, Segment.SS, Segment.DS, Segment.FS, Segment.GS]) {
    cpu.setSegment(segment, 0, 0n, 0xffff, DATA_ACCESS);
  }
  cpu.setSegment(Segment.LDTR, 0, 0n, 0xffff, 0x82);
  cpu.setSegment(Segment.TR, 0, 0n, 0xffff, 0x8b);
  cpu.setSegment(Segment.CS, 0xf000, 0xffff0000n, 0xffff, CODE_ACCESS);
  cpu.rip = 0xfff0n;
  cpu.rflags = 2;
  cpu.gpr[Gpr.RDX] = SIGNATURE;
}
