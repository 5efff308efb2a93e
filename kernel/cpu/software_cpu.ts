/**
 * The registers of a software vCPU, as the system functions see them, and what follows from changing them.
 *
 * @module
 */

import { AddressSpaces } from "./address_spaces.ts";
import { Breakpoints } from "./breakpoints.ts";
import { type Cpu, GuestFault, type LinearMemory, type PagingChange } from "./cpu.ts";
import { FlagsKind } from "./flags.ts";
import { ramOffset } from "../abi/ram_layout.ts";
import { type PhysicalAccess, TranslatedMemory } from "./linear_memory.ts";
import {
  ALIGNMENT_CHECKED,
  ARITHMETIC_FLAGS,
  ATTENTION,
  BUDGET,
  CODE_MODE,
  CodeMode,
  CONTEXT_OVERRIDE,
  CONTEXT_USER,
  CPL,
  CR,
  Cr0,
  Cr4,
  EFER,
  Efer,
  EXECUTE_ALONE,
  FAULT_ADDRESS,
  FAULT_ERROR,
  FAULT_VECTOR,
  Flag,
  FLAGS_KIND,
  FLAGS_RESULT,
  GPR,
  HALTED,
  INSTRUCTION_RIP,
  INTERRUPT_WAITING,
  JUMP_CONTEXT,
  JUMP_CONTEXT_SHIFT,
  KERNEL_SPACE,
  LEAVE_LOOP,
  LINEAR_MASK,
  NMI_BLOCKED,
  NMI_PENDING,
  RFLAGS,
  RIP,
  Segment,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SegmentAttribute,
  SHADOW_RIP,
  SPACE,
  STEPPING,
  TLB_CONTEXT,
  TSC_OFFSET,
  Vector,
  WATCHING,
} from "./state.ts";
import { hostRandom } from "./system/random.ts";
import { TimeStamps } from "./time_stamps.ts";
import { Tlb } from "./tlb.ts";
import type { VcpuBus } from "../vcpu.ts";

/** The one MSR of the local APIC that holds a time. */
const IA32_TSC_DEADLINE = 0x6e0;

/** Frequency of the time-stamp counter in Hz: a tick is a nanosecond of guest time. */
export const TSC_FREQUENCY = 1_000_000_000;

/** Limit of a segment that reaches everywhere. */
const UNLIMITED = 0xffffffff;

/** Attributes that tell what a segment may be used for: of a plain one for data, only the second is set. */
const DATA_KIND = SegmentAttribute.UNUSABLE | SegmentAttribute.READ_WRITE |
  SegmentAttribute.DIRECTION_CONFORMING | SegmentAttribute.EXECUTABLE;

/** What the CPU needs of the engine around it. */
export interface Engine {
  readonly memory: WebAssembly.Memory;
  readonly ram: WebAssembly.Memory;
  readonly ramSize: number;
  readonly bus: VcpuBus;
  readonly timeWindow: number;
  translate(linear: bigint, access: number): bigint;
  materializeFlags(): bigint;
  /** See `gate_entry.ts`. */
  enterGate(vector: number, error: number, flags: number): boolean;
  /** RAM is about to be written: decoded code is dropped. */
  written(host: number, length: number): void;
}

/** One vCPU's registers. */
export class SoftwareCpu implements Cpu, PhysicalAccess {
  readonly memory: LinearMemory;
  readonly view: DataView;
  readonly ram: DataView;
  readonly ramBytes: Uint8Array;
  readonly gpr: BigUint64Array;
  readonly tlb: Tlb;
  readonly tscFrequency: number = TSC_FREQUENCY;
  /** Why the vCPU has shut down. */
  shutdownReason: string | undefined;
  readonly breakpoints: Breakpoints = new Breakpoints();
  singleStep = false;
  /** The instruction has loaded SS: no debug trap directly behind it. */
  stackLoaded = false;
  /** The fault that is pending is that of fetching, of the instruction at `instructionRip`. */
  fetchFaulted = false;
  /** Generated code runs: what it called may ask for its instruction to be executed again. */
  executing = false;
  readonly #spaces: AddressSpaces;
  readonly #bus: VcpuBus;
  readonly #timeStamps: TimeStamps;
  readonly #words: Int32Array;
  #codeLimit = UNLIMITED;
  /** A kernel's translations and jumps are good in all address spaces: see `KERNEL_SPACE`. */
  #sharesKernel = false;

  constructor(private readonly engine: Engine) {
    this.view = new DataView(engine.memory.buffer);
    this.#words = new Int32Array(engine.memory.buffer);
    this.ram = new DataView(engine.ram.buffer);
    this.ramBytes = new Uint8Array(engine.ram.buffer);
    this.gpr = new BigUint64Array(engine.memory.buffer, GPR, 16);
    this.#bus = engine.bus;
    this.#timeStamps = new TimeStamps(this.view, () => engine.bus.now(), engine.timeWindow);
    this.tlb = new Tlb(engine.memory);
    this.#spaces = new AddressSpaces(() => this.tlb.flushAll());
    this.memory = new TranslatedMemory(this);
  }

  // Instruction pointer and flags.

  get rip(): bigint {
    return this.view.getBigUint64(RIP, true);
  }
  set rip(value: bigint) {
    this.view.setBigUint64(RIP, value, true);
  }
  get instructionRip(): bigint {
    return this.view.getBigUint64(INSTRUCTION_RIP, true);
  }
  set instructionRip(value: bigint) {
    this.view.setBigUint64(INSTRUCTION_RIP, value, true);
  }
  get rflags(): number {
    return this.get32(RFLAGS) & ~ARITHMETIC_FLAGS | Number(this.engine.materializeFlags()) | 2;
  }
  set rflags(value: number) {
    // RF lasts for one instruction, and matters to instruction breakpoints alone.
    const resume = this.breakpoints.stepping ? 0 : Flag.RF;
    this.set32(RFLAGS, value & ~(ARITHMETIC_FLAGS | resume) | 2);
    this.set32(FLAGS_KIND, FlagsKind.Materialized * 4);
    this.set64(FLAGS_RESULT, BigInt(value & ARITHMETIC_FLAGS));
    this.contextChanged();
    const interrupted = (value & Flag.IF) !== 0 && this.get32(INTERRUPT_WAITING) !== 0;
    if ((value & Flag.TF) !== 0 || interrupted) this.leaveLoop();
  }
  get cpl(): number {
    return this.get32(CPL);
  }
  set cpl(value: number) {
    this.set32(CPL, value);
    this.contextChanged();
  }
  get codeMode(): CodeMode {
    return this.get32(CODE_MODE);
  }
  get longMode(): boolean {
    return (this.get32(EFER) & Efer.LMA) !== 0;
  }

  // Segments.

  segmentBase(segment: Segment): bigint {
    return this.get64(SEGMENT_BASE + segment * 8);
  }
  segmentLimit(segment: Segment): number {
    return this.view.getUint32(SEGMENT_LIMIT + segment * 4, true);
  }
  segmentAttributes(segment: Segment): number {
    return this.get32(SEGMENT_ATTRIBUTES + segment * 4);
  }
  segmentSelector(segment: Segment): number {
    return this.get32(SEGMENT_SELECTOR + segment * 4);
  }
  setSegment(segment: Segment, selector: number, base: bigint, limit: number, attributes: number): void {
    this.set32(SEGMENT_SELECTOR + segment * 4, selector & 0xffff);
    this.set64(SEGMENT_BASE + segment * 8, base);
    this.set32(SEGMENT_LIMIT + segment * 4, limit);
    this.set32(SEGMENT_ATTRIBUTES + segment * 4, attributes);
    if (segment === Segment.CS) this.codeModeChanged();
    else if (segment <= Segment.DS) this.#flatnessChanged();
  }
  setSegmentBase(segment: Segment, base: bigint): void {
    this.set64(SEGMENT_BASE + segment * 8, BigInt.asUintN(64, base));
  }

  /** Whether 32-bit code need not look at CS, SS, DS and ES. */
  get #flat(): boolean {
    const words = this.#words;
    for (let segment = Segment.ES; segment <= Segment.DS; segment++) {
      const base = (SEGMENT_BASE >> 2) + segment * 2;
      if ((words[base]! | words[base + 1]! | ~words[(SEGMENT_LIMIT >> 2) + segment]!) !== 0) return false;
      const kind = words[(SEGMENT_ATTRIBUTES >> 2) + segment]! & DATA_KIND;
      if (segment !== Segment.CS && kind !== SegmentAttribute.READ_WRITE) return false;
    }
    return (words[(SEGMENT_ATTRIBUTES >> 2) + Segment.SS]! & SegmentAttribute.DB) !== 0;
  }

  #flatnessChanged(): void {
    const mode = this.codeMode;
    if (mode !== CodeMode.Bits32 && mode !== CodeMode.Flat32) return;
    if ((mode === CodeMode.Flat32) !== this.#flat) this.codeModeChanged();
  }

  /** Derives the code mode from CS, EFER.LMA and what the other segments are. */
  codeModeChanged(): void {
    const attributes = this.segmentAttributes(Segment.CS);
    const long = this.longMode && (attributes & SegmentAttribute.LONG) !== 0;
    const mode = long
      ? CodeMode.Bits64
      : (attributes & SegmentAttribute.DB) === 0
      ? CodeMode.Bits16
      : this.#flat
      ? CodeMode.Flat32
      : CodeMode.Bits32;
    this.set32(CODE_MODE, mode);
    // The bases of CS, SS, DS and ES count as zero in 64-bit mode; CS's takes part in every jump.
    if (long) this.set64(SEGMENT_BASE + Segment.CS * 8, 0n);
    this.set64(LINEAR_MASK, long ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn);
    const limit = long ? UNLIMITED : this.segmentLimit(Segment.CS);
    // Where code has a limit, what the jump cache knows has been compared with it.
    if (limit !== UNLIMITED && limit !== this.#codeLimit) this.tlb.flushAllJumps();
    this.#codeLimit = limit;
    this.contextChanged();
  }

  /** Whether a linear address lies within the limit of CS. */
  insideCode(linear: bigint): boolean {
    if (this.#codeLimit === UNLIMITED) return true;
    return BigInt.asUintN(32, linear - this.segmentBase(Segment.CS)) <= BigInt(this.#codeLimit);
  }

  // State by address.

  get64(address: number): bigint {
    return this.view.getBigUint64(address, true);
  }
  set64(address: number, value: bigint): void {
    this.view.setBigUint64(address, value, true);
  }
  get32(address: number): number {
    return this.#words[address >> 2]!;
  }
  set32(address: number, value: number): void {
    this.#words[address >> 2] = value;
  }

  // Address spaces.

  /** Sets the tags for the current address space, privilege and mode. */
  contextChanged(): void {
    const words = this.#words;
    const flags = words[RFLAGS >> 2]!;
    const user = words[CPL >> 2] === 3 ? CONTEXT_USER : 0;
    const override = (flags & Flag.AC) !== 0 ? CONTEXT_OVERRIDE : 0;
    const space = this.#spaces.current << 3;
    const kernelSpace = this.#sharesKernel ? 0 : space;
    words[SPACE >> 2] = space;
    words[KERNEL_SPACE >> 2] = kernelSpace;
    // With AM set no translation of this context is remembered: every access takes the slow path, which checks.
    const alignment = user !== 0 && override !== 0 && (words[CR >> 2]! & Cr0.AM) !== 0;
    words[ALIGNMENT_CHECKED >> 2] = alignment ? 1 : 0;
    const step = (flags & Flag.TF) !== 0 || this.stepping ? 4 : 0;
    const limited = this.#codeLimit === UNLIMITED ? 0 : 1 << 31;
    words[STEPPING >> 2] = step;
    words[TLB_CONTEXT >> 2] = (user | override) === 0 ? kernelSpace : space | user | override;
    words[(TLB_CONTEXT >> 2) + 1] = 0;
    const jumps = user === 0 ? kernelSpace : space | user;
    const mode = (step | words[CODE_MODE >> 2]!) << 16;
    words[(JUMP_CONTEXT >> 2) + 1] = limited | mode | (jumps << JUMP_CONTEXT_SHIFT);
  }
  /** Code was found in a page that is not global: if it is a kernel's, that is one in each address space from now on. */
  foundPrivateCode(): void {
    if (!this.#sharesKernel || this.cpl === 3) return;
    this.#sharesKernel = false;
    this.contextChanged();
  }
  /** Whether instructions are executed one at a time for another reason than TF. */
  stepping = false;

  #pcid(): number {
    return (this.get32(CR + 4 * 8) & Cr4.PCIDE) !== 0 ? this.get32(CR + 3 * 8) & 0xfff : 0;
  }

  pagingChanged(change: PagingChange): void {
    if (change.kind === "mode") {
      this.tlb.flushAll();
      this.#sharesKernel = (this.get32(CR + 4 * 8) & Cr4.PGE) !== 0;
      this.#spaces.forget(undefined, this.#pcid());
      this.codeModeChanged();
    } else {
      this.tlb.flushPrivate();
      this.#spaces.enter(this.#pcid(), change.keep);
      this.contextChanged();
    }
  }
  invalidatePage(address: bigint): void {
    this.tlb.flushPage(address);
  }
  invalidateContext(pcid: number | undefined, global: boolean): void {
    if (global) this.tlb.flushAll();
    else this.tlb.flushPrivate();
    this.#spaces.forget(pcid, this.#pcid());
    this.contextChanged();
  }

  // Physical memory.

  get linearMask(): bigint {
    return this.longMode ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
  }
  translate(linear: bigint, access: number): bigint {
    return this.engine.translate(linear, access);
  }
  takeFault(): GuestFault {
    const vector = this.get32(FAULT_VECTOR) & 0xff;
    this.set32(FAULT_VECTOR, -1);
    const address = vector === Vector.PF ? this.get64(FAULT_ADDRESS) : undefined;
    return new GuestFault(vector, this.get32(FAULT_ERROR), address);
  }
  ramOffset(gpa: number): number {
    return ramOffset(this.engine.ramSize, gpa, 1);
  }
  readPhysical64(gpa: number): bigint {
    const host = this.ramOffset(gpa);
    return host < 0 ? 0n : this.ram.getBigUint64(host, true);
  }
  readMmio(gpa: number, size: number): bigint {
    this.timePassed();
    return this.#bus.readMmio(gpa, size);
  }
  writeMmio(gpa: number, size: number, value: bigint): void {
    this.timePassed();
    this.#bus.writeMmio(gpa, size, BigInt.asUintN(size * 8, value));
  }
  written(host: number, length: number): void {
    this.engine.written(host, length);
  }
  get alignmentChecked(): boolean {
    return this.get32(ALIGNMENT_CHECKED) !== 0;
  }
  get watching(): boolean {
    return this.breakpoints.watching;
  }
  watch(linear: bigint, size: number, write: boolean): void {
    const met = this.breakpoints.access(linear, size, write);
    if (met && this.executing && !this.stepping) throw new GuestFault(EXECUTE_ALONE);
  }

  // Ports, time, local APIC.

  readPort(port: number, size: 1 | 2 | 4): number {
    this.breakpoints.port(port, size);
    this.timePassed();
    return this.#bus.readPort(port, size);
  }
  writePort(port: number, size: 1 | 2 | 4, value: number): void {
    this.breakpoints.port(port, size);
    this.timePassed();
    this.#bus.writePort(port, size, value);
  }
  readTsc(): bigint {
    return BigInt.asUintN(64, this.#timeStamps.read(this.get32(BUDGET)) + this.get64(TSC_OFFSET));
  }
  /** Time may have passed that the budget does not tell of. */
  timePassed(): void {
    this.#timeStamps.forget();
  }
  readApicMsr(msr: number): bigint | undefined {
    const value = this.#bus.readApicMsr(msr);
    if (msr !== IA32_TSC_DEADLINE || value === undefined || value === 0n) return value;
    return BigInt.asUintN(64, value + this.get64(TSC_OFFSET));
  }
  writeApicMsr(msr: number, value: bigint): boolean {
    // The local APIC counts guest time, from which the guest's counter may be set off. Zero disarms.
    const shifted = msr === IA32_TSC_DEADLINE && value !== 0n;
    return this.#bus.writeApicMsr(msr, shifted ? BigInt.asUintN(64, value - this.get64(TSC_OFFSET)) : value);
  }
  get cr8(): number {
    return this.#bus.cr8;
  }
  set cr8(value: number) {
    this.#bus.cr8 = value;
  }

  random(): bigint {
    return this.#bus.random === undefined ? hostRandom() : this.#bus.random();
  }

  // The run loop.

  halt(): void {
    this.set32(HALTED, 1);
    this.leaveLoop();
  }
  shadowInterrupts(debugToo: boolean): void {
    this.set64(SHADOW_RIP, this.rip);
    this.stackLoaded = debugToo;
  }
  debugRegistersChanged(): void {
    this.breakpoints.update(this.view, (this.get32(CR + 4 * 8) & Cr4.DE) !== 0);
    const { watching, stepping } = this.breakpoints;
    this.set32(WATCHING, watching ? 1 : 0);
    if (watching) this.tlb.flushAll();
    if (stepping) this.leaveLoop();
  }
  enterGate(vector: number, error: number | undefined, flags: number): boolean {
    return this.engine.enterGate(vector, error ?? -1, flags);
  }
  endNonMaskableInterrupt(): void {
    if (this.get32(NMI_BLOCKED) === 0) return;
    this.set32(NMI_BLOCKED, 0);
    if (this.get32(NMI_PENDING) !== 0) this.leaveLoop();
  }
  shutdown(reason: string): void {
    this.shutdownReason = reason;
    this.leaveLoop();
  }

  /** Makes generated code return at its next jump. */
  leaveLoop(): void {
    Atomics.or(this.#words, ATTENTION >> 2, LEAVE_LOOP);
  }
}
