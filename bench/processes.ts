/**
 * What Linux tells of processes in /proc, which only a shell may read: Deno asks for all permissions.
 *
 * @module
 */

/** Resident memory in KiB: all of it, and with what is shared divided by those who share it. */
export interface Resident {
  readonly rss: number;
  readonly pss: number;
}

/** A process. */
export interface HostProcess extends Resident {
  readonly pid: number;
  /** What it is within its machine monitor. */
  readonly name: string;
  /** Time on a CPU, in ticks. */
  readonly ticks: number;
  /** The mapping that holds guest RAM; zero where there is none. */
  readonly ram: Resident;
}

// Parentheses enclose a process's own name, which may hold anything.
const TREE = `
children() {
  for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    pid=\${line%% *}
    set -- "$1" \${line##*) }
    [ "$3" = "$1" ] && echo "$pid" && children "$pid"
  done
}`;

const SHOW_ALL = `${TREE}
for pid in "$1" $(children "$1"); do
  echo "@stat $(cat /proc/$pid/stat)"
  echo "@command $(tr '\\0' ' ' </proc/$pid/cmdline)"
  echo "@rollup"
  cat /proc/$pid/smaps_rollup
  echo "@smaps"
  cat /proc/$pid/smaps
done`;

/** What of a mapping's size is not the guest's RAM, at most: bounce buffers behind it. */
const MAPPING_SLACK = 1024;

/** `root` and all that descends from it. A machine monitor's guest has `memory` MiB of RAM. */
export async function processTree(root: number, memory: number): Promise<HostProcess[]> {
  const text = await shell(SHOW_ALL, String(root));
  return text.split(/^@stat /m).slice(1).map((part) => parseProcess(part, memory * 1024));
}

/** Ends `root`, which takes its descendants with it. */
export async function stopTree(root: number): Promise<void> {
  await shell('kill -TERM "$1"', String(root));
}

/** Ticks of the clock that CPU time is told in. */
export async function ticksPerSecond(): Promise<number> {
  return Number(await shell("getconf CLK_TCK"));
}

function parseProcess(text: string, ramSize: number): HostProcess {
  const [stat, command, rollup, smaps] = text.split(/^@\w+/m) as [string, string, string, string];
  // Fields from the third on (proc(5)): utime is field 14, stime 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    pid: parseInt(stat),
    name: processName(command.trim()),
    ticks: Number(fields[11]) + Number(fields[12]),
    ...resident(rollup),
    ram: resident(ramMapping(smaps, ramSize) ?? ""),
  };
}

/** Name of a process from its command line: a server's module, or the program. */
function processName(command: string): string {
  if (command.includes("atoll-janitor")) return "janitor";
  if (command.includes("/kernel/main.ts")) return "kernel";
  if (command.includes("cli/main.ts")) return "toolstack";
  return /\/servers\/(\w+)\.ts/.exec(command)?.[1] ?? /^\S+/.exec(command)?.[0] ?? "?";
}

function resident(fields: string): Resident {
  const kib = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(fields)?.[1] ?? 0);
  return { rss: kib("Rss"), pss: kib("Pss") };
}

/** The mapping that is as large as RAM, or a little larger. Reserved address space cannot be accessed. */
function ramMapping(smaps: string, ramSize: number): string | undefined {
  return smaps.split(/^(?=[\da-f]+-[\da-f]+ )/m).find((mapping) => {
    const size = Number(/^Size: +(\d+) kB/m.exec(mapping)?.[1]);
    return / rw/.test(mapping) && size >= ramSize && size <= ramSize + MAPPING_SLACK;
  });
}

async function shell(script: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...args],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}
