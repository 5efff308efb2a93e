/**
 * Packed integer arithmetic, logic and comparison, for XMM and MMX registers (SDM volume 2: PABS, PADD, PAND, PAVG,
 * PCMP, PMADD, PMAX, PMIN, PMUL, PSAD, PSIGN, PSUB, PXOR, and the logic of floats).
 *
 * @module
 */

import { i32 } from "../wasm/expression.ts";
import { defineBoth, defineMmx, defineVector, joinLow, type VectorOperation } from "./sse_operand.ts";
import { elements, shuffle, simd, type V128, type VectorOpcode } from "../wasm/vector.ts";

/** An instruction that one WebAssembly instruction does. */
const native = (opcode: VectorOpcode): VectorOperation => (_e, a, b) => simd(opcode, a, b);

/** Instructions for both register files that one WebAssembly instruction does. */
const BOTH: readonly (readonly [name: string, encoding: string, opcode: VectorOpcode])[] = [
  ["pcmpgtb", "0F 64", "i8x16.gt_s"],
  ["pcmpgtw", "0F 65", "i16x8.gt_s"],
  ["pcmpgtd", "0F 66", "i32x4.gt_s"],
  ["pcmpeqb", "0F 74", "i8x16.eq"],
  ["pcmpeqw", "0F 75", "i16x8.eq"],
  ["pcmpeqd", "0F 76", "i32x4.eq"],
  ["paddq", "0F D4", "i64x2.add"],
  ["pmullw", "0F D5", "i16x8.mul"],
  ["psubusb", "0F D8", "i8x16.sub_sat_u"],
  ["psubusw", "0F D9", "i16x8.sub_sat_u"],
  ["pminub", "0F DA", "i8x16.min_u"],
  ["pand", "0F DB", "v128.and"],
  ["paddusb", "0F DC", "i8x16.add_sat_u"],
  ["paddusw", "0F DD", "i16x8.add_sat_u"],
  ["pmaxub", "0F DE", "i8x16.max_u"],
  ["pavgb", "0F E0", "i8x16.avgr_u"],
  ["pavgw", "0F E3", "i16x8.avgr_u"],
  ["psubsb", "0F E8", "i8x16.sub_sat_s"],
  ["psubsw", "0F E9", "i16x8.sub_sat_s"],
  ["pminsw", "0F EA", "i16x8.min_s"],
  ["por", "0F EB", "v128.or"],
  ["paddsb", "0F EC", "i8x16.add_sat_s"],
  ["paddsw", "0F ED", "i16x8.add_sat_s"],
  ["pmaxsw", "0F EE", "i16x8.max_s"],
  ["pxor", "0F EF", "v128.xor"],
  ["pmaddwd", "0F F5", "i32x4.dot_i16x8_s"],
  ["psubb", "0F F8", "i8x16.sub"],
  ["psubw", "0F F9", "i16x8.sub"],
  ["psubd", "0F FA", "i32x4.sub"],
  ["psubq", "0F FB", "i64x2.sub"],
  ["paddb", "0F FC", "i8x16.add"],
  ["paddw", "0F FD", "i16x8.add"],
  ["paddd", "0F FE", "i32x4.add"],
];
for (const [name, encoding, opcode] of BOTH) defineBoth(name, encoding, native(opcode));

/** The same for XMM registers alone. */
const VECTOR: readonly (readonly [name: string, encoding: string, opcode: VectorOpcode])[] = [
  ["andps", "NP 0F 54", "v128.and"],
  ["andpd", "66 0F 54", "v128.and"],
  ["orps", "NP 0F 56", "v128.or"],
  ["orpd", "66 0F 56", "v128.or"],
  ["xorps", "NP 0F 57", "v128.xor"],
  ["xorpd", "66 0F 57", "v128.xor"],
  ["pcmpeqq", "66 0F 38 29", "i64x2.eq"],
  ["pcmpgtq", "66 0F 38 37", "i64x2.gt_s"],
  ["pminsb", "66 0F 38 38", "i8x16.min_s"],
  ["pminsd", "66 0F 38 39", "i32x4.min_s"],
  ["pminuw", "66 0F 38 3A", "i16x8.min_u"],
  ["pminud", "66 0F 38 3B", "i32x4.min_u"],
  ["pmaxsb", "66 0F 38 3C", "i8x16.max_s"],
  ["pmaxsd", "66 0F 38 3D", "i32x4.max_s"],
  ["pmaxuw", "66 0F 38 3E", "i16x8.max_u"],
  ["pmaxud", "66 0F 38 3F", "i32x4.max_u"],
  ["pmulld", "66 0F 38 40", "i32x4.mul"],
];
for (const [name, encoding, opcode] of VECTOR) defineVector(name, encoding, native(opcode));

const andNot: VectorOperation = (_e, a, b) => simd("v128.andnot", b, a);
defineBoth("pandn", "0F DF", andNot);
defineVector("andnps", "NP 0F 55", andNot);
defineVector("andnpd", "66 0F 55", andNot);

const absolute = (opcode: VectorOpcode): VectorOperation => (_e, _a, b) => simd(opcode, b);
defineBoth("pabsb", "0F 38 1C", absolute("i8x16.abs"));
defineBoth("pabsw", "0F 38 1D", absolute("i16x8.abs"));
defineBoth("pabsd", "0F 38 1E", absolute("i32x4.abs"));

/** The upper halves of eight products of 16 bits. */
const multiplyHigh = (low: VectorOpcode, high: VectorOpcode): VectorOperation => (_e, a, b) =>
  shuffle(2, simd(low, a, b), simd(high, a, b), [1, 3, 5, 7, 9, 11, 13, 15]);
defineBoth("pmulhuw", "0F E4", multiplyHigh("i32x4.extmul_low_i16x8_u", "i32x4.extmul_high_i16x8_u"));
defineBoth("pmulhw", "0F E5", multiplyHigh("i32x4.extmul_low_i16x8_s", "i32x4.extmul_high_i16x8_s"));

/** Products of the elements of 32 bits with even numbers. */
const multiplyEven = (opcode: VectorOpcode): VectorOperation => (_e, a, b) =>
  simd(opcode, shuffle(4, a, a, [0, 2]), shuffle(4, b, b, [0, 2]));
defineBoth("pmuludq", "0F F4", multiplyEven("i64x2.extmul_low_i32x4_u"));
defineVector("pmuldq", "66 0F 38 28", multiplyEven("i64x2.extmul_low_i32x4_s"));

defineBoth("pmulhrsw", "0F 38 0B", (_e, a, b) => {
  // -1 times -1 does not saturate: 7FFF becomes 8000.
  const least = elements(2, 0x8000);
  const overflow = simd("v128.and", simd("i16x8.eq", a, least), simd("i16x8.eq", b, least));
  return simd("v128.xor", simd("i16x8.q15mulr_sat_s", a, b), overflow);
});

const EIGHT = i32(8);
const THIRTY_TWO = i32(32);

defineBoth("pmaddubsw", "0F 38 04", (_e, a, b) => {
  const even = simd(
    "i16x8.mul",
    simd("v128.and", a, elements(2, 0xff)),
    simd("i16x8.shr_s", simd("i16x8.shl", b, EIGHT), EIGHT),
  );
  const odd = simd("i16x8.mul", simd("i16x8.shr_u", a, EIGHT), simd("i16x8.shr_s", b, EIGHT));
  return simd("i16x8.add_sat_s", even, odd);
});

/** Differences of bytes without their sign. */
export function byteDistances(a: V128, b: V128): V128 {
  return simd("v128.or", simd("i8x16.sub_sat_u", a, b), simd("i8x16.sub_sat_u", b, a));
}

defineBoth("psadbw", "0F F6", (e, a, b) => {
  const words = simd("i16x8.extadd_pairwise_i8x16_u", byteDistances(a, b));
  const sums = e.f.let(simd("i32x4.extadd_pairwise_i16x8_u", words));
  const low = simd("v128.and", sums, elements(4, -1, 0));
  return simd("i64x2.add", low, simd("i64x2.shr_u", sums, THIRTY_TWO));
});

/** Operation of the elements of `b` with the signs of those of `a`: 0, b or -b. */
const sign = (size: 1 | 2 | 4, shape: "i8x16" | "i16x8" | "i32x4"): VectorOperation => (e, a, b) => {
  const zero = elements(size, 0);
  const negative = e.f.let(simd(`${shape}.gt_s`, zero, b));
  const signed = simd(`${shape}.sub`, simd("v128.xor", a, negative), negative);
  return simd("v128.andnot", signed, simd(`${shape}.eq`, b, zero));
};
defineBoth("psignb", "0F 38 08", sign(1, "i8x16"));
defineBoth("psignw", "0F 38 09", sign(2, "i16x8"));
defineBoth("psignd", "0F 38 0A", sign(4, "i32x4"));

/** Sums or differences of neighbours: those of `a` in the lower half, those of `b` in the upper. */
function defineHorizontal(name: string, encoding: string, size: 2 | 4, opcode: VectorOpcode): void {
  const even = size === 2 ? [0, 2, 4, 6, 8, 10, 12, 14] : [0, 2, 4, 6];
  const odd = even.map((index) => index + 1);
  const neighbours = (a: V128, b: V128) => simd(opcode, shuffle(size, a, b, even), shuffle(size, a, b, odd));
  defineVector(name, `66 ${encoding}`, (_e, a, b) => neighbours(a, b));
  defineMmx(name, encoding, (e, a, b) => {
    const both = e.f.let(joinLow(a, b));
    return neighbours(both, both);
  });
}
defineHorizontal("phaddw", "0F 38 01", 2, "i16x8.add");
defineHorizontal("phaddd", "0F 38 02", 4, "i32x4.add");
defineHorizontal("phaddsw", "0F 38 03", 2, "i16x8.add_sat_s");
defineHorizontal("phsubw", "0F 38 05", 2, "i16x8.sub");
defineHorizontal("phsubd", "0F 38 06", 4, "i32x4.sub");
defineHorizontal("phsubsw", "0F 38 07", 2, "i16x8.sub_sat_s");
