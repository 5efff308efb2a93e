/**
 * Floating-point comparison, and PTEST (SDM volume 2: CMPPS, CMPPD, CMPSS, CMPSD, COMISD, COMISS, PTEST, UCOMISD,
 * UCOMISS).
 *
 * @module
 */

import { FloatOperation } from "../float_operations.ts";
import { Flag } from "../state.ts";
import { type Expression, i32, operation, select } from "../wasm/expression.ts";
import { define } from "./definition.ts";
import { FLOATS, type Floats, SD, SS } from "./sse_float.ts";
import { immediateByte } from "./sse_operand.ts";
import { simd, simdTest, ZERO_VECTOR } from "../wasm/vector.ts";

/** The condition that a predicate's low two bits name, of operands that are ordered. */
function orderedCondition(
  floats: Floats,
  control: Expression<"i32">,
  a: Expression,
  b: Expression,
): Expression {
  const never = floats.count > 1 ? ZERO_VECTOR : i32(0);
  const equalOrLess = select(control.and(1), floats.compare("lt", a, b), floats.compare("eq", a, b));
  const lessEqualOrNever = select(control.and(1), never, floats.compare("le", a, b));
  return select(control.and(2), lessEqualOrNever, equalOrLess);
}

/** All ones where a predicate holds: bit 2 inverts the condition. */
function predicateMask(floats: Floats, control: Expression<"i32">, a: Expression, b: Expression): Expression {
  const condition = orderedCondition(floats, control, a, b);
  const inverted = control.shrU(2).and(1);
  if (floats.count > 1) return simd("v128.xor", condition, simd("i32x4.splat", i32(0).sub(inverted)));
  const mask = i32(0).sub((condition as Expression<"i32">).xor(inverted));
  return floats.width === 32
    ? operation("f32", [F32_REINTERPRET], mask)
    : operation("f64", [F64_REINTERPRET], mask.extendS());
}
const F32_REINTERPRET = 0xbe;
const F64_REINTERPRET = 0xbf;

for (const floats of FLOATS) {
  define({
    name: `cmp${floats.suffix}`,
    encodings: [`${floats.prefix} 0F C2 /r Vx W${floats.letter} Ib`],
    semantics: (e) => {
      e.requireSse();
      const control = immediateByte(e);
      const b = floats.read(e, 1);
      const a = floats.read(e, 0);
      const native = predicateMask(floats, control, a, b);
      const operands = [a, b];
      const usable = floats.areOrdinary(e, operands);
      const options = { immediate: control };
      const taken = floats.exactUnless(e, usable, native, FloatOperation.Compare, operands, options);
      floats.note(e, a, b);
      floats.write(e, 0, taken);
    },
  });
}

// Of ordered operands: ZF if they are equal, CF if the first is less; the other flags become 0.
for (const floats of [SS, SD]) {
  const prefix = floats.width === 32 ? "NP" : "66";
  for (
    const [name, opcode, slow] of [
      ["ucomi", "2E", FloatOperation.CompareUnordered],
      ["comi", "2F", FloatOperation.CompareOrdered],
    ] as const
  ) {
    define({
      name: name + floats.suffix,
      encodings: [`${prefix} 0F ${opcode} /r Vx W${floats.letter}`],
      semantics: (e) => {
        e.requireSse();
        const b = floats.read(e, 1);
        const a = floats.read(e, 0);
        const equal = floats.every(floats.compare("eq", a, b)).shl(Math.log2(Flag.ZF));
        const flags = e.f.let(equal.or(floats.every(floats.compare("lt", a, b))).extendU());
        const usable = floats.areOrdinary(e, [a, b]);
        e.unlessNative(usable, () => e.f.set(flags, floats.callExact(e, slow, [a, b])));
        floats.note(e, a, b);
        e.setAllFlags(flags);
      },
    });
  }
}

define({
  name: "ptest",
  encodings: ["66 0F 38 17 /r Vx Wx"],
  semantics: (e) => {
    e.requireSse();
    const b = e.readVector(1);
    const a = e.readVector(0);
    const none = (value: Expression) => simdTest("v128.any_true", value).eqz();
    const zero = none(simd("v128.and", a, b)).shl(Math.log2(Flag.ZF));
    e.setAllFlags(zero.or(none(simd("v128.andnot", b, a))).extendU());
  },
});
