/**
 * Stores of chosen bytes (SDM volume 2: MASKMOVDQU, MASKMOVQ).
 *
 * @module
 */

import type { Emitter } from "../emitter.ts";
import { Gpr } from "../state.ts";
import { type Expression, i64 } from "../wasm/expression.ts";
import type { Local } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";
import { highHalf, lowHalf, simdTest } from "../wasm/vector.ts";

/** Stores the bytes of `value` at DS:rDI whose bit in `chosen` is set; the others are not even read. */
function storeChosen(e: Emitter, value: Local<"v128">, chosen: Local<"i32">, bytes: 8 | 16): void {
  const { f } = e;
  const start = e.stringSource(f.let(e.readGpr(Gpr.RDI, 8).zeroExtend(e.addressSize)), bytes);
  // Nothing is stored in the first page if the second cannot be.
  f.if(start.and(0xfff).gtU(0x1000 - bytes), () => {
    // Single bytes, as they are stored: none of them has to be aligned.
    e.probeWrite(1, start);
    e.probeWrite(1, f.let(start.add(bytes - 1)));
  });
  const rest = f.let(lowHalf(value));
  const next = bytes === 16 ? f.let(highHalf(value)) : f.let(i64(0));
  const at = f.local("i64");
  f.set(at, start);
  f.loop((again) => {
    f.if(chosen.and(1), () => e.store(1, at, rest));
    f.set(at, at.add(1));
    f.set(rest, shiftedIn(rest, next));
    f.set(next, next.shrU(8));
    f.set(chosen, chosen.shrU(1));
    f.branchIf(chosen, again);
  });
}

/** The byte of `next` comes in from above. */
function shiftedIn(rest: Local<"i64">, next: Local<"i64">): Expression<"i64"> {
  return rest.shrU(8).or(next.shl(56));
}

define({
  name: "maskmovdqu",
  encodings: ["66 0F F7 /r Vx Ux as"],
  semantics: (e) => {
    e.requireSse();
    const mask = e.readVector(1);
    storeChosen(e, e.readVector(0), e.f.let(simdTest("i8x16.bitmask", mask)), 16);
  },
});
define({
  name: "maskmovq",
  encodings: ["NP 0F F7 /r Pq Nq as"],
  semantics: (e) => {
    e.requireMmx();
    const mask = e.readPart(1, 8);
    storeChosen(e, e.readPart(0, 8), e.f.let(simdTest("i8x16.bitmask", mask).and(0xff)), 8);
  },
});
