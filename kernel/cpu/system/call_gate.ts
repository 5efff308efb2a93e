/**
 * Far transfers through 16-, 32- and 64-bit call gates (SDM volume 3, 5.8.3 to 5.8.5).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { Gpr, Segment, Vector } from "../state.ts";
import { checkTarget, setCode } from "./code_segment.ts";
import { type Descriptor, fetchDescriptor, isNull, widenDescriptor } from "./descriptor.ts";
import { generalProtection, notPresent, selectorError, stackFault } from "./fault.ts";
import { canonical } from "./mode.ts";
import { fetchStackSegment, setNullSegment, setSegment } from "./segments.ts";
import { type PushSize, Stack } from "./stack.ts";
import { innerStackPointer, longStackPointer } from "./task_state.ts";

/** Goes through a call gate whose type and privilege have been checked. @throws {GuestFault} */
export function enterCallGate(cpu: Cpu, descriptor: Descriptor, call: boolean): void {
  const gate = widenDescriptor(cpu, descriptor);
  if (!gate.present) throw notPresent(selectorError(gate.selector, 0));
  const selector = gate.gateSelector;
  if (isNull(selector)) throw generalProtection(0);
  const code = fetchDescriptor(cpu, selector, Vector.GP, 0);
  const error = selectorError(selector, 0);
  const cpl = cpu.cpl;
  const levelAllowed = call || code.isConforming ? code.dpl <= cpl : code.dpl === cpl;
  if (!code.isCode || !levelAllowed) throw generalProtection(error);
  if (cpu.longMode && (!code.isLong || code.isDefault32)) throw generalProtection(error);
  if (!code.present) throw notPresent(error);
  const offset = gate.gateOffset;
  checkTarget(cpu, code, offset, 0);
  code.markAccessed(cpu);

  if (!call) return setCode(cpu, code, cpl, offset);
  const inner = !code.isConforming && code.dpl < cpl;
  if (cpu.longMode) callLong(cpu, code, inner ? code.dpl : cpl, offset);
  else if (inner) callInner(cpu, code, gate, offset);
  else callSame(cpu, code, gate, offset);
}

function sizeOf(gate: Descriptor): PushSize {
  return (gate.type & 8) !== 0 ? 4 : 2;
}

function callSame(cpu: Cpu, code: Descriptor, gate: Descriptor, offset: bigint): void {
  const size = sizeOf(gate);
  const stack = Stack.current(cpu, 0);
  stack.push(size, BigInt(cpu.segmentSelector(Segment.CS)));
  stack.push(size, cpu.rip);
  stack.commit();
  setCode(cpu, code, cpu.cpl, offset);
}

function callInner(cpu: Cpu, code: Descriptor, gate: Descriptor, offset: bigint): void {
  const size = sizeOf(gate);
  const level = code.dpl;
  const { selector, pointer } = innerStackPointer(cpu, level, 0);
  const segment = fetchStackSegment(cpu, selector, level, Vector.TS, 0);
  const old = Stack.current(cpu, 0);
  const parameters: bigint[] = [];
  for (let i = 0; i < gate.gateParameters; i++) parameters.push(old.pop(size));

  const stack = Stack.inner(cpu, segment, pointer, selectorError(selector, 0));
  stack.push(size, BigInt(cpu.segmentSelector(Segment.SS)));
  stack.push(size, cpu.gpr[Gpr.RSP]);
  for (let i = parameters.length - 1; i >= 0; i--) stack.push(size, parameters[i]);
  stack.push(size, BigInt(cpu.segmentSelector(Segment.CS)));
  stack.push(size, cpu.rip);
  setSegment(cpu, Segment.SS, selector, segment);
  setCode(cpu, code, level, offset);
  stack.commit();
}

function callLong(cpu: Cpu, code: Descriptor, level: number, offset: bigint): void {
  const inner = level < cpu.cpl;
  const pointer = inner ? longStackPointer(cpu, level, 0, 0) : cpu.gpr[Gpr.RSP];
  if (!canonical(pointer)) throw stackFault(0);
  const stack = Stack.long(cpu, pointer, inner, 0);
  if (inner) {
    stack.push(8, BigInt(cpu.segmentSelector(Segment.SS)));
    stack.push(8, cpu.gpr[Gpr.RSP]);
  }
  stack.push(8, BigInt(cpu.segmentSelector(Segment.CS)));
  stack.push(8, cpu.rip);
  if (inner) setNullSegment(cpu, Segment.SS, level, level);
  setCode(cpu, code, level, offset);
  stack.commit();
}
