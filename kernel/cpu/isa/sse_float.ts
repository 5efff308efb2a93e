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
import { FLOAT_RESULT, FLOAT_SOURCE, type FloatOperation, floatShape } from "../float_operations.ts";
import { MXCSR } from "../state.ts";
import { type Expression, i32, i64, operation, select, vector } from "../wasm/expression.ts";
import { type FunctionBuilder, type Local, NOWHERE } from "../wasm/function_builder.ts";
import { simd, simdTest, type VectorOpcode } from "./sse_vector.ts";

/** Bits of MXCSR that matter to native results: RC, the exception masks and PE. FZ and DAZ concern denormals alone. */
const NATIVE_MASK = 0x7fa0;
/** Round to nearest, all masked, PE set. */
const NATIVE_VALUE = 0x1fa0;
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

  constructor(
    readonly width: 32 | 64,
    readonly count: 1 | 2 | 4,
    /** Mandatory prefix. */
    readonly prefix: "NP" | "66" | "F3" | "F2",
    /** End of the mnemonic. */
    readonly suffix: "ps" | "pd" | "ss" | "sd",
  ) {
    this.letter = count > 1 ? "x" : width === 32 ? "d" : "q";
    this.least = width === 32 ? 2 ** -126 : 2 ** -1022;
    this.most = width === 32 ? (2 - 2 ** -23) * 2 ** 127 : Number.MAX_VALUE;
  }

  abstract compute(name: FloatInstruction, ...args: readonly Expression[]): Expression;
  /** A condition: i32 for a scalar, a mask for a vector. */
  abstract compare(relation: FloatRelation, a: Expression, b: Expression): Expression;
  abstract and(a: Expression, b: Expression): Expression;
  abstract or(a: Expression, b: Expression): Expression;
  /** Elements of `a` where a condition holds, else of `b`. */
  abstract choose(condition: Expression, a: Expression, b: Expression): Expression;
  /** Whether a condition holds for every element. */
  abstract all(condition: Expression): Expression<"i32">;
  abstract constant(value: number): Expression;
  /**
   * Whether it is plain that nothing but inexactness can be reported: operands and result are normal numbers, the
   * result above the least of them. Without a result operands may be infinite. Cheaper than {@link ordinary}.
   */
  abstract plain(e: Emitter, operands: readonly Expression[], result?: Expression): Expression<"i32">;
  /** Reads operand `index`. */
  abstract read(e: Emitter, index: number): Local;
  /** Writes operand `index`, a register; what is beyond a scalar stays as it is. */
  abstract write(e: Emitter, index: number, value: Expression): void;
  /** Loads from engine memory. */
  abstract load(f: FunctionBuilder, address: number): Local;
  protected abstract store(f: FunctionBuilder, address: number, value: Expression): void;

  /** Numbers that are not denormal, zeros and infinities. */
  ordinary(value: Expression): Expression {
    const normal = this.compare("ge", this.compute("abs", value), this.constant(this.least));
    return this.or(normal, this.zero(value));
  }
  /** Zeros. */
  zero(value: Expression): Expression {
    return this.compare("eq", value, this.constant(0));
  }
  /** Numbers up to a limit. */
  within(value: Expression, limit: number): Expression {
    return this.compare("le", this.compute("abs", value), this.constant(limit));
  }
  /** Magnitudes between that of the smallest normal number, which may be a rounded denormal one, and infinity. */
  certainlyNormal(value: Expression): Expression {
    const magnitude = this.compute("abs", value);
    const above = this.compare("le", this.constant(nextAbove(this.least, this.width)), magnitude);
    return this.and(above, this.within(value, this.most));
  }
  allOf(first: Expression, ...others: readonly Expression[]): Expression<"i32"> {
    return this.all(others.reduce((all, one) => this.and(all, one), first));
  }

  /** `native` where `usable` holds, else what the exact operation gives. */
  exactUnless(
    e: Emitter,
    usable: Expression<"i32">,
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
    const { plain } = options;
    if (plain === undefined) f.if(usable.eqz(), exact);
    else f.if(plain.eqz(), () => f.if(usable.eqz(), exact));
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
    const shape = i64(floatShape(this.width, options.count ?? this.count));
    return e.float(slow, shape, options.immediate?.extendU() ?? i64(0));
  }
}

/** What else an exact operation may need to be told. */
export interface ExactOptions {
  /** Something that implies that the native result is usable, and costs less to know. */
  readonly plain?: Expression<"i32">;
  readonly immediate?: Expression<"i32">;
  /** How many elements count, if not all. */
  readonly count?: number;
  /** What the result is, if not the same kind of floats as the operands. */
  readonly result?: Floats;
}

/** The next larger number of a width, of a power of two. */
function nextAbove(value: number, width: 32 | 64): number {
  return value * (1 + (width === 32 ? 2 ** -23 : 2 ** -52));
}

class ScalarFloats extends Floats {
  readonly #type: "f32" | "f64";

  constructor(width: 32 | 64) {
    super(width, 1, width === 32 ? "F3" : "F2", width === 32 ? "ss" : "sd");
    this.#type = width === 32 ? "f32" : "f64";
  }

  override compute(name: FloatInstruction, ...args: readonly Expression[]): Expression {
    return operation(this.#type, [SCALAR[name] + (this.width === 64 ? F64_ARITHMETIC : 0)], ...args);
  }
  override compare(relation: FloatRelation, a: Expression, b: Expression): Expression {
    return operation("i32", [SCALAR[relation] + (this.width === 64 ? F64_COMPARISON : 0)], a, b);
  }
  override and(a: Expression, b: Expression): Expression {
    return (a as Expression<"i32">).and(b as Expression<"i32">);
  }
  override or(a: Expression, b: Expression): Expression {
    return (a as Expression<"i32">).or(b as Expression<"i32">);
  }
  override choose(condition: Expression, a: Expression, b: Expression): Expression {
    return select(condition as Expression<"i32">, a, b);
  }
  override all(condition: Expression): Expression<"i32"> {
    return condition as Expression<"i32">;
  }
  override constant(value: number): Expression {
    return operation(this.#type, [this.width === 32 ? 0x43 : 0x44, ...floatBytes(value, this.width)]);
  }
  override plain(e: Emitter, operands: readonly Expression[], result?: Expression): Expression<"i32"> {
    return this.width === 32
      ? plainMagnitudes(operands.map((value) => singleMagnitude(e, value)), result && singleMagnitude(e, result), {
        zero: i32(0),
        least: i32(0x00800001),
        most: i32(0x7f7fffff),
        infinity: i32(0x7f800000),
      })
      : plainMagnitudes(operands.map((value) => doubleMagnitude(e, value)), result && doubleMagnitude(e, result), {
        zero: i64(0),
        least: i64(0x0010_0000_0000_0001n),
        most: i64(0x7fef_ffff_ffff_ffffn),
        infinity: i64(0x7ff0_0000_0000_0000n),
      });
  }
  override read(e: Emitter, index: number): Local {
    const { f } = e;
    if (!e.isMemory(index)) return f.loadAs(`${this.#type}.load`, e.vectorAddress(index));
    const bits = e.readLow(index, this.width / 8);
    return f.let(this.width === 32 ? operation("f32", [0xbe], bits.wrap()) : operation("f64", [0xbf], bits));
  }
  override write(e: Emitter, index: number, value: Expression): void {
    e.f.storeAs(`${this.#type}.store`, e.vectorAddress(index), value);
  }
  override load(f: FunctionBuilder, address: number): Local {
    return f.loadAs(`${this.#type}.load`, NOWHERE, address);
  }
  protected override store(f: FunctionBuilder, address: number, value: Expression): void {
    f.storeAs(`${this.#type}.store`, NOWHERE, value, address);
  }
}

/** Bit patterns of magnitudes. */
interface Magnitudes<T extends "i32" | "i64"> {
  readonly zero: Expression<T>;
  /** The second normal number: the first may come of a denormal that was rounded up. */
  readonly least: Expression<T>;
  readonly most: Expression<T>;
  readonly infinity: Expression<T>;
}

function singleMagnitude(e: Emitter, value: Expression): Local<"i32"> {
  return e.f.let(operation("i32", [I32_REINTERPRET], value).and(0x7fffffff));
}
function doubleMagnitude(e: Emitter, value: Expression): Local<"i64"> {
  return e.f.let(operation("i64", [I64_REINTERPRET], value).and(0x7fff_ffff_ffff_ffffn));
}

/** One sign tells of all differences: magnitudes order as integers, and none of them is negative. */
function plainMagnitudes<T extends "i32" | "i64">(
  operands: readonly Expression<T>[],
  result: Expression<T> | undefined,
  { zero, least, most, infinity }: Magnitudes<T>,
): Expression<"i32"> {
  const lower = [...operands, ...(result === undefined ? [] : [result])].map((value) => value.sub(least));
  // NaNs and infinities among the operands show in the result.
  const upper = result === undefined ? operands.map((value) => infinity.sub(value)) : [most.sub(result)];
  return [...lower, ...upper].reduce((all, one) => all.or(one)).geS(zero);
}

class PackedFloats extends Floats {
  readonly #shape: "f32x4" | "f64x2";

  constructor(width: 32 | 64) {
    super(width, width === 32 ? 4 : 2, width === 32 ? "NP" : "66", width === 32 ? "ps" : "pd");
    this.#shape = width === 32 ? "f32x4" : "f64x2";
  }

  override compute(name: FloatInstruction, ...args: readonly Expression[]): Expression {
    return simd(`${this.#shape}.${name}` satisfies VectorOpcode, ...args);
  }
  override compare(relation: FloatRelation, a: Expression, b: Expression): Expression {
    return simd(`${this.#shape}.${relation}` satisfies VectorOpcode, a, b);
  }
  override and(a: Expression, b: Expression): Expression {
    return simd("v128.and", a, b);
  }
  override or(a: Expression, b: Expression): Expression {
    return simd("v128.or", a, b);
  }
  override choose(condition: Expression, a: Expression, b: Expression): Expression {
    return simd("v128.bitselect", a, b, condition);
  }
  override all(condition: Expression): Expression<"i32"> {
    // A mask of 64 bits has both halves alike.
    return simdTest("i32x4.all_true", condition);
  }
  override constant(value: number): Expression {
    const bytes = floatBytes(value, this.width);
    return vector("v128", 12, [], Array.from({ length: 16 }, (_, i) => bytes[i % bytes.length]!));
  }
  override plain(_e: Emitter, operands: readonly Expression[], result?: Expression): Expression<"i32"> {
    const least = this.constant(this.least);
    const magnitudes = operands.map((value) => this.compute("abs", value));
    if (result === undefined) {
      const [first, ...others] = magnitudes.map((value) => this.compare("lt", least, value));
      return this.allOf(first!, ...others);
    }
    // A NaN that a minimum passes over shows in the result.
    const smallest = [...magnitudes, this.compute("abs", result)].reduce((a, b) => simd(`${this.#shape}.pmin`, a, b));
    return this.allOf(this.compare("lt", least, smallest), this.within(result, this.most));
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

/** Whether MXCSR asks for what WebAssembly does, and does not mind inexact results. */
export function roundsNatively(e: Emitter): Expression<"i32"> {
  return e.f.loadAs("i32.load", NOWHERE, MXCSR).and(NATIVE_MASK).eq(NATIVE_VALUE);
}

/** Whether an inexact result changes nothing in MXCSR and raises nothing. */
export function mayBeInexact(e: Emitter): Expression<"i32"> {
  return e.f.loadAs("i32.load", NOWHERE, MXCSR).and(INEXACT_MASK).eq(INEXACT_MASK);
}
