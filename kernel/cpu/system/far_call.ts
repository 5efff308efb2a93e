/**
 * Far JMP and CALL (SDM volume 2, JMP and CALL; volume 3, 5.8).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { Segment, Vector } from "../state.ts";
import { enterCallGate } from "./call_gate.ts";
import { checkLongFlags, checkTarget, setCode } from "./code_segment.ts";
import { type Descriptor, fetchDescriptor, isNull, SystemType } from "./descriptor.ts";
import { generalProtection, notPresent, selectorError } from "./fault.ts";
import { protectedMode, realMode } from "./mode.ts";
import { setRealSegment, setVirtual8086Segment } from "./segments.ts";
import { type PushSize, Stack } from "./stack.ts";
import { switchTask } from "./task_switch.ts";

/** a = offset, b = selector | operand size in bytes (2, 4 or 8) << 16. JMP ptr16:n and m16:n. */
export function farJump(cpu: Cpu, a: bigint, b: bigint): void {
  transfer(cpu, a, b, false);
}

/** a = offset, b = selector | operand size in bytes (2, 4 or 8) << 16. CALL ptr16:n and m16:n. */
export function farCall(cpu: Cpu, a: bigint, b: bigint): void {
  transfer(cpu, a, b, true);
}

function transfer(cpu: Cpu, a: bigint, b: bigint, call: boolean): void {
  const operands = Number(b);
  const selector = operands & 0xffff;
  const size = (operands >>> 16) as PushSize;
  const offset = BigInt.asUintN(size * 8, a);
  if (!protectedMode(cpu)) return transferReal(cpu, selector, offset, size, call);

  if (isNull(selector)) throw generalProtection(0);
  const descriptor = fetchDescriptor(cpu, selector, Vector.GP, 0);
  if (!descriptor.isSegment) return transferThroughSystem(cpu, descriptor, call);

  const error = selectorError(selector, 0);
  const cpl = cpu.cpl;
  const level = descriptor.isConforming
    ? descriptor.dpl <= cpl
    : (selector & 3) <= cpl && descriptor.dpl === cpl;
  if (!descriptor.isCode || !level) throw generalProtection(error);
  checkLongFlags(cpu, descriptor);
  if (!descriptor.present) throw notPresent(error);
  checkTarget(cpu, descriptor, offset, 0);
  descriptor.markAccessed(cpu);
  if (call) pushReturn(cpu, size);
  setCode(cpu, descriptor, cpl, offset);
}

function pushReturn(cpu: Cpu, size: PushSize): void {
  const stack = Stack.current(cpu, 0);
  stack.push(size, BigInt(cpu.segmentSelector(Segment.CS)));
  stack.push(size, cpu.rip);
  stack.commit();
}

function transferReal(cpu: Cpu, selector: number, offset: bigint, size: PushSize, call: boolean): void {
  const limit = cpu.segmentLimit(Segment.CS) >>> 0;
  if (offset > BigInt(limit)) throw generalProtection(0);
  if (call) pushReturn(cpu, size);
  if (realMode(cpu)) setRealSegment(cpu, Segment.CS, selector);
  else setVirtual8086Segment(cpu, Segment.CS, selector);
  cpu.rip = offset;
}

/** A transfer to a gate or TSS. */
function transferThroughSystem(cpu: Cpu, descriptor: Descriptor, call: boolean): void {
  const selector = descriptor.selector;
  const error = selectorError(selector, 0);
  const type = descriptor.type;
  const legacy = !cpu.longMode;
  const gate = type === SystemType.CallGate || (legacy && type === SystemType.CallGate16);
  const tss = legacy && (type === SystemType.TssAvailable || type === SystemType.Tss16Available);
  const taskGate = legacy && type === SystemType.TaskGate;
  const local = (selector & 4) !== 0;
  if (!gate && !taskGate && (!tss || local)) throw generalProtection(error);
  if (descriptor.dpl < cpu.cpl || descriptor.dpl < (selector & 3)) throw generalProtection(error);
  if (gate) return enterCallGate(cpu, descriptor, call);
  if (!descriptor.present) throw notPresent(error);
  const target = taskGate ? taskOfGate(cpu, descriptor) : descriptor;
  switchTask(cpu, target, call ? "call" : "jump", cpu.rflags, 0, undefined);
}

function taskOfGate(cpu: Cpu, gate: Descriptor): Descriptor {
  const selector = gate.gateSelector;
  const error = selectorError(selector, 0);
  if (isNull(selector) || (selector & 4) !== 0) throw generalProtection(error);
  const tss = fetchDescriptor(cpu, selector, Vector.GP, 0);
  const available = tss.type === SystemType.TssAvailable || tss.type === SystemType.Tss16Available;
  if (tss.isSegment || !available) throw generalProtection(error);
  if (!tss.present) throw notPresent(error);
  return tss;
}
