import { assertEquals } from "@std/assert";
import { compileAtOnce } from "../../kernel/cpu/compiler/compile_service.ts";
import { CodeMode } from "../../kernel/cpu/state.ts";
import { Comparison, formName, selectForms } from "./comparison.ts";
import { compileExpecting } from "./expecting_compiler.ts";
import { HeldCompiler } from "./held_compiler.ts";
import { hostObstacle } from "./host_cpu.ts";

/** The same in every run: `deno task fuzz:cpu` looks further. */
const SEED = 1;
/** Encodings of a form, and cases of an encoding: more than 1,000 together. */
const ENCODINGS = 40;
const CASES = 32;
const RUNS = 6000;
/** The same for compiled code: each encoding is compiled. */
const COMPILED_ENCODINGS = 20;
const COMPILED_CASES = 10;
const COMPILED_RUNS = 4000;
const SEQUENCES = 4000;
/** Compiled when each place is entered first, and when all places have been. */
const COMPILED_SEQUENCES = 1000;
const HELD_SEQUENCES = 4000;
const SEQUENCE_CASES = 8;

const obstacle = hostObstacle();

/** Enters a mode, if the host has it. */
function enter(comparison: Comparison, mode: CodeMode): boolean {
  if (mode !== CodeMode.Bits64 && !comparison.hasCompatibilityMode) {
    console.log("The host's kernel does not run 32-bit code");
    return false;
  }
  comparison.enter(mode);
  return true;
}

for (const mode of [CodeMode.Bits64, CodeMode.Bits32, CodeMode.Flat32]) {
  Deno.test({
    name: `instructions do what they do on the host's CPU in ${CodeMode[mode]} code`,
    ignore: obstacle !== undefined,
    fn() {
      using comparison = new Comparison();
      if (!enter(comparison, mode)) return;
      const { compared, skipped } = selectForms(mode);
      const differences: string[] = [];
      const neverEncoded: string[] = [];
      let cases = 0;
      for (const form of compared) {
        const outcome = comparison.compareForm(form, SEED, ENCODINGS, CASES);
        cases += outcome.cases;
        if (outcome.cases === 0) neverEncoded.push(formName(form));
        if (outcome.difference !== undefined) differences.push(outcome.difference);
      }
      console.log(`${compared.length} forms compared in ${cases} cases; not compared:`);
      const reasons = Map.groupBy(skipped, ([_form, reason]) => reason);
      for (const [reason, list] of reasons) {
        console.log(`- ${reason}: ${list.map(([form]) => form).join(", ")}`);
      }
      assertEquals(differences.join("\n"), "");
      assertEquals(neverEncoded, []);
    },
  });
}

for (const mode of [CodeMode.Bits64, CodeMode.Flat32]) {
  Deno.test({
    name: `instructions without a stop between them do what they do on the host's CPU in ${
      CodeMode[mode]
    } code`,
    ignore: obstacle !== undefined,
    fn() {
      using comparison = new Comparison();
      if (!enter(comparison, mode)) return;
      assertEquals(comparison.compareRuns(SEED, RUNS, CASES).difference, undefined);
    },
  });
}

for (const mode of [CodeMode.Bits64, CodeMode.Flat32]) {
  Deno.test({
    name: `compiled instructions do what they do on the host's CPU in ${CodeMode[mode]} code`,
    ignore: obstacle !== undefined,
    fn() {
      using comparison = new Comparison(compileAtOnce);
      if (!enter(comparison, mode)) return;
      const differences: string[] = [];
      const neverCompiled: string[] = [];
      for (const form of selectForms(mode).compared) {
        const outcome = comparison.compareForm(form, SEED, COMPILED_ENCODINGS, COMPILED_CASES);
        if (outcome.compiled === 0) neverCompiled.push(formName(form));
        if (outcome.difference !== undefined) differences.push(outcome.difference);
      }
      assertEquals(differences.join("\n"), "");
      assertEquals(neverCompiled, []);
    },
  });
}

for (const mode of [CodeMode.Bits64, CodeMode.Flat32]) {
  Deno.test({
    name: `compiled instructions with jumps behind them do what they do on the host's CPU in ${
      CodeMode[mode]
    } code`,
    ignore: obstacle !== undefined,
    fn() {
      using comparison = new Comparison(compileAtOnce);
      if (!enter(comparison, mode)) return;
      const { compiled, difference } = comparison.compareRuns(SEED, COMPILED_RUNS, COMPILED_CASES);
      assertEquals(difference, undefined);
      assertEquals(compiled, COMPILED_RUNS);
    },
  });
}

Deno.test({
  name: "sequences with loops, conditions and calls do what they do on the host's CPU",
  ignore: obstacle !== undefined,
  fn() {
    using comparison = new Comparison();
    const { difference } = comparison.compareSequences(SEED, SEQUENCES, SEQUENCE_CASES);
    assertEquals(difference, undefined);
  },
});

for (
  const [how, compile] of [
    ["piece by piece", compileAtOnce],
    ["piece by piece to make all accesses themselves", compileExpecting],
  ] as const
) {
  Deno.test({
    name: `sequences that are compiled ${how} do what they do on the host's CPU`,
    ignore: obstacle !== undefined,
    fn() {
      using comparison = new Comparison(compile);
      const { compiled, difference } = comparison.compareSequences(SEED, COMPILED_SEQUENCES, SEQUENCE_CASES);
      assertEquals(difference, undefined);
      assertEquals(compiled, COMPILED_SEQUENCES);
    },
  });
}

Deno.test({
  name: "sequences that are compiled as a whole do what they do on the host's CPU",
  ignore: obstacle !== undefined,
  fn() {
    const held = new HeldCompiler();
    using comparison = new Comparison(held.compile);
    const { compiled, difference } = comparison.compareSequences(SEED, HELD_SEQUENCES, SEQUENCE_CASES, held);
    assertEquals(difference, undefined);
    assertEquals(compiled, HELD_SEQUENCES);
  },
});
