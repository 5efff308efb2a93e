/**
 * Decimal adjustment (SDM volume 2: AAA, AAD, AAM, AAS, DAA, DAS), which 64-bit mode does not have, and SALC.
 *
 * @module
 */

import type { Emitter, Value } from "../emitter.ts";
import { FlagsKind } from "../flags.ts";
import { Gpr, Vector } from "../state.ts";
import { type Expression, i64 } from "../wasm/expression.ts";
import { define } from "./definition.ts";

/** ZF, SF and PF follow from AL; OF is undefined and clear. */
function finish(e: Emitter, al: Value, carry: Expression<"i32">, adjust: Expression<"i32">): void {
  e.setFlags(FlagsKind.Explicit, 1, al.zeroExtend(1), carry.or(adjust.shl(4)).extendU());
}

/** DAA and DAS: `sign` is 1 or -1. */
function packed(sign: 1 | -1) {
  return (e: Emitter) => {
    const al = e.readGpr(Gpr.RAX, 1);
    const carry = e.f.let(e.flag("CF"));
    const low = e.f.let(al.and(15).gtU(9n).or(e.flag("AF")));
    const high = e.f.let(al.gtU(0x99n).or(carry));
    const adjusted = e.let(
      al.add(low.extendU().mul(6 * sign)).add(high.extendU().mul(0x60 * sign)).zeroExtend(1),
    );
    e.writeGpr(Gpr.RAX, 1, adjusted);
    // Subtraction also borrows when the lower digit does.
    const borrowed = sign === 1 ? high : high.or(low.and(al.ltU(6n)));
    finish(e, adjusted, borrowed, low);
  };
}

define({ name: "daa", encodings: ["27 i64"], semantics: packed(1) });
define({ name: "das", encodings: ["2F i64"], semantics: packed(-1) });

/** AAA and AAS. */
function unpacked(sign: 1 | -1) {
  return (e: Emitter) => {
    const ax = e.readGpr(Gpr.RAX, 2);
    const adjust = e.f.let(ax.and(15).gtU(9n).or(e.flag("AF")));
    const result = e.let(ax.add(adjust.extendU().mul(0x106 * sign)).and(0xff0f));
    e.writeGpr(Gpr.RAX, 2, result);
    finish(e, result, adjust, adjust);
  };
}

define({ name: "aaa", encodings: ["37 i64"], semantics: unpacked(1) });
define({ name: "aas", encodings: ["3F i64"], semantics: unpacked(-1) });

define({
  name: "aam",
  encodings: ["D4 Ib i64"],
  semantics: (e) => {
    const base = e.read(0);
    e.if(base.eqz(), () => e.fault(Vector.DE));
    const al = e.readGpr(Gpr.RAX, 1);
    const low = e.let(al.remU(base));
    e.writeGpr(Gpr.RAX, 2, al.divU(base).shl(8).or(low));
    e.setFlags(FlagsKind.Logic, 1, low);
  },
});
define({
  name: "aad",
  encodings: ["D5 Ib i64"],
  semantics: (e) => {
    const ax = e.readGpr(Gpr.RAX, 2);
    const al = e.let(ax.shrU(8).mul(e.read(0)).add(ax).and(0xff));
    e.writeGpr(Gpr.RAX, 2, al);
    e.setFlags(FlagsKind.Logic, 1, al);
  },
});

define({
  name: "salc",
  encodings: ["D6 i64"],
  semantics: (e) => e.writeGpr(Gpr.RAX, 1, i64(0).sub(e.flag("CF").extendU())),
});
