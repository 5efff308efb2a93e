/**
 * Address translation in generated WebAssembly: the functions that the inline probe of the TLB falls back on.
 *
 * @module
 */

import { translateBody } from "./page_walk.ts";
import { type MmuImports, SlowAccess } from "./slow_access.ts";
import type { ModuleBuilder } from "./wasm/module_builder.ts";

export { Access, PHYSICAL_BITS } from "./page_walk.ts";
export { type MmuImports, Watch } from "./slow_access.ts";

/** Functions of the MMU in a module under construction. */
export interface MmuFunctions {
  /** (linear, access) -> gpa, or -1. */
  readonly translate: number;
  readonly readSlow: number;
  readonly writeSlow: number;
  readonly modifySlow: number;
  readonly fetchPage: number;
  /** (linear, access) -> offset in RAM memory, where it may be accessed without more ado; -1: nothing is pending. */
  readonly plainPage: number;
}

/** Writes the functions of the MMU into a module. */
export function defineMmu(
  m: ModuleBuilder,
  imports: MmuImports,
  ramSize: number,
  bounce: number,
): MmuFunctions {
  const translate = m.exportFunction("translate", ["i64", "i32"], ["i64"], (f) => {
    translateBody(f, ramSize, imports.codeWritten);
  });
  const slow = new SlowAccess(m, imports, translate, ramSize, bounce);
  return {
    translate,
    readSlow: slow.read(),
    writeSlow: slow.write(),
    modifySlow: slow.modify(),
    fetchPage: slow.fetch(),
    plainPage: slow.plain(),
  };
}
