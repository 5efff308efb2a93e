/**
 * Numbers of the functions of `system/`, as generated code names them.
 *
 * @module
 */

import type { SystemFunction } from "./system/system_function.ts";
import { systemFunctions as architectural } from "./system/mod.ts";
import { divide128, divide128Signed } from "./divide128.ts";

const systemFunctions = { ...architectural, divide128, divide128Signed };

/** Name of a system function. */
export type SystemFunctionName = keyof typeof systemFunctions;

const names = Object.keys(systemFunctions) as SystemFunctionName[];
const numbers = new Map(names.map((name, number) => [name, number]));

/** All system functions by number. */
export const systemFunctionTable: readonly SystemFunction[] = names.map((name) => systemFunctions[name]);

/** Number of a system function. */
export function systemFunctionNumber(name: SystemFunctionName): number {
  return numbers.get(name)!;
}
