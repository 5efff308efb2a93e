/**
 * Addition, subtraction and logic (SDM volume 2: ADC, ADD, AND, CMP, DEC, INC, NEG, NOT, OR, SBB, SUB, TEST, XOR).
 *
 * @module
 */

import { FlagsKind } from "../flags.ts";
import type { Emitter, Value } from "../emitter.ts";
import { i64 } from "../wasm/expression.ts";
import { define } from "./definition.ts";

/** The encodings that the eight classic operations share, by their number. */
function encodings(number: number, lock: boolean): string[] {
  const base = number * 8;
  const hex = (low: number) => (base + low).toString(16).toUpperCase().padStart(2, "0");
  const suffix = lock ? " lock" : "";
  return [
    `${hex(0)} /r Eb Gb${suffix}`,
    `${hex(1)} /r Ev Gv${suffix}`,
    `${hex(2)} /r Gb Eb`,
    `${hex(3)} /r Gv Ev`,
    `${hex(4)} AL Ib`,
    `${hex(5)} rAX Iz`,
    `80 /${number} Eb Ib${suffix}`,
    `81 /${number} Ev Iz${suffix}`,
    `82 /${number} Eb Ib i64${suffix}`,
    `83 /${number} Ev Is${suffix}`,
  ];
}

/** Computes `operation(a, b)`, stores it in the first operand, and leaves flags of `kind`. */
function binary(kind: FlagsKind, operation: (a: Value, b: Value) => Value) {
  return (e: Emitter) => {
    const size = e.size();
    const same = e.isSame(0, 1);
    const b = e.read(1);
    let first!: Value;
    let result!: Value;
    e.modify(0, (a) => {
      first = a;
      return result = e.let(operation(a, same ? a : b).zeroExtend(size));
    });
    e.setFlags(kind, size, result, kind === FlagsKind.Logic ? i64(0) : b, first);
  };
}

/** ADC and SBB: the carry takes part. */
function binaryCarry(
  kinds: readonly [FlagsKind, FlagsKind],
  operation: (a: Value, b: Value, carry: Value) => Value,
) {
  return (e: Emitter) => {
    const size = e.size();
    const b = e.read(1);
    const carry = e.f.let(e.flag("CF"));
    let first!: Value;
    let result!: Value;
    e.modify(0, (a) => {
      first = a;
      return result = e.let(operation(a, b, carry.extendU()).zeroExtend(size));
    });
    e.setCarryFlags(kinds, size, result, b, carry, first);
  };
}

define({ name: "add", encodings: encodings(0, true), semantics: binary(FlagsKind.Add, (a, b) => a.add(b)) });
define({ name: "or", encodings: encodings(1, true), semantics: binary(FlagsKind.Logic, (a, b) => a.or(b)) });
define({
  name: "adc",
  encodings: encodings(2, true),
  semantics: binaryCarry([FlagsKind.Add, FlagsKind.AddCarry], (a, b, carry) => a.add(b).add(carry)),
});
define({
  name: "sbb",
  encodings: encodings(3, true),
  semantics: binaryCarry([FlagsKind.Sub, FlagsKind.SubBorrow], (a, b, carry) => a.sub(b).sub(carry)),
});
define({
  name: "and",
  encodings: encodings(4, true),
  semantics: binary(FlagsKind.Logic, (a, b) => a.and(b)),
});
define({ name: "sub", encodings: encodings(5, true), semantics: binary(FlagsKind.Sub, (a, b) => a.sub(b)) });
define({
  name: "xor",
  encodings: encodings(6, true),
  semantics: binary(FlagsKind.Logic, (a, b) => a.xor(b)),
});

define({
  name: "cmp",
  encodings: encodings(7, false),
  semantics: (e) => {
    const size = e.size();
    const a = e.read(0);
    const b = e.read(1);
    e.compare(size, a, b);
  },
});

define({
  name: "test",
  encodings: [
    "84 /r Eb Gb",
    "85 /r Ev Gv",
    "A8 AL Ib",
    "A9 rAX Iz",
    "F6 /0 Eb Ib",
    "F7 /0 Ev Iz",
    "F6 /1 Eb Ib",
    "F7 /1 Ev Iz",
  ],
  semantics: (e) => {
    const a = e.read(0);
    e.setFlags(FlagsKind.Logic, e.size(), e.isSame(0, 1) ? a : a.and(e.read(1)));
  },
});

/** INC and DEC leave CF as it is. */
function step(kind: FlagsKind, amount: number) {
  return (e: Emitter) => {
    const size = e.size();
    const carry = e.flag("CF").extendU();
    let result!: Value;
    e.modify(0, (a) => result = e.let(a.add(amount).zeroExtend(size)));
    e.setFlags(kind, size, result, carry);
  };
}

define({
  name: "inc",
  encodings: ["FE /0 Eb lock", "FF /0 Ev lock", "40+r Zv i64"],
  semantics: step(FlagsKind.Inc, 1),
});
define({
  name: "dec",
  encodings: ["FE /1 Eb lock", "FF /1 Ev lock", "48+r Zv i64"],
  semantics: step(FlagsKind.Dec, -1),
});

define({
  name: "neg",
  encodings: ["F6 /3 Eb lock", "F7 /3 Ev lock"],
  semantics: (e) => {
    const size = e.size();
    let source!: Value;
    let result!: Value;
    e.modify(0, (a) => {
      source = a;
      return result = e.let(i64(0).sub(a).zeroExtend(size));
    });
    e.setFlags(FlagsKind.Sub, size, result, source, i64(0));
  },
});

define({
  name: "not",
  encodings: ["F6 /2 Eb lock", "F7 /2 Ev lock"],
  semantics: (e) => e.modify(0, (a) => a.not()),
});
