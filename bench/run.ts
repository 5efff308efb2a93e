/**
 * Runs the benchmarks and prints their tables: `deno task bench [--json FILE] [--runs N] [NAME...]`.
 *
 * Each benchmark is a script with permissions of its own. Names choose among them; `--runs` says how often what is
 * started anew is measured; `--json` writes the tables to a file as well.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { TextLineStream } from "@std/streams";
import { formatTable, parseReport, REPORT_ARGUMENTS, type Table } from "./table.ts";

/** A benchmark. */
interface Benchmark {
  readonly name: string;
  /** Options of `deno run`, as a shell reads them. */
  readonly permissions: readonly string[];
}

const CACHE = "${XDG_CACHE_HOME:-$HOME/.cache}/atoll";

// The atoll command is started by a shell with the permissions of its task, and the kernel comes from Debian.
const COMMAND_PERMISSIONS = [
  "--allow-read",
  `--allow-write=\${TMPDIR:-/tmp},${CACHE}`,
  `--allow-run=sh,apt-get,apt-cache,${CACHE}/busybox-static/busybox`,
  "--allow-env=XDG_CACHE_HOME,HOME,TMPDIR",
];

const BENCHMARKS: readonly Benchmark[] = [
  { name: "cpu", permissions: [] },
  {
    name: "ioreq",
    permissions: [
      "--allow-read",
      "--allow-write=${TMPDIR:-/tmp}",
      "--allow-env=TMPDIR",
      "--allow-run=sh,mkfifo,$0",
    ],
  },
  { name: "boot", permissions: COMMAND_PERMISSIONS },
  { name: "memory", permissions: COMMAND_PERMISSIONS },
];

const args = parseArgs(Deno.args, { string: ["json", "runs", "_"] });
const unknown = args._.find((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));
if (unknown !== undefined) {
  console.error(
    `Benchmark "${unknown}" does not exist: there are ${BENCHMARKS.map(({ name }) => name).join(", ")}`,
  );
  Deno.exit(2);
}
const chosen = BENCHMARKS.filter(({ name }) => args._.length === 0 || args._.includes(name));
const results: (Table & { benchmark: string })[] = [];
let failed = false;
for (const benchmark of chosen) failed = !await run(benchmark) || failed;
if (args.json !== undefined) failed = !await save(args.json) || failed;
Deno.exit(failed ? 1 : 0);

/** Runs a benchmark, and says whether it got to its end. */
async function run({ name, permissions }: Benchmark): Promise<boolean> {
  const flags = ["--quiet", "--no-prompt", "--unstable-worker-options", ...permissions];
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      `exec "$0" run ${flags.map((flag) => `"${flag}"`).join(" ")} "$@"`,
      Deno.execPath(),
      new URL(`./${name}.ts`, import.meta.url).href,
      ...REPORT_ARGUMENTS,
      ...args.runs === undefined ? [] : ["--runs", args.runs],
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  for await (
    const line of child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
  ) {
    const table = parseReport(line);
    results.push({ benchmark: name, ...table });
    console.log(`${formatTable(table)}\n`);
  }
  return (await child.status).success;
}

/** Writes all tables to `file`, which a relative path names from where the task was called. */
async function save(file: string): Promise<boolean> {
  const child = new Deno.Command("sh", {
    args: ["-c", 'cd "${INIT_CWD:-.}" && exec cat >"$1"', "sh", file],
    stdin: "piped",
  }).spawn();
  const report = { date: new Date().toISOString(), deno: Deno.version.deno, tables: results };
  const writer = child.stdin.getWriter();
  // A shell that cannot open the file does not read.
  await writer.write(new TextEncoder().encode(`${JSON.stringify(report, undefined, 2)}\n`)).catch(() => {});
  await writer.close().catch(() => {});
  return (await child.status).success;
}
