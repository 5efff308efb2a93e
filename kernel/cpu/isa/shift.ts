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

/** Result of a shift, with CF and OF as 0 or 1. */
interface Shifted {
  readonly result: Value;
  readonly carry: Value;
  readonly overflow: Value;
}

type Shift = (e: Emitter, a: Local<"i64">, count: Value, bits: number) => Shifted;

function carryAndOverflow(carry: Value, overflow: Value): Value {
  return carry.or(overflow.shl(Math.log2(Flag.OF)));
}

function countOf(e: Emitter, index: number, size: number): Value {
  const count = e.read(index).and(size === 8 ? 0x3f : 0x1f);
  return count.constant === undefined ? e.let(count) : count;
}

/** A shift sets all flags from its result, unless the count is zero. */
function shift(compute: Shift) {
  return (e: Emitter) => {
    const size = e.size();
    const count = countOf(e, 1, size);
    let shifted!: Shifted;
    let result!: Value;
    e.modify(0, (a) => {
      shifted = compute(e, e.let(a), count, size * 8);
      return result = e.let(shifted.result.zeroExtend(size));
    });
    e.if(count.ne(0n), () => {
      e.setFlags(FlagsKind.Explicit, size, result, carryAndOverflow(shifted.carry, shifted.overflow));
    });
  };
}

/** A rotate sets CF and OF alone, unless the count is zero. */
function rotate(compute: Shift) {
  return (e: Emitter) => {
    const size = e.size();
    const count = countOf(e, 1, size);
    let shifted!: Shifted;
    e.modify(0, (a) => {
      shifted = compute(e, e.let(a), count, size * 8);
      return e.let(shifted.result.zeroExtend(size));
    });
    e.if(count.ne(0n), () => {
      const others = e.allFlags().and(~BigInt(Flag.CF | Flag.OF));
      e.setAllFlags(others.or(carryAndOverflow(shifted.carry, shifted.overflow)));
    });
  };
}

const bit = (value: Value, number: number | Value) => value.shrU(number as Value).and(1);

const shl: Shift = (e, a, count, bits) => {
  const result = e.let(a.shl(count).zeroExtend(bits / 8));
  // The last bit shifted out. With 64 bits the count is never 0 where this is used.
  const carry = bits === 64 ? bit(a, i64(64).sub(count)) : bit(a.shl(count), bits);
  return { result, carry, overflow: bit(result, bits - 1).xor(carry) };
};
const shr: Shift = (_e, a, count, bits) => ({
  result: bits === 64 ? a.shrU(count) : a.wrap().shrU(count.wrap()).extendU(),
  carry: bit(a, count.sub(1)),
  overflow: bit(a, bits - 1),
});
const sar: Shift = (e, a, count, bits) => {
  const signed = e.let(a.signExtend(bits / 8));
  const result = bits === 64 ? a.shrS(count) : a.wrap().signExtend(bits / 8).shrS(count.wrap()).extendU();
  return { result, carry: signed.shrS(count.sub(1)).and(1), overflow: i64(0) };
};

define({ name: "shl", encodings: [...encodings(4), ...encodings(6)], semantics: shift(shl) });
define({ name: "shr", encodings: encodings(5), semantics: shift(shr) });
define({ name: "sar", encodings: encodings(7), semantics: shift(sar) });

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
  compute: (a: Value, b: Value, count: Value, bits: number) => Omit<Shifted, "overflow">,
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
