/**
 * Scalar SSE arithmetic, comparison and rounding, exactly: one element of a packed instruction at a time.
 *
 * Operands and results are bit patterns. `flags` are the exceptions raised, by MXCSR's bits 0 to 5. Where one
 * of them is unmasked in `mxcsr` the instruction writes nothing and #XM follows, so that `result` has no meaning.
 *
 * @module
 */

import { add, type Binary, divide, multiply, squareRoot, subtract } from "./arithmetic.ts";
import { compareQuiet, compareSignalling, Relation, relationFlags } from "./compare.ts";
import { FloatContext, NanRule, PE, PRE_COMPUTATION, type Rounding } from "./context.ts";
import { roundToIntegral } from "./convert.ts";
import { F32, F64, type Format, Kind, unpack32, unpack64, type Unpacked } from "./format.ts";

/** Bits of an operand. */
export type Width = 32 | 64;

/** Result of an element. */
export interface SseResult {
  readonly result: bigint;
  readonly flags: number;
}

/** Operations of {@link sseBinary}. */
export type SseOperation = "add" | "sub" | "mul" | "div" | "min" | "max" | "sqrt";

/** MXCSR.DAZ. */
const DAZ = 1 << 6;
/** Position of the six exception masks in MXCSR. */
const MASKS_SHIFT = 7;
/** Position of MXCSR.RC. */
const RC_SHIFT = 13;
/** MXCSR.FZ. */
const FZ = 1 << 15;

const scratch = new FloatContext(NanRule.First);

/** The environment that `mxcsr` sets, with no flags raised. It is valid until the next call. */
export function sseContext(mxcsr: number): FloatContext {
  scratch.rounding = (mxcsr >> RC_SHIFT) & 3;
  scratch.masks = (mxcsr >> MASKS_SHIFT) & 0x3f;
  scratch.flags = 0;
  scratch.roundedUp = false;
  scratch.flushToZero = (mxcsr & FZ) !== 0;
  scratch.denormalsAreZero = (mxcsr & DAZ) !== 0;
  return scratch;
}

/** Takes an operand apart as `context` treats denormals. */
export function sseOperand(context: FloatContext, width: Width, bits: bigint): Unpacked {
  return width === 32 ? unpack32(bits, context.denormalsAreZero) : unpack64(bits, context.denormalsAreZero);
}

/** The format of `width` bits. */
export function sseFormat(width: Width): Format {
  return width === 32 ? F32 : F64;
}

const arithmetic: Record<"add" | "sub" | "mul" | "div", Binary> = {
  add,
  sub: subtract,
  mul: multiply,
  div: divide,
};

/**
 * ADDSS to SQRTSD. `a` is the destination operand, `b` the source; "sqrt" takes `b` and ignores `a`.
 */
export function sseBinary(op: SseOperation, width: Width, a: bigint, b: bigint, mxcsr: number): SseResult {
  const context = sseContext(mxcsr);
  const format = sseFormat(width);
  const y = sseOperand(context, width, b);
  if (op === "sqrt") return { result: squareRoot(context, format, y), flags: context.flags };
  const x = sseOperand(context, width, a);
  if (op === "min" || op === "max") {
    const wanted = op === "min" ? Relation.Less : Relation.Greater;
    // The source is the result for NaNs and for zeros of either sign, and it is not made quiet.
    const first = compareSignalling(context, x, y) === wanted;
    const chosen = first ? x : y;
    const result = chosen.kind === Kind.Zero ? format.zero(chosen.sign) : first ? a : b;
    return { result, flags: context.flags };
  }
  return { result: arithmetic[op](context, format, x, y), flags: context.flags };
}

/** Relations for which CMPccSS predicates 0 to 15 hold, as bits by {@link Relation}. */
const PREDICATES = [2, 1, 3, 8, 13, 14, 12, 7, 10, 9, 11, 0, 5, 6, 4, 15];
/** Predicates 0 to 15 that a quiet NaN makes invalid, as bits; for 16 to 31 it is the others. */
const SIGNALLING_PREDICATES = 0b0110_0110_0110_0110;

/**
 * CMPSS and CMPSD. `predicate` is 0 to 7 for SSE, to 31 for AVX; the result is all ones where it holds, or zero.
 */
export function sseCompare(predicate: number, width: Width, a: bigint, b: bigint, mxcsr: number): SseResult {
  const context = sseContext(mxcsr);
  const x = sseOperand(context, width, a);
  const y = sseOperand(context, width, b);
  const signals = ((SIGNALLING_PREDICATES >> (predicate & 15)) & 1) !== predicate >> 4;
  const relation = signals ? compareSignalling(context, x, y) : compareQuiet(context, x, y);
  const holds = (((PREDICATES[predicate & 15] ?? 0) >> relation) & 1) !== 0;
  return { result: holds ? (1n << BigInt(width)) - 1n : 0n, flags: context.flags };
}

/** COMISS and COMISD (`signalling`), UCOMISS and UCOMISD. `eflags` has ZF, PF and CF; OF, SF and AF become 0. */
export function sseComi(
  width: Width,
  a: bigint,
  b: bigint,
  mxcsr: number,
  signalling: boolean,
): { eflags: number; flags: number } {
  const context = sseContext(mxcsr);
  const compare = signalling ? compareSignalling : compareQuiet;
  const relation = compare(context, sseOperand(context, width, a), sseOperand(context, width, b));
  return { eflags: relationFlags(relation), flags: context.flags };
}

/** ROUNDSS and ROUNDSD. `control` is the immediate: bits 0-1 RC, bit 2 RC from MXCSR, bit 3 no precision exception. */
export function sseRound(width: Width, a: bigint, control: number, mxcsr: number): SseResult {
  const context = sseContext(mxcsr);
  const rounding: Rounding = (control & 4) !== 0 ? context.rounding : control & 3;
  const result = roundToIntegral(context, sseFormat(width), sseOperand(context, width, a), rounding);
  return { result, flags: (control & 8) !== 0 ? context.flags & ~PE : context.flags };
}

/**
 * Flags of a packed instruction from those of its elements: an unmasked invalid, denormal or division by zero
 * in any element means that nothing was computed, so that OE, UE and PE are not reported.
 */
export function ssePackedFlags(flags: readonly number[], mxcsr: number): number {
  const all = flags.reduce((union, one) => union | one, 0);
  const unmasked = all & ~(mxcsr >> MASKS_SHIFT) & PRE_COMPUTATION;
  return unmasked !== 0 ? all & PRE_COMPUTATION : all;
}
