/**
 * Which handlers stand in the interpreter's loop itself.
 *
 * @module
 */

import type { Variant } from "../variant.ts";

/** The variants that are executed most, by profile. */
export function inlineVariants(): Variant[] {
  return [];
}
