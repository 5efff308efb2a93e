/**
 * How often code is entered: what tells which code is worth compiling.
 *
 * @module
 */

import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { Record } from "./record.ts";

/** Counts an entry at a record, and tells when it has become hot. */
export function countEntry(f: FunctionBuilder, record: Local<"i32">, hot: number): void {
  const left = f.let(f.loadAs("i32.load8_u", record, Record.ENTRIES_LEFT).sub(1));
  f.storeAs("i32.store8", record, left, Record.ENTRIES_LEFT);
  f.if(left.eqz(), () => f.call(hot, record));
}
