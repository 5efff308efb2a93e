/**
 * Bit tests and scans (SDM volume 2: BSF, BSR, BT, BTC, BTR, BTS).
 *
 * @module
 */

import type { Emitter, Value } from "../emitter.ts";
import { Flag } from "../state.ts";
import { i64 } from "../wasm/expression.ts";
import { define } from "./definition.ts";

/** CF becomes the bit; the other flags stay as they are. */
function setCarry(e: Emitter, value: Value, bit: Value): void {
  const others = e.allFlags().and(~BigInt(Flag.CF));
  e.setAllFlags(others.or(value.shrU(bit).and(1)));
}

type Change = (value: Value, mask: Value) => Value;

/** The bit number is in a register: in memory it reaches beyond the operand, in both directions. */
function byRegister(change: Change | undefined) {
  return (e: Emitter) => {
    const size = e.size();
    const number = e.read(1);
    const bit = e.let(number.and(size * 8 - 1));
    if (!e.isMemory(0)) {
      const value = e.read(0);
      if (change !== undefined) e.write(0, change(value, e.let(i64(1).shl(bit))));
      setCarry(e, value, bit);
      return;
    }
    const bytes = number.signExtend(size).shrS(Math.log2(size * 8)).shl(Math.log2(size));
    const linear = e.displacedAddress(bytes, size, change === undefined ? "read" : "modify");
    finish(e, size, linear, bit, change);
  };
}

/** The bit number is an immediate, taken modulo the operand's size. */
function byImmediate(change: Change | undefined) {
  return (e: Emitter) => {
    const size = e.size();
    const bit = e.let(e.read(1).and(size * 8 - 1));
    if (change === undefined) {
      setCarry(e, e.read(0), bit);
      return;
    }
    let value!: Value;
    e.modify(0, (old) => {
      value = old;
      return change(old, e.let(i64(1).shl(bit)));
    });
    setCarry(e, value, bit);
  };
}

function finish(
  e: Emitter,
  size: number,
  linear: ReturnType<Emitter["address"]>,
  bit: Value,
  change: Change | undefined,
): void {
  if (change === undefined) {
    setCarry(e, e.load(size, linear), bit);
    return;
  }
  let value!: Value;
  e.modifyMemory(size, linear, (old) => {
    value = old;
    return change(old, e.let(i64(1).shl(bit)));
  });
  setCarry(e, value, bit);
}

const OPERATIONS: readonly [name: string, opcode: string, digit: number, change: Change | undefined][] = [
  ["bt", "0F A3", 4, undefined],
  ["bts", "0F AB", 5, (value, mask) => value.or(mask)],
  ["btr", "0F B3", 6, (value, mask) => value.and(mask.not())],
  ["btc", "0F BB", 7, (value, mask) => value.xor(mask)],
];
for (const [name, opcode, digit, change] of OPERATIONS) {
  const lock = change === undefined ? "" : " lock";
  define({ name, encodings: [`${opcode} /r Ev Gv${lock}`], semantics: byRegister(change) });
  define({ name, encodings: [`0F BA /${digit} Ev Ib${lock}`], semantics: byImmediate(change) });
}

/** With a source of zero the destination stays as it is, and only ZF is set. */
function scan(find: (value: Value) => Value) {
  return (e: Emitter) => {
    const source = e.read(1);
    e.if(source.eqz(), () => {
      // The upper half of a 32-bit destination stays as well.
      e.setAllFlags(e.allFlags().or(BigInt(Flag.ZF)));
    }, () => {
      e.write(0, find(source));
      e.setAllFlags(e.allFlags().and(~BigInt(Flag.ZF)));
    });
  };
}

define({ name: "bsf", encodings: ["0F BC /r Gv Ev"], semantics: scan((value) => value.ctz()) });
define({ name: "bsr", encodings: ["0F BD /r Gv Ev"], semantics: scan((value) => i64(63).sub(value.clz())) });
