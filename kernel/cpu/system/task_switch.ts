/**
 * Hardware task switches through a TSS (SDM volume 3, 8.3). They do not exist in long mode.
 *
 * Faults up to the commit point belong to the old task and leave it unchanged. Later ones belong to the
 * new task: `INSTRUCTION_RIP` is its EIP then.
 *
 * @module
 */

import { type Cpu, GuestFault } from "../cpu.ts";
import { CR, Cr0, DR, Flag, type Gpr, INSTRUCTION_RIP, Segment, Vector } from "../state.ts";
import { checkTarget } from "./code_segment.ts";
import { type Descriptor, fetchDescriptor, findDescriptor, isNull, SystemType } from "./descriptor.ts";
import { invalidTss, notPresent, selectorError } from "./fault.ts";
import { paePaging, readPageDirectoryPointers, usePageDirectoryPointers } from "./page_directory_pointers.ts";
import { getGpr32, setGpr32 } from "./register_halves.ts";
import {
  fetchDataSegment,
  fetchStackSegment,
  setNullSegment,
  setSegment,
  setVirtual8086Segment,
} from "./segments.ts";
import { Stack } from "./stack.ts";
import { wideTss } from "./task_state.ts";

/** What makes the CPU switch tasks. */
export type TaskSwitchCause = "jump" | "call" | "interrupt" | "return";

/** Where a TSS format holds the dynamic fields, in bytes. Registers follow each other in encoding order. */
interface TssLayout {
  readonly size: 2 | 4;
  readonly minimumLimit: number;
  readonly ip: number;
  readonly flags: number;
  readonly registers: number;
  readonly segments: number;
  /** Bytes from one selector to the next. */
  readonly segmentStride: number;
  readonly segmentCount: number;
  readonly ldt: number;
}

const TSS16: TssLayout = {
  size: 2,
  minimumLimit: 0x2b,
  ip: 0x0e,
  flags: 0x10,
  registers: 0x12,
  segments: 0x22,
  segmentStride: 2,
  segmentCount: 4,
  ldt: 0x2a,
};

const TSS32: TssLayout = {
  size: 4,
  minimumLimit: 0x67,
  ip: 0x20,
  flags: 0x24,
  registers: 0x28,
  segments: 0x48,
  segmentStride: 4,
  segmentCount: 6,
  ldt: 0x60,
};

/** Offset of CR3 in a 32-bit TSS. */
const TSS32_CR3 = 0x1c;
/** Offset of the word whose bit 0 is the debug trap flag T. */
const TSS32_TRAP = 0x64;
const DR6_BT = 1 << 15;
/** L0 to L3 and LE of DR7, which a task switch clears. */
const DR7_LOCAL = 0x155n;
const CR3 = CR + 3 * 8;
const DR6 = DR + 6 * 8;
const DR7 = DR + 7 * 8;

interface TaskState {
  readonly ip: number;
  readonly flags: number;
  readonly registers: readonly number[];
  readonly selectors: readonly number[];
  readonly ldt: number;
  readonly cr3: number;
  readonly trap: boolean;
}

function layoutOf(wide: boolean): TssLayout {
  return wide ? TSS32 : TSS16;
}

function linear(base: bigint, offset: number): bigint {
  return BigInt.asUintN(32, base + BigInt(offset));
}

function readTask(cpu: Cpu, base: bigint, wide: boolean): TaskState {
  const layout = layoutOf(wide);
  const read = (offset: number, size: 2 | 4) => cpu.memory.systemRead(linear(base, offset), size) >>> 0;
  const registers: number[] = [];
  for (let i = 0; i < 8; i++) registers.push(read(layout.registers + i * layout.size, layout.size));
  const selectors = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < layout.segmentCount; i++) {
    selectors[i] = read(layout.segments + i * layout.segmentStride, 2);
  }
  return {
    ip: read(layout.ip, layout.size),
    flags: read(layout.flags, layout.size),
    registers,
    selectors,
    ldt: read(layout.ldt, 2),
    cr3: wide ? read(TSS32_CR3, 4) : 0,
    trap: wide && (read(TSS32_TRAP, 2) & 1) !== 0,
  };
}

function writeTask(cpu: Cpu, base: bigint, wide: boolean, flags: number): void {
  const layout = layoutOf(wide);
  const mask = wide ? 0xffffffff : 0xffff;
  const write = (offset: number, size: 2 | 4, value: number) =>
    cpu.memory.systemWrite(linear(base, offset), size, (value & mask) >>> 0);
  write(layout.ip, layout.size, Number(BigInt.asUintN(32, cpu.rip)));
  write(layout.flags, layout.size, flags);
  for (let i = 0; i < 8; i++) {
    write(layout.registers + i * layout.size, layout.size, getGpr32(cpu, i as Gpr));
  }
  for (let i = 0; i < layout.segmentCount; i++) {
    write(layout.segments + i * layout.segmentStride, 2, cpu.segmentSelector(i as Segment));
  }
}

function setBusy(cpu: Cpu, address: bigint, busy: boolean): void {
  const access = cpu.memory.systemRead(address + 5n, 1);
  cpu.memory.systemWrite(address + 5n, 1, busy ? access | 2 : access & ~2);
}

/**
 * Switches to the task of `tss`, whose type, presence and privilege the caller has checked.
 *
 * @param flags RFLAGS as the old task is to find them.
 * @param external EXT bit of error codes.
 * @param error Error code to push on the new task's stack.
 * @throws {GuestFault} #TS, #NP, #SS, #GP, #PF, or #DB if the new TSS asks for it.
 */
export function switchTask(
  cpu: Cpu,
  tss: Descriptor,
  cause: TaskSwitchCause,
  flags: number,
  external: number,
  error: number | undefined,
): void {
  const memory = cpu.memory;
  const wide = (tss.type & 8) !== 0;
  const layout = layoutOf(wide);
  if (tss.limit < layout.minimumLimit) throw invalidTss(selectorError(tss.selector, external));
  const oldWide = wideTss(cpu);
  const oldLayout = layoutOf(oldWide);
  const oldSelector = cpu.segmentSelector(Segment.TR);
  const oldBase = cpu.segmentBase(Segment.TR);
  const oldDescriptor = findDescriptor(cpu, oldSelector);
  const nested = cause === "call" || cause === "interrupt";

  const task = readTask(cpu, tss.base, wide);
  const newSpace = wide && (cpu.get32(CR) & Cr0.PG) !== 0;
  const changesPointers = newSpace && paePaging(cpu) && cpu.get64(CR3) !== BigInt(task.cr3);
  const pointers = changesPointers ? readPageDirectoryPointers(cpu, BigInt(task.cr3)) : undefined;
  memory.probeWrite(linear(oldBase, oldLayout.ip), oldLayout.ldt - oldLayout.ip, true);
  memory.probeWrite(tss.address + 5n, 1, true);
  if (oldDescriptor !== undefined) memory.probeWrite(oldDescriptor.address + 5n, 1, true);
  if (nested) memory.probeWrite(tss.base, 2, true);

  writeTask(cpu, oldBase, oldWide, cause === "return" ? flags & ~Flag.NT : flags);
  if (nested) memory.systemWrite(tss.base, 2, oldSelector);
  else if (oldDescriptor !== undefined) setBusy(cpu, oldDescriptor.address, false);
  if (cause !== "return") setBusy(cpu, tss.address, true);

  const attributes = tss.attributes | (SystemType.Tss16Busy & ~SystemType.Tss16Available);
  cpu.setSegment(Segment.TR, tss.selector & 0xfffc, tss.base, tss.limit, attributes);
  cpu.set64(CR, cpu.get64(CR) | BigInt(Cr0.TS));
  if ((cpu.get64(DR7) & DR7_LOCAL) !== 0n) {
    cpu.set64(DR7, cpu.get64(DR7) & ~DR7_LOCAL);
    cpu.debugRegistersChanged();
  }
  if (newSpace) {
    if (pointers !== undefined) usePageDirectoryPointers(cpu, pointers);
    cpu.set64(CR3, BigInt(task.cr3));
    cpu.pagingChanged({ kind: "cr3", keep: false });
  }
  enterTask(cpu, task, wide, nested, external);
  if (error !== undefined) {
    const stack = Stack.current(cpu, external);
    stack.push(layout.size, BigInt(error));
    stack.commit();
  }
  if (task.trap) {
    cpu.set64(DR6, cpu.get64(DR6) | BigInt(DR6_BT));
    throw new GuestFault(Vector.DB);
  }
}

/** Loads the registers of the new task, which is committed. */
function enterTask(cpu: Cpu, task: TaskState, wide: boolean, nested: boolean, external: number): void {
  const rip = BigInt(task.ip);
  cpu.rip = rip;
  cpu.set64(INSTRUCTION_RIP, rip);
  const flags = nested ? task.flags | Flag.NT : task.flags;
  cpu.rflags = (flags & LOADED_FLAGS) | 2;
  for (let i = 0; i < 8; i++) {
    const upper = wide ? 0 : getGpr32(cpu, i as Gpr) & 0xffff0000;
    setGpr32(cpu, i as Gpr, (task.registers[i] | upper) >>> 0);
  }
  if ((flags & Flag.VM) !== 0) {
    loadLdt(cpu, task.ldt, external);
    for (let i = 0; i < 6; i++) setVirtual8086Segment(cpu, i as Segment, task.selectors[i]);
    cpu.cpl = 3;
    return;
  }
  // Every register has its selector before the first one is checked: a handler of #TS sees them all.
  const codeSelector = task.selectors[Segment.CS];
  const cpl = codeSelector & 3;
  const { CS } = Segment;
  cpu.setSegment(CS, codeSelector, cpu.segmentBase(CS), cpu.segmentLimit(CS), cpu.segmentAttributes(CS));
  for (let i = 0; i < 6; i++) {
    if (i !== Segment.CS) setNullSegment(cpu, i as Segment, task.selectors[i], i === Segment.SS ? cpl : 0);
  }
  cpu.cpl = cpl;
  loadLdt(cpu, task.ldt, external);
  loadTaskSegments(cpu, task.selectors, cpl, rip, external);
}

const LOADED_FLAGS = 0x003f7fd5;

function loadTaskSegments(
  cpu: Cpu,
  selectors: readonly number[],
  cpl: number,
  rip: bigint,
  external: number,
): void {
  const codeSelector = selectors[Segment.CS];
  if (isNull(codeSelector)) throw invalidTss(external);
  const code = fetchDescriptor(cpu, codeSelector, Vector.TS, external);
  const codeError = selectorError(codeSelector, external);
  const level = code.isConforming ? code.dpl <= cpl : code.dpl === cpl;
  if (!code.isCode || !level) throw invalidTss(codeError);
  if (!code.present) throw notPresent(codeError);
  code.markAccessed(cpu);
  setSegment(cpu, Segment.CS, codeSelector, code);

  const stackSelector = selectors[Segment.SS];
  const stack = fetchStackSegment(cpu, stackSelector, cpl, Vector.TS, external);
  setSegment(cpu, Segment.SS, stackSelector, stack);
  for (const segment of [Segment.ES, Segment.DS, Segment.FS, Segment.GS] as const) {
    const selector = selectors[segment];
    if (isNull(selector)) continue;
    setSegment(cpu, segment, selector, fetchDataSegment(cpu, selector, Vector.TS, external));
  }
  checkTarget(cpu, code, rip, external);
}

function loadLdt(cpu: Cpu, selector: number, external: number): void {
  setNullSegment(cpu, Segment.LDTR, selector, 0);
  if (isNull(selector)) return;
  const error = selectorError(selector, external);
  const ldt = (selector & 4) === 0 ? findDescriptor(cpu, selector) : undefined;
  if (ldt === undefined || ldt.isSegment || ldt.type !== SystemType.Ldt || !ldt.present) {
    throw invalidTss(error);
  }
  cpu.setSegment(Segment.LDTR, selector, ldt.base, ldt.limit, ldt.attributes);
}
