/**
 * Cold boot: from the start of the process until a script in the guest runs. The machine monitors take turns.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { toText } from "@std/streams";
import { AtollHost, readUntil } from "../tests/atoll_command.ts";
import { GREETING } from "../tests/tiny_guest.ts";
import { COMMAND_LINE, MARKER, MEMORY, writeGuestFiles } from "./guest_files.ts";
import { ATOLL, qemu, QEMU_IS_MISSING } from "./machines.ts";
import { median, report } from "./table.ts";

const RUNS = Number(parseArgs(Deno.args, { string: ["runs"] }).runs ?? 5);

/** Milliseconds that a subject gets in all before it is ended. */
const START_TIMEOUT = 30_000;

/** What the tiny guest takes for a wish to be powered off. */
const POWER_OFF = "p\n";

interface Subject {
  readonly name: string;
  start(): Deno.ChildProcess;
  /** Shown when it has come as far as is measured. */
  readonly expected: string;
  /** What ends it then, typed on its console. */
  readonly input: string;
}

/** Milliseconds from the start of the process. */
interface Times {
  readonly shown: number;
  readonly ended: number;
}

/** Starts each subject {@link RUNS} times, in turns, and gives a row for each. */
async function measure(subjects: readonly Subject[]): Promise<(string | number)[][]> {
  const times = subjects.map((): Times[] => []);
  for (let run = 0; run < RUNS; run++) {
    for (const [index, subject] of subjects.entries()) times[index]!.push(...await time(subject));
  }
  const reference = median(times.at(-1)!.map(({ shown }) => shown));
  return times.map((list, index) => {
    const shown = list.map(({ shown }) => shown);
    const end = median(list.map(({ shown, ended }) => ended - shown));
    const middle = median(shown);
    return [
      subjects[index]!.name,
      list.length,
      middle,
      Math.min(...shown),
      Math.max(...shown),
      end,
      middle / reference,
    ];
  });
}

/** Starts a subject; gives nothing if it does not come as far in {@link START_TIMEOUT}. */
async function time({ name, start, expected, input }: Subject): Promise<Times[]> {
  const started = performance.now();
  const child = start();
  const errors = toText(child.stderr);
  const writer = child.stdin.getWriter();
  const tooLong = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT);
  try {
    await readUntil(child.stdout, expected);
    const shown = performance.now() - started;
    // A process that has ended by itself does not read. The others are left their input, whose end may disturb them.
    await writer.write(new TextEncoder().encode(input)).catch(() => {});
    await child.stdout.pipeTo(new WritableStream());
    await child.status;
    return [{ shown, ended: performance.now() - started }];
  } catch (error) {
    console.error(`Skipped a run: ${name}: ${error instanceof Error ? error.message : error}`);
    console.error((await errors).trimEnd());
    return [];
  } finally {
    clearTimeout(tooLong);
    await writer.close().catch(() => {});
    await Promise.all([child.status, errors]);
  }
}

const COLUMNS = [
  { name: "machine" },
  { name: "runs" },
  { name: "median ms" },
  { name: "min ms" },
  { name: "max ms" },
  { name: "then to the end ms" },
  { name: "ratio to the last", digits: 2 },
];

await using host = await AtollHost.create();
const tinyGuest = await host.tinyGuest();
const nothingToBoot = (["process", "worker"] as const).map((isolation): Subject => ({
  name: `atoll, isolation ${isolation}`,
  start: () => host.start(["run", "--kernel", tinyGuest, "--isolation", isolation]),
  expected: GREETING,
  input: POWER_OFF,
}));
report({
  title: "Start of the machine: a guest of some hundred bytes shows its first line",
  columns: COLUMNS,
  rows: await measure(nothingToBoot),
  notes: [
    "Median of runs in turns. Input from a pipe is held back for half a second, which is in the time to the end.",
  ],
});

const files = await writeGuestFiles(host.files, "");
const peer = await qemu();
const machines = [...ATOLL, ...peer === undefined ? [] : [peer]];
report({
  title: "Cold boot of Debian's kernel (unpacked) to a script in its initramfs",
  columns: COLUMNS,
  rows: await measure(machines.map((machine) => ({
    name: machine.name,
    start: () => machine.start(host, files),
    expected: MARKER,
    input: "",
  }))),
  notes: [
    `Median of runs in turns. ${MEMORY} MiB of RAM, command line "${COMMAND_LINE}".`,
    `Unpacking the kernel, which all are spared here, took ${files.unpackingTime.toFixed(0)} ms.`,
    ...peer === undefined ? [QEMU_IS_MISSING] : [],
  ],
});
