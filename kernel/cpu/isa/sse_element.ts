/**
 * Single elements of vectors (SDM volume 2: EXTRACTPS, INSERTPS, MOVMSK, PEXTR, PINSR, PMOVMSKB).
 *
 * @module
 */

import type { Emitter, Value } from "../emitter.ts";
import type { Expression } from "../wasm/expression.ts";
import { define } from "./definition.ts";
import { fillExponent, immediateByte } from "./sse_operand.ts";
import { elements, simd, simdTest, type VectorOpcode } from "../wasm/vector.ts";

/** Offset of the element that the immediate chooses among `count`. */
function chosenOffset(e: Emitter, size: number, count: number): Expression<"i32"> {
  return immediateByte(e).and(count - 1).shl(Math.log2(size));
}

function chosenElement(e: Emitter, index: number, size: number, count: number): Value {
  return e.readElement(index, size, chosenOffset(e, size, count));
}

function defineExtract(name: string, encodings: readonly string[], size: 1 | 2 | 4): void {
  define({
    name,
    encodings,
    semantics: (e) => {
      e.requireSse();
      const bytes = size === 4 ? e.size(0) : size;
      e.write(0, chosenElement(e, 1, bytes, 16 / bytes));
    },
  });
}
defineExtract("pextrb", ["66 0F 3A 14 /r Rd Vx Ib", "66 0F 3A 14 /r Mb Vx Ib"], 1);
defineExtract("pextrw", [
  "66 0F C5 /r Gd Ux Ib",
  "66 0F 3A 15 /r Rd Vx Ib",
  "66 0F 3A 15 /r Mw Vx Ib",
], 2);
defineExtract("pextrd", ["66 0F 3A 16 /r Ey Vx Ib"], 4);
define({
  name: "extractps",
  encodings: ["66 0F 3A 17 /r Ed Vx Ib"],
  semantics: (e) => {
    e.requireSse();
    e.write(0, chosenElement(e, 1, 4, 4));
  },
});
define({
  name: "pextrw",
  encodings: ["NP 0F C5 /r Gd Nq Ib"],
  semantics: (e) => {
    e.requireMmx();
    e.write(0, chosenElement(e, 1, 2, 4));
  },
});

function defineInsert(name: string, encodings: readonly string[], size: 1 | 2 | 4): void {
  define({
    name,
    encodings,
    semantics: (e) => {
      e.requireSse();
      const bytes = size === 4 ? e.size(1) : size;
      const value = e.read(1);
      e.writeElement(0, bytes, value, chosenOffset(e, bytes, 16 / bytes));
    },
  });
}
defineInsert("pinsrb", ["66 0F 3A 20 /r Vx Rd Ib", "66 0F 3A 20 /r Vx Mb Ib"], 1);
defineInsert("pinsrw", ["66 0F C4 /r Vx Rd Ib", "66 0F C4 /r Vx Mw Ib"], 2);
defineInsert("pinsrd", ["66 0F 3A 22 /r Vx Ey Ib"], 4);
define({
  name: "pinsrw",
  encodings: ["NP 0F C4 /r Pq Rd Ib", "NP 0F C4 /r Pq Mw Ib"],
  semantics: (e) => {
    e.checkMmx();
    const value = e.read(1);
    e.enterMmx();
    e.writeElement(0, 2, value, chosenOffset(e, 2, 4));
    fillExponent(e, 0);
  },
});

define({
  name: "insertps",
  encodings: ["66 0F 3A 21 /r Vx Wd Ib"],
  semantics: (e) => {
    e.requireSse();
    const control = immediateByte(e);
    const source = e.isMemory(1) ? e.readLow(1, 4) : e.readElement(1, 4, control.shrU(6).shl(2));
    const numbers = elements(4, 0, 1, 2, 3);
    const place = simd("i32x4.eq", simd("i32x4.splat", control.shrU(4).and(3)), numbers);
    const inserted = simd("v128.bitselect", simd("i32x4.splat", source.wrap()), e.readVector(0), place);
    const bits = elements(4, 1, 2, 4, 8);
    const zeroed = simd("i32x4.eq", simd("v128.and", simd("i32x4.splat", control), bits), bits);
    e.writeVector(0, simd("v128.andnot", inserted, zeroed));
  },
});

function defineMask(name: string, encoding: string, opcode: VectorOpcode): void {
  define({
    name,
    encodings: [`${encoding} /r Gd Ux`],
    semantics: (e) => {
      e.requireSse();
      e.write(0, simdTest(opcode, e.readVector(1)).extendU());
    },
  });
}
defineMask("movmskps", "NP 0F 50", "i32x4.bitmask");
defineMask("movmskpd", "66 0F 50", "i64x2.bitmask");
defineMask("pmovmskb", "66 0F D7", "i8x16.bitmask");
define({
  name: "pmovmskb",
  encodings: ["NP 0F D7 /r Gd Nq"],
  semantics: (e) => {
    e.requireMmx();
    e.write(0, simdTest("i8x16.bitmask", e.readPart(1, 8)).and(0xff).extendU());
  },
});
