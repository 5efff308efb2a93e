/**
 * What a booted, idle domain costs the host: resident memory of its processes beside the guest's RAM, and CPU time.
 *
 * @module
 */

import { toText } from "@std/streams";
import { AtollHost, readUntil } from "../tests/atoll_command.ts";
import { type GuestFiles, MARKER, MEMORY, writeGuestFiles } from "./guest_files.ts";
import { ATOLL, type Machine, qemu, QEMU_IS_MISSING } from "./machines.ts";
import { type HostProcess, processTree, stopTree, ticksPerSecond } from "./processes.ts";
import { report } from "./table.ts";

/** Milliseconds that the guest gets to become idle, and in which its use of the CPU is measured. */
const SETTLING = 10_000;
const INTERVAL = 10_000;

/** Milliseconds in which a guest has to boot. */
const BOOT_TIMEOUT = 30_000;

const MIB = 1024;

const delay = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Measures a machine, and says whether its guest booted. */
async function measure(machine: Machine, host: AtollHost, files: GuestFiles): Promise<boolean> {
  const child = machine.start(host, files);
  const errors = toText(child.stderr);
  const tooLong = setTimeout(() => child.kill("SIGKILL"), BOOT_TIMEOUT);
  try {
    if (!await readUntil(child.stdout, MARKER).then(() => true, () => false)) return false;
    clearTimeout(tooLong);
    await delay(SETTLING);
    const before = await processTree(child.pid, MEMORY);
    const start = performance.now();
    await delay(INTERVAL);
    const seconds = (performance.now() - start) / 1000;
    const after = await processTree(child.pid, MEMORY);
    const perSecond = await ticksPerSecond();
    const cpu = ({ pid, ticks }: HostProcess) =>
      100 * (ticks - (before.find((process) => process.pid === pid)?.ticks ?? 0)) / perSecond / seconds;
    const rows = after.map((process) => [
      process.name,
      (process.rss - process.ram.rss) / MIB,
      (process.pss - process.ram.pss) / MIB,
      cpu(process),
    ]);
    const sum = (column: number) => rows.reduce((total, row) => total + Number(row[column]), 0);
    const ram = after.reduce((total, { ram }) => total + ram.pss, 0) / MIB;
    report({
      title: `Idle guest, over ${INTERVAL / 1000} s, ${SETTLING / 1000} s after its boot: ${machine.name}`,
      columns: [
        { name: "process" },
        { name: "RSS MiB", digits: 1 },
        { name: "PSS MiB", digits: 1 },
        { name: "CPU % of a core", digits: 1 },
      ],
      rows: [...rows, ["total", sum(1), sum(2), sum(3)]],
      notes: [`Guest RAM that was touched, not counted above: ${ram.toFixed(0)} of ${MEMORY} MiB.`],
    });
    return true;
  } finally {
    clearTimeout(tooLong);
    await stopTree(child.pid);
    await Promise.all([child.status, errors, child.stdin.close(), child.stdout.cancel()]);
  }
}

await using host = await AtollHost.create();
const files = await writeGuestFiles(host.files, "sleep 1000000");
const peer = await qemu();
for (const machine of [...ATOLL, ...peer === undefined ? [] : [peer]]) {
  if (!await measure(machine, host, files)) {
    console.error(`Skipped: ${machine.name}: its guest did not boot in ${BOOT_TIMEOUT / 1000} s`);
  }
}
if (peer === undefined) console.error(QEMU_IS_MISSING);
