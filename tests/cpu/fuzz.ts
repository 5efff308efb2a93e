/**
 * Compares the software CPU with the host's for as long as one likes.
 *
 * `deno task fuzz:cpu [--seed=N] [--minutes=N] [--only=PATTERN]`. The seed of every round is printed, and repeats it.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
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
const forms = selectForms().compared.filter((form) => only.test(formName(form)));
const differing = new Set<string>();
using comparison = new Comparison();

while (Date.now() < end) {
  let cases = 0;
  for (const form of forms) {
    const outcome = comparison.compareForm(form, seed, 100, 64);
    cases += outcome.cases;
    if (outcome.difference !== undefined && !differing.has(formName(form))) {
      differing.add(formName(form));
      console.log(`${formName(form)} differs with seed ${seed}:\n${outcome.difference}`);
    }
  }
  if (options.only === "") {
    const outcome = comparison.compareFlagPairs(seed, 10_000, 64);
    cases += outcome.cases;
    if (outcome.difference !== undefined) {
      console.log(`Flags differ with seed ${seed}:\n${outcome.difference}`);
    }
  }
  console.log(`seed ${seed}: ${cases} cases, ${differing.size} of ${forms.length} forms differ so far`);
  seed++;
}
Deno.exit(differing.size === 0 ? 0 : 1);
