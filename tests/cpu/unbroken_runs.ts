/**
 * Instructions run without a stop behind each: flags are computed lazily, comparisons are executed together with the jump
 * behind them, and repeated string instructions do many elements at once.
 *
 * @module
 */

import { type Form, forms } from "../../kernel/cpu/isa/mod.ts";
import type { CodeMode } from "../../kernel/cpu/state.ts";
import { INSTRUCTION, PADS } from "./case_layout.ts";
import { isComparable } from "./comparable.ts";
import { generate, type Instruction } from "./instruction_generator.ts";
import type { Random } from "./random.ts";

const STRINGS = forms.filter((form) => /^(movs|stos|lods|cmps|scas)$/.test(form.definition.name));
/** Instructions that define every flag but AF. */
const WRITERS = forms.filter((form) =>
  /^(add|or|adc|sbb|and|sub|xor|cmp|test|inc|dec|neg|xadd|cmpxchg|popcnt)$/.test(form.definition.name) &&
  !form.attributes.has("i64")
);
const READERS = forms.filter((form) =>
  /^(set|cmov|adc|sbb|rcl|rcr|inc|dec|clc|cmc)$/.test(form.definition.name) &&
  !form.attributes.has("i64")
);

/** Makes a run for a mode, with a jump at its end. `undefined`: what was tried cannot be used. */
export function generateRun(random: Random, mode: CodeMode): Instruction | undefined {
  const run = random.once(4) ? stringRun(random, mode) : flagPair(random, mode);
  return run !== undefined && isComparable(run) ? run : undefined;
}

function stringRun(random: Random, mode: CodeMode): Instruction | undefined {
  const instruction = generate(random.pick<Form>(STRINGS), random, mode);
  if (instruction === undefined || instruction.repeat === 0 || instruction.bytes.includes(0xf0)) {
    return undefined;
  }
  return withJump(instruction, [...instruction.bytes]);
}

/** An instruction that leaves flags, and one that reads them: no two accesses to memory. */
function flagPair(random: Random, mode: CodeMode): Instruction | undefined {
  const first = generate(random.pick<Form>(WRITERS), random, mode);
  if (first === undefined || first.bytes.includes(0xf0)) return undefined;
  const code = [...first.bytes];
  if (random.once(2)) {
    code.push(0x70 + random.below(16));
    code.push(PADS[1] - (INSTRUCTION + code.length + 1));
  } else {
    const second = generate(random.pick<Form>(READERS), random, mode);
    if (second === undefined || second.memory !== undefined || second.bytes.includes(0xf0)) return undefined;
    code.push(...second.bytes);
  }
  return withJump(first, code);
}

function withJump(instruction: Instruction, code: number[]): Instruction {
  const displacement = PADS[2] - (INSTRUCTION + code.length + 5);
  code.push(0xe9, displacement & 0xff, (displacement >> 8) & 0xff, 0, 0);
  return { ...instruction, bytes: Uint8Array.from(code) };
}
