/**
 * Compares the software CPU with the host's for as long as one likes: interpreted, and compiled.
 *
 * `deno task fuzz:cpu [--seed=N] [--minutes=N] [--only=PATTERN]`. The seed of every round is printed, and repeats it.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { compileAtOnce } from "../../kernel/cpu/compiler/compile_service.ts";
import { CodeMode } from "../../kernel/cpu/state.ts";
import { Comparison, formName, selectForms } from "./comparison.ts";
import { HeldCompiler } from "./held_compiler.ts";
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

function note(name: string, difference: string | undefined): void {
  if (difference === undefined || differing.has(name)) return;
  differing.add(name);
  console.log(`${name} differs with seed ${seed}:\n${difference}`);
}

/** Modes that code can be compiled in. */
function modesOf(comparison: Comparison): CodeMode[] {
  return comparison.hasCompatibilityMode ? [CodeMode.Bits64, CodeMode.Flat32] : [CodeMode.Bits64];
}

function compareForms(comparison: Comparison, mode: CodeMode, encodings: number, how: string): number {
  let cases = 0;
  comparison.enter(mode);
  for (const form of selectForms(mode).compared.filter((form) => only.test(formName(form)))) {
    const outcome = comparison.compareForm(form, seed, encodings, 64);
    cases += outcome.cases;
    note(`${formName(form)} in ${how} ${CodeMode[mode]} code`, outcome.difference);
  }
  return cases;
}

function compareRuns(comparison: Comparison, how: string): number {
  if (options.only !== "") return 0;
  return modesOf(comparison).reduce((cases, mode) => {
    comparison.enter(mode);
    const outcome = comparison.compareRuns(seed, 10_000, 64);
    note(`A run of ${how} ${CodeMode[mode]} code`, outcome.difference);
    return cases + outcome.cases;
  }, 0);
}

function compareSequences(comparison: Comparison, count: number, how: string, held?: HeldCompiler): number {
  if (options.only !== "") return 0;
  comparison.enter(CodeMode.Bits64);
  const outcome = comparison.compareSequences(seed, count, 16, held);
  note(`A sequence of ${how} code`, outcome.difference);
  return outcome.cases;
}

function compareInterpreted(): number {
  using comparison = new Comparison();
  const modes = modesOf(comparison);
  if (comparison.hasCompatibilityMode) modes.push(CodeMode.Bits32);
  const cases = modes.reduce((sum, mode) => sum + compareForms(comparison, mode, 100, "interpreted"), 0);
  return cases + compareRuns(comparison, "interpreted") +
    compareSequences(comparison, 10_000, "interpreted");
}

function compareCompiled(): number {
  using comparison = new Comparison(compileAtOnce);
  const narrow = comparison.hasCompatibilityMode
    ? compareForms(comparison, CodeMode.Flat32, 50, "compiled")
    : 0;
  return narrow + compareForms(comparison, CodeMode.Bits64, 50, "compiled") +
    compareRuns(comparison, "compiled") +
    compareSequences(comparison, 4000, "compiled");
}

/** Sequences that are compiled when all that is executed of them has been reached. */
function compareHeld(): number {
  const held = new HeldCompiler();
  using comparison = new Comparison(held.compile);
  return compareSequences(comparison, 4000, "wholly compiled", held);
}

while (Date.now() < end) {
  const cases = compareInterpreted() + compareCompiled() + compareHeld();
  console.log(`seed ${seed}: ${cases} cases, ${differing.size} differences so far`);
  seed++;
}
Deno.exit(differing.size === 0 ? 0 : 1);
