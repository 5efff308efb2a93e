/**
 * CRC-32C (SDM volume 2: CRC32).
 *
 * @module
 */

import { CRC32C_TABLES } from "../layout.ts";
import { type Expression, i32 } from "../wasm/expression.ts";
import { type FunctionBuilder, type Local, NOWHERE } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";

/** The polynomial 11EDC6F41 without its top term, bits in reverse. */
const POLYNOMIAL = 0x82f63b78;
/** Bytes of a table. */
const TABLE_SIZE = 256 * 4;

/** Remainder of a byte that `following` bytes of zeros follow. */
function lookUp(f: FunctionBuilder, byte: Expression<"i64">, following: number): Local<"i32"> {
  return f.loadAs("i32.load", byte.and(0xff).wrap().shl(2), CRC32C_TABLES + following * TABLE_SIZE);
}

/** Computes the tables unless that has been done. */
function requireTables(f: FunctionBuilder): void {
  const ready = f.loadAs("i32.load", NOWHERE, CRC32C_TABLES + 4);
  f.if(ready.eqz(), () => {
    const at = f.let(i32(0));
    const remainder = f.local("i32");
    f.loop((again) => {
      f.set(remainder, at.shrU(2));
      for (let bit = 0; bit < 8; bit++) {
        f.set(remainder, remainder.shrU(1).xor(i32(0).sub(remainder.and(1)).and(POLYNOMIAL)));
      }
      f.storeAs("i32.store", at, remainder, CRC32C_TABLES);
      f.set(at, at.add(4));
      f.branchIf(at.ltU(TABLE_SIZE), again);
    });
    // Each table follows from the one before it: one more byte of zeros.
    f.set(at, i32(0));
    f.loop((again) => {
      const before = f.loadAs("i32.load", at, CRC32C_TABLES);
      const next = f.loadAs("i32.load", before.and(0xff).shl(2), CRC32C_TABLES);
      f.storeAs("i32.store", at, before.shrU(8).xor(next), CRC32C_TABLES + TABLE_SIZE);
      f.set(at, at.add(4));
      f.branchIf(at.ltU(7 * TABLE_SIZE), again);
    });
  });
}

define({
  name: "crc32",
  encodings: ["F2 0F 38 F0 /r Gd Eb", "F2 0F 38 F1 /r Gd Ev"],
  semantics: (e) => {
    const { f } = e;
    const size = e.size(1);
    const data = e.let(e.read(1).xor(e.read(0)));
    requireTables(f);
    // What the remainder has beyond the data's bytes is left over.
    let result: Expression<"i32"> = size < 4 ? data.zeroExtend(4).shrU(size * 8).wrap() : i32(0);
    for (let byte = 0; byte < size; byte++) {
      const term = lookUp(f, data.shrU(byte * 8), size - 1 - byte);
      result = result.is(0) ? term : result.xor(term);
    }
    e.write(0, result.extendU());
  },
});
