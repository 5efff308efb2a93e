/**
 * Checks and loads of CS that far transfers share (SDM volume 3, 5.8).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { Segment, Vector } from "../state.ts";
import { type Descriptor, fetchDescriptor, isNull } from "./descriptor.ts";
import { generalProtection, notPresent, selectorError } from "./fault.ts";
import { canonical } from "./mode.ts";
import { setSegment } from "./segments.ts";

/** Whether code in the segment runs in 64-bit mode. */
export function is64(cpu: Cpu, code: Descriptor): boolean {
  return cpu.longMode && code.isLong;
}

/** @throws {GuestFault} #GP(selector) if L and D are both set in long mode. */
export function checkLongFlags(cpu: Cpu, code: Descriptor): void {
  if (cpu.longMode && code.isLong && code.isDefault32) {
    throw generalProtection(selectorError(code.selector, 0));
  }
}

/** @throws {GuestFault} #GP if execution cannot go on at `offset` of the segment. */
export function checkTarget(cpu: Cpu, code: Descriptor, offset: bigint, external: number): void {
  const inside = is64(cpu, code) ? canonical(offset) : offset <= BigInt(code.limit);
  if (!inside) throw generalProtection(external);
}

/** Loads CS and CPL. The descriptor has been checked and marked as accessed. */
export function setCode(cpu: Cpu, code: Descriptor, cpl: number, offset: bigint): void {
  setSegment(cpu, Segment.CS, (code.selector & 0xfffc) | cpl, code);
  cpu.cpl = cpl;
  cpu.rip = offset;
}

/** Reads and checks the code segment that RET or IRET popped. @throws {GuestFault} #GP or #NP. */
export function fetchReturnCode(cpu: Cpu, selector: number): Descriptor {
  if (isNull(selector)) throw generalProtection(0);
  const code = fetchDescriptor(cpu, selector, Vector.GP, 0);
  const error = selectorError(selector, 0);
  const rpl = selector & 3;
  const level = code.isConforming ? code.dpl <= rpl : code.dpl === rpl;
  if (!code.isCode || rpl < cpu.cpl || !level) throw generalProtection(error);
  checkLongFlags(cpu, code);
  if (!code.present) throw notPresent(error);
  return code;
}
