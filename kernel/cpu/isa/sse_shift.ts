/**
 * Packed shifts, for XMM and MMX registers (SDM volume 2: PSLL, PSLLDQ, PSRA, PSRL, PSRLDQ).
 *
 * @module
 */

import type { Emitter } from "../emitter.ts";
import { type Expression, i32, select } from "../wasm/expression.ts";
import type { Local } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";
import { defineBoth, immediateByte, writeMmx } from "./sse_operand.ts";
import { elements, lowHalf, simd, type V128, type VectorOpcode, ZERO_VECTOR } from "../wasm/vector.ts";

/** A shift of elements of `bits` bits. */
interface PackedShift {
  readonly name: string;
  /** Second opcode byte with the count in a register, and with an immediate one; ModRM.reg of the latter. */
  readonly opcode: string;
  readonly immediateOpcode: string;
  readonly digit: number;
  readonly bits: number;
  readonly native: VectorOpcode;
}

const SHIFTS: readonly PackedShift[] = [
  { name: "psrlw", opcode: "D1", immediateOpcode: "71", digit: 2, bits: 16, native: "i16x8.shr_u" },
  { name: "psrld", opcode: "D2", immediateOpcode: "72", digit: 2, bits: 32, native: "i32x4.shr_u" },
  { name: "psrlq", opcode: "D3", immediateOpcode: "73", digit: 2, bits: 64, native: "i64x2.shr_u" },
  { name: "psraw", opcode: "E1", immediateOpcode: "71", digit: 4, bits: 16, native: "i16x8.shr_s" },
  { name: "psrad", opcode: "E2", immediateOpcode: "72", digit: 4, bits: 32, native: "i32x4.shr_s" },
  { name: "psllw", opcode: "F1", immediateOpcode: "71", digit: 6, bits: 16, native: "i16x8.shl" },
  { name: "pslld", opcode: "F2", immediateOpcode: "72", digit: 6, bits: 32, native: "i32x4.shl" },
  { name: "psllq", opcode: "F3", immediateOpcode: "73", digit: 6, bits: 64, native: "i64x2.shl" },
];

/** WebAssembly takes counts modulo the width; here a large one shifts everything out. `large` tells of such. */
function shifted(shift: PackedShift, a: V128, count: Expression<"i32">, large: Expression<"i32">): V128 {
  if (shift.native.endsWith("shr_s")) return simd(shift.native, a, select(large, i32(shift.bits - 1), count));
  return select(large, ZERO_VECTOR, simd(shift.native, a, count));
}

for (const shift of SHIFTS) {
  const { name, bits } = shift;
  defineBoth(name, `0F ${shift.opcode}`, (e, a, b) => {
    const count = e.let(lowHalf(b));
    return shifted(shift, a, count.wrap(), count.gtU(bits - 1));
  });
  const byImmediate = (e: Emitter, a: Local<"v128">) => {
    const count = immediateByte(e);
    return shifted(shift, a, count, count.gtU(bits - 1));
  };
  define({
    name,
    encodings: [`66 0F ${shift.immediateOpcode} /${shift.digit} Ux Ib`],
    semantics: (e) => {
      e.requireSse();
      e.writeVector(0, byImmediate(e, e.readVector(0)));
    },
  });
  define({
    name,
    encodings: [`NP 0F ${shift.immediateOpcode} /${shift.digit} Nq Ib`],
    semantics: (e) => {
      e.requireMmx();
      writeMmx(e, 0, lowHalf(byImmediate(e, e.readPart(0, 8))));
    },
  });
}

/** Numbers of the bytes in order. */
const IOTA = elements(1, ...Array.from({ length: 16 }, (_, i) => i));

/** The bytes of a vector from number `offset` (-16 to 32) on, zeros beyond either end. */
export function bytesFrom(value: V128, offset: Expression<"i32">): V128 {
  return simd("i8x16.swizzle", value, simd("i8x16.add", IOTA, simd("i8x16.splat", offset)));
}

/** An immediate byte, cut to `limit`. */
export function limitedImmediate(e: Emitter, limit: number): Expression<"i32"> {
  const value = immediateByte(e);
  if (value.constant !== undefined) return i32(Math.min(value.constant, limit));
  return e.f.let(select(value.gtU(limit), i32(limit), value));
}

for (const [name, digit] of [["psrldq", 3], ["pslldq", 7]] as const) {
  define({
    name,
    encodings: [`66 0F 73 /${digit} Ux Ib`],
    semantics: (e) => {
      e.requireSse();
      const count = limitedImmediate(e, 16);
      const a = e.readVector(0);
      e.writeVector(0, bytesFrom(a, digit === 3 ? count : i32(0).sub(count)));
    },
  });
}
