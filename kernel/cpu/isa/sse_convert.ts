/**
 * Conversions between floats and integers, and between the widths of floats (SDM volume 2: CVT...).
 *
 * @module
 */

import type { Emitter } from "../emitter.ts";
import { FLOAT_RESULT, FLOAT_SOURCE, FloatOperation } from "../float_operations.ts";
import { type Expression, operation } from "../wasm/expression.ts";
import { type Local, NOWHERE } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";
import { type Floats, mayBeInexact, PD, PS, SD, SS } from "./sse_float.ts";
import { writeMmx } from "./sse_operand.ts";
import { elements, lowHalf, shuffle, simd, simdTest, type V128 } from "../wasm/vector.ts";

/** Opcodes of scalar conversions. */
const F32_CONVERT_I64_S = 0xb4;
const F32_DEMOTE = 0xb6;
const F64_CONVERT_I64_S = 0xb9;
const F64_PROMOTE = 0xbb;
/** Second bytes, after 0xfc, of `trunc_sat` to i32 and i64, from f32 and f64. */
const TRUNCATE = { 32: { 32: 0, 64: 2 }, 64: { 32: 4, 64: 6 } } as const;

// Scalar integers to floats.

for (const floats of [SS, SD]) {
  const { width } = floats;
  /** Integers up to this magnitude convert exactly. */
  const limit = width === 32 ? 2 ** 24 : 2 ** 53;
  define({
    name: `cvtsi2${floats.suffix}`,
    encodings: [`${floats.prefix} 0F 2A /r Vx Ey`],
    semantics: (e) => {
      e.requireSse();
      const size = e.size(1);
      const value = e.let(e.read(1).signExtend(size));
      const opcode = width === 32 ? F32_CONVERT_I64_S : F64_CONVERT_I64_S;
      const native = e.f.let(operation(width === 32 ? "f32" : "f64", [opcode], value));
      if (width === 32 || size === 8) {
        const usable = e.roundsNatively().or(value.add(limit).leU(2 * limit));
        const slow = size === 4 ? FloatOperation.FromInt32 : FloatOperation.FromInt64;
        e.unlessNative([usable], () => {
          e.f.store(8, NOWHERE, value, FLOAT_SOURCE);
          floats.callExact(e, slow, []);
          e.f.set(native, floats.load(e.f, FLOAT_RESULT));
        });
      }
      floats.note(e, native);
      floats.write(e, 0, native);
    },
  });
}

// Floats to integers.

/** Rounded to an integer, and whether that is what MXCSR asks for and goes unnoticed. */
function toIntegral(
  e: Emitter,
  floats: Floats,
  a: Local,
  bits: 32 | 64,
  truncate: boolean,
): { rounded: Local; usable: Expression<"i32"> } {
  const rounded = e.f.let(floats.compute(truncate ? "trunc" : "nearest", a));
  const fits = floats.compare("lt", floats.compute("abs", rounded), floats.constant(2 ** (bits - 1)));
  const unnoticed = truncate ? mayBeInexact(e) : e.roundsNatively();
  const exact = floats.every(floats.compare("eq", rounded, a));
  return { rounded, usable: floats.every(fits).and(unnoticed.or(exact)) };
}

for (const floats of [SS, SD]) {
  for (const [opcode, truncate] of [["2C", true], ["2D", false]] as const) {
    define({
      name: `cvt${truncate ? "t" : ""}${floats.suffix}2si`,
      encodings: [`${floats.prefix} 0F ${opcode} /r Gy W${floats.letter}`],
      semantics: (e) => {
        e.requireSse();
        const bits = e.size(0) === 8 ? 64 : 32;
        const a = floats.read(e, 1);
        const { rounded, usable } = toIntegral(e, floats, a, bits, truncate);
        const integer = [0xfc, TRUNCATE[bits][floats.width]];
        const native = bits === 64
          ? operation("i64", integer, rounded)
          : operation("i32", integer, rounded).extendU();
        const value = e.let(native);
        e.unlessNative([usable], () => {
          e.f.set(value, floats.callExact(e, integerOperation(bits, truncate), [a]));
        });
        e.write(0, value);
      },
    });
  }
}

function integerOperation(bits: 32 | 64, truncate: boolean): FloatOperation {
  if (bits === 32) return truncate ? FloatOperation.TruncateToInt32 : FloatOperation.ToInt32;
  return truncate ? FloatOperation.TruncateToInt64 : FloatOperation.ToInt64;
}

/** `count` integers of 32 bits from the low floats of `a`, whose other elements repeat those. */
function packedIntegers(e: Emitter, floats: Floats, a: Local, truncate: boolean, count = floats.count): V128 {
  const { rounded, usable } = toIntegral(e, floats, a, 32, truncate);
  const native = simd(
    floats.width === 32 ? "i32x4.trunc_sat_f32x4_s" : "i32x4.trunc_sat_f64x2_s_zero",
    rounded,
  );
  const slow = integerOperation(32, truncate);
  return floats.exactUnless(e, [usable], native, slow, [a], { count }) as Local<"v128">;
}

/** The low half twice. */
function lowTwice(e: Emitter, value: V128): Local<"v128"> {
  return e.f.let(shuffle(8, value, value, [0]));
}

for (
  const [name, prefix, floats, opcode, truncate] of [
    ["cvtps2dq", "66", PS, "5B", false],
    ["cvttps2dq", "F3", PS, "5B", true],
    ["cvtpd2dq", "F2", PD, "E6", false],
    ["cvttpd2dq", "66", PD, "E6", true],
  ] as const
) {
  define({
    name,
    encodings: [`${prefix} 0F ${opcode} /r Vx Wx`],
    semantics: (e) => {
      e.requireSse();
      e.writeVector(0, packedIntegers(e, floats, e.readVector(1), truncate));
    },
  });
}

for (
  const [name, prefix, floats, opcode, truncate] of [
    ["cvttps2pi", "NP", PS, "2C", true],
    ["cvtps2pi", "NP", PS, "2D", false],
    ["cvttpd2pi", "66", PD, "2C", true],
    ["cvtpd2pi", "66", PD, "2D", false],
  ] as const
) {
  define({
    name,
    encodings: [`${prefix} 0F ${opcode} /r Pq W${floats === PS ? "q" : "x"}`],
    semantics: (e) => {
      e.requireSse();
      e.checkMmx();
      const a = floats === PS ? lowTwice(e, e.readPart(1, 8)) : e.readVector(1);
      e.enterMmx();
      writeMmx(e, 0, lowHalf(packedIntegers(e, floats, a, truncate, 2)));
    },
  });
}

// Packed integers to floats.

/** Integers of 32 bits up to this magnitude are singles. */
const EXACT_SINGLE = 2 ** 24;

/** Singles from the `count` low integers of `a`, whose other elements repeat those. */
function packedSingles(e: Emitter, a: Local<"v128">, count: number): V128 {
  const small = simd(
    "i32x4.lt_u",
    simd("i32x4.add", a, elements(4, EXACT_SINGLE)),
    elements(4, 2 * EXACT_SINGLE + 1),
  );
  const usable = e.roundsNatively().or(simdTest("i32x4.all_true", small));
  const native = simd("f32x4.convert_i32x4_s", a);
  return PS.exactUnless(e, [usable], native, FloatOperation.FromInt32, [a], { count }) as Local<"v128">;
}

define({
  name: "cvtdq2ps",
  encodings: ["NP 0F 5B /r Vx Wx"],
  semantics: (e) => {
    e.requireSse();
    e.writeVector(0, packedSingles(e, e.readVector(1), 4));
  },
});
define({
  name: "cvtdq2pd",
  encodings: ["F3 0F E6 /r Vx Wq"],
  semantics: (e) => {
    e.requireSse();
    e.writeVector(0, simd("f64x2.convert_low_i32x4_s", e.readPart(1, 8)));
  },
});
/** The integers of an MMX register or of memory; with them in memory the x87 does not matter, as AMD has it. */
function mmxIntegers(e: Emitter): Local<"v128"> {
  e.requireSse();
  if (!e.isMemory(1)) e.requireMmx();
  return e.readPart(1, 8);
}
define({
  name: "cvtpi2ps",
  encodings: ["NP 0F 2A /r Vx Qq"],
  semantics: (e) => {
    const integers = lowTwice(e, mmxIntegers(e));
    e.writeLow(0, 8, lowHalf(packedSingles(e, integers, 2)));
  },
});
define({
  name: "cvtpi2pd",
  encodings: ["66 0F 2A /r Vx Qq"],
  semantics: (e) => e.writeVector(0, simd("f64x2.convert_low_i32x4_s", mmxIntegers(e))),
});

// Between the widths.

/** Whether doubles become singles natively; `back` are those singles as doubles. */
function narrowsNatively(e: Emitter, floats: Floats, a: Local, back: Expression): Expression<"i32"> {
  // The least normal single may have been a denormal one before it was rounded.
  const normal = floats.between(back, PS.least * (1 + 2 ** -23), PS.most);
  return e.roundsNatively().and(floats.allOf(floats.ordinary(a), floats.or(normal, floats.zero(a))));
}

define({
  name: "cvtss2sd",
  encodings: ["F3 0F 5A /r Vx Wd"],
  semantics: (e) => {
    e.requireSse();
    const a = SS.read(e, 1);
    const native = operation("f64", [F64_PROMOTE], a);
    const usable = SS.areOrdinary(e, [a]);
    const taken = SS.exactUnless(e, usable, native, FloatOperation.Convert, [a], { result: SD });
    SS.note(e, a);
    SD.note(e, taken);
    SD.write(e, 0, taken);
  },
});
define({
  name: "cvtsd2ss",
  encodings: ["F2 0F 5A /r Vx Wq"],
  semantics: (e) => {
    e.requireSse();
    const a = SD.read(e, 1);
    const native = e.f.let(operation("f32", [F32_DEMOTE], a));
    const usable = [narrowsNatively(e, SD, a, operation("f64", [F64_PROMOTE], native))];
    const taken = SD.exactUnless(e, usable, native, FloatOperation.Convert, [a], { result: SS });
    SD.note(e, a);
    SS.note(e, taken);
    SS.write(e, 0, taken);
  },
});
define({
  name: "cvtps2pd",
  encodings: ["NP 0F 5A /r Vx Wq"],
  semantics: (e) => {
    e.requireSse();
    const a = lowTwice(e, e.readPart(1, 8));
    const native = simd("f64x2.promote_low_f32x4", a);
    const usable = PS.areOrdinary(e, [a]);
    PD.write(e, 0, PS.exactUnless(e, usable, native, FloatOperation.Convert, [a], { count: 2 }));
  },
});
define({
  name: "cvtpd2ps",
  encodings: ["66 0F 5A /r Vx Wx"],
  semantics: (e) => {
    e.requireSse();
    const a = e.readVector(1);
    const native = e.f.let(simd("f32x4.demote_f64x2_zero", a));
    const usable = [narrowsNatively(e, PD, a, simd("f64x2.promote_low_f32x4", native))];
    PS.write(e, 0, PD.exactUnless(e, usable, native, FloatOperation.Convert, [a]));
  },
});
