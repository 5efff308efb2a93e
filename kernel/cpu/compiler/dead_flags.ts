/**
 * Flags that nobody can see: another instruction sets all of them before any is read, and nothing in between can fault
 * or leave the region.
 *
 * @module
 */

import type { Place } from "../isa/definition.ts";
import { RmKind } from "../variant.ts";
import type { Instruction } from "./instruction.ts";

/** Instructions that set all six arithmetic flags whatever their operands are. */
const SETTING = new Set(["add", "or", "and", "sub", "xor", "cmp", "test", "neg"]);
/** Those that set them unless the count is zero. */
const SHIFTING = new Set(["shl", "shr", "sar"]);
/** Those that set some, and keep the rest as they are. */
const CHANGING = new Set(["rol", "ror", "inc", "dec"]);
/** Those that leave flags alone. */
const NEUTRAL = new Set(["mov", "movzx", "movsx", "lea", "not", "bswap", "nop"]);

const COUNT_MASK = 0x1fn;

/** Operands that are there whatever they are; there is not every segment register, for one. */
const PLAIN = new Set<Place>(["reg", "rm", "immediate", "one", "fixed"]);

/** Whether an instruction's only effects are on general registers and flags. */
function inRegisters({ variant: { rm, form: { definition, operands } } }: Instruction): boolean {
  return definition.name === "lea" ||
    rm === RmKind.Register && operands.every(({ place }) => PLAIN.has(place));
}

function setsAll({ variant, immediate }: Instruction): boolean {
  const { definition, operands } = variant.form;
  if (SETTING.has(definition.name)) return true;
  const count = operands[1]?.place;
  if (!SHIFTING.has(definition.name)) return false;
  return count === "one" || (count === "immediate" && (immediate & COUNT_MASK) !== 0n);
}

/** For each instruction of a block, whether it sets flags that are dead. It does not read any then. */
export function deadFlags(instructions: readonly Instruction[]): boolean[] {
  const dead: boolean[] = [];
  let overwritten = false;
  for (let index = instructions.length - 1; index >= 0; index--) {
    const instruction = instructions[index]!;
    const { name } = instruction.variant.form.definition;
    dead[index] = overwritten && (SETTING.has(name) || SHIFTING.has(name) || CHANGING.has(name));
    const { ends } = instruction.variant.form.definition;
    // What ends a block, a load of a segment register for one, may fault or leave.
    if (ends === true || !inRegisters(instruction)) overwritten = false;
    else if (setsAll(instruction)) overwritten = true;
    else if (!NEUTRAL.has(name) && !CHANGING.has(name)) overwritten = false;
  }
  return dead;
}
