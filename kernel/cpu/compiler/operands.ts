/**
 * Definitions with known operands: registers are locals, addresses and immediates are constants.
 *
 * @module
 */

import { Emitter, type Value } from "../emitter.ts";
import type { OperandSpec } from "../isa/definition.ts";
import { GPR, type Gpr, SEGMENT_BASE, XMM } from "../state.ts";
import { RmKind } from "../variant.ts";
import { type Expression, i32, i64 } from "../wasm/expression.ts";
import { type Local, NOWHERE } from "../wasm/function_builder.ts";
import { element, simdLane, withElement } from "../wasm/vector.ts";
import { type Instruction, NO_REGISTER } from "./instruction.ts";

/** Shapes of vectors whose elements are floats of a type. */
const LANES = { f32: "f32x4", f64: "f64x2" } as const;

type Access = "read" | "write" | "modify";

/** Where an instruction's operands come from and go to. */
export abstract class OperandEmitter extends Emitter {
  /** What is being written. */
  protected abstract instruction: Instruction;

  /** All of a general register, as it is now. */
  protected abstract register(number: number): Value;
  protected abstract setRegister(number: number, value: Value): void;
  /** RIP at an address of the region. */
  protected abstract ripAt(address: number): Value;

  #number(spec: OperandSpec): number {
    return spec.place === "reg" ? this.instruction.register : this.instruction.rm;
  }

  override isSame(index: number, other: number): boolean {
    const place = (operand: number) => this.spec(operand).place;
    const registers = [place(index), place(other)].every((place) => place === "reg" || place === "rm");
    const memory = this.isMemory(index) || this.isMemory(other);
    return registers && !memory && this.#number(this.spec(index)) === this.#number(this.spec(other));
  }

  protected override readRegister(spec: OperandSpec, size: number): Value {
    return this.#read(this.#number(spec), size);
  }

  protected override writeRegister(spec: OperandSpec, size: number, value: Value): void {
    this.#write(this.#number(spec), size, value);
  }

  override readGpr(register: Gpr, size: number): Value {
    return this.#read(register * 8, size);
  }

  override writeGpr(register: Gpr, size: number, value: Value): void {
    this.#write(register * 8, size, value);
  }

  // Bound, because a definition may write the register before it uses what it read. What is read of it is not, because
  // mostly 32 bits of it are used as such, and need not be extended.
  #read(offset: number, size: number): Value {
    if (offset === NO_REGISTER) return i64(0);
    const whole = this.f.let(this.register(offset >> 3));
    return (offset & 7) === 0 ? whole.zeroExtend(size) : this.f.let(whole.shrU(8)).zeroExtend(size);
  }

  #write(offset: number, size: number, value: Value): void {
    const number = offset >> 3;
    if (size === 8) return this.setRegister(number, value);
    if (size === 4) return this.setRegister(number, value.zeroExtend(4));
    const shift = (offset & 7) * 8;
    const mask = ((1n << BigInt(size * 8)) - 1n) << BigInt(shift);
    this.setRegister(number, this.register(number).and(~mask).or(value.zeroExtend(size).shl(shift)));
  }

  override immediate(): Value {
    return i64(this.instruction.immediate);
  }

  override registerNumber(): Value {
    return i64(this.instruction.register);
  }

  override effectiveAddress(): Value {
    const { instruction } = this;
    if (this.variant.form.operands.some((operand) => operand.place === "offset")) {
      return this.immediate().zeroExtend(this.addressSize);
    }
    const start = instruction.ripRelative
      ? this.ripAt(instruction.address + instruction.displacement)
      : this.addressPart(instruction.rm).add(instruction.displacement);
    if (this.variant.rm === RmKind.MemoryBase) return start.zeroExtend(this.addressSize);
    return this.addressPart(instruction.index).shl(instruction.scale).add(start).zeroExtend(this.addressSize);
  }

  /** Part of an address: a general register, or a segment's base in the place of an index. */
  protected addressPart(offset: number): Value {
    if (offset === NO_REGISTER) return i64(0);
    return offset < NO_REGISTER ? this.register(offset >> 3) : this.f.load(8, NOWHERE, GPR + offset);
  }

  protected override linearAddress(bytes: number, access: Access): Local<"i64"> {
    const offset = this.effectiveAddress();
    return this.variant.rm !== RmKind.MemoryGeneral
      ? this.f.let(offset)
      : this.#inSegment(offset, bytes, access);
  }

  #inSegment(offset: Value, bytes: number, access: Access): Local<"i64"> {
    const { segment, segmentNumber } = this.instruction;
    if (segment === NO_REGISTER) return this.f.let(offset);
    if (!this.bits64) return this.segmentAddress(i32(segmentNumber), offset, bytes, access);
    return this.f.let(offset.add(this.f.load(8, NOWHERE, SEGMENT_BASE + segmentNumber * 8)));
  }

  override addressAt(offset: Value, bytes: number, access: Access): Local<"i64"> {
    // A segment base stands in the index, and so is in the effective address already.
    if (this.variant.rm !== RmKind.MemoryGeneral) return this.f.let(offset.zeroExtend(this.addressSize));
    return this.#inSegment(this.f.let(offset.zeroExtend(this.addressSize)), bytes, access);
  }

  override stringSource(offset: Value, bytes: number): Local<"i64"> {
    return this.#inSegment(offset, bytes, "read");
  }

  override nextRip(): Value {
    return this.ripAt(this.instruction.address + this.instruction.length);
  }

  // Vectors. MMX registers are in the state always, and XMM registers where the others are.

  /** What the instruction has for a vector register. */
  #vectorField({ place }: OperandSpec): number {
    return place === "xmm" || place === "mmx" ? this.instruction.register : this.instruction.rm;
  }

  protected override vectorAddress(index: number): Expression<"i32"> {
    return i32(XMM + this.#vectorField(this.spec(index)) * 2);
  }

  /** Number of the XMM register that operand `index` is; `undefined` of an MMX register. */
  protected xmmNumber(index: number): number | undefined {
    const spec = this.spec(index);
    return spec.place.startsWith("xmm") ? this.#vectorField(spec) >> 3 : undefined;
  }

  protected override readXmmOperand(index: number): Local<"v128"> {
    return this.readXmm(this.xmmNumber(index)!);
  }

  protected override writeXmmOperand(index: number, value: Expression<"v128">): void {
    this.writeXmm(this.xmmNumber(index)!, value);
  }

  override readElement(index: number, size: number, offset = i32(0)): Local<"i64"> {
    const number = this.xmmNumber(index);
    if (number === undefined) return super.readElement(index, size, offset);
    return this.f.let(element(this.readXmm(number), size, offset.constant!));
  }

  override writeElement(index: number, size: number, value: Value, offset = i32(0)): void {
    const number = this.xmmNumber(index);
    if (number === undefined) return super.writeElement(index, size, value, offset);
    this.writeXmm(number, withElement(this.readXmm(number), size, offset.constant!, value));
  }

  protected override readFloatOperand(index: number, type: "f32" | "f64"): Local {
    return this.readLowFloat(this.xmmNumber(index)!, type);
  }

  /** The low float of an XMM register. */
  protected readLowFloat(number: number, type: "f32" | "f64"): Local {
    return this.f.let(simdLane(`${LANES[type]}.extract_lane`, 0, this.readXmm(number)));
  }

  override writeFloat(index: number, type: "f32" | "f64", value: Expression): void {
    const number = this.xmmNumber(index)!;
    this.writeXmm(number, simdLane(`${LANES[type]}.replace_lane`, 0, this.readXmm(number), value));
  }

  override readPart(index: number, size: number): Local<"v128"> {
    const number = this.isMemory(index) ? undefined : this.xmmNumber(index);
    return number === undefined ? super.readPart(index, size) : this.readXmm(number);
  }
}
