/**
 * Where generated code finds the entry of a TLB for a linear address.
 *
 * @module
 */

import { TLB_ENTRIES, TLB_ENTRY_SIZE } from "./layout.ts";
import type { FunctionBuilder, Local } from "./wasm/function_builder.ts";

/** Offset of the entry from the start of its TLB, the same in all of them. */
export function tlbEntry(f: FunctionBuilder, linear: Local<"i64">): Local<"i32"> {
  return f.let(
    linear.wrap().shrU(12 - Math.log2(TLB_ENTRY_SIZE)).and((TLB_ENTRIES - 1) * TLB_ENTRY_SIZE),
  );
}
