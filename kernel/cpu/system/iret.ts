/**
 * IRET in every mode (SDM volume 2, IRET).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { CodeMode, Flag, Gpr, Segment } from "../state.ts";
import { checkTarget, fetchReturnCode, setCode } from "./code_segment.ts";
import { findDescriptor, SystemType } from "./descriptor.ts";
import { fetchReturnStack, loadRealCode, loadReturnStack } from "./far_return.ts";
import { generalProtection, invalidTss, notPresent, selectorError, stackFault } from "./fault.ts";
import { canonical, ioPrivilege, realMode, virtual8086 } from "./mode.ts";
import { dropPrivilegedSegments, setVirtual8086Segment } from "./segments.ts";
import { type PushSize, Stack } from "./stack.ts";
import { switchTask } from "./task_switch.ts";

/** Flags that any IRET loads. */
const ALWAYS = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.TF | Flag.DF | Flag.OF | Flag.NT;
/** Flags that it loads too with an operand of more than 16 bits. */
const WIDE = Flag.RF | Flag.AC | Flag.ID;

/** a is not used, b = operand size in bytes (2, 4 or 8). IRET, IRETD, IRETQ. */
export function iret(cpu: Cpu, _a: bigint, b: bigint): void {
  const size = Number(b) as PushSize;
  cpu.endNonMaskableInterrupt();
  if (cpu.codeMode === CodeMode.Bits64) return iretFrom64(cpu, size);
  if (realMode(cpu)) return iretReal(cpu, size);
  if (virtual8086(cpu)) return iretVirtual8086(cpu, size);
  if ((cpu.rflags & Flag.NT) !== 0) return returnFromTask(cpu);
  iretProtected(cpu, size);
}

/** RFLAGS after an IRET of privilege level `cpl` that popped `image`. */
function returnedFlags(cpu: Cpu, image: number, cpl: number, size: PushSize): number {
  let mask = size === 2 ? ALWAYS : ALWAYS | WIDE;
  if (cpl <= ioPrivilege(cpu)) mask |= Flag.IF;
  if (cpl === 0) mask |= size === 2 ? Flag.IOPL : Flag.IOPL | Flag.VIF | Flag.VIP;
  return (cpu.rflags & ~mask) | (image & mask);
}

function iretReal(cpu: Cpu, size: PushSize): void {
  const stack = Stack.current(cpu, 0);
  const offset = stack.pop(size);
  const selector = stack.popSelector(size);
  const image = Number(stack.pop(size));
  loadRealCode(cpu, selector, offset);
  stack.commit();
  const mask = ALWAYS | Flag.IF | Flag.IOPL | (size === 2 ? 0 : WIDE);
  cpu.rflags = (cpu.rflags & ~mask) | (image & mask);
}

function iretVirtual8086(cpu: Cpu, size: PushSize): void {
  if (ioPrivilege(cpu) < 3) throw generalProtection(0);
  const stack = Stack.current(cpu, 0);
  const offset = stack.pop(size);
  const selector = stack.popSelector(size);
  const image = Number(stack.pop(size));
  loadRealCode(cpu, selector, offset);
  stack.commit();
  cpu.rflags = returnedFlags(cpu, image, 3, size);
}

function iretProtected(cpu: Cpu, size: PushSize): void {
  const stack = Stack.current(cpu, 0);
  const offset = stack.pop(size);
  const selector = stack.popSelector(size);
  const image = Number(stack.pop(size));
  const cpl = cpu.cpl;
  if (size === 4 && (image & Flag.VM) !== 0 && cpl === 0 && !cpu.longMode) {
    return returnToVirtual8086(cpu, stack, offset, selector, image);
  }
  const code = fetchReturnCode(cpu, selector);
  checkTarget(cpu, code, offset, 0);
  const flags = returnedFlags(cpu, image, cpl, size);
  const level = selector & 3;
  if (level === cpl) {
    code.markAccessed(cpu);
    setCode(cpu, code, level, offset);
    stack.commit();
    cpu.rflags = flags;
    return;
  }
  const pointer = stack.pop(size);
  const stackSelector = stack.popSelector(size);
  const stackSegment = fetchReturnStack(cpu, stackSelector, code);
  code.markAccessed(cpu);
  setCode(cpu, code, level, offset);
  loadReturnStack(cpu, stackSelector, stackSegment, code, pointer);
  cpu.rflags = flags;
  dropPrivilegedSegments(cpu);
}

function returnToVirtual8086(
  cpu: Cpu,
  stack: Stack,
  offset: bigint,
  selector: number,
  image: number,
): void {
  const pointer = stack.pop(4);
  const stackSelector = stack.popSelector(4);
  const es = stack.popSelector(4);
  const ds = stack.popSelector(4);
  const fs = stack.popSelector(4);
  const gs = stack.popSelector(4);
  if (offset > 0xffffn) throw generalProtection(0);
  cpu.rflags = returnedFlags(cpu, image, 0, 4) | Flag.VM;
  cpu.cpl = 3;
  setVirtual8086Segment(cpu, Segment.CS, selector);
  setVirtual8086Segment(cpu, Segment.SS, stackSelector);
  setVirtual8086Segment(cpu, Segment.ES, es);
  setVirtual8086Segment(cpu, Segment.DS, ds);
  setVirtual8086Segment(cpu, Segment.FS, fs);
  setVirtual8086Segment(cpu, Segment.GS, gs);
  cpu.gpr[Gpr.RSP] = pointer;
  cpu.rip = offset;
}

/** Nested task return: RFLAGS.NT is set. */
function returnFromTask(cpu: Cpu): void {
  if (cpu.longMode) throw generalProtection(0);
  const link = cpu.memory.systemRead(cpu.segmentBase(Segment.TR), 2) & 0xffff;
  const error = selectorError(link, 0);
  const tss = (link & 4) === 0 ? findDescriptor(cpu, link) : undefined;
  if (tss === undefined || tss.isSegment) throw invalidTss(error);
  if (tss.type !== SystemType.TssBusy && tss.type !== SystemType.Tss16Busy) throw invalidTss(error);
  if (!tss.present) throw notPresent(error);
  switchTask(cpu, tss, "return", cpu.rflags, 0, undefined);
}

/** IRET in 64-bit mode always pops SS:RSP. This is the way back to every user program: no allocation but BigInts. */
function iretFrom64(cpu: Cpu, size: PushSize): void {
  const old = cpu.rflags;
  if ((old & Flag.NT) !== 0) throw generalProtection(0);
  const memory = cpu.memory;
  const top = cpu.gpr[Gpr.RSP];
  let offset: bigint;
  let pointer: bigint;
  let selector: number;
  let image: number;
  let stackSelector: number;
  if (size === 8) {
    if (!canonical(top) || !canonical(top + 39n)) throw stackFault(0);
    offset = BigInt.asUintN(64, memory.read64(top));
    selector = memory.read(top + 8n, 2);
    image = memory.read(top + 16n, 4);
    pointer = BigInt.asUintN(64, memory.read64(top + 24n));
    stackSelector = memory.read(top + 32n, 2);
  } else {
    const stack = Stack.current(cpu, 0);
    offset = stack.pop(size);
    selector = stack.popSelector(size);
    image = Number(stack.pop(size));
    pointer = stack.pop(size);
    stackSelector = stack.popSelector(size);
  }
  const code = fetchReturnCode(cpu, selector & 0xffff);
  checkTarget(cpu, code, offset, 0);
  const stackSegment = fetchReturnStack(cpu, stackSelector & 0xffff, code);
  const cpl = cpu.cpl;
  const flags = returnedFlags(cpu, image, cpl, size);
  const level = selector & 3;
  code.markAccessed(cpu);
  setCode(cpu, code, level, offset);
  loadReturnStack(cpu, stackSelector & 0xffff, stackSegment, code, pointer);
  cpu.rflags = flags;
  if (level !== cpl) dropPrivilegedSegments(cpu);
}
