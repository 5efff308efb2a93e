/**
 * What generated code asks of the state, and of addresses, in many places.
 *
 * @module
 */

import { CR, Cr0, EFER, Efer } from "./state.ts";
import type { Expression } from "./wasm/expression.ts";
import { type FunctionBuilder, type Local, NOWHERE } from "./wasm/function_builder.ts";

/** A register of `state.ts` that is 32 bits wide. */
export function state32(f: FunctionBuilder, address: number): Local<"i32"> {
  return f.loadAs("i32.load", NOWHERE, address);
}

/** A register of `state.ts` that is 64 bits wide. */
export function state64(f: FunctionBuilder, address: number): Local<"i64"> {
  return f.load(8, NOWHERE, address);
}

/** Whether protected mode is on, and long mode is not active: neither real mode nor compatibility mode. */
export function inLegacyProtectedMode(f: FunctionBuilder): Expression<"i32"> {
  return state32(f, CR).and(Cr0.PE).and(state32(f, EFER).and(Efer.LMA).eqz());
}

/** Whether bits 63 to 48 of an address are copies of bit 47 (SDM volume 1, 3.3.7.1). */
export function isCanonical(address: Expression<"i64">): Expression<"i32"> {
  return address.shl(16).shrS(16).eq(address);
}
