/**
 * WebAssembly's vector instructions by name, and vectors that are constant.
 *
 * @module
 */

import { type Expression, type Type, vector } from "./expression.ts";

/** A vector value. */
export type V128 = Expression<"v128">;

/** Numbers of the instructions that take vectors and scalars only (WebAssembly SIMD, "binary format"). */
const OPCODES = {
  "i8x16.swizzle": 14,
  "i8x16.splat": 15,
  "i16x8.splat": 16,
  "i32x4.splat": 17,
  "i64x2.splat": 18,
  "f32x4.splat": 19,
  "f64x2.splat": 20,
  "i8x16.eq": 35,
  "i8x16.gt_s": 39,
  "i8x16.ge_u": 44,
  "i16x8.eq": 45,
  "i16x8.gt_s": 49,
  "i16x8.ge_u": 54,
  "i32x4.eq": 55,
  "i32x4.ne": 56,
  "i32x4.lt_u": 58,
  "i32x4.gt_s": 59,
  "f32x4.eq": 65,
  "f32x4.lt": 67,
  "f32x4.le": 69,
  "f32x4.ge": 70,
  "f64x2.eq": 71,
  "f64x2.lt": 73,
  "f64x2.le": 75,
  "f64x2.ge": 76,
  "v128.not": 77,
  "v128.and": 78,
  "v128.andnot": 79,
  "v128.or": 80,
  "v128.xor": 81,
  "v128.bitselect": 82,
  "v128.any_true": 83,
  "f32x4.demote_f64x2_zero": 94,
  "f64x2.promote_low_f32x4": 95,
  "i8x16.abs": 96,
  "i8x16.neg": 97,
  "i8x16.bitmask": 100,
  "i8x16.narrow_i16x8_s": 101,
  "i8x16.narrow_i16x8_u": 102,
  "f32x4.ceil": 103,
  "f32x4.floor": 104,
  "f32x4.trunc": 105,
  "f32x4.nearest": 106,
  "i8x16.shr_s": 108,
  "i8x16.add": 110,
  "i8x16.add_sat_s": 111,
  "i8x16.add_sat_u": 112,
  "i8x16.sub": 113,
  "i8x16.sub_sat_s": 114,
  "i8x16.sub_sat_u": 115,
  "f64x2.ceil": 116,
  "f64x2.floor": 117,
  "i8x16.min_s": 118,
  "i8x16.min_u": 119,
  "i8x16.max_s": 120,
  "i8x16.max_u": 121,
  "f64x2.trunc": 122,
  "i8x16.avgr_u": 123,
  "i16x8.extadd_pairwise_i8x16_u": 125,
  "i32x4.extadd_pairwise_i16x8_u": 127,
  "i16x8.abs": 128,
  "i16x8.neg": 129,
  "i16x8.q15mulr_sat_s": 130,
  "i16x8.bitmask": 132,
  "i16x8.narrow_i32x4_s": 133,
  "i16x8.narrow_i32x4_u": 134,
  "i16x8.extend_low_i8x16_s": 135,
  "i16x8.extend_low_i8x16_u": 137,
  "i16x8.shl": 139,
  "i16x8.shr_s": 140,
  "i16x8.shr_u": 141,
  "i16x8.add": 142,
  "i16x8.add_sat_s": 143,
  "i16x8.add_sat_u": 144,
  "i16x8.sub": 145,
  "i16x8.sub_sat_s": 146,
  "i16x8.sub_sat_u": 147,
  "f64x2.nearest": 148,
  "i16x8.mul": 149,
  "i16x8.min_s": 150,
  "i16x8.min_u": 151,
  "i16x8.max_s": 152,
  "i16x8.max_u": 153,
  "i16x8.avgr_u": 155,
  "i32x4.abs": 160,
  "i32x4.neg": 161,
  "i32x4.all_true": 163,
  "i32x4.bitmask": 164,
  "i32x4.extend_low_i16x8_s": 167,
  "i32x4.extend_low_i16x8_u": 169,
  "i32x4.shl": 171,
  "i32x4.shr_s": 172,
  "i32x4.shr_u": 173,
  "i32x4.add": 174,
  "i32x4.sub": 177,
  "i32x4.mul": 181,
  "i32x4.min_s": 182,
  "i32x4.min_u": 183,
  "i32x4.max_s": 184,
  "i32x4.max_u": 185,
  "i32x4.dot_i16x8_s": 186,
  "i32x4.extmul_low_i16x8_s": 188,
  "i32x4.extmul_high_i16x8_s": 189,
  "i32x4.extmul_low_i16x8_u": 190,
  "i32x4.extmul_high_i16x8_u": 191,
  "i64x2.bitmask": 196,
  "i64x2.extend_low_i32x4_s": 199,
  "i64x2.extend_low_i32x4_u": 201,
  "i64x2.shl": 203,
  "i64x2.shr_s": 204,
  "i64x2.shr_u": 205,
  "i64x2.add": 206,
  "i64x2.sub": 209,
  "i64x2.mul": 213,
  "i64x2.eq": 214,
  "i64x2.gt_s": 217,
  "i64x2.extmul_low_i32x4_s": 220,
  "i64x2.extmul_low_i32x4_u": 222,
  "f32x4.abs": 224,
  "f32x4.sqrt": 227,
  "f32x4.add": 228,
  "f32x4.sub": 229,
  "f32x4.mul": 230,
  "f32x4.div": 231,
  "f32x4.pmin": 234,
  "f32x4.pmax": 235,
  "f64x2.abs": 236,
  "f64x2.sqrt": 239,
  "f64x2.add": 240,
  "f64x2.sub": 241,
  "f64x2.mul": 242,
  "f64x2.div": 243,
  "f64x2.pmin": 246,
  "f64x2.pmax": 247,
  "i32x4.trunc_sat_f32x4_s": 248,
  "f32x4.convert_i32x4_s": 250,
  "i32x4.trunc_sat_f64x2_s_zero": 252,
  "f64x2.convert_low_i32x4_s": 254,
} as const;

/** Name of a vector instruction. */
export type VectorOpcode = keyof typeof OPCODES;

/** Numbers of the instructions that name a lane, and the type of their result. */
const LANE_OPCODES = {
  "i8x16.extract_lane_u": [22, "i32"],
  "i8x16.replace_lane": [23, "v128"],
  "i16x8.extract_lane_u": [25, "i32"],
  "i16x8.replace_lane": [26, "v128"],
  "i32x4.extract_lane": [27, "i32"],
  "i32x4.replace_lane": [28, "v128"],
  "i64x2.extract_lane": [29, "i64"],
  "i64x2.replace_lane": [30, "v128"],
  "f32x4.extract_lane": [31, "f32"],
  "f32x4.replace_lane": [32, "v128"],
  "f64x2.extract_lane": [33, "f64"],
  "f64x2.replace_lane": [34, "v128"],
} as const satisfies { readonly [name: string]: readonly [number, Type] };

/** A vector instruction that gives a vector. */
export function simd(name: VectorOpcode, ...args: readonly Expression[]): V128 {
  return vector("v128", OPCODES[name], args);
}

/** A vector instruction that gives an i32: `any_true`, `all_true`, `bitmask`. */
export function simdTest(name: VectorOpcode, ...args: readonly Expression[]): Expression<"i32"> {
  return vector("i32", OPCODES[name], args);
}

/** A vector instruction that names a lane. */
export function simdLane<N extends keyof typeof LANE_OPCODES>(
  name: N,
  lane: number,
  ...args: readonly Expression[]
): Expression<(typeof LANE_OPCODES)[N][1]> {
  const [opcode, type] = LANE_OPCODES[name];
  return vector(type as (typeof LANE_OPCODES)[N][1], opcode, args, [lane]);
}

/** The low 64 bits. */
export function lowHalf(value: V128): Expression<"i64"> {
  return simdLane("i64x2.extract_lane", 0, value);
}

/** The high 64 bits. */
export function highHalf(value: V128): Expression<"i64"> {
  return simdLane("i64x2.extract_lane", 1, value);
}

/** Instructions for elements of less than 8 bytes, by their size. */
const ELEMENTS = {
  1: ["i8x16.extract_lane_u", "i8x16.replace_lane"],
  2: ["i16x8.extract_lane_u", "i16x8.replace_lane"],
  4: ["i32x4.extract_lane", "i32x4.replace_lane"],
} as const;

/** The element of `size` bytes (1, 2, 4, 8) that lies `offset` bytes from the lowest, zero-extended. */
export function element(value: V128, size: number, offset: number): Expression<"i64"> {
  if (size === 8) return simdLane("i64x2.extract_lane", offset / size, value);
  return simdLane(ELEMENTS[size as 1 | 2 | 4][0], offset / size, value).extendU();
}

/** `value` with another element of `size` bytes there, the low bytes of `to`. */
export function withElement(value: V128, size: number, offset: number, to: Expression<"i64">): V128 {
  if (size === 8) return simdLane("i64x2.replace_lane", offset / size, value, to);
  return simdLane(ELEMENTS[size as 1 | 2 | 4][1], offset / size, value, to.wrap());
}

/** A vector of which the low 64 bits are an integer, and the others zero. */
export function lowAlone(value: Expression<"i64">): V128 {
  return withElement(ZERO_VECTOR, 8, 0, value);
}

/** A vector of 16 bytes. */
export function constantVector(bytes: ArrayLike<number>): V128 {
  return vector("v128", 12, [], Array.from(bytes, (byte) => byte & 0xff));
}

/** A vector of elements of `size` bytes (1, 2, 4), whose values are repeated as often as they fit. */
export function elements(size: 1 | 2 | 4, ...values: readonly number[]): V128 {
  const bytes = Array.from({ length: 16 }, (_, i) => {
    const value = values[Math.floor(i / size) % values.length]!;
    return value >>> ((i % size) * 8);
  });
  return constantVector(bytes);
}

/** All bits zero. */
export const ZERO_VECTOR: V128 = elements(1, 0);

/**
 * Elements of `size` bytes chosen from `a` (numbers from 0) and `b` (numbers after those of `a`), as many as fill a
 * vector: `indexes` is repeated.
 */
export function shuffle(size: 1 | 2 | 4 | 8, a: V128, b: V128, indexes: readonly number[]): V128 {
  const lanes = Array.from({ length: 16 }, (_, i) => {
    return indexes[Math.floor(i / size) % indexes.length]! * size + i % size;
  });
  return vector("v128", 13, [a, b], lanes);
}
