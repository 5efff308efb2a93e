/**
 * Far RET, and what it shares with IRET (SDM volume 2, RET).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { Segment, Vector } from "../state.ts";
import { checkTarget, fetchReturnCode, is64, setCode } from "./code_segment.ts";
import { type Descriptor, isNull } from "./descriptor.ts";
import { generalProtection } from "./fault.ts";
import { protectedMode, realMode } from "./mode.ts";
import {
  dropPrivilegedSegments,
  fetchStackSegment,
  setNullSegment,
  setRealSegment,
  setSegment,
  setVirtual8086Segment,
} from "./segments.ts";
import { type PushSize, setStackPointer, Stack } from "./stack.ts";

/** a is not used, b = operand size in bytes (2, 4 or 8) | bytes to release << 8. RET far, with and without imm16. */
export function farReturn(cpu: Cpu, _a: bigint, b: bigint): void {
  const operands = Number(b);
  const size = (operands & 0xff) as PushSize;
  const release = operands >>> 8;
  const stack = Stack.current(cpu, 0);
  const offset = stack.pop(size);
  const selector = stack.popSelector(size);
  stack.skip(release);
  if (!protectedMode(cpu)) {
    loadRealCode(cpu, selector, offset);
    return stack.commit();
  }

  const code = fetchReturnCode(cpu, selector);
  checkTarget(cpu, code, offset, 0);
  const level = selector & 3;
  if (level === cpu.cpl) {
    code.markAccessed(cpu);
    setCode(cpu, code, level, offset);
    return stack.commit();
  }
  const pointer = stack.pop(size) + BigInt(release);
  const stackSelector = stack.popSelector(size);
  const stackSegment = fetchReturnStack(cpu, stackSelector, code);
  code.markAccessed(cpu);
  setCode(cpu, code, level, offset);
  loadReturnStack(cpu, stackSelector, stackSegment, code, pointer);
  dropPrivilegedSegments(cpu);
}

/** Loads CS:IP in real or virtual-8086 mode. @throws {GuestFault} #GP(0) beyond the limit of CS. */
export function loadRealCode(cpu: Cpu, selector: number, offset: bigint): void {
  const limit = cpu.segmentLimit(Segment.CS) >>> 0;
  if (offset > BigInt(limit)) throw generalProtection(0);
  if (realMode(cpu)) setRealSegment(cpu, Segment.CS, selector);
  else setVirtual8086Segment(cpu, Segment.CS, selector);
  cpu.rip = offset;
}

/**
 * Checks the stack segment that a return to `code` popped; `undefined` for a null selector, which 64-bit code
 * below level 3 may have. @throws {GuestFault} #GP or #SS.
 */
export function fetchReturnStack(cpu: Cpu, selector: number, code: Descriptor): Descriptor | undefined {
  const level = code.selector & 3;
  if (isNull(selector) && is64(cpu, code) && level < 3) {
    if ((selector & 3) !== level) throw generalProtection(selector & 0xfffc);
    return undefined;
  }
  return fetchStackSegment(cpu, selector, level, Vector.GP, 0);
}

/** Loads SS and the stack pointer, at the privilege level that CPL is by now. */
export function loadReturnStack(
  cpu: Cpu,
  selector: number,
  segment: Descriptor | undefined,
  code: Descriptor,
  pointer: bigint,
): void {
  if (segment === undefined) setNullSegment(cpu, Segment.SS, selector, cpu.cpl);
  else setSegment(cpu, Segment.SS, selector, segment);
  // With a 16-bit stack segment the upper half of ESP survives the return.
  const width = is64(cpu, code) ? 64 : segment?.isDefault32 ? 32 : 16;
  setStackPointer(cpu, width, pointer);
}
