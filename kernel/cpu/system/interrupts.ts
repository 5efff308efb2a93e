/**
 * Delivery of interrupts and exceptions through the IDT (SDM volume 3, 6.10 to 6.14).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { CR, Cr0, Flag, Gpr, IDTR, Segment, Vector } from "../state.ts";
import { fetchDescriptor, isNull, SystemType } from "./descriptor.ts";
import { generalProtection, notPresent, selectorError, stackFault } from "./fault.ts";
import { CLEARED_FLAGS, type InterruptSource } from "./interrupt_source.ts";
import { deliverLegacy } from "./interrupts_legacy.ts";
import { canonical } from "./mode.ts";
import { join } from "./register_halves.ts";
import { setCode } from "./code_segment.ts";
import { setNullSegment, setRealSegment } from "./segments.ts";
import { Stack } from "./stack.ts";
import { longStackPointer } from "./task_state.ts";

/** Whether RF is set in the flags that are pushed: for faults, but not debug exceptions (SDM volume 3, 18.3.1.1). */
function pushesResumeFlag(vector: number): boolean {
  return vector !== Vector.DB && vector !== Vector.NMI && vector !== Vector.BP && vector !== Vector.OF &&
    vector !== Vector.DF && vector !== Vector.MC;
}

/**
 * Enters the handler of an interrupt or exception; `cpu.rip` is where it will return to.
 *
 * @throws {GuestFault} if that is not possible; nothing has changed then, unless a task gate was used.
 */
export function deliverInterrupt(cpu: Cpu, vector: number, source: InterruptSource): void {
  // The handler is entered with TF clear: no single-step trap follows.
  cpu.singleStep = false;
  const resume = source.kind === "exception" && pushesResumeFlag(vector) ? Flag.RF : 0;
  const software = source.kind === "software" || source.kind === "privileged-software";
  if (!software && cpu.enterGate(vector, source.error, resume)) return;
  const flags = cpu.rflags | resume;
  if (cpu.longMode) return deliverLong(cpu, vector, source, flags);
  if ((cpu.get32(CR) & Cr0.PE) === 0) return deliverReal(cpu, vector);
  return deliverLegacy(cpu, vector, source, flags);
}

function deliverReal(cpu: Cpu, vector: number): void {
  const entry = vector * 4;
  if (entry + 3 > (cpu.get32(IDTR + 8) & 0xffff)) throw generalProtection(0);
  const flags = cpu.rflags;
  const address = BigInt.asUintN(32, cpu.get64(IDTR) + BigInt(entry));
  const target = cpu.memory.systemRead(address, 4);
  const stack = Stack.current(cpu, 0);
  stack.push(2, BigInt(flags & 0xffff));
  stack.push(2, BigInt(cpu.segmentSelector(Segment.CS)));
  stack.push(2, cpu.rip);
  stack.commit();
  cpu.rflags = flags & ~(Flag.IF | Flag.TF | Flag.AC | Flag.RF);
  setRealSegment(cpu, Segment.CS, target >>> 16);
  cpu.rip = BigInt(target & 0xffff);
}

function deliverLong(cpu: Cpu, vector: number, source: InterruptSource, flags: number): void {
  const memory = cpu.memory;
  const software = source.kind === "software";
  const external = software ? 0 : 1;
  const entry = vector * 16;
  // Bit 1 of the error code: it names an entry of the IDT.
  const gateError = vector * 8 + 2 + external;
  if (entry + 15 > (cpu.get32(IDTR + 8) & 0xffff)) throw generalProtection(gateError);
  const gate = cpu.get64(IDTR) + BigInt(entry);
  const low = memory.systemRead(gate, 4);
  const high = memory.systemRead(gate + 4n, 4);
  const type = (high >>> 8) & 0x1f;
  if (type !== SystemType.InterruptGate && type !== SystemType.TrapGate) throw generalProtection(gateError);
  const cpl = cpu.cpl;
  if (software && ((high >>> 13) & 3) < cpl) throw generalProtection(gateError);
  if ((high & 0x8000) === 0) throw notPresent(gateError);
  const rip = join((low & 0xffff) | (high & 0xffff0000), memory.systemRead(gate + 8n, 4));

  const selector = low >>> 16;
  if (isNull(selector)) throw generalProtection(external);
  const code = fetchDescriptor(cpu, selector, Vector.GP, external);
  const codeError = selectorError(selector, external);
  if (!code.isCode || code.dpl > cpl || !code.isLong || code.isDefault32) {
    throw generalProtection(codeError);
  }
  if (!code.present) throw notPresent(codeError);
  const level = code.isConforming ? cpl : code.dpl;
  const ist = high & 7;
  let pointer = ist !== 0 || level < cpl ? longStackPointer(cpu, level, ist, external) : cpu.gpr[Gpr.RSP];
  if (!canonical(pointer)) throw stackFault(external);
  pointer = BigInt.asUintN(64, pointer & ~0xfn);
  if (!canonical(rip)) throw generalProtection(external);
  code.markAccessed(cpu);

  const system = level !== cpl;
  const oldStackSelector = BigInt(cpu.segmentSelector(Segment.SS));
  const oldCodeSelector = BigInt(cpu.segmentSelector(Segment.CS));
  pointer = push(cpu, pointer, oldStackSelector, system);
  pointer = push(cpu, pointer, cpu.gpr[Gpr.RSP], system);
  pointer = push(cpu, pointer, BigInt(flags), system);
  pointer = push(cpu, pointer, oldCodeSelector, system);
  pointer = push(cpu, pointer, cpu.rip, system);
  if (source.error !== undefined) pointer = push(cpu, pointer, BigInt(source.error), system);

  if (system) setNullSegment(cpu, Segment.SS, level, level);
  cpu.gpr[Gpr.RSP] = pointer;
  setCode(cpu, code, level, rip);
  cpu.rflags = flags & ~(type === SystemType.InterruptGate ? CLEARED_FLAGS | Flag.IF : CLEARED_FLAGS);
}

/** One push of long mode's frame. A privilege change writes as the level that is entered. */
function push(cpu: Cpu, pointer: bigint, value: bigint, system: boolean): bigint {
  const address = BigInt.asUintN(64, pointer - 8n);
  if (system) cpu.memory.systemWrite64(address, value);
  else cpu.memory.write64(address, value);
  return address;
}
