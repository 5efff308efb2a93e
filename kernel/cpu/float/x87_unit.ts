/**
 * The x87 register stack and status word: what every x87 instruction works on.
 *
 * @module
 */

import { FloatContext, IE, NanRule, PRE_COMPUTATION } from "./context.ts";
import { F80, F80_DOUBLE, F80_SINGLE, type Format, unpack80, type Unpacked } from "./format.ts";

/** Where the x87 state is kept. Register numbers are physical, 0 to 7; values are 80-bit patterns. */
export interface X87State {
  /** FCW. */
  control: number;
  /** FSW, with TOP in bits 11 to 13. */
  status: number;
  /** Abridged tag word: bit i is set if physical register i is not empty. */
  tag: number;
  getRegister(physical: number): bigint;
  setRegister(physical: number, bits: bigint): void;
  /** Offset and selector of the last instruction that was no control instruction. */
  fip: bigint;
  fcs: number;
  /** Offset and selector of its memory operand, if it had one. */
  fdp: bigint;
  fds: number;
  /** Its opcode: the low 3 bits of the first byte and the ModRM byte. */
  fop: number;
}

/** A memory operand. Both accesses may throw; nothing of the x87 state has changed then. */
export interface MemoryOperand {
  /** Offset and selector, for FDP and FDS; without them those stay as they are. */
  readonly offset?: bigint;
  readonly selector?: number;
  /** Reads 2, 4, 8, 10, 14, 28, 94 or 108 bytes. */
  read(size: number): Uint8Array;
  write(bytes: Uint8Array): void;
}

/** Stack fault, bit 6 of the status word. */
export const SF = 1 << 6;
/** Exception summary. */
export const ES = 1 << 7;
/** Busy, a copy of ES. */
export const B = 1 << 15;
/** Condition codes. */
export const C0 = 1 << 8;
export const C1 = 1 << 9;
export const C2 = 1 << 10;
export const C3 = 1 << 14;

/** Position of TOP in the status word. */
const TOP_SHIFT = 11;
/** The six exception flags, and their masks in the control word. */
export const EXCEPTIONS = 0x3f;

/** By the control word's PC field; 1 is reserved. */
const PRECISIONS: readonly [Format, Format, Format, Format] = [F80_SINGLE, F80, F80_DOUBLE, F80];

/** What an invalid operation gives: the default NaN. */
export const INDEFINITE = F80.indefinite;

/** The stack and the status of one x87 unit, over a state that lies elsewhere. */
export class X87Unit {
  /** Environment of the instruction that is executed, set by {@link begin}. */
  readonly context = new FloatContext(NanRule.LargerSignificand);
  /** Format that results of arithmetic are rounded to, by precision control. */
  format = F80;

  constructor(readonly state: X87State) {}

  /** Takes rounding, precision and masks from the control word. */
  begin(): void {
    const { control } = this.state;
    const { context } = this;
    context.rounding = (control >> 10) & 3;
    context.masks = control & EXCEPTIONS;
    context.flags = 0;
    context.roundedUp = false;
    this.format = PRECISIONS[((control >> 8) & 3) as 0 | 1 | 2 | 3];
  }

  /** Number of the physical register that is ST(0). */
  get top(): number {
    return (this.state.status >> TOP_SHIFT) & 7;
  }

  set top(value: number) {
    this.state.status = (this.state.status & ~(7 << TOP_SHIFT)) | ((value & 7) << TOP_SHIFT);
  }

  isEmpty(i: number): boolean {
    return ((this.state.tag >> ((this.top + i) & 7)) & 1) === 0;
  }

  /** The pattern in ST(i), whether or not it is empty. */
  bits(i: number): bigint {
    return this.state.getRegister((this.top + i) & 7);
  }

  operand(i: number): Unpacked {
    return unpack80(this.bits(i));
  }

  write(i: number, bits: bigint): void {
    const physical = (this.top + i) & 7;
    this.state.setRegister(physical, bits);
    this.state.tag |= 1 << physical;
  }

  free(i: number): void {
    this.state.tag &= ~(1 << ((this.top + i) & 7));
  }

  push(bits: bigint): void {
    this.top--;
    this.write(0, bits);
  }

  pop(): void {
    this.free(0);
    this.top++;
  }

  isMasked(exception: number): boolean {
    return (this.state.control & exception) !== 0;
  }

  /** Raises stack underflow; true if it is masked, so that the instruction goes on with indefinite values. */
  underflow(): boolean {
    this.#raise(IE | SF, 0);
    return this.isMasked(IE);
  }

  /** Raises stack overflow; true if it is masked, so that an indefinite value is to be pushed. */
  overflow(): boolean {
    this.#raise(IE | SF, C1);
    return this.isMasked(IE);
  }

  /** Merges the context's flags into the status word; true if results may be written. */
  finish(): boolean {
    this.#raise(this.context.flags, this.context.roundedUp ? C1 : 0);
    return !this.context.hasUnmasked(PRE_COMPUTATION);
  }

  /** Sets some condition codes, and clears the others of `among`. */
  setConditions(conditions: number, among: number): void {
    this.state.status = (this.state.status & ~among) | conditions;
  }

  /** Makes ES and B agree with the flags and masks. */
  updateSummary(): void {
    const { status, control } = this.state;
    const pending = (status & ~control & EXCEPTIONS) !== 0;
    this.state.status = pending ? status | ES | B : status & ~(ES | B);
  }

  /** Whether an unmasked exception waits for the next waiting instruction. */
  get pending(): boolean {
    return (this.state.status & ES) !== 0;
  }

  #raise(flags: number, c1: number): void {
    this.state.status = (this.state.status & ~C1) | flags | c1;
    if (flags !== 0) this.updateSummary();
  }
}
