/**
 * Delivery of interrupts in protected and virtual-8086 mode, long mode not being active
 * (SDM volume 3, 6.12 and 20.3; volume 2, INT n).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { Flag, Gpr, IDTR, Segment, Vector } from "../state.ts";
import { checkTarget, setCode } from "./code_segment.ts";
import { Descriptor, fetchDescriptor, isNull, SystemType } from "./descriptor.ts";
import { generalProtection, notPresent, selectorError } from "./fault.ts";
import { CLEARED_FLAGS, type InterruptSource } from "./interrupt_source.ts";
import { fetchStackSegment, setNullSegment, setSegment } from "./segments.ts";
import { type PushSize, Stack } from "./stack.ts";
import { innerStackPointer } from "./task_state.ts";
import { switchTask } from "./task_switch.ts";

/** Enters the handler. `flags` is what is pushed. @throws {GuestFault} */
export function deliverLegacy(cpu: Cpu, vector: number, source: InterruptSource, flags: number): void {
  const external = source.kind === "software" ? 0 : 1;
  const gate = fetchGate(cpu, vector, source, external);
  if (gate.type === SystemType.TaskGate) return deliverThroughTask(cpu, gate, source, flags, external);

  const selector = gate.gateSelector;
  if (isNull(selector)) throw generalProtection(external);
  const code = fetchDescriptor(cpu, selector, Vector.GP, external);
  const error = selectorError(selector, external);
  const cpl = cpu.cpl;
  if (!code.isCode || code.dpl > cpl) throw generalProtection(error);
  if (!code.present) throw notPresent(error);
  const level = code.isConforming ? cpl : code.dpl;
  const fromVm86 = (flags & Flag.VM) !== 0;
  if (fromVm86 && level !== 0) throw generalProtection(error);
  const rip = gate.gateOffset;
  checkTarget(cpu, code, rip, external);

  const size = (gate.type & 8) !== 0 ? 4 : 2;
  let stack: Stack;
  let stackSegment: Descriptor | undefined;
  if (level < cpl) {
    const inner = innerStackPointer(cpu, level, external);
    stackSegment = fetchStackSegment(cpu, inner.selector, level, Vector.TS, external);
    stack = Stack.inner(cpu, stackSegment, inner.pointer, selectorError(inner.selector, external));
    if (fromVm86) pushVm86Segments(cpu, stack, size);
    stack.push(size, BigInt(cpu.segmentSelector(Segment.SS)));
    stack.push(size, cpu.gpr[Gpr.RSP]);
  } else {
    stack = Stack.current(cpu, external);
  }
  code.markAccessed(cpu);
  stack.push(size, BigInt(flags));
  stack.push(size, BigInt(cpu.segmentSelector(Segment.CS)));
  stack.push(size, cpu.rip);
  if (source.error !== undefined) stack.push(size, BigInt(source.error));

  const interruptGate = (gate.type & 1) === 0;
  cpu.rflags = flags & ~(interruptGate ? CLEARED_FLAGS | Flag.IF : CLEARED_FLAGS);
  if (fromVm86) {
    for (const segment of VM86_SEGMENTS) setNullSegment(cpu, segment, 0, 0);
  }
  if (stackSegment !== undefined) setSegment(cpu, Segment.SS, stackSegment.selector, stackSegment);
  setCode(cpu, code, level, rip);
  stack.commit();
}

/** In the order in which they are pushed. */
const VM86_SEGMENTS: readonly Segment[] = [Segment.GS, Segment.FS, Segment.DS, Segment.ES];

function pushVm86Segments(cpu: Cpu, stack: Stack, size: PushSize): void {
  for (const segment of VM86_SEGMENTS) stack.push(size, BigInt(cpu.segmentSelector(segment)));
}

function fetchGate(cpu: Cpu, vector: number, source: InterruptSource, external: number): Descriptor {
  const entry = vector * 8;
  const error = entry + 2 + external;
  if (entry + 7 > (cpu.get32(IDTR + 8) & 0xffff)) throw generalProtection(error);
  const address = BigInt.asUintN(32, cpu.get64(IDTR) + BigInt(entry));
  const low = cpu.memory.systemRead(address, 4);
  const gate = new Descriptor(0, address, low, cpu.memory.systemRead(address + 4n, 4));
  switch (gate.isSegment ? undefined : gate.type) {
    case SystemType.TaskGate:
    case SystemType.InterruptGate16:
    case SystemType.TrapGate16:
    case SystemType.InterruptGate:
    case SystemType.TrapGate:
      break;
    default:
      throw generalProtection(error);
  }
  if (source.kind === "software" && gate.dpl < cpu.cpl) throw generalProtection(error);
  if (!gate.present) throw notPresent(error);
  return gate;
}

function deliverThroughTask(
  cpu: Cpu,
  gate: Descriptor,
  source: InterruptSource,
  flags: number,
  external: number,
): void {
  const selector = gate.gateSelector;
  const error = selectorError(selector, external);
  if (isNull(selector) || (selector & 4) !== 0) throw generalProtection(error);
  const tss = fetchDescriptor(cpu, selector, Vector.GP, external);
  const available = tss.type === SystemType.TssAvailable || tss.type === SystemType.Tss16Available;
  if (tss.isSegment || !available) throw generalProtection(error);
  if (!tss.present) throw notPresent(error);
  switchTask(cpu, tss, "interrupt", flags, external, source.error);
}
