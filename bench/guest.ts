/**
 * Benchmarks inside guests: the same guest in Atoll and in another machine monitor, in turns.
 *
 * `deno task bench:guest [--json FILE] [--runs N] [--only NAME,...] [--against qemu|v86|all]`; names are those of
 * benchmarks or of classes. The exit code is 1 if a benchmark gave no result, or another than on the other machine.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { AtollHost } from "../tests/atoll_command.ts";
import { chooseBenchmarks } from "./guest/catalogue.ts";
import { compareClasses, comparisonTables } from "./guest/comparison.ts";
import { type ContestResult, runContest } from "./guest/contest.ts";
import { writeGuestImages } from "./guest/guest_image.ts";
import { ATOLL_I386, v86 } from "./guest/i386_machines.ts";
import { AMD64, I386, type Platform } from "./guest/platforms.ts";
import { ATOLL, type Machine, qemu, QEMU_IS_MISSING } from "./machines.ts";
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

const args = parseArgs(Deno.args, { string: ["json", "runs", "only", "against"] });
const runs = Number(args.runs ?? 5);
const against = args.against ?? "qemu";
const benchmarks = chooseBenchmarks(args.only === undefined ? [] : args.only.split(","));

/** A peer, with the guests that it can run. */
interface Comparison {
  readonly platform: Platform;
  readonly ours: Machine;
  readonly theirs: Machine;
}

const COMPARISONS: Readonly<Record<string, () => Promise<Comparison>>> = {
  async qemu() {
    const theirs = await qemu();
    if (theirs === undefined) throw new Error(QEMU_IS_MISSING);
    return { platform: AMD64, ours: ATOLL[0]!, theirs };
  },
  v86: async () => ({ platform: I386, ours: ATOLL_I386, theirs: await v86() }),
};

const peers = against === "all" ? Object.keys(COMPARISONS) : [against];
const results: (ContestResult & { peer: string })[] = [];
for (const peer of peers) {
  const comparison = COMPARISONS[peer];
  if (comparison === undefined) {
    throw new RangeError(`Machine "${peer}" does not exist: there are qemu and v86`);
  }
  await using host = await AtollHost.create();
  const { platform, ours, theirs } = await comparison();
  const images = await writeGuestImages(host.files, platform, benchmarks);
  results.push({ peer, ...await runContest(host, { ours, theirs, images, benchmarks, runs }) });
}
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
if (results.some(({ problems }) => problems.length > 0)) Deno.exitCode = 1;
