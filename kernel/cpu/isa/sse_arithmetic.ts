/**
 * Floating-point arithmetic (SDM volume 2: ADD, ADDSUB, DIV, DP, HADD, HSUB, MAX, MIN, MUL, RCP, ROUND, RSQRT, SQRT
 * and SUB with PS, PD, SS, SD).
 *
 * @module
 */

import type { Emitter } from "../emitter.ts";
import { FLOAT_RESULT, FloatOperation } from "../float_operations.ts";
import { MXCSR } from "../state.ts";
import { type Expression, select } from "../wasm/expression.ts";
import { type Local, NOWHERE } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";
import { type FloatInstruction, FLOATS, type Floats, mayBeInexact, PD, PS } from "./sse_float.ts";
import { immediateByte } from "./sse_operand.ts";
import { elements, lowHalf, shuffle, simd, type V128 } from "../wasm/vector.ts";

/**
 * When a native result of operands that are not denormal is exact or rounded as it should be, and raises nothing but PE.
 * NaNs and infinities among the operands show in the result.
 */
type Usable = (floats: Floats, a: Expression, b: Expression, result: Expression) => Expression;

/** A sum is exact where it is denormal, but FZ would make it zero. */
const usableSum: Usable = (floats, _a, _b, result) =>
  floats.and(floats.notDenormal(result), floats.finite(result));
/** A product that is zero has underflowed, unless one factor is zero. */
const usableProduct: Usable = (floats, a, b, result) =>
  floats.or(
    floats.certainlyNormal(result),
    floats.and(floats.zero(result), floats.or(floats.zero(a), floats.zero(b))),
  );
const usableQuotient: Usable = (floats, a, _b, result) =>
  floats.or(floats.certainlyNormal(result), floats.and(floats.zero(result), floats.zero(a)));

/** `a` and `b` combined, natively or exactly. */
function combined(
  e: Emitter,
  floats: Floats,
  operation: FloatOperation,
  native: Expression,
  usable: Usable,
  a: Local,
  b: Local,
): Local {
  const result = e.f.let(native);
  const rounding = e.nativeRounding();
  const usual = floats.normal(e.f, floats.unknown(e, [a, b]), result);
  const rare = floats.allOf(usable(floats, a, b, result), floats.notDenormal(a), floats.notDenormal(b));
  const orUsable = [...rounding, rare];
  const taken = floats.exactUnless(e, [...rounding, ...usual], result, operation, [a, b], { orUsable });
  floats.note(e, a, b, taken);
  return taken;
}

const ARITHMETIC: readonly (readonly [FloatInstruction, string, FloatOperation, Usable])[] = [
  ["add", "58", FloatOperation.Add, usableSum],
  ["mul", "59", FloatOperation.Multiply, usableProduct],
  ["sub", "5C", FloatOperation.Subtract, usableSum],
  ["div", "5E", FloatOperation.Divide, usableQuotient],
];
for (const floats of FLOATS) {
  const { prefix, suffix, letter } = floats;
  for (const [name, opcode, operation, usable] of ARITHMETIC) {
    define({
      name: name + suffix,
      encodings: [`${prefix} 0F ${opcode} /r Vx W${letter}`],
      semantics: (e) => {
        e.requireSse();
        const b = floats.read(e, 1);
        const a = floats.read(e, 0);
        floats.write(e, 0, combined(e, floats, operation, floats.compute(name, a, b), usable, a, b));
      },
    });
  }
  define({
    name: `sqrt${suffix}`,
    encodings: [`${prefix} 0F 51 /r Vx W${letter}`],
    semantics: (e) => {
      e.requireSse();
      const b = floats.read(e, 1);
      const usable = floats.allOf(floats.notDenormal(b), floats.finite(b), floats.notNegative(b));
      const conditions = [...e.nativeRounding(), usable];
      const native = floats.compute("sqrt", b);
      const taken = floats.exactUnless(e, conditions, native, FloatOperation.SquareRoot, [b]);
      floats.note(e, b, taken);
      floats.write(e, 0, taken);
    },
  });
  // Neither rounds; the source is the result for two zeros, and for NaNs.
  for (
    const [name, opcode, operation] of [["min", "5D", FloatOperation.Minimum], [
      "max",
      "5F",
      FloatOperation.Maximum,
    ]] as const
  ) {
    define({
      name: name + suffix,
      encodings: [`${prefix} 0F ${opcode} /r Vx W${letter}`],
      semantics: (e) => {
        e.requireSse();
        const b = floats.read(e, 1);
        const a = floats.read(e, 0);
        const first = name === "min" ? floats.compare("lt", a, b) : floats.compare("lt", b, a);
        const usable = floats.areOrdinary(e, [a, b]);
        const taken = floats.exactUnless(e, usable, floats.choose(first, a, b), operation, [a, b]);
        floats.note(e, a, b, taken);
        floats.write(e, 0, taken);
      },
    });
  }
}

for (const floats of [PS, PD]) {
  const { width, suffix } = floats;
  const prefix = width === 32 ? "F2" : "66";
  const size = width === 32 ? 4 : 8;
  const vectors = (e: Emitter) => {
    e.requireSse();
    const b = e.readVector(1);
    return { a: e.readVector(0), b };
  };
  define({
    name: `addsub${suffix}`,
    encodings: [`${prefix} 0F D0 /r Vx Wx`],
    semantics: (e) => {
      const { a, b } = vectors(e);
      const signs = width === 32 ? elements(4, 0x80000000, 0) : elements(4, 0, 0x80000000, 0, 0);
      const native = floats.compute("add", a, simd("v128.xor", b, signs));
      floats.write(e, 0, combined(e, floats, FloatOperation.AddSubtract, native, usableSum, a, b));
    },
  });
  const even = width === 32 ? [0, 2, 4, 6] : [0, 2];
  const odd = even.map((index) => index + 1);
  const defineHorizontal = (name: "add" | "sub", opcode: string, operation: FloatOperation) =>
    define({
      name: `h${name}${suffix}`,
      encodings: [`${prefix} 0F ${opcode} /r Vx Wx`],
      semantics: (e) => {
        const { a, b } = vectors(e);
        const first = e.f.let(shuffle(size, a, b, even));
        const second = e.f.let(shuffle(size, a, b, odd));
        const native = floats.compute(name, first, second);
        floats.write(e, 0, combined(e, floats, operation, native, usableSum, first, second));
      },
    });
  defineHorizontal("add", "7C", FloatOperation.Add);
  defineHorizontal("sub", "7D", FloatOperation.Subtract);

  define({
    name: `dp${suffix}`,
    encodings: [`66 0F 3A ${width === 32 ? "40" : "41"} /r Vx Wx Ib`],
    semantics: (e) => {
      const { a, b } = vectors(e);
      floats.callExact(e, FloatOperation.DotProduct, [a, b], { immediate: immediateByte(e) });
      e.writeVector(0, e.f.loadVector(NOWHERE, FLOAT_RESULT));
    },
  });
}

/** Rounded as the two bits of `mode` say. */
function rounded(floats: Floats, a: Local, mode: Expression<"i32">): Expression {
  const nearestOrDown = select(mode.and(1), floats.compute("floor", a), floats.compute("nearest", a));
  const upOrZero = select(mode.and(1), floats.compute("trunc", a), floats.compute("ceil", a));
  return select(mode.and(2), upOrZero, nearestOrDown);
}

for (const floats of FLOATS) {
  const opcode = floats.count > 1 ? (floats.width === 32 ? "08" : "09") : floats.width === 32 ? "0A" : "0B";
  define({
    name: `round${floats.suffix}`,
    encodings: [`66 0F 3A ${opcode} /r Vx W${floats.letter} Ib`],
    semantics: (e) => {
      e.requireSse();
      const control = immediateByte(e);
      const b = floats.read(e, 1);
      const fromMxcsr = e.f.loadAs("i32.load", NOWHERE, MXCSR).shrU(13);
      const mode = e.f.let(select(control.and(4), fromMxcsr, control));
      const native = e.f.let(rounded(floats, b, mode));
      const unnoticed = mayBeInexact(e).or(control.and(8)).or(floats.every(floats.compare("eq", native, b)));
      const usable = [...floats.areOrdinary(e, [b]), unnoticed.ne(0)];
      const options = { immediate: control };
      const taken = floats.exactUnless(e, usable, native, FloatOperation.Round, [b], options);
      floats.note(e, b, taken);
      floats.write(e, 0, taken);
    },
  });
}

/** Bits of a reciprocal's fraction that are dropped, after rounding: see `float/sse_reciprocal.ts`. */
const DROPPED = 10;

/** Cuts singles to the precision that the table of a processor would have. */
function cut(value: V128): V128 {
  const rounded = simd("i32x4.add", value, elements(4, 1 << (DROPPED - 1)));
  return simd("v128.and", rounded, elements(4, -1 << DROPPED));
}

/** Defines RCPPS or RSQRTPS, and what does it to one single. MXCSR has no part in them. */
function defineReciprocal(
  name: string,
  opcode: string,
  operation: FloatOperation,
  native: (a: Local<"v128">) => V128,
  usable: (a: Expression, result: Expression) => Expression<"i32">,
): void {
  const compute = (e: Emitter, a: Local<"v128">) => {
    const exact = e.f.let(native(a));
    return PS.exactUnless(e, [usable(a, exact)], cut(exact), operation, [a]) as Local<"v128">;
  };
  define({
    name: `${name}ps`,
    encodings: [`NP 0F ${opcode} /r Vx Wx`],
    semantics: (e) => {
      e.requireSse();
      e.writeVector(0, compute(e, e.readVector(1)));
    },
  });
  define({
    name: `${name}ss`,
    encodings: [`F3 0F ${opcode} /r Vx Wd`],
    semantics: (e) => {
      e.requireSse();
      const a = e.f.let(simd("i32x4.splat", e.readLow(1, 4).wrap()));
      e.writeLow(0, 4, lowHalf(compute(e, a)));
    },
  });
}

defineReciprocal(
  "rcp",
  "53",
  FloatOperation.Reciprocal,
  (a) => simd("f32x4.div", PS.constant(1), a),
  (a, result) => PS.allOf(PS.between(a, PS.least, PS.most), PS.between(result, PS.least, PS.most)),
);

/** Of the two singles in the lower half. */
function reciprocalRoots(a: V128): V128 {
  const root = simd("f64x2.sqrt", simd("f64x2.promote_low_f32x4", a));
  return simd("f32x4.demote_f64x2_zero", simd("f64x2.div", PD.constant(1), root));
}
defineReciprocal(
  "rsqrt",
  "52",
  FloatOperation.ReciprocalSquareRoot,
  (a) => shuffle(8, reciprocalRoots(a), reciprocalRoots(shuffle(8, a, a, [1])), [0, 2]),
  (a) => PS.allOf(PS.between(a, PS.least, PS.most), PS.notNegative(a)),
);
