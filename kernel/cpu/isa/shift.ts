/**
 * Shifts and rotates (SDM volume 2: RCL, RCR, ROL, ROR, SAL, SAR, SHL, SHR, SHLD, SHRD).
 *
 * @module
 */

import type { Emitter, Value } from "../emitter.ts";
import { FlagsKind } from "../flags.ts";
import { Flag } from "../state.ts";
import { i64 } from "../wasm/expression.ts";
import type { Local } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";

function encodings(number: number): string[] {
  return [
    `C0 /${number} Eb Ib`,
    `C1 /${number} Ev Ib`,
    `D0 /${number} Eb 1`,
    `D1 /${number} Ev 1`,
    `D2 /${number} Eb CL`,
    `D3 /${number} Ev CL`,
  ];
}

/** Result of a rotate, with CF and OF as 0 or 1. */
interface Rotated {
  readonly result: Value;
  readonly carry: Value;
  readonly overflow: Value;
}

type Rotate = (e: Emitter, a: Local<"i64">, count: Value, bits: number) => Rotated;

/** A shift by any number of places; bits above the operand may be anything. */
type Shift = (a: Value, count: Value, bits: number) => Value;

function carryAndOverflow(carry: Value, overflow: Value): Value {
  return carry.or(overflow.shl(Math.log2(Flag.OF)));
}

function countOf(e: Emitter, index: number, size: number): Value {
  const count = e.read(index).and(size === 8 ? 0x3f : 0x1f);
  return count.constant === undefined ? e.let(count) : count;
}

/** A shift sets all flags from its result, unless the count is zero. */
function shift(kind: FlagsKind.ShiftLeft | FlagsKind.ShiftRight, compute: Shift) {
  return (e: Emitter) => {
    const size = e.size();
    const count = countOf(e, 1, size);
    let before!: Value;
    let result!: Value;
    e.modify(0, (a) => {
      before = a;
      return result = e.let(compute(a, count, size * 8).zeroExtend(size));
    });
    e.if(count.ne(0n), () => {
      const oneLess = compute(before, count.sub(1), size * 8).zeroExtend(size);
      e.setFlags(kind, size, result, oneLess);
    });
  };
}

/** A rotate sets CF and OF alone, unless the count is zero. */
function rotate(compute: Rotate) {
  return (e: Emitter) => {
    const size = e.size();
    const count = countOf(e, 1, size);
    let rotated!: Rotated;
    e.modify(0, (a) => {
      rotated = compute(e, e.let(a), count, size * 8);
      return e.let(rotated.result.zeroExtend(size));
    });
    e.if(count.ne(0n), () => {
      const others = e.allFlags().and(~BigInt(Flag.CF | Flag.OF));
      e.setAllFlags(others.or(carryAndOverflow(rotated.carry, rotated.overflow)));
    });
  };
}

const bit = (value: Value, number: number | Value) => value.shrU(number as Value).and(1);

// Counts of operands of less than 64 bits are less than 32: no other bits come in where that many are shifted.
const shl: Shift = (a, count) => a.shl(count);
const shr: Shift = (a, count, bits) => bits === 64 ? a.shrU(count) : a.wrap().shrU(count.wrap()).extendU();
const sar: Shift = (a, count, bits) =>
  bits === 64 ? a.shrS(count) : a.wrap().signExtend(bits / 8).shrS(count.wrap()).extendU();

define({
  name: "shl",
  encodings: [...encodings(4), ...encodings(6)],
  semantics: shift(FlagsKind.ShiftLeft, shl),
});
define({ name: "shr", encodings: encodings(5), semantics: shift(FlagsKind.ShiftRight, shr) });
define({ name: "sar", encodings: encodings(7), semantics: shift(FlagsKind.ShiftRight, sar) });

function rotatedLeft(a: Local<"i64">, count: Value, bits: number): Value {
  if (bits === 64) return a.rotl(count);
  if (bits === 32) return a.wrap().rotl(count.wrap()).extendU();
  const places = count.and(bits - 1);
  return a.shl(places).or(a.shrU(i64(bits).sub(places))).zeroExtend(bits / 8);
}

define({
  name: "rol",
  encodings: encodings(0),
  semantics: rotate((e, a, count, bits) => {
    const result = e.let(rotatedLeft(a, count, bits));
    const carry = result.and(1);
    return { result, carry, overflow: bit(result, bits - 1).xor(carry) };
  }),
});
define({
  name: "ror",
  encodings: encodings(1),
  semantics: rotate((e, a, count, bits) => {
    const result = e.let(rotatedLeft(a, i64(bits).sub(count.and(bits - 1)), bits));
    const carry = bit(result, bits - 1);
    return { result, carry, overflow: carry.xor(bit(result, bits - 2)) };
  }),
});

/** Places that a rotate through carry moves: it has one bit more than the operand. */
function throughCarry(e: Emitter, count: Value, bits: number): Value {
  return bits < 32 ? e.let(count.remU(bits + 1)) : count;
}

define({
  name: "rcl",
  encodings: encodings(2),
  semantics: rotate((e, a, count, bits) => {
    const oldCarry = e.let(e.flag("CF").extendU());
    const places = throughCarry(e, count, bits);
    const moved = a.shl(places).or(oldCarry.shl(places.sub(1)))
      .or(a.shrU(1).shrU(i64(bits).sub(places)));
    const none = places.eqz();
    const result = e.choose(none, a, moved.zeroExtend(bits / 8));
    const carry = e.choose(none, oldCarry, bit(a, i64(bits).sub(places)));
    return { result, carry, overflow: bit(result, bits - 1).xor(carry) };
  }),
});
define({
  name: "rcr",
  encodings: encodings(3),
  semantics: rotate((e, a, count, bits) => {
    const oldCarry = e.let(e.flag("CF").extendU());
    const places = throughCarry(e, count, bits);
    const moved = a.shrU(places).or(oldCarry.shl(i64(bits).sub(places)))
      .or(a.shl(1).shl(i64(bits).sub(places)));
    const none = places.eqz();
    const result = e.choose(none, a, moved.zeroExtend(bits / 8));
    const carry = e.choose(none, oldCarry, bit(a, places.sub(1)));
    return { result, carry, overflow: bit(result, bits - 1).xor(bit(result, bits - 2)) };
  }),
});

/** SHLD and SHRD: bits come in from the second operand. With 16 bits a count above 16 is undefined. */
function doubleShift(
  compute: (a: Value, b: Value, count: Value, bits: number) => Omit<Rotated, "overflow">,
) {
  return (e: Emitter) => {
    const size = e.size();
    const bits = size * 8;
    const b = e.read(1);
    const count = countOf(e, 2, size);
    let first!: Value;
    let result!: Value;
    let carry!: Value;
    e.modify(0, (a) => {
      first = a;
      const shifted = compute(a, b, count, bits);
      carry = shifted.carry;
      // A count of zero would shift the second operand by all of its bits.
      return result = e.choose(count.eqz(), a, shifted.result.zeroExtend(size));
    });
    e.if(count.ne(0n), () => {
      const overflow = bit(first.xor(result), bits - 1);
      e.setFlags(FlagsKind.Explicit, size, result, carryAndOverflow(carry, overflow));
    });
  };
}

define({
  name: "shld",
  encodings: ["0F A4 /r Ev Gv Ib", "0F A5 /r Ev Gv CL"],
  semantics: doubleShift((a, b, count, bits) => ({
    result: bits === 16
      // The second operand and then the first again follow the bits that leave.
      ? a.shl(32).or(b.shl(16)).or(a).shl(count).shrU(32)
      : a.shl(count).or(b.shrU(i64(bits).sub(count))),
    carry: bits === 64
      ? bit(a, i64(64).sub(count))
      : bits === 16
      ? bit(a.shl(16).or(b), i64(32).sub(count))
      : bit(a.shl(count), bits),
  })),
});
define({
  name: "shrd",
  encodings: ["0F AC /r Ev Gv Ib", "0F AD /r Ev Gv CL"],
  semantics: doubleShift((a, b, count, bits) => ({
    result: bits === 16
      ? a.or(b.shl(16)).or(a.shl(32)).shrU(count)
      : a.shrU(count).or(b.shl(i64(bits).sub(count))),
    carry: bits === 16 ? bit(a.or(b.shl(16)), count.sub(1)) : bit(a, count.sub(1)),
  })),
});
