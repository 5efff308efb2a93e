/**
 * Floats as WebAssembly computes them, and when that is what SSE computes: result and MXCSR alike.
 *
 * The hardware's own instructions round to nearest and report nothing. Their result may be taken where MXCSR asks for
 * rounding to nearest, masks all exceptions and has its inexact flag set already, and where no other
 * exception can arise: operands and results are normal numbers or exact zeros. Anything else goes to
 * `float_operations.ts`. So the first inexact operation is slow, sets the flag, and the others are fast.
 *
 * @module
 */

import type { Emitter } from "../emitter.ts";
import { FloatConstant, floatConstant } from "../float_constants.ts";
import { FLOAT_RESULT, FLOAT_SOURCE, type FloatOperation, floatShape } from "../float_operations.ts";
import { MXCSR } from "../state.ts";
import { type Expression, i32, i64, operation, select, vector } from "../wasm/expression.ts";
import { type FunctionBuilder, type Local, NOWHERE } from "../wasm/function_builder.ts";
import { simd, simdTest, type V128, type VectorOpcode } from "../wasm/vector.ts";

/** PM and PE: an inexact result changes nothing. */
const INEXACT_MASK = 0x1020;

/** Opcodes of the scalar instructions for f32; those for f64 follow at a constant distance. */
const SCALAR = {
  abs: 0x8b,
  ceil: 0x8d,
  floor: 0x8e,
  trunc: 0x8f,
  nearest: 0x90,
  sqrt: 0x91,
  add: 0x92,
  sub: 0x93,
  mul: 0x94,
  div: 0x95,
  eq: 0x5b,
  lt: 0x5d,
  le: 0x5f,
  ge: 0x60,
} as const;
const I32_REINTERPRET = 0xbc;
const I64_REINTERPRET = 0xbd;
const F64_ARITHMETIC = 0x99 - 0x8b;
const F64_COMPARISON = 0x61 - 0x5b;

/** 1 or 0. */
type Condition = Expression<"i32">;

/** An instruction on floats that gives floats. */
export type FloatInstruction =
  | "abs"
  | "ceil"
  | "floor"
  | "trunc"
  | "nearest"
  | "sqrt"
  | "add"
  | "sub"
  | "mul"
  | "div";
/** A comparison. */
export type FloatRelation = "eq" | "lt" | "le" | "ge";

/** One or several floats of one width, as an SSE instruction's operands and in WebAssembly. */
export abstract class Floats {
  /** Letters of the operands' size in an encoding. */
  readonly letter: "d" | "q" | "x";
  /** Smallest and largest normal number. */
  readonly least: number;
  readonly most: number;
  /** What {@link Emitter.isOrdinary} is asked with. */
  readonly shape: number;

  constructor(
    readonly width: 32 | 64,
    readonly count: 1 | 2 | 4,
    /** Mandatory prefix. */
    readonly prefix: "NP" | "66" | "F3" | "F2",
    /** End of the mnemonic. */
    readonly suffix: "ps" | "pd" | "ss" | "sd",
  ) {
    this.shape = floatShape(width, count);
    this.letter = count > 1 ? "x" : width === 32 ? "d" : "q";
    this.least = width === 32 ? 2 ** -126 : 2 ** -1022;
    this.most = width === 32 ? (2 - 2 ** -23) * 2 ** 127 : Number.MAX_VALUE;
  }

  abstract compute(name: FloatInstruction, ...args: readonly Expression[]): Expression;
  abstract constant(value: number): Expression;
  /** 1 or 0 of a scalar, a mask of a vector. */
  abstract compare(relation: FloatRelation, a: Expression, b: Expression): Expression;
  /** Elements of `a` where a comparison holds, else of `b`. */
  abstract choose(comparison: Expression, a: Expression, b: Expression): Expression;
  /** Whether a comparison holds for every element. */
  abstract every(comparison: Expression): Expression<"i32">;
  /** Reads operand `index`. */
  abstract read(e: Emitter, index: number): Local;
  /** Writes operand `index`, a register; what is beyond a scalar stays as it is. */
  abstract write(e: Emitter, index: number, value: Expression): void;
  /** Loads from engine memory. */
  abstract load(f: FunctionBuilder, address: number): Local;
  protected abstract store(f: FunctionBuilder, address: number, value: Expression): void;

  /**
   * Conditions under which all of some operands are normal, and a result is, and not near to the denormal ones. NaNs and
   * infinities among the operands show in the result.
   */
  abstract normal(f: FunctionBuilder, operands: readonly Expression[], result: Expression): Condition[];

  // Conditions, in whatever form is cheapest to put together.

  abstract and(a: Expression, b: Expression): Expression;
  abstract or(a: Expression, b: Expression): Expression;
  /** Whether a condition holds for every element. */
  protected abstract all(condition: Expression): Expression<"i32">;
  abstract zero(value: Expression): Expression;
  /** Neither denormal nor, of a vector, a NaN. */
  abstract notDenormal(value: Expression): Expression;
  /** Zeros, and what is not below. NaNs count as either. */
  abstract notNegative(value: Expression): Expression;
  /** Magnitudes from `low`, if that is not 0, to `high`. */
  abstract between(value: Expression, low: number, high: number): Expression;

  /** Finite. */
  finite(value: Expression): Expression {
    return this.between(value, 0, this.most);
  }
  /** Numbers that are not denormal, zeros and infinities. */
  ordinary(value: Expression): Expression {
    return this.and(this.notDenormal(value), this.between(value, 0, Infinity));
  }
  /** Normal numbers but for the least, which may have been a denormal one before it was rounded. */
  certainlyNormal(value: Expression): Expression {
    return this.between(value, nextAbove(this.least, this.width), this.most);
  }
  /** Whether all of the conditions hold for every element. */
  allOf(first: Expression, ...others: readonly Expression[]): Expression<"i32"> {
    return this.all(others.reduce((all, one) => this.and(all, one), first));
  }

  /** Those that may be denormal or NaNs, as far as that is known. */
  unknown(e: Emitter, values: readonly Expression[]): readonly Expression[] {
    return values.filter((value) => !e.isOrdinary(value, this.shape));
  }

  /** Conditions under which values are neither denormal nor NaNs, nor even near to the denormal ones. */
  areOrdinary(e: Emitter, values: readonly Expression[]): Condition[] {
    return this.unknown(e, values).map((value) => this.allOf(this.ordinary(value)));
  }

  /** Values are known to be neither denormal nor NaNs, but for what exact operations give. */
  note(e: Emitter, ...values: readonly Expression[]): void {
    for (const value of values) e.noteOrdinary(value, this.shape);
  }

  /** `native` where `usable` holds, else what the exact operation gives. */
  exactUnless(
    e: Emitter,
    usable: readonly Condition[],
    native: Expression,
    slow: FloatOperation,
    operands: readonly Expression[],
    options: ExactOptions = {},
  ): Local {
    const { f } = e;
    const taken = f.let(native);
    const exact = () => {
      this.callExact(e, slow, operands, options);
      f.set(taken, (options.result ?? this).load(f, FLOAT_RESULT));
    };
    const { orUsable } = options;
    if (orUsable === undefined) e.unlessNative(usable, exact);
    else f.unlessAll(usable, () => e.unlessNative(orUsable, exact));
    return taken;
  }

  /** Runs an exact operation, which leaves its result in memory; the low element is given directly too. */
  callExact(
    e: Emitter,
    slow: FloatOperation,
    operands: readonly Expression[],
    options: ExactOptions = {},
  ): Local<"i64"> {
    operands.forEach((operand, index) => this.store(e.f, FLOAT_SOURCE + index * 16, operand));
    const shape = floatShape(this.width, options.count ?? this.count);
    return e.float(slow, i64(shape), options.immediate?.extendU() ?? i64(0));
  }
}

/** What else an exact operation may need to be told. */
export interface ExactOptions {
  /** Rarer conditions under which the native result can be taken, too. */
  readonly orUsable?: readonly Condition[];
  readonly immediate?: Expression<"i32">;
  /** How many elements count, if not all. */
  readonly count?: number;
  /** What the result is, if not the same kind of floats as the operands. */
  readonly result?: Floats;
}

function largestDenormal(width: 32 | 64): number {
  return width === 32 ? 2 ** -126 - 2 ** -149 : 2 ** -1022 - 2 ** -1074;
}

/** The next larger number of a width, of a power of two. */
function nextAbove(value: number, width: 32 | 64): number {
  return value * (1 + (width === 32 ? 2 ** -23 : 2 ** -52));
}

/**
 * Conditions on a scalar are integers of its size, and hold if the sign bit is clear: magnitudes order as integers, and one
 * test at the end tells of all.
 */
class ScalarFloats extends Floats {
  readonly #type: "f32" | "f64";

  constructor(width: 32 | 64) {
    super(width, 1, width === 32 ? "F3" : "F2", width === 32 ? "ss" : "sd");
    this.#type = width === 32 ? "f32" : "f64";
  }

  override compute(name: FloatInstruction, ...args: readonly Expression[]): Expression {
    return operation(this.#type, [SCALAR[name] + (this.width === 64 ? F64_ARITHMETIC : 0)], ...args);
  }
  override constant(value: number): Expression {
    return operation(this.#type, [this.width === 32 ? 0x43 : 0x44, ...floatBytes(value, this.width)]);
  }
  override compare(relation: FloatRelation, a: Expression, b: Expression): Expression {
    return operation("i32", [SCALAR[relation] + (this.width === 64 ? F64_COMPARISON : 0)], a, b);
  }
  override choose(comparison: Expression, a: Expression, b: Expression): Expression {
    return select(comparison as Expression<"i32">, a, b);
  }
  override every(comparison: Expression): Expression<"i32"> {
    return comparison as Expression<"i32">;
  }
  override read(e: Emitter, index: number): Local {
    return e.readFloat(index, this.#type);
  }
  override write(e: Emitter, index: number, value: Expression): void {
    e.writeFloat(index, this.#type, value);
  }
  override load(f: FunctionBuilder, address: number): Local {
    return f.loadAs(`${this.#type}.load`, NOWHERE, address);
  }
  protected override store(f: FunctionBuilder, address: number, value: Expression): void {
    f.storeAs(`${this.#type}.store`, NOWHERE, value, address);
  }

  override normal(_f: FunctionBuilder, operands: readonly Expression[], result: Expression): Condition[] {
    const exponents = this.width === 32 ? 0xff : 0x7ff;
    const mantissa = this.width === 32 ? 23n : 52n;
    const mask = this.#integer(BigInt(exponents) << mantissa);
    const exponent = this.#pattern(result).shl(this.#integer(1n)).shrU(this.#integer(mantissa + 1n));
    return [
      ...operands.map((operand) => this.#pattern(operand).and(mask).ne(this.#integer(0n))),
      exponent.sub(this.#integer(2n)).ltU(this.#integer(BigInt(exponents - 2))),
    ];
  }

  override and(a: Expression, b: Expression): Expression {
    return (a as Expression<"i64">).or(b as Expression<"i64">);
  }
  override or(a: Expression, b: Expression): Expression {
    return (a as Expression<"i64">).and(b as Expression<"i64">);
  }
  protected override all(condition: Expression): Expression<"i32"> {
    return (condition as Expression<"i64">).geS(this.#bits(0));
  }
  override zero(value: Expression): Expression {
    return this.#magnitude(value).sub(this.#integer(1n)).not();
  }
  override notDenormal(value: Expression): Expression {
    // One less than the magnitude, where zero becomes the largest.
    const one = this.#integer(1n);
    return this.#pattern(value).shl(one).sub(one).shrU(one).sub(this.#bits(largestDenormal(this.width)));
  }
  override notNegative(value: Expression): Expression {
    return this.or(this.#pattern(value), this.zero(value));
  }
  override between(value: Expression, low: number, high: number): Expression {
    const magnitude = this.#magnitude(value);
    const below = this.#bits(high).sub(magnitude);
    return low === 0 ? below : this.and(below, magnitude.sub(this.#bits(low)));
  }

  // Integers of the width of the floats. Their methods are the same for both.

  #pattern(value: Expression): Expression<"i64"> {
    const opcode = this.width === 32 ? I32_REINTERPRET : I64_REINTERPRET;
    return operation(this.width === 32 ? "i32" : "i64", [opcode], value) as Expression<"i64">;
  }
  #magnitude(value: Expression): Expression<"i64"> {
    return this.#pattern(value).and(this.#integer((1n << BigInt(this.width - 1)) - 1n));
  }
  #bits(value: number): Expression<"i64"> {
    return this.#integer(BigInt(`0x${floatBytes(value, this.width).reverse().map(hexadecimal).join("")}`));
  }
  #integer(value: bigint): Expression<"i64"> {
    return this.width === 32 ? i32(Number(value)) as Expression as Expression<"i64"> : i64(value);
  }
}

function hexadecimal(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** Conditions on vectors are masks, as comparisons are. */
class PackedFloats extends Floats {
  readonly #shape: "f32x4" | "f64x2";

  constructor(width: 32 | 64) {
    super(width, width === 32 ? 4 : 2, width === 32 ? "NP" : "66", width === 32 ? "ps" : "pd");
    this.#shape = width === 32 ? "f32x4" : "f64x2";
  }

  override compute(name: FloatInstruction, ...args: readonly Expression[]): Expression {
    return simd(`${this.#shape}.${name}` satisfies VectorOpcode, ...args);
  }
  override constant(value: number): Expression {
    const bytes = floatBytes(value, this.width);
    return vector("v128", 12, [], Array.from({ length: 16 }, (_, i) => bytes[i % bytes.length]!));
  }
  override compare(relation: FloatRelation, a: Expression, b: Expression): Expression {
    return simd(`${this.#shape}.${relation}` satisfies VectorOpcode, a, b);
  }
  override choose(comparison: Expression, a: Expression, b: Expression): Expression {
    return simd("v128.bitselect", a, b, comparison);
  }
  override every(comparison: Expression): Expression<"i32"> {
    // A mask of 64 bits has both halves alike.
    return simdTest("i32x4.all_true", comparison);
  }
  override read(e: Emitter, index: number): Local {
    return e.readVector(index);
  }
  override write(e: Emitter, index: number, value: Expression): void {
    e.writeVector(index, value as Expression<"v128">);
  }
  override load(f: FunctionBuilder, address: number): Local {
    return f.loadVector(NOWHERE, address);
  }
  protected override store(f: FunctionBuilder, address: number, value: Expression): void {
    f.storeVector(NOWHERE, value as Expression<"v128">, address);
  }

  override normal(f: FunctionBuilder, operands: readonly Expression[], result: Expression): Condition[] {
    const bits = this.#constant(f, FloatConstant.Magnitude);
    const magnitude = f.let(simd("v128.and", result, bits));
    const least = operands.reduce<V128>((least, operand) => {
      return simd(`${this.#shape}.pmin`, least, simd("v128.and", operand, bits));
    }, magnitude);
    const normal = this.compare("ge", least, this.#constant(f, FloatConstant.Least));
    const finite = this.compare("le", magnitude, this.#constant(f, FloatConstant.Most));
    return [this.#allSet(this.and(normal, finite))];
  }

  override and(a: Expression, b: Expression): Expression {
    return simd("v128.and", a, b);
  }
  override or(a: Expression, b: Expression): Expression {
    return simd("v128.or", a, b);
  }
  protected override all(condition: Expression): Expression<"i32"> {
    return this.every(condition);
  }
  override areOrdinary(e: Emitter, values: readonly Expression[]): Condition[] {
    const unknown = this.unknown(e, values);
    if (unknown.length === 0) return [];
    const bits = this.#constant(e.f, FloatConstant.Magnitude);
    const least = this.#constant(e.f, FloatConstant.Least);
    return unknown.map((value) => {
      const normal = this.compare("ge", simd("v128.and", value, bits), least);
      return this.#allSet(this.or(normal, this.zero(value)));
    });
  }

  #constant(f: FunctionBuilder, constant: FloatConstant): V128 {
    return f.loadVector(NOWHERE, floatConstant(this.width, constant));
  }

  /** Whether a mask is all ones. */
  #allSet(mask: Expression): Condition {
    const bits = simdTest(this.width === 32 ? "i32x4.bitmask" : "i64x2.bitmask", mask);
    return bits.eq((1 << this.count) - 1);
  }

  override zero(value: Expression): Expression {
    return this.compare("eq", value, this.constant(0));
  }
  override notDenormal(value: Expression): Expression {
    return this.or(this.between(value, this.least, Infinity), this.zero(value));
  }
  override ordinary(value: Expression): Expression {
    return this.notDenormal(value);
  }
  override notNegative(value: Expression): Expression {
    return this.compare("ge", value, this.constant(0));
  }
  override between(value: Expression, low: number, high: number): Expression {
    const magnitude = this.compute("abs", value);
    const above = this.compare("ge", magnitude, this.constant(low));
    const below = this.compare("le", magnitude, this.constant(high));
    return low === 0 ? below : high === Infinity ? above : this.and(above, below);
  }
}

function floatBytes(value: number, width: 32 | 64): number[] {
  const view = new DataView(new ArrayBuffer(width / 8));
  if (width === 32) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return Array.from({ length: width / 8 }, (_, i) => view.getUint8(i));
}

export const PS: Floats = new PackedFloats(32);
export const PD: Floats = new PackedFloats(64);
export const SS: Floats = new ScalarFloats(32);
export const SD: Floats = new ScalarFloats(64);

/** The four kinds of operands that float instructions have. */
export const FLOATS: readonly Floats[] = [PS, PD, SS, SD];

/** Whether an inexact result changes nothing in MXCSR and raises nothing. */
export function mayBeInexact(e: Emitter): Expression<"i32"> {
  return e.f.loadAs("i32.load", NOWHERE, MXCSR).and(INEXACT_MASK).eq(INEXACT_MASK);
}
