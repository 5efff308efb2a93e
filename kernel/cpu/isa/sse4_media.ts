/**
 * Sums of absolute differences and horizontal minimum (SDM volume 2: MPSADBW, PHMINPOSUW).
 *
 * @module
 */

import { i32, select } from "../wasm/expression.ts";
import { define } from "./definition.ts";
import { defineVector, immediateByte } from "./sse_operand.ts";
import { elements, lowAlone, simd, simdLane, type V128 } from "../wasm/vector.ts";

/** As a byte number, one that gives zero: the upper bytes of words. */
const NONE = 0xff00;

define({
  name: "mpsadbw",
  encodings: ["66 0F 3A 42 /r Vx Wx Ib"],
  semantics: (e) => {
    e.requireSse();
    const { f } = e;
    const control = immediateByte(e);
    const b = e.readVector(1);
    const a = e.readVector(0);
    const splat = (value: number) => elements(2, value | NONE);
    const firstA = f.let(simd("i16x8.splat", control.and(4)));
    const firstB = f.let(simd("i16x8.splat", control.and(3).shl(2)));
    // Word i of the result is made from four neighbours that start at i, and from four that stay the same.
    const byteOf = (vector: V128, numbers: V128) => simd("i8x16.swizzle", vector, numbers);
    let sum: V128 | undefined;
    for (let k = 0; k < 4; k++) {
      const numbers = elements(2, ...Array.from({ length: 8 }, (_, i) => (i + k) | NONE));
      const moving = byteOf(a, simd("i16x8.add", firstA, numbers));
      const fixed = byteOf(b, simd("i16x8.add", firstB, splat(k)));
      const distance = simd("i16x8.abs", simd("i16x8.sub", moving, fixed));
      sum = sum === undefined ? distance : simd("i16x8.add", sum, distance);
    }
    e.writeVector(0, sum!);
  },
});

defineVector("phminposuw", "66 0F 38 41", (e, _a, b) => {
  const { f } = e;
  // The number of a word below its value: the least of these is the first of the least words.
  const least = f.let(i32(-1));
  for (let half = 0; half < 2; half++) {
    const words = f.let(simdLane("i64x2.extract_lane", half as 0 | 1, b));
    for (let i = 0; i < 4; i++) {
      const candidate = f.let(words.shrU(i * 16).wrap().shl(16).or(half * 4 + i));
      f.set(least, select(candidate.ltU(least), candidate, least));
    }
  }
  const result = least.shrU(16).or(least.and(7).shl(16)).extendU();
  return lowAlone(result);
});
