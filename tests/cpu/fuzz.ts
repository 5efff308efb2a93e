/**
 * Compares the software CPU with the host's for as long as one likes.
 *
 * `deno task fuzz:cpu [--seed=N] [--minutes=N] [--only=PATTERN]`. The seed of every round is printed, and repeats it.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { CodeMode } from "../../kernel/cpu/state.ts";
import { Comparison, formName, selectForms } from "./comparison.ts";
import { hostObstacle } from "./host_cpu.ts";

const options = parseArgs(Deno.args, {
  string: ["seed", "minutes", "only"],
  default: { minutes: "10", only: "" },
});
const obstacle = hostObstacle();
if (obstacle !== undefined) throw new Error(`Cannot compare with the host's CPU: ${obstacle}`);
let seed = Number(options.seed ?? Date.now() % 1_000_000_000);
const end = Date.now() + Number(options.minutes) * 60_000;
const only = new RegExp(options.only);
const differing = new Set<string>();
using comparison = new Comparison();
const modes = comparison.hasCompatibilityMode ? [CodeMode.Bits64, CodeMode.Bits32] : [CodeMode.Bits64];

function compareForms(mode: CodeMode): number {
  let cases = 0;
  comparison.enter(mode);
  for (const form of selectForms(mode).compared.filter((form) => only.test(formName(form)))) {
    const outcome = comparison.compareForm(form, seed, 100, 64);
    cases += outcome.cases;
    const name = `${formName(form)} in ${CodeMode[mode]} code`;
    if (outcome.difference === undefined || differing.has(name)) continue;
    differing.add(name);
    console.log(`${name} differs with seed ${seed}:\n${outcome.difference}`);
  }
  return cases;
}

while (Date.now() < end) {
  let cases = modes.reduce((sum, mode) => sum + compareForms(mode), 0);
  comparison.enter(CodeMode.Bits64);
  if (options.only === "") {
    const outcome = comparison.compareRuns(seed, 10_000, 64);
    cases += outcome.cases;
    if (outcome.difference !== undefined) {
      differing.add("runs");
      console.log(`Runs differ with seed ${seed}:\n${outcome.difference}`);
    }
  }
  console.log(`seed ${seed}: ${cases} cases, ${differing.size} differences so far`);
  seed++;
}
Deno.exit(differing.size === 0 ? 0 : 1);
