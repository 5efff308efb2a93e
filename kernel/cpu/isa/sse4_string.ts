/**
 * String comparison (SDM volume 2, 4.1 and PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM).
 *
 * The manual's matrix of comparisons is kept as rows: the bits by element of the second operand of how each
 * compares with one element of the first.
 *
 * @module
 */

import type { Emitter } from "../emitter.ts";
import { Flag, Gpr, SCRATCH } from "../state.ts";
import { type Expression, i32, i64, select } from "../wasm/expression.ts";
import { type FunctionBuilder, type Local, NOWHERE } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";
import { immediateByte } from "./sse_operand.ts";
import { elements as constants, lowAlone, simd, simdTest, type V128, ZERO_VECTOR } from "../wasm/vector.ts";

/** Fields of the immediate. */
const WORDS = 1 << 0;
const SIGNED = 1 << 1;
const AGGREGATION_SHIFT = 2;
const NEGATIVE = 1 << 4;
const MASKED = 1 << 5;
/** The index is that of the last bit, or the mask has whole elements. */
const LAST_OR_ELEMENTS = 1 << 6;

/** What makes a bit of the result from a column of comparisons. */
enum Aggregation {
  EqualAny,
  Ranges,
  EqualEach,
  EqualOrdered,
}

/** Elements of one size. */
interface Elements {
  readonly size: 1 | 2;
  readonly count: 8 | 16;
  readonly shape: "i8x16" | "i16x8";
  readonly load: "i32.load8_u" | "i32.load16_u";
}
const BYTE_ELEMENTS: Elements = { size: 1, count: 16, shape: "i8x16", load: "i32.load8_u" };
const WORD_ELEMENTS: Elements = { size: 2, count: 8, shape: "i16x8", load: "i32.load16_u" };

/** Operands, and how many of their elements count. */
interface Strings {
  readonly control: Expression<"i32">;
  readonly a: Local<"v128">;
  readonly b: Local<"v128">;
  readonly lengthA: Local<"i32">;
  readonly lengthB: Local<"i32">;
}

/** A bit for each element of a mask. */
function bitsOf({ shape }: Elements, mask: V128): Expression<"i32"> {
  return simdTest(`${shape}.bitmask`, mask);
}

/** Ones for the first `length` elements. */
function firstBits(length: Expression<"i32">): Expression<"i32"> {
  return i32(1).shl(length).sub(1);
}

/** Number of elements before the first that is zero. */
function implicitLength(elements: Elements, value: V128): Expression<"i32"> {
  const zeros = bitsOf(elements, simd(`${elements.shape}.eq`, value, ZERO_VECTOR));
  return zeros.or(1 << elements.count).ctz();
}

/** Magnitude of a register's value, at most the number of elements. */
function explicitLength(e: Emitter, elements: Elements, register: Gpr): Expression<"i32"> {
  const size = e.operandSize === 8 ? 8 : 4;
  const value = e.let(e.readGpr(register, size).signExtend(size));
  const magnitude = e.let(select(value.ltS(0n), i64(0).sub(value), value));
  return select(magnitude.gtU(elements.count), i32(elements.count), magnitude.wrap());
}

/** IntRes1: elements of the second operand that satisfy the aggregation. */
function aggregate(f: FunctionBuilder, elements: Elements, strings: Strings): Local<"i32"> {
  const { size, count, shape } = elements;
  const { control, a, b, lengthA, lengthB } = strings;
  const all = (1 << count) - 1;
  const validB = f.let(firstBits(lengthB));
  const result = f.local("i32");
  const aggregation = f.let(control.shrU(AGGREGATION_SHIFT).and(3));
  f.storeVector(NOWHERE, a, SCRATCH);
  const index = f.let(i32(0));
  /** Runs `body` with each element of the first operand, `step` at a time. */
  const forEach = (step: 1 | 2, body: (element: Local<"i32">) => void) =>
    f.block((end) =>
      f.loop((again) => {
        f.branchIf(index.add(step).gtU(lengthA), end);
        body(f.loadAs(elements.load, index.mul(size), SCRATCH));
        f.set(index, index.add(step));
        f.branch(again);
      })
    );
  const equalTo = (element: Expression<"i32">) =>
    bitsOf(elements, simd(`${shape}.eq`, simd(`${shape}.splat`, element), b));

  f.if(aggregation.eq(Aggregation.EqualEach), () => {
    const validA = f.let(firstBits(lengthA));
    const equal = bitsOf(elements, simd(`${shape}.eq`, a, b)).and(validA).and(validB);
    // Elements behind both ends are equal.
    f.set(result, equal.or(validA.or(validB).not().and(all)));
  }, () => {
    f.if(aggregation.eq(Aggregation.EqualOrdered), () => {
      f.set(result, i32(all));
      forEach(1, (element) => {
        // A match that begins near the end is not looked at beyond it.
        const row = equalTo(element).and(validB).or(~all);
        f.set(result, result.and(row.shrS(index)));
      });
      f.set(result, result.and(all));
    }, () => {
      f.set(result, i32(0));
      f.if(aggregation.eq(Aggregation.EqualAny), () => {
        forEach(1, (element) => f.set(result, result.or(equalTo(element))));
      }, () => {
        // Signed numbers compare as unsigned ones do with their top bit inverted.
        const bias = f.let(select(control.and(SIGNED), i32(size === 1 ? 0x80 : 0x8000), i32(0)));
        const biased = f.let(simd("v128.xor", b, simd(`${shape}.splat`, bias)));
        forEach(2, (from) => {
          const to = f.loadAs(elements.load, index.mul(size), SCRATCH + size);
          const limit = (value: Expression<"i32">) => simd(`${shape}.splat`, value.xor(bias));
          const above = simd(`${shape}.ge_u`, biased, limit(from));
          const below = simd(`${shape}.ge_u`, limit(to), biased);
          f.set(result, result.or(bitsOf(elements, simd("v128.and", above, below))));
        });
      });
      f.set(result, result.and(validB));
    });
  });
  // IntRes2.
  f.if(control.and(NEGATIVE), () => {
    f.set(result, result.xor(select(control.and(MASKED), validB, i32(all))));
  });
  return result;
}

/** What one of the four instructions gives: an index in ECX, or a mask in XMM0. */
type Output = (e: Emitter, elements: Elements, control: Expression<"i32">, result: Local<"i32">) => void;

const writeIndex: Output = (e, { count }, control, result) => {
  const index = select(control.and(LAST_OR_ELEMENTS), i32(31).sub(result.clz()), result.ctz());
  e.writeGpr(Gpr.RCX, 4, select(result, index, i32(count)).extendU());
};

const writeMask: Output = (e, { size }, control, result) => {
  const bits = lowAlone(result.extendU());
  const powers = Array.from({ length: 8 }, (_, i) => 1 << i);
  const own = size === 1
    ? simd("i8x16.swizzle", bits, constants(1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1))
    : simd("i16x8.splat", result);
  const one = constants(size, ...powers);
  const whole = simd(size === 1 ? "i8x16.eq" : "i16x8.eq", simd("v128.and", own, one), one);
  e.writeXmm(0, select(control.and(LAST_OR_ELEMENTS), whole, bits));
};

function defineStrings(name: string, opcode: string, explicit: boolean, output: Output): void {
  define({
    name,
    encodings: [`66 0F 3A ${opcode} /r Vx Wx Ib`],
    semantics: (e) => {
      e.requireSse();
      const { f } = e;
      const control = immediateByte(e);
      const b = e.readVector(1, true);
      const a = e.readVector(0);
      const compare = (elements: Elements) => {
        const length = (value: V128, register: Gpr) =>
          f.let(explicit ? explicitLength(e, elements, register) : implicitLength(elements, value));
        const lengthA = length(a, Gpr.RAX);
        const lengthB = length(b, Gpr.RDX);
        const result = aggregate(f, elements, { control, a, b, lengthA, lengthB });
        output(e, elements, control, result);
        const flags: readonly (readonly [Expression<"i32">, number])[] = [
          [result.ne(0), Flag.CF],
          [lengthB.ltU(elements.count), Flag.ZF],
          [lengthA.ltU(elements.count), Flag.SF],
          [result.and(1), Flag.OF],
        ];
        const [first, ...others] = flags.map(([condition, flag]) => condition.shl(Math.log2(flag)));
        e.setAllFlags(others.reduce((all, bit) => all.or(bit), first!).extendU());
      };
      e.if(control.and(WORDS), () => compare(WORD_ELEMENTS), () => compare(BYTE_ELEMENTS));
    },
  });
}
defineStrings("pcmpestrm", "60", true, writeMask);
defineStrings("pcmpestri", "61", true, writeIndex);
defineStrings("pcmpistrm", "62", false, writeMask);
defineStrings("pcmpistri", "63", false, writeIndex);
