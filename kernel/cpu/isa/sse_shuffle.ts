/**
 * Shuffles, unpacking, packing, blending, insertion and extraction (SDM volume 2: BLEND, EXTRACTPS, INSERTPS, MOVDDUP,
 * MOVSHDUP, MOVSLDUP, PACK, PALIGNR, PBLEND, PEXTR, PINSR, PMOVSX, PMOVZX, PSHUF, PUNPCK, SHUFP, UNPCK).
 *
 * @module
 */

import type { Emitter } from "../emitter.ts";
import { type Expression, i32, select } from "../wasm/expression.ts";
import { define } from "./definition.ts";
import {
  defineMmx,
  defineVector,
  immediateByte,
  joinLow,
  type VectorOperation,
  writeMmx,
} from "./sse_operand.ts";
import { bytesFrom, limitedImmediate } from "./sse_shift.ts";
import {
  elements,
  highHalf,
  lowHalf,
  shuffle,
  simd,
  simdLane,
  type V128,
  type VectorOpcode,
} from "../wasm/vector.ts";

/** Elements of both operands in turn, from the lower or the upper halves. */
function interleaved(size: 1 | 2 | 4 | 8, bytes: 8 | 16, high: boolean): number[] {
  const half = bytes / size / 2;
  const first = high ? half : 0;
  return Array.from({ length: half * 2 }, (_, i) => first + (i >> 1) + (i & 1) * (16 / size));
}

const unpack = (size: 1 | 2 | 4 | 8, bytes: 8 | 16, high: boolean): VectorOperation => {
  const indexes = interleaved(size, bytes, high);
  return (_e, a, b) => shuffle(size, a, b, indexes);
};

const UNPACKS = [
  ["punpcklbw", "0F 60", 1, false],
  ["punpcklwd", "0F 61", 2, false],
  ["punpckldq", "0F 62", 4, false],
  ["punpckhbw", "0F 68", 1, true],
  ["punpckhwd", "0F 69", 2, true],
  ["punpckhdq", "0F 6A", 4, true],
] as const;
for (const [name, encoding, size, high] of UNPACKS) {
  defineVector(name, `66 ${encoding}`, unpack(size, 16, high));
  // Of the lower elements only half of the source is read.
  defineMmx(name, encoding, unpack(size, 8, high), high ? 8 : 4);
}
defineVector("punpcklqdq", "66 0F 6C", unpack(8, 16, false));
defineVector("punpckhqdq", "66 0F 6D", unpack(8, 16, true));
defineVector("unpcklps", "NP 0F 14", unpack(4, 16, false));
defineVector("unpcklpd", "66 0F 14", unpack(8, 16, false));
defineVector("unpckhps", "NP 0F 15", unpack(4, 16, true));
defineVector("unpckhpd", "66 0F 15", unpack(8, 16, true));

const PACKS: readonly (readonly [name: string, encoding: string, opcode: VectorOpcode])[] = [
  ["packsswb", "0F 63", "i8x16.narrow_i16x8_s"],
  ["packuswb", "0F 67", "i8x16.narrow_i16x8_u"],
  ["packssdw", "0F 6B", "i16x8.narrow_i32x4_s"],
];
for (const [name, encoding, opcode] of PACKS) {
  defineVector(name, `66 ${encoding}`, (_e, a, b) => simd(opcode, a, b));
  defineMmx(name, encoding, (e, a, b) => {
    const both = e.f.let(joinLow(a, b));
    return simd(opcode, both, both);
  });
}
defineVector("packusdw", "66 0F 38 2B", (_e, a, b) => simd("i16x8.narrow_i32x4_u", a, b));

// A set top bit of an index gives zero, as an index beyond 15 does in WebAssembly; the other bits do not count.
defineVector("pshufb", "66 0F 38 00", (_e, a, b) => {
  return simd("i8x16.swizzle", a, simd("v128.and", b, elements(1, 0x8f)));
});
defineMmx("pshufb", "0F 38 00", (_e, a, b) => {
  return simd("i8x16.swizzle", a, simd("v128.and", b, elements(1, 0x87)));
});

/** The four fields of two bits of an immediate. */
function fields(control: number): number[] {
  return [control & 3, (control >> 2) & 3, (control >> 4) & 3, control >> 6];
}

/** What brings field `i` of an immediate to bits 6 and 7, by a multiplication. */
const FIELD_SHIFTS = [64, 16, 4, 1];

/** Byte numbers of the elements of 4 bytes that the fields of an immediate choose. */
function chosenDoublewords(e: Emitter, control: Expression<"i32">): V128 {
  const shifted = simd("i32x4.mul", simd("i32x4.splat", control), elements(4, ...FIELD_SHIFTS));
  const numbers = simd("v128.and", simd("i32x4.shr_u", shifted, i32(6)), elements(4, 3));
  return e.f.let(
    simd("i32x4.add", simd("i32x4.mul", numbers, elements(4, 0x04040404)), elements(4, 0x03020100)),
  );
}

/** Byte numbers of words: in one half those that the fields choose, the other as it is. */
function chosenWords(control: Expression<"i32">, high: boolean): V128 {
  const none = [0, 0, 0, 0];
  const shifts = high ? [...none, ...FIELD_SHIFTS] : [...FIELD_SHIFTS, ...none];
  const shifted = simd("i16x8.mul", simd("i16x8.splat", control), elements(2, ...shifts));
  const numbers = simd("v128.and", simd("i16x8.shr_u", shifted, i32(6)), elements(2, 3));
  const first = high
    ? [0x0100, 0x0302, 0x0504, 0x0706, 0x0908, 0x0908, 0x0908, 0x0908]
    : [0x0100, 0x0100, 0x0100, 0x0100, 0x0908, 0x0b0a, 0x0d0c, 0x0f0e];
  return simd("i16x8.add", simd("i16x8.mul", numbers, elements(2, 0x0202)), elements(2, ...first));
}

define({
  name: "pshufd",
  encodings: ["66 0F 70 /r Vx Wx Ib"],
  semantics: (e) => {
    e.requireSse();
    const control = immediateByte(e);
    const b = e.readVector(1);
    e.writeVector(
      0,
      control.constant === undefined
        ? simd("i8x16.swizzle", b, chosenDoublewords(e, control))
        : shuffle(4, b, b, fields(control.constant)),
    );
  },
});

function shuffledWords(b: V128, control: Expression<"i32">, high: boolean): V128 {
  if (control.constant === undefined) return simd("i8x16.swizzle", b, chosenWords(control, high));
  const chosen = fields(control.constant);
  return shuffle(
    2,
    b,
    b,
    high ? [0, 1, 2, 3, ...chosen.map((index) => index + 4)] : [...chosen, 4, 5, 6, 7],
  );
}

for (const [name, prefix, high] of [["pshuflw", "F2", false], ["pshufhw", "F3", true]] as const) {
  define({
    name,
    encodings: [`${prefix} 0F 70 /r Vx Wx Ib`],
    semantics: (e) => {
      e.requireSse();
      const control = immediateByte(e);
      e.writeVector(0, shuffledWords(e.readVector(1), control, high));
    },
  });
}
define({
  name: "pshufw",
  encodings: ["NP 0F 70 /r Pq Qq Ib"],
  semantics: (e) => {
    e.checkMmx();
    const control = immediateByte(e);
    const b = e.readPart(1, 8);
    e.enterMmx();
    writeMmx(e, 0, lowHalf(shuffledWords(b, control, false)));
  },
});

define({
  name: "shufps",
  encodings: ["NP 0F C6 /r Vx Wx Ib"],
  semantics: (e) => {
    e.requireSse();
    const control = immediateByte(e);
    const b = e.readVector(1);
    const a = e.readVector(0);
    if (control.constant !== undefined) {
      const [first, second, third, fourth] = fields(control.constant) as [number, number, number, number];
      e.writeVector(0, shuffle(4, a, b, [first, second, third + 4, fourth + 4]));
      return;
    }
    const chosen = chosenDoublewords(e, control);
    const fromA = simd("i8x16.swizzle", a, chosen);
    const fromB = simd("i8x16.swizzle", b, chosen);
    e.writeVector(0, shuffle(8, fromA, fromB, [0, 3]));
  },
});
define({
  name: "shufpd",
  encodings: ["66 0F C6 /r Vx Wx Ib"],
  semantics: (e) => {
    e.requireSse();
    const control = immediateByte(e);
    const b = e.readVector(1);
    const a = e.readVector(0);
    const low = select(control.and(1), highHalf(a), lowHalf(a));
    const high = select(control.and(2), highHalf(b), lowHalf(b));
    e.writeVector(0, simdLane("i64x2.replace_lane", 1, simd("i64x2.splat", low), high));
  },
});

define({
  name: "palignr",
  encodings: ["66 0F 3A 0F /r Vx Wx Ib"],
  semantics: (e) => {
    e.requireSse();
    const count = limitedImmediate(e, 32);
    const b = e.readVector(1);
    const a = e.readVector(0);
    e.writeVector(0, simd("v128.or", bytesFrom(b, count), bytesFrom(a, count.sub(16))));
  },
});
define({
  name: "palignr",
  encodings: ["NP 0F 3A 0F /r Pq Qq Ib"],
  semantics: (e) => {
    e.checkMmx();
    const count = limitedImmediate(e, 16);
    const b = e.readPart(1, 8);
    e.enterMmx();
    const a = e.readPart(0, 8);
    writeMmx(e, 0, lowHalf(bytesFrom(joinLow(b, a), count)));
  },
});

/** Elements of `b` where bits of an immediate are set, else of `a`. */
function defineBlend(name: string, encoding: string, size: 2 | 4, bits: readonly number[]): void {
  const shape = size === 2 ? "i16x8" : "i32x4";
  define({
    name,
    encodings: [`66 ${encoding} /r Vx Wx Ib`],
    semantics: (e) => {
      e.requireSse();
      const control = immediateByte(e);
      const b = e.readVector(1);
      const a = e.readVector(0);
      const set = simd("v128.and", simd(`${shape}.splat`, control), elements(size, ...bits));
      const mask = simd(`${shape}.eq`, set, elements(size, ...bits));
      e.writeVector(0, simd("v128.bitselect", b, a, mask));
    },
  });
}
defineBlend("blendps", "0F 3A 0C", 4, [1, 2, 4, 8]);
defineBlend("blendpd", "0F 3A 0D", 4, [1, 1, 2, 2]);
defineBlend("pblendw", "0F 3A 0E", 2, [1, 2, 4, 8, 16, 32, 64, 128]);

/** Elements of `b` where the sign bits of XMM0's are set. */
const blendByXmm0 = (shift: VectorOpcode, bits: number): VectorOperation => (e, a, b) => {
  const mask = simd(shift, e.readXmm(0), i32(bits - 1));
  return simd("v128.bitselect", b, a, mask);
};
defineVector("pblendvb", "66 0F 38 10", blendByXmm0("i8x16.shr_s", 8));
defineVector("blendvps", "66 0F 38 14", blendByXmm0("i32x4.shr_s", 32));
defineVector("blendvpd", "66 0F 38 15", blendByXmm0("i64x2.shr_s", 64));

/** An instruction whose source is less than a vector in memory. */
function defineFromPart(name: string, encoding: string, size: 2 | 4 | 8, operation: (b: V128) => V128): void {
  define({
    name,
    encodings: [`${encoding} /r Vx W${size === 2 ? "w" : size === 4 ? "d" : "q"}`],
    semantics: (e) => {
      e.requireSse();
      e.writeVector(0, operation(e.readPart(1, size)));
    },
  });
}

const bytesToWords = { s: "i16x8.extend_low_i8x16_s", u: "i16x8.extend_low_i8x16_u" } as const;
const wordsToDoublewords = { s: "i32x4.extend_low_i16x8_s", u: "i32x4.extend_low_i16x8_u" } as const;
const doublewordsToQuadwords = { s: "i64x2.extend_low_i32x4_s", u: "i64x2.extend_low_i32x4_u" } as const;
for (const [letter, digit, kind] of [["s", "2", "s"], ["z", "3", "u"]] as const) {
  const [bw, wd, dq] = [bytesToWords[kind], wordsToDoublewords[kind], doublewordsToQuadwords[kind]];
  const name = (pair: string) => `pmov${letter}x${pair}`;
  const encoding = (low: number) => `66 0F 38 ${digit}${low}`;
  defineFromPart(name("bw"), encoding(0), 8, (b) => simd(bw, b));
  defineFromPart(name("bd"), encoding(1), 4, (b) => simd(wd, simd(bw, b)));
  defineFromPart(name("bq"), encoding(2), 2, (b) => simd(dq, simd(wd, simd(bw, b))));
  defineFromPart(name("wd"), encoding(3), 8, (b) => simd(wd, b));
  defineFromPart(name("wq"), encoding(4), 4, (b) => simd(dq, simd(wd, b)));
  defineFromPart(name("dq"), encoding(5), 8, (b) => simd(dq, b));
}
defineFromPart("movddup", "F2 0F 12", 8, (b) => shuffle(8, b, b, [0, 0]));
defineVector("movsldup", "F3 0F 12", (_e, _a, b) => shuffle(4, b, b, [0, 0, 2, 2]));
defineVector("movshdup", "F3 0F 16", (_e, _a, b) => shuffle(4, b, b, [1, 1, 3, 3]));
