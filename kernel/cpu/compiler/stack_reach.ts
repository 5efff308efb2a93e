/**
 * How much of the stack a piece of code accesses: it is looked for once, as one range, which mostly lies in one page.
 *
 * @module
 */

import { Gpr } from "../state.ts";
import { operandBytes, RmKind } from "../variant.ts";
import { effectsOf } from "./effects.ts";
import type { Instruction } from "./instruction.ts";
import { displaced, type RegisterValues, type SymbolicValue } from "./register_values.ts";

/** Offsets from a value: from the first byte to behind the last one. */
export interface Reach {
  readonly from: number;
  readonly to: number;
}

/** Most bytes of a range: the larger it is, the more often it goes on in the next page. */
const MOST_BYTES = 512;

const PUSHING = new Set(["push", "call"]);
const POPPING = new Set(["pop", "ret"]);

/**
 * What `instructions`, before which registers hold `before`, access at offsets from the value `origin`, besides what is
 * there to begin with.
 */
export function stackReach(
  instructions: Iterable<Instruction>,
  values: RegisterValues,
  before: readonly SymbolicValue[],
  origin: number,
  { from, to }: Reach,
): Reach {
  const { held } = values;
  values.held = before;
  const add = (address: SymbolicValue | undefined, size: number) => {
    if (address?.origin !== origin) return;
    const first = Math.min(from, address.offset);
    const end = Math.max(to, address.offset + size);
    if (end - first <= MOST_BYTES) [from, to] = [first, end];
  };
  for (const instruction of instructions) {
    const { variant, variant: { operandSize, form: { definition: { name } } } } = instruction;
    const { written, retranslates } = effectsOf(instruction);
    if (retranslates) break;
    const now = values.held;
    const pointer = now[Gpr.RSP]!;
    if (variant.rm !== RmKind.Register) add(values.operand(instruction), memoryBytes(instruction));
    if (PUSHING.has(name)) add(displaced(pointer, -operandSize), operandSize);
    if (POPPING.has(name)) add(pointer, operandSize);
    values.change(written);
    values.follow(instruction, now);
    if (PUSHING.has(name)) values.set(Gpr.RSP, displaced(pointer, -operandSize));
    if (POPPING.has(name)) values.set(Gpr.RSP, displaced(pointer, operandSize));
  }
  values.held = held;
  return { from, to };
}

/** Bytes of an instruction's memory operand. */
function memoryBytes({ variant }: Instruction): number {
  const spec = variant.form.operands.find(({ place }) => place.endsWith("rm") || place === "memory");
  return spec === undefined ? 0 : operandBytes(spec, variant.operandSize);
}
