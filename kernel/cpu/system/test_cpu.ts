/**
 * A vCPU for tests of system instructions: the real layout of registers, and recorded effects.
 *
 * @module
 */

import { type Cpu, GuestFault, type PagingChange } from "../cpu.ts";
import {
  APIC_BASE,
  CODE_MODE,
  CodeMode,
  CPL,
  CR,
  Cr0,
  Cr4,
  DR,
  EFER,
  Efer,
  GDTR,
  GPR,
  IDTR,
  INSTRUCTION_RIP,
  PAT,
  RFLAGS,
  RIP,
  Segment,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SegmentAttribute,
  STATE_END,
  TSC_OFFSET,
  X87_CONTROL,
  XCR0,
} from "../state.ts";
import { DEBUG_RESET } from "./debug_registers.ts";
import { X87_CONTROL_RESET } from "./legacy_region.ts";
import { hostRandom } from "./random.ts";
import { TestMemory } from "./test_memory.ts";

/** What a test can see of a vCPU besides its registers. */
export class TestCpu implements Cpu {
  readonly memory: TestMemory = new TestMemory();
  readonly view: DataView;
  readonly gpr: BigUint64Array;
  readonly changes: PagingChange[] = [];
  readonly invalidated: string[] = [];
  readonly ports = new Map<number, number>();
  readonly apicMsrs = new Map<number, bigint>();
  tscFrequency = 1e9;
  tsc = 1000n;
  cr8 = 0;
  random = hostRandom;
  halted = false;
  shadows = 0;
  shutdownReason: string | undefined;
  singleStep = false;
  debugChanges = 0;
  nmiBlocked = false;

  constructor() {
    const buffer = new ArrayBuffer(STATE_END);
    this.view = new DataView(buffer);
    this.gpr = new BigUint64Array(buffer, GPR, 16);
    this.rflags = 2;
    this.set64(CR, BigInt(Cr0.ET));
    this.set64(DR + 6 * 8, DEBUG_RESET.dr6);
    this.set64(DR + 7 * 8, DEBUG_RESET.dr7);
    this.set64(APIC_BASE, 0xfee00900n);
    this.set64(PAT, 0x0007040600070406n);
    this.set64(XCR0, 1n);
    this.set32(X87_CONTROL, X87_CONTROL_RESET);
    this.set64(IDTR + 8, 0xffffn);
    for (let segment = 0; segment < 6; segment++) this.setSegment(segment, 0, 0n, 0xffff, 0x93);
    this.setSegment(Segment.LDTR, 0, 0n, 0, SegmentAttribute.UNUSABLE);
    this.setSegment(Segment.TR, 0, 0n, 0xffff, 0x8b);
  }

  get rip(): bigint {
    return this.get64(RIP);
  }
  set rip(value: bigint) {
    this.set64(RIP, value);
  }
  get instructionRip(): bigint {
    return this.get64(INSTRUCTION_RIP);
  }
  get rflags(): number {
    return this.get32(RFLAGS) | 2;
  }
  set rflags(value: number) {
    this.set32(RFLAGS, value | 2);
  }
  get cpl(): number {
    return this.get32(CPL);
  }
  set cpl(value: number) {
    this.set32(CPL, value);
  }
  get codeMode(): CodeMode {
    return this.get32(CODE_MODE);
  }
  get longMode(): boolean {
    return (this.get32(EFER) & Efer.LMA) !== 0;
  }

  segmentBase(segment: Segment): bigint {
    return this.get64(SEGMENT_BASE + segment * 8);
  }
  segmentLimit(segment: Segment): number {
    return this.get32(SEGMENT_LIMIT + segment * 4);
  }
  segmentAttributes(segment: Segment): number {
    return this.get32(SEGMENT_ATTRIBUTES + segment * 4);
  }
  segmentSelector(segment: Segment): number {
    return this.get32(SEGMENT_SELECTOR + segment * 4);
  }
  setSegment(segment: Segment, selector: number, base: bigint, limit: number, attributes: number): void {
    this.set64(SEGMENT_BASE + segment * 8, base);
    this.set32(SEGMENT_LIMIT + segment * 4, limit);
    this.set32(SEGMENT_ATTRIBUTES + segment * 4, attributes);
    this.set32(SEGMENT_SELECTOR + segment * 4, selector);
    if (segment !== Segment.CS) return;
    const long = this.longMode && (attributes & SegmentAttribute.LONG) !== 0;
    const wide = (attributes & SegmentAttribute.DB) !== 0;
    this.set32(CODE_MODE, long ? CodeMode.Bits64 : wide ? CodeMode.Bits32 : CodeMode.Bits16);
  }
  setSegmentBase(segment: Segment, base: bigint): void {
    this.set64(SEGMENT_BASE + segment * 8, base);
  }

  get64(address: number): bigint {
    return this.view.getBigUint64(address, true);
  }
  set64(address: number, value: bigint): void {
    this.view.setBigUint64(address, value, true);
  }
  get32(address: number): number {
    return this.view.getInt32(address, true);
  }
  set32(address: number, value: number): void {
    this.view.setInt32(address, value, true);
  }

  readPhysical64(gpa: number): bigint {
    return this.memory.read64(BigInt(gpa));
  }

  pagingChanged(change: PagingChange): void {
    this.changes.push(change);
  }
  invalidatePage(address: bigint): void {
    this.invalidated.push(`page 0x${address.toString(16)}`);
  }
  invalidateContext(pcid: number | undefined, global: boolean): void {
    this.invalidated.push(`context ${pcid ?? "all"}${global ? " global" : ""}`);
  }
  readPort(port: number, size: 1 | 2 | 4): number {
    return (this.ports.get(port) ?? 0xffffffff) & (2 ** (size * 8) - 1);
  }
  writePort(port: number, _size: 1 | 2 | 4, value: number): void {
    this.ports.set(port, value);
  }
  readTsc(): bigint {
    return BigInt.asUintN(64, this.tsc + this.get64(TSC_OFFSET));
  }
  readApicMsr(msr: number): bigint | undefined {
    return this.apicMsrs.get(msr);
  }
  writeApicMsr(msr: number, value: bigint): boolean {
    if (!this.apicMsrs.has(msr)) return false;
    this.apicMsrs.set(msr, value);
    return true;
  }
  halt(): void {
    this.halted = true;
  }
  shadowInterrupts(_debugToo: boolean): void {
    this.shadows++;
  }
  debugRegistersChanged(): void {
    this.debugChanges++;
  }
  enterGate(): boolean {
    return false;
  }
  endNonMaskableInterrupt(): void {
    this.nmiBlocked = false;
  }
  shutdown(reason: string): void {
    this.shutdownReason = reason;
  }
}

/** Where {@link protectedCpu} and {@link longCpu} put things. */
export const Layout = {
  GDT: 0x1000,
  IDT: 0x2000,
  TSS: 0x4000,
  LDT: 0x4800,
  STACK0: 0x9000,
  STACK3: 0xa000,
} as const;

/** Selectors of the GDT that every test CPU has. */
export const Selector = {
  CODE0: 0x08,
  DATA0: 0x10,
  CODE64: 0x18,
  DATA3: 0x20 | 3,
  CODE3: 0x28 | 3,
  CODE64_3: 0x30 | 3,
  CONFORMING: 0x38,
  LDT: 0x40,
  TSS: 0x50,
  /** Room for what a test needs, 16 bytes each. */
  FREE: 0x60,
  FREE2: 0x70,
} as const;

/** Writes a segment descriptor: access byte, and the AVL, L, D/B and G flags as a nibble. */
export function writeDescriptor(
  cpu: TestCpu,
  address: number,
  base: number,
  limit: number,
  access: number,
  flags: number,
): void {
  const { view } = cpu.memory;
  view.setUint32(address, ((base & 0xffff) << 16) | (limit & 0xffff), true);
  const high = ((base >>> 16) & 0xff) | (access << 8) | (limit & 0xf0000) | (flags << 20) |
    (base & 0xff000000);
  view.setUint32(address + 4, high, true);
}

/** Writes a gate: `info` is the IST or the number of parameters. */
export function writeGate(
  cpu: TestCpu,
  address: number,
  selector: number,
  offset: bigint,
  access: number,
  info = 0,
): void {
  const { view } = cpu.memory;
  const low = Number(offset & 0xffffffffn);
  view.setUint32(address, (selector << 16) | (low & 0xffff), true);
  view.setUint32(address + 4, (low & 0xffff0000) | (access << 8) | info, true);
  if (cpu.longMode) {
    view.setUint32(address + 8, Number(offset >> 32n), true);
    view.setUint32(address + 12, 0, true);
  }
}

function makeTables(cpu: TestCpu): void {
  const { GDT, IDT, TSS, LDT } = Layout;
  const descriptor = (selector: number, access: number, flags: number) =>
    writeDescriptor(cpu, GDT + (selector & 0xfff8), 0, 0xfffff, access, flags);
  descriptor(Selector.CODE0, 0x9a, 0xc);
  descriptor(Selector.DATA0, 0x92, 0xc);
  descriptor(Selector.CODE64, 0x9a, 0xa);
  descriptor(Selector.DATA3, 0xf2, 0xc);
  descriptor(Selector.CODE3, 0xfa, 0xc);
  descriptor(Selector.CODE64_3, 0xfa, 0xa);
  descriptor(Selector.CONFORMING, 0x9e, 0xc);
  writeDescriptor(cpu, GDT + Selector.LDT, LDT, 0xff, 0x82, 0);
  writeDescriptor(cpu, GDT + Selector.TSS, TSS, 0x7ff, 0x89, 0);
  cpu.set64(GDTR, BigInt(GDT));
  cpu.set64(GDTR + 8, 0x7fn);
  cpu.set64(IDTR, BigInt(IDT));
  cpu.set64(IDTR + 8, 0xfffn);
  cpu.setSegment(Segment.TR, Selector.TSS, BigInt(TSS), 0x7ff, 0x8b);
}

/** 32-bit protected mode, flat, at privilege level `cpl` (0 or 3), with a TSS whose ring 0 stack is STACK0. */
export function protectedCpu(cpl: 0 | 3): TestCpu {
  const cpu = new TestCpu();
  cpu.set64(CR, BigInt(Cr0.ET | Cr0.PE));
  makeTables(cpu);
  cpu.memory.view.setUint32(Layout.TSS + 4, Layout.STACK0, true);
  cpu.memory.view.setUint32(Layout.TSS + 8, Selector.DATA0, true);
  setLevel(cpu, cpl, cpl === 0 ? Selector.CODE0 : Selector.CODE3, 0xc9b);
  return cpu;
}

/** 64-bit mode at privilege level `cpl` (0 or 3), with a TSS whose RSP0 is STACK0. */
export function longCpu(cpl: 0 | 3): TestCpu {
  const cpu = new TestCpu();
  cpu.set64(CR, BigInt(Cr0.ET | Cr0.PE) | 0x80000000n);
  cpu.set64(CR + 4 * 8, BigInt(Cr4.PAE | Cr4.OSFXSR));
  cpu.set64(EFER, BigInt(Efer.SCE | Efer.LME | Efer.LMA));
  makeTables(cpu);
  cpu.memory.view.setBigUint64(Layout.TSS + 4, BigInt(Layout.STACK0), true);
  setLevel(cpu, cpl, cpl === 0 ? Selector.CODE64 : Selector.CODE64_3, 0xa9b);
  return cpu;
}

function setLevel(cpu: TestCpu, cpl: 0 | 3, codeSelector: number, code: number): void {
  const level = cpl << SegmentAttribute.DPL_SHIFT;
  const data = cpl === 0 ? Selector.DATA0 : Selector.DATA3;
  cpu.setSegment(Segment.CS, codeSelector, 0n, 0xffffffff, code | level);
  for (const segment of [Segment.ES, Segment.SS, Segment.DS, Segment.FS, Segment.GS]) {
    cpu.setSegment(segment, data, 0n, 0xffffffff, 0xc93 | level);
  }
  cpu.cpl = cpl;
  cpu.gpr[4] = BigInt(cpl === 0 ? Layout.STACK0 : Layout.STACK3);
  cpu.rip = 0x1234n;
  cpu.set64(INSTRUCTION_RIP, 0x1230n);
}

/** Real mode, stack at 0:STACK3. */
export function realCpu(): TestCpu {
  const cpu = new TestCpu();
  cpu.gpr[4] = BigInt(Layout.STACK3);
  cpu.rip = 0x1234n;
  cpu.set64(INSTRUCTION_RIP, 0x1230n);
  return cpu;
}

/** Runs `action` and gives the fault that it throws, as `[vector, error]`. */
export function faultOf(action: () => void): [number, number | undefined] {
  try {
    action();
  } catch (error) {
    if (error instanceof GuestFault) return [error.vector, error.error];
    throw error;
  }
  throw new Error("No fault was raised");
}
