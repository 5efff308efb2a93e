/**
 * Which flags instructions need and which they leave, as far as sequences must know to read no undefined ones.
 *
 * @module
 */

import { Flag } from "../../kernel/cpu/state.ts";
import type { Instruction } from "./instruction_generator.ts";
import { flagsLeftUndefined } from "./undefined_results.ts";

/** The six arithmetic flags. */
export const ALL_FLAGS: number = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF;

/** What conditions depend on, by their code without its lowest bit. */
const CONDITION_FLAGS = [
  Flag.OF,
  Flag.CF,
  Flag.ZF,
  Flag.CF | Flag.ZF,
  Flag.SF,
  Flag.PF,
  Flag.SF | Flag.OF,
  Flag.ZF | Flag.SF | Flag.OF,
] as const;

const WRITES_ALL =
  /^(add|or|adc|sbb|and|sub|xor|cmp|test|neg|xadd|cmpxchg|popcnt|u?comis[sd]|ptest|pcmp[ei]str[im])$/;

/** What these write beside what they leave undefined. */
const WRITES: { readonly [name: string]: number } = {
  inc: ALL_FLAGS & ~Flag.CF,
  dec: ALL_FLAGS & ~Flag.CF,
  sahf: ALL_FLAGS & ~Flag.OF,
  clc: Flag.CF,
  stc: Flag.CF,
  bt: Flag.CF,
  bts: Flag.CF,
  btr: Flag.CF,
  btc: Flag.CF,
  mul: Flag.CF | Flag.OF,
  imul: Flag.CF | Flag.OF,
  bsf: Flag.ZF,
  bsr: Flag.ZF,
};

/** Flags that a condition of Jcc, SETcc or CMOVcc depends on. */
export function conditionFlags(condition: number): number {
  return CONDITION_FLAGS[condition >> 1]!;
}

/** Flags that an instruction reads. */
export function flagsRead({ form }: Instruction): number {
  switch (form.definition.name) {
    case "adc":
    case "sbb":
    case "rcl":
    case "rcr":
    case "cmc":
      return Flag.CF;
    case "set":
    case "cmov":
      return conditionFlags(form.opcode & 15);
    case "lahf":
      return ALL_FLAGS & ~Flag.OF;
    case "x87":
      // FCMOVcc.
      return Flag.CF | Flag.ZF | Flag.PF;
  }
  return 0;
}

/** Flags that are undefined behind an instruction, from those that are before it. */
export function undefinedBehind({ form }: Instruction, before: number): number {
  const { name } = form.definition;
  const written = WRITES_ALL.test(name) ? ALL_FLAGS : WRITES[name] ?? 0;
  return (before & ~written) | flagsLeftUndefined(name);
}
