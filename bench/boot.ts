/**
 * Cold boot: from the start of the process until a script in the guest runs. The machine monitors take turns.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { AtollHost, readUntil } from "../tests/atoll_command.ts";
import { GREETING } from "../tests/tiny_guest.ts";
import { COMMAND_LINE, MARKER, MEMORY, writeGuestFiles } from "./guest_files.ts";
import { ATOLL, qemu, QEMU_IS_MISSING } from "./machines.ts";
import { median, report } from "./table.ts";

const RUNS = Number(parseArgs(Deno.args, { string: ["runs"] }).runs ?? 5);

/** Milliseconds that a machine gets to end once its guest has powered it off. */
const END_TIMEOUT = 10_000;

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
    for (const [index, subject] of subjects.entries()) times[index]!.push(await time(subject));
  }
  const medians = times.map((list) => [median(list.map(({ shown }) => shown)), list] as const);
  return medians.map(([shown, list], index) => [
    subjects[index]!.name,
    shown,
    Math.min(...list.map(({ shown }) => shown)),
    Math.max(...list.map(({ shown }) => shown)),
    median(list.map(({ shown, ended }) => ended - shown)),
    shown / medians.at(-1)![0],
  ]);
}

async function time({ start, expected, input }: Subject): Promise<Times> {
  const started = performance.now();
  const child = start();
  const errors = child.stderr.cancel();
  await readUntil(child.stdout, expected);
  const shown = performance.now() - started;
  const writer = child.stdin.getWriter();
  // A process that has ended by itself does not read. The others are left their input, whose end may disturb them.
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  const tooLong = setTimeout(() => child.kill("SIGKILL"), END_TIMEOUT);
  await Promise.all([child.status, child.stdout.pipeTo(new WritableStream()), errors]);
  clearTimeout(tooLong);
  await writer.close().catch(() => {});
  return { shown, ended: performance.now() - started };
}

const COLUMNS = [
  { name: "machine" },
  { name: "median ms" },
  { name: "min ms" },
  { name: "max ms" },
  { name: "then to the end ms" },
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
  columns: [...COLUMNS, { name: "ratio to the last", digits: 2 }],
  rows: await measure(nothingToBoot),
  notes: [`Median of ${RUNS} runs, in turns.`],
});

const files = await writeGuestFiles(host.files, "");
const peer = await qemu();
const machines = [...ATOLL, ...peer === undefined ? [] : [peer]];
report({
  title: "Cold boot of Debian's kernel (unpacked) to a script in its initramfs",
  columns: [...COLUMNS, { name: "ratio to the last", digits: 2 }],
  rows: await measure(machines.map((machine) => ({
    name: machine.name,
    start: () => machine.start(host, files),
    expected: MARKER,
    input: "",
  }))),
  notes: [
    `Median of ${RUNS} runs, in turns. ${MEMORY} MiB of RAM, command line "${COMMAND_LINE}".`,
    `Unpacking the kernel, which all are spared here, took ${files.unpackingTime.toFixed(0)} ms.`,
    ...peer === undefined ? [QEMU_IS_MISSING] : [],
  ],
});
