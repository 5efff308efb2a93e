/**
 * Accesses to memory as functions, for compiled code that has not found an address in the page that it used last.
 *
 * @module
 */

import { WRITE_TLB } from "../layout.ts";
import { NO_PAGE, PROBED_ADDEND, PROBED_PAGE, TLB_CONTEXT } from "../state.ts";
import { tlbEntry } from "../tlb_entry.ts";
import { type Expression, i32, i64 } from "../wasm/expression.ts";
import { type FunctionBuilder, type Local, Memory, NOWHERE } from "../wasm/function_builder.ts";

/** (linear, bytes) -> offset in RAM memory, from a TLB or from what `slow` makes of it. */
export function probeTlb(f: FunctionBuilder, table: number, slow: number): void {
  const linear = f.param("i64", 0);
  const bytes = f.param("i32", 1);
  ifFound(f, table, linear, bytes.extendU().sub(1), (host) => f.return(host));
  f.returnCall(slow, linear, bytes);
}

/** (linear, value) -> 1 if it faulted. */
export function write(f: FunctionBuilder, size: 1 | 2 | 4 | 8 | 16, bounce: number, slow: number): void {
  const linear = f.param("i64", 0);
  const put = (at: Expression<"i32">) => {
    if (size === 16) f.storeVector(at, f.param("v128", 1), 0, Memory.Ram);
    else f.store(size, at, f.param("i64", 1), 0, Memory.Ram);
  };
  ifFound(f, WRITE_TLB, linear, i64(size - 1), (host) => {
    put(host);
    f.return(i32(0));
  });
  put(i32(bounce));
  f.returnCall(slow, linear, i32(size));
}

/** Runs `found` if a TLB has the page of an access; notes in any case whether it had. */
function ifFound(
  f: FunctionBuilder,
  table: number,
  linear: Local<"i64">,
  last: Expression<"i64">,
  found: (host: Expression<"i32">) => void,
): void {
  const entry = tlbEntry(f, linear);
  const context = f.load(8, NOWHERE, TLB_CONTEXT);
  const tag = f.load(8, entry, table);
  f.ifMostly(linear.add(last).and(~0xfffn).or(context).eq(tag), () => {
    const addend = f.loadAs("i32.load", entry, table + 8);
    f.store(8, NOWHERE, linear.and(~0xfffn), PROBED_PAGE);
    f.storeAs("i32.store", NOWHERE, addend, PROBED_ADDEND);
    found(linear.wrap().add(addend));
  });
  f.store(8, NOWHERE, i64(NO_PAGE), PROBED_PAGE);
}
