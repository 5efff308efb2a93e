/**
 * Benchmarks inside guests: the same guest in Atoll and in another machine monitor, in turns.
 *
 * `deno task bench:guest [--json FILE] [--runs N] [--only NAME,...] [--against qemu|v86|host|all]`; names are those of
 * benchmarks or of classes. The host itself runs those that need no guest, without any machine: what bounds all of them.
 * The exit code is 1 if a benchmark gave no result, or another than on the other machine, and 2 if nothing could be
 * measured.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { errorLine } from "../cli/error_line.ts";
import { AtollHost } from "../tests/atoll_command.ts";
import { chooseBenchmarks } from "./guest/catalogue.ts";
import { compareClasses, comparisonTables } from "./guest/comparison.ts";
import { type ContestResult, runContest } from "./guest/contest.ts";
import { writeGuestImages } from "./guest/guest_image.ts";
import { choosePeers } from "./guest/peers.ts";
import { report } from "./table.ts";

/** By which part the clock of a guest may differ from the host's before it is told. */
const CLOCK_TOLERANCE = 0.02;

/** Writes a file, which a relative path names from where the task was called. */
async function save(file: string, text: string): Promise<void> {
  const child = new Deno.Command("sh", {
    args: ["-c", 'cd "${INIT_CWD:-.}" && exec cat >"$1"', "sh", file],
    stdin: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A shell that cannot open the file does not read.
  await writer.write(new TextEncoder().encode(text)).catch(() => {});
  await writer.close().catch(() => {});
  if (!(await child.status).success) throw new Error(`Cannot write the results to "${file}"`);
}

/** A number of runs, at least one. */
function parseRuns(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new RangeError(`Option --runs wants a number from 1 to 999, not "${text}"`);
}

/** Runs what the arguments ask for, and gives the exit code. */
async function main(): Promise<number> {
  const args = parseArgs(Deno.args, { string: ["json", "runs", "only", "against"] });
  const runs = parseRuns(args.runs ?? "5");
  const chosen = chooseBenchmarks(args.only === undefined ? [] : args.only.split(","));
  const results: (ContestResult & { peer: string })[] = [];
  for (const [peer, compare] of choosePeers(args.against ?? "qemu")) {
    await using host = await AtollHost.create();
    const { platform, ours, theirs, benchmarks } = await compare(chosen, host.files);
    if (benchmarks.length === 0) continue;
    const images = await writeGuestImages(host.files, platform, benchmarks);
    results.push({ peer, ...await runContest(host, { ours, theirs, images, benchmarks, runs }) });
  }
  if (results.length === 0) throw new RangeError("None of these benchmarks runs without a guest");
  for (const { peer, compared, problems, clocks } of results) {
    const notes = [
      ...Object.entries(clocks).filter(([, speed]) => Math.abs(speed - 1) > CLOCK_TOLERANCE).map(
        ([machine, speed]) =>
          `Times are the host's. The clock of the guest of ${machine} ran at ${
            (speed * 100).toFixed(0)
          } % of it.`,
      ),
      ...problems.map((problem) => `Problem: ${problem}`),
    ];
    for (const table of comparisonTables(peer, compared, runs, notes)) report(table);
  }
  if (args.json !== undefined) {
    const document = {
      date: new Date().toISOString(),
      deno: Deno.version.deno,
      runs,
      results: results.map((result) => ({ ...result, classes: compareClasses(result.compared) })),
    };
    await save(args.json, `${JSON.stringify(document, undefined, 2)}\n`);
  }
  return results.some(({ problems }) => problems.length > 0) ? 1 : 0;
}

try {
  Deno.exitCode = await main();
} catch (error) {
  console.error(errorLine(error));
  Deno.exitCode = 2;
}
