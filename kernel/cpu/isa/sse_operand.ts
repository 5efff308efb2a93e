/**
 * Operands of vector instructions, and the shape that most of them share: destination and source give a vector.
 *
 * @module
 */

import type { Emitter } from "../emitter.ts";
import { type Expression, i32, i64 } from "../wasm/expression.ts";
import type { Local } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";
import { lowHalf, shuffle, type V128 } from "../wasm/vector.ts";

/** Destination and source of an operation; the value has the vector's size. */
export type VectorOperation = (e: Emitter, a: Local<"v128">, b: Local<"v128">) => V128;

/** The immediate byte, zero-extended. */
export function immediateByte(e: Emitter): Expression<"i32"> {
  const value = e.immediate();
  if (value.constant !== undefined) return i32(Number(BigInt.asUintN(8, value.constant)));
  return e.f.let(value.wrap().and(0xff));
}

/** The exponent of the x87 register that MMX register operand `index` is a part of becomes all ones. */
export function fillExponent(e: Emitter, index: number): void {
  e.writeElement(index, 2, i64(0xffff), i32(8));
}

/** Writes an MMX register, all of it. */
export function writeMmx(e: Emitter, index: number, value: Expression<"i64">): void {
  e.writeLow(index, 8, value);
  fillExponent(e, index);
}

/** The low halves of `a` and `b` as one vector: two MMX operands whose elements an operation mixes. */
export function joinLow(a: V128, b: V128): V128 {
  return shuffle(8, a, b, [0, 2]);
}

/** Defines an SSE instruction with a destination and a source of 16 bytes. */
export function defineVector(name: string, encoding: string, operation: VectorOperation): void {
  define({
    name,
    encodings: [`${encoding} /r Vx Wx`],
    semantics: (e) => {
      e.requireSse();
      const b = e.readVector(1);
      const a = e.readVector(0);
      e.writeVector(0, operation(e, a, b));
    },
  });
}

/** Defines an MMX instruction. Only the low 64 bits of what `operation` gets and gives count. */
export function defineMmx(
  name: string,
  encoding: string,
  operation: VectorOperation,
  sourceSize: 4 | 8 = 8,
): void {
  define({
    name,
    encodings: [`NP ${encoding} /r Pq Q${sourceSize === 4 ? "d" : "q"}`],
    semantics: (e) => {
      e.checkMmx();
      const b = e.readPart(1, sourceSize);
      e.enterMmx();
      const a = e.readPart(0, 8);
      writeMmx(e, 0, lowHalf(operation(e, a, b)));
    },
  });
}

/** Defines an instruction that exists for XMM and MMX registers, whose elements do not mix. */
export function defineBoth(name: string, encoding: string, operation: VectorOperation): void {
  defineVector(name, `66 ${encoding}`, operation);
  defineMmx(name, encoding, operation);
}
