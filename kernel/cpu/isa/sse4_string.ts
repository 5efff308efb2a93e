/**
 * String comparison (SDM volume 2, 4.1 and PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM).
 *
 * The manual's matrix of comparisons is kept as rows: the bits by element of the second operand of how each
 * compares with one element of the first.
 *
 * @module
 */

import type { Emitter, Value } from "../emitter.ts";
import { Flag, Gpr, SCRATCH } from "../state.ts";
import { type Expression, i32, i64, select } from "../wasm/expression.ts";
import { type Local, NOWHERE } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";
import { immediateByte } from "./sse_operand.ts";
import { elements, simd, simdLane, simdTest, type V128, ZERO_VECTOR } from "./sse_vector.ts";

/** Fields of the immediate. */
const WORDS = 1 << 0;
const SIGNED = 1 << 1;
const AGGREGATION_SHIFT = 2;
const NEGATIVE = 1 << 4;
const MASKED = 1 << 5;
/** Index of the last bit, or a mask of whole elements. */
const LAST_OR_ELEMENTS = 1 << 6;

/** Aggregation: what makes a bit of the result from a column of comparisons. */
enum Aggregation {
  EqualAny,
  Ranges,
  EqualEach,
  EqualOrdered,
}

/** Elements of one size. */
interface Shape {
  readonly count: 8 | 16;
  readonly shape: "i8x16" | "i16x8";
  readonly load: "i32.load8_u" | "i32.load16_u";
}
const BYTES: Shape = { count: 16, shape: "i8x16", load: "i32.load8_u" };
const WORDS16: Shape = { count: 8, shape: "i16x8", load: "i32.load16_u" };

/** One instruction under way. */
interface Comparison {
  readonly e: Emitter;
  readonly control: Expression<"i32">;
  readonly a: Local<"v128">;
  readonly b: Local<"v128">;
  /** Elements that count. */
  readonly lengthA: Local<"i32">;
  readonly lengthB: Local<"i32">;
  /** IntRes2. */
  readonly result: Local<"i32">;
}

/** One bit per element of a mask. */
function bits({ count, shape }: Shape, mask: V128): Expression<"i32"> {
  if (shape === "i8x16") return simdTest("i8x16.bitmask", mask);
  return simdTest("i8x16.bitmask", simd("i8x16.narrow_i16x8_s", mask, ZERO_VECTOR)).and((1 << count) - 1);
}

/** Ones for the first `length` elements. */
function firstBits(length: Expression<"i32">): Expression<"i32"> {
  return i32(1).shl(length).sub(1);
}
