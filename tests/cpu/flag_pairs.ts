/**
 * An instruction that leaves flags and one that reads them, run without a stop between: flags are computed lazily, and
 * comparisons are executed together with the jump behind them.
 *
 * @module
 */

import { type Form, forms } from "../../kernel/cpu/isa/mod.ts";
import { CodeMode } from "../../kernel/cpu/state.ts";
import { INSTRUCTION, PADS } from "./case_layout.ts";
import { generate, type Instruction } from "./instruction_generator.ts";
import type { Random } from "./random.ts";

/** Instructions that define every flag but AF. */
const WRITERS = forms.filter((form) =>
  /^(add|or|adc|sbb|and|sub|xor|cmp|test|inc|dec|neg|xadd|cmpxchg|popcnt)$/.test(form.definition.name) &&
  !form.attributes.has("i64")
);
const READERS = forms.filter((form) =>
  /^(set|cmov|adc|sbb|rcl|rcr|inc|dec|clc|cmc)$/.test(form.definition.name) &&
  !form.attributes.has("i64")
);

/** Makes a pair, followed by a jump: there the run ends. `undefined`: it would access memory twice. */
export function generatePair(random: Random): Instruction | undefined {
  const first = generate(random.pick<Form>(WRITERS), random, CodeMode.Bits64);
  if (first === undefined || first.bytes.includes(0xf0)) return undefined;
  const code = [...first.bytes];
  if (random.once(2)) code.push(0x70 + random.below(16), 0);
  else {
    const second = generate(random.pick<Form>(READERS), random, CodeMode.Bits64);
    if (second === undefined || second.memory !== undefined || second.bytes.includes(0xf0)) return undefined;
    code.push(...second.bytes);
  }
  const [taken, otherwise] = [PADS[1], PADS[2]];
  // A conditional jump ends with its displacement.
  if (code.at(-1) === 0 && (code.at(-2)! & 0xf0) === 0x70) {
    code[code.length - 1] = taken - (INSTRUCTION + code.length);
  }
  const displacement = otherwise - (INSTRUCTION + code.length + 5);
  code.push(0xe9, displacement & 0xff, (displacement >> 8) & 0xff, 0, 0);
  return { ...first, bytes: Uint8Array.from(code) };
}
