/**
 * What an instruction's definition says its meaning with.
 *
 * Integer values are i64 with zeros above the operand's size. The order of a definition's statements is the order of
 * effects: whatever can fault comes before anything that changes the state.
 *
 * @module
 */

import { FlagsEmitter } from "./flags_emitter.ts";
import type { AccessKind, Value } from "./memory_emitter.ts";
import type { OperandSpec } from "./isa/definition.ts";
import { lowAlone, simd, type V128 } from "./wasm/vector.ts";
import {
  CR,
  Cr0,
  Cr4,
  Gpr,
  MXCSR,
  RIP,
  Segment,
  SEGMENT_ATTRIBUTES,
  SEGMENT_SELECTOR,
  SegmentAttribute,
  Vector,
  X87_STATUS,
  X87_TAG,
} from "./state.ts";
import { operandBytes, type Repeat } from "./variant.ts";
import { type Expression, i32, i64, select } from "./wasm/expression.ts";
import { type Local, NOWHERE } from "./wasm/function_builder.ts";

export type { Value } from "./memory_emitter.ts";

/** Bits of MXCSR that matter to native results: RC, the exception masks and PE. FZ and DAZ concern denormals alone. */
const NATIVE_MASK = 0x7fa0;
/** Round to nearest, all masked, PE set. */
const NATIVE_VALUE = 0x1fa0;

/** ES and TOP in the x87 status word. */
const X87_SUMMARY = 0x80;
const X87_TOP = 0x3800;

/** Meaning of one variant of an instruction, written into a function under construction. */
export abstract class Emitter extends FlagsEmitter {
  // What depends on the tier: where operands come from and where execution goes.

  /** Register operand `index`: `size` bytes, zero-extended. */
  protected abstract readRegister(operand: OperandSpec, size: number): Value;
  protected abstract writeRegister(operand: OperandSpec, size: number, value: Value): void;
  /** A general register by number. */
  abstract readGpr(register: Gpr, size: number): Value;
  /** Writes a general register: 4 bytes clear the upper half, 1 and 2 leave the rest as it is. */
  abstract writeGpr(register: Gpr, size: number, value: Value): void;
  /** The immediate operand, sign-extended to 64 bits. */
  abstract immediate(): Value;
  /** Number of the register that ModRM.reg names, for segment, control and debug registers. */
  abstract registerNumber(): Value;
  /** Effective address of the memory operand, as LEA gives it. */
  abstract effectiveAddress(): Value;
  /** Linear address of the memory operand; faults if its segment forbids `bytes` bytes. */
  protected abstract linearAddress(bytes: number, access: AccessKind): Local<"i64">;
  /** Linear address of an offset that is not the operand's own, in the operand's segment. */
  abstract addressAt(offset: Value, bytes: number, access: AccessKind): Local<"i64">;
  /** Offset added to the base of the segment that a string instruction's source has. */
  abstract stringSource(offset: Value, bytes: number): Local<"i64">;
  /** RIP of the next instruction. */
  abstract nextRip(): Value;
  /** Goes on at the target of a relative branch. */
  abstract branch(): void;
  /** Goes on at an address. */
  abstract jump(target: Value): void;
  /** An indirect branch, which has no immediate operand, is about to go to an address. */
  noteTarget(_target: Value): void {}
  /** A call has pushed where it returns to. */
  noteReturn(_target: Value): void {}
  /** Goes on where a call returns to. */
  jumpBack(target: Value): void {
    this.jump(target);
  }
  /** Leaves the loop before this instruction, to come back to it: in the middle of a repeated one. */
  abstract restart(): void;
  /** Charges the budget for one more instruction, and tells whether it is used up: then {@link restart} is due. */
  abstract charge(): Expression<"i32">;
  /** Where XMM or MMX register operands lie in engine memory. */
  protected abstract vectorAddress(index: number): Expression<"i32">;
  /** An XMM register by number. */
  abstract readXmm(number: number): Local<"v128">;
  abstract writeXmm(number: number, value: Expression<"v128">): void;

  // Operands.

  get operandSize(): number {
    return this.variant.operandSize;
  }
  get addressSize(): number {
    return this.variant.addressSize;
  }
  get bits64(): boolean {
    return this.variant.bits64;
  }
  /** 32-bit mode in flat segments: see {@link Variant.flat}. */
  get flat(): boolean {
    return this.variant.flat;
  }
  /** Offsets in CS, SS, DS and ES are linear addresses. */
  get unsegmented(): boolean {
    return this.bits64 || this.flat;
  }
  get repeat(): Repeat {
    return this.variant.repeat;
  }
  /** Bytes of operand `index`. */
  size(index = 0): number {
    return operandBytes(this.spec(index), this.variant.operandSize);
  }
  protected spec(index: number): OperandSpec {
    const spec = this.variant.form.operands[index];
    if (spec === undefined) throw new Error(`"${this.variant.form.text}" has no operand ${index}`);
    return spec;
  }
  /** Whether operand `index` is in memory in this variant. */
  isMemory(index: number): boolean {
    const spec = this.spec(index);
    if (spec.place === "memory" || spec.place === "offset") return true;
    return (spec.place === "rm" || spec.place.endsWith("-rm")) && this.variant.rm !== 0;
  }

  /** Whether two operands are known to be the same register. */
  isSame(_index: number, _other: number): boolean {
    return false;
  }

  /** Reads operand `index`, zero-extended (an immediate: its low bytes). It costs little to use it several times. */
  read(index: number): Value {
    const spec = this.spec(index);
    const size = this.size(index);
    switch (spec.place) {
      case "one":
        return i64(1);
      case "fixed":
        return this.readGpr(spec.register!, size);
      case "immediate": {
        // A sign-extended byte is an operand of the first operand's size.
        const value = this.immediate().zeroExtend(spec.signExtended === true ? this.size(0) : size);
        return value.constant === undefined ? this.f.let(value) : value;
      }
      case "relative":
        return this.immediate();
      default:
        if (this.isMemory(index)) return this.load(size, this.address(index, "read"));
        return this.readRegister(spec, size);
    }
  }

  /** Writes operand `index`. Bits above its size are dropped. */
  write(index: number, value: Value): void {
    const spec = this.spec(index);
    const size = this.size(index);
    if (spec.place === "fixed") this.writeGpr(spec.register!, size, value);
    else if (this.isMemory(index)) this.store(size, this.address(index, "write"), value);
    else this.writeRegister(spec, size, value);
  }

  /**
   * Reads operand `index`, and writes what `change` makes of it. Memory is checked for writing first. Under LOCK the
   * three are one, and `change` may run several times: flags and registers are to be written after it.
   */
  modify(index: number, change: (value: Value) => Value): void {
    const size = this.size(index);
    if (!this.isMemory(index)) {
      this.write(index, change(this.read(index)));
      return;
    }
    this.modifyMemory(size, this.address(index, "modify"), change);
  }

  /** Linear address of memory operand `index`; the segment's limit is checked. */
  address(index: number, access: AccessKind = "read", bytes = this.size(index)): Local<"i64"> {
    this.spec(index);
    return this.linearAddress(bytes, access);
  }

  /** The same, `displacement` bytes further: bit strings reach beyond their operand. */
  displacedAddress(displacement: Value, bytes: number, access: AccessKind): Local<"i64"> {
    return this.addressAt(this.f.let(this.effectiveAddress().add(displacement)), bytes, access);
  }

  /** All 64 bits of register operand `index`, whatever its size. */
  readWhole(index: number): Value {
    return this.readRegister(this.spec(index), 8);
  }
  /** Sets all 64 bits of register operand `index`. */
  writeWhole(index: number, value: Value): void {
    this.writeRegister(this.spec(index), 8, value);
  }
  /** Sets register operand `index` as wide as the mode makes registers. */
  writeRegisterWhole(index: number, value: Value): void {
    this.writeRegister(this.spec(index), this.bits64 ? 8 : 4, value);
  }

  /** XCHG with memory is locked even without a prefix. */
  exchange(index: number, change: (value: Value) => Value): void {
    if (!this.isMemory(index)) return this.modify(index, change);
    this.modifyMemory(this.size(index), this.address(index, "modify"), change, true);
  }

  /** Selector in a segment register. */
  selector(segment: Segment): Local<"i64"> {
    return this.f.load(4, NOWHERE, SEGMENT_SELECTOR + segment * 4);
  }

  /** Selector in the segment register that ModRM.reg names; #UD if there is none of that number. */
  segmentSelector(): Local<"i64"> {
    const number = this.f.let(this.registerNumber().wrap());
    this.f.if(number.geU(6), () => this.fault(Vector.UD));
    return this.f.load(4, number.shl(2), SEGMENT_SELECTOR);
  }

  // Vector registers.

  /** Faults unless SSE instructions may run: CR0.EM and TS clear, CR4.OSFXSR set. */
  requireSse(): void {
    const { f } = this;
    f.if(this.forbidsSse(Cr0.EM), () => this.fault(Vector.UD));
    f.if(f.loadAs("i32.load", NOWHERE, CR).and(Cr0.TS), () => this.fault(Vector.NM));
  }

  /** Not 0 if bits of CR0 are set, or CR4.OSFXSR is clear. */
  protected forbidsSse(cr0: number): Expression<"i32"> {
    const cr4 = this.f.loadAs("i32.load", NOWHERE, CR + 4 * 8);
    return this.f.loadAs("i32.load", NOWHERE, CR).and(cr0).or(cr4.and(Cr4.OSFXSR).eqz());
  }

  /** Faults unless MMX instructions may run: CR0.EM and TS clear. Pending x87 exceptions are raised. */
  requireMmx(): void {
    this.checkMmx();
    this.enterMmx();
  }

  /** The first half of {@link requireMmx}, before operands that can fault are read. */
  checkMmx(): void {
    const { f } = this;
    const cr0 = f.loadAs("i32.load", NOWHERE, CR);
    f.if(cr0.and(Cr0.EM), () => this.fault(Vector.UD));
    f.if(cr0.and(Cr0.TS), () => this.fault(Vector.NM));
    const status = f.loadAs("i32.load", NOWHERE, X87_STATUS);
    f.if(status.and(X87_SUMMARY), () => this.fault(Vector.MF));
  }

  /** The second half of {@link requireMmx}: TOP becomes 0, and no register is empty any more. */
  enterMmx(): void {
    const { f } = this;
    const status = f.loadAs("i32.load", NOWHERE, X87_STATUS);
    f.storeAs("i32.store", NOWHERE, status.and(~X87_TOP), X87_STATUS);
    f.storeAs("i32.store", NOWHERE, i32(0xff), X87_TAG);
  }

  /** The end of MMX code: all registers are empty. */
  leaveMmx(): void {
    this.f.storeAs("i32.store", NOWHERE, i32(0), X87_TAG);
  }

  /** All of XMM register operand `index`. */
  protected readXmmOperand(index: number): Local<"v128"> {
    return this.f.loadVector(this.vectorAddress(index));
  }

  protected writeXmmOperand(index: number, value: Expression<"v128">): void {
    this.f.storeVector(this.vectorAddress(index), value);
  }

  /** Reads `size` bytes (1, 2, 4, 8) of XMM or MMX register operand `index`, at an offset that is a multiple of them. */
  readElement(index: number, size: number, offset = i32(0)): Local<"i64"> {
    return this.f.load(size, this.vectorAddress(index).add(offset));
  }

  /** Writes that many bytes; the rest of the register stays as it is. */
  writeElement(index: number, size: number, value: Value, offset = i32(0)): void {
    this.f.store(size, this.vectorAddress(index).add(offset), value);
  }

  /** The low float of XMM register operand `index`. */
  protected readFloatOperand(index: number, type: "f32" | "f64"): Local {
    return this.f.loadAs(`${type}.load`, this.vectorAddress(index));
  }

  /** Reads the low float of XMM operand `index`, or one in memory. */
  readFloat(index: number, type: "f32" | "f64"): Local {
    if (!this.isMemory(index)) return this.readFloatOperand(index, type);
    return this.loadFloat(type, this.address(index, "read", type === "f32" ? 4 : 8));
  }

  /** Writes the low float; the rest of the register stays as it is. */
  writeFloat(index: number, type: "f32" | "f64", value: Expression): void {
    this.f.storeAs(`${type}.store`, this.vectorAddress(index), value);
  }

  /**
   * Reads XMM or MMX operand `index` of which only the low `size` bytes (1, 2, 4, 8) matter: of a register 8 bytes, of
   * memory those bytes alone; the others are undefined. More of a register in memory would be more than was written
   * together: a host waits until such a store is in its cache.
   */
  readPart(index: number, size: number): Local<"v128"> {
    if (!this.isMemory(index)) return this.f.loadTwice(this.vectorAddress(index));
    return this.f.let(simd("i64x2.splat", this.readLow(index, size)));
  }

  /** Reads the low 4 or 8 bytes of a register or of memory into those of a vector, the others zero. */
  readExtended(index: number, size: 4 | 8): V128 {
    if (this.isMemory(index)) return this.loadLow(size, this.address(index, "read", size));
    return lowAlone(this.spec(index).place === "rm" ? this.read(index) : this.readElement(index, size));
  }

  /** Reads XMM operand `index` whole: a register, or 16 bytes of memory that must lie aligned unless `unaligned`. */
  readVector(index: number, unaligned = false): Local<"v128"> {
    if (!this.isMemory(index)) return this.readXmmOperand(index);
    const linear = this.address(index, "read", 16);
    if (!unaligned) this.requireAligned(linear);
    return this.loadVector(linear);
  }

  /** Reads the low `size` bytes (1, 2, 4, 8) of XMM or MMX operand `index`, or that many bytes of memory. */
  readLow(index: number, size: number): Local<"i64"> {
    if (!this.isMemory(index)) return this.readElement(index, size);
    return this.load(size, this.address(index, "read", size));
  }

  /** Writes XMM operand `index` whole. */
  writeVector(index: number, value: Expression<"v128">, unaligned = false): void {
    if (!this.isMemory(index)) return this.writeXmmOperand(index, value);
    const linear = this.address(index, "write", 16);
    if (!unaligned) this.requireAligned(linear);
    this.storeVector(linear, value);
  }

  /** Writes the low `size` bytes of XMM or MMX operand `index`; the rest of a register stays as it is. */
  writeLow(index: number, size: number, value: Value): void {
    if (!this.isMemory(index)) this.writeElement(index, size, value);
    else this.store(size, this.address(index, "write", size), value);
  }

  // Floats.

  /**
   * Runs `exact` unless all conditions hold under which a native result is right, before the instruction has changed
   * anything. A tier may leave before the instruction instead, which is then executed elsewhere.
   */
  unlessNative(conditions: readonly Expression<"i32">[], exact: () => void): void {
    this.f.unlessAll(conditions, exact);
  }

  /** Whether MXCSR asks for what WebAssembly does, and does not mind inexact results. */
  roundsNatively(): Expression<"i32"> {
    return this.f.let(this.f.loadAs("i32.load", NOWHERE, MXCSR).and(NATIVE_MASK).eq(NATIVE_VALUE));
  }

  /** The same, as conditions of {@link unlessNative} that are looked at for the first instruction that has them. */
  nativeRounding(): readonly Expression<"i32">[] {
    return [this.roundsNatively()];
  }

  /** Whether floats of a shape (see `floatShape`) are known to be ordinary, neither denormal nor NaN. */
  isOrdinary(_value: Expression, _shape: number): boolean {
    return false;
  }

  /** Floats are ordinary where {@link unlessNative} has not run its exact part. */
  noteOrdinary(_value: Expression, _shape: number): void {}

  // The stack.

  /** Bytes that PUSH and POP move for the operand size. */
  get stackSize(): number {
    return this.bits64 && this.operandSize === 4 ? 8 : this.operandSize;
  }

  #stackMask(): Value {
    const { f } = this;
    const attributes = f.loadAs("i32.load", NOWHERE, SEGMENT_ATTRIBUTES + Segment.SS * 4);
    return f.let(select(attributes.and(SegmentAttribute.DB), i64(0xffffffff), i64(0xffff)));
  }

  /** Linear address of `size` bytes at an offset from the stack pointer, and the offset itself. */
  stackAddress(
    displacement: Value,
    size: number,
    access: AccessKind,
  ): { linear: Local<"i64">; pointer: Local<"i64"> } {
    return this.stackAddressFrom(this.readGpr(Gpr.RSP, 8).add(displacement), size, access);
  }

  /** The stack pointer moved by `displacement`, with no access to what it points to. */
  stackPointer(displacement: Value): Local<"i64"> {
    return this.cutToStack(this.readGpr(Gpr.RSP, 8).add(displacement));
  }

  /** An offset in the stack segment, of the width that this says. */
  cutToStack(offset: Value): Local<"i64"> {
    if (this.bits64) return this.f.let(offset);
    return this.f.let(this.flat ? offset.zeroExtend(4) : offset.and(this.#stackMask()));
  }

  /** Sets the stack pointer, of the width that the stack segment says, to what has been cut to that. */
  setStackPointer(pointer: Local<"i64">): void {
    if (this.unsegmented) return this.writeGpr(Gpr.RSP, 8, pointer);
    this.f.if(this.#stackMask().eq(0xffff), () => this.writeGpr(Gpr.RSP, 2, pointer), () => {
      this.writeGpr(Gpr.RSP, 4, pointer);
    });
  }

  /** Pushes `size` bytes. */
  push(size: number, value: Value): void {
    const bound = this.f.let(value);
    const { linear, pointer } = this.stackAddress(i64(-size), size, "write");
    this.store(size, linear, bound);
    this.setStackPointer(pointer);
  }

  /** Pops `size` bytes; `use` gets the value after the stack pointer has been moved. */
  pop(size: number): { value: Local<"i64">; commit: () => void } {
    const { linear } = this.stackAddress(i64(0), size, "read");
    const value = this.load(size, linear);
    const commit = () => {
      this.setStackPointer(this.stackPointer(i64(size)));
    };
    return { value, commit };
  }

  /** Linear address of `size` bytes at a stack offset that is not the stack pointer's, and the offset itself. */
  stackAddressFrom(
    offset: Value,
    size: number,
    access: AccessKind,
  ): { linear: Local<"i64">; pointer: Local<"i64"> } {
    const pointer = this.cutToStack(offset);
    if (this.unsegmented) return { linear: pointer, pointer };
    return { linear: this.segmentAddress(i32(Segment.SS), pointer, size, access), pointer };
  }

  /** Goes on where RIP now says: after a system function that transferred control or changed how code is decoded. */
  dispatch(): void {
    this.jump(this.f.load(8, NOWHERE, RIP));
  }
}
