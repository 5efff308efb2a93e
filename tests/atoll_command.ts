/**
 * The real command, as `deno task atoll` runs it, on a host folder of its own.
 *
 * @module
 */

import { join } from "@std/path";
import { toText } from "@std/streams";
import config from "../deno.json" with { type: "json" };
import { tinyGuest } from "./tiny_guest.ts";

/** How a command ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The permissions in the task's text may be left out or added to. */
export type EditTask = (task: string) => string;

/** Time in milliseconds after which a command is taken to hang, and ended. */
const TIMEOUT = 180_000;

const project = new URL("../", import.meta.url);

// The task's text is a shell's too; then the process that is started here is the toolstack itself.
const RUN = (task: string) => `cd "$1"; shift; exec ${task.replace(/^deno /, '"$DENO" ')} "$@"`;

// A process belongs to a test if it has the test's folder in its environment or its arguments.
const SURVIVORS = `
for process in /proc/[0-9]*; do
  [ "$process" = "/proc/$$" ] && continue
  grep -qsF "$1" "$process/environ" "$process/cmdline" && tr '\\0' ' ' <"$process/cmdline" && echo
done
ls -d /dev/shm/atoll-* 2>/dev/null
true`;

/** A folder in which commands are run, and everything that they leave. */
export class AtollHost implements AsyncDisposable {
  /** Holds the runtime directories. */
  readonly runtime: string;
  /** Holds files for the test. */
  readonly files: string;
  /** Folder for caches; this user's own if it is not set. */
  cache: string | undefined;
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
    this.runtime = join(root, "runtime");
    this.files = join(root, "files");
  }

  /** Makes the folder. */
  static async create(): Promise<AtollHost> {
    const host = new AtollHost(await Deno.makeTempDir({ prefix: "atoll_test_" }));
    await Deno.mkdir(host.runtime);
    await Deno.mkdir(host.files);
    return host;
  }

  /** Writes a file and gives its path. */
  async file(name: string, bytes: Uint8Array | string): Promise<string> {
    const path = join(this.files, name);
    await Deno.writeFile(path, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
    return path;
  }

  /** Path of a guest of some hundred bytes. */
  tinyGuest(): Promise<string> {
    return this.file("tiny-guest", tinyGuest());
  }

  /** Starts the command with piped standard streams. */
  start(args: readonly string[], edit: EditTask = (task) => task): Deno.ChildProcess {
    return new Deno.Command("sh", {
      args: ["-c", RUN(edit(config.tasks.atoll.command)), "sh", project.pathname, ...args],
      env: {
        ...{ DENO: Deno.execPath(), XDG_RUNTIME_DIR: this.runtime, NO_COLOR: "1" },
        ...this.cache === undefined ? {} : { XDG_CACHE_HOME: this.cache },
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Runs the command to its end, with `input` on its standard input. */
  async run(args: readonly string[], input = "", edit?: EditTask): Promise<Outcome> {
    const process = this.start(args, edit);
    const timer = setTimeout(() => process.kill("SIGKILL"), TIMEOUT);
    const writer = process.stdin.getWriter();
    // A command that refuses its arguments does not read.
    writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
    const [{ code }, stdout, stderr] = await Promise.all([
      process.status,
      toText(process.stdout),
      toText(process.stderr),
    ]);
    clearTimeout(timer);
    return { code, stdout, stderr };
  }

  /** What is left of all commands: processes, files in shared memory, runtime directories. */
  async leftovers(): Promise<string[]> {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", SURVIVORS, "sh", this.runtime],
      stderr: "null",
    }).output();
    const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
    for await (const { name } of Deno.readDir(this.runtime)) lines.push(name);
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#root, { recursive: true });
  }
}

/** Ends processes at once; Deno itself may only do that to its children. */
export async function killProcesses(ids: readonly number[]): Promise<void> {
  await new Deno.Command("sh", { args: ["-c", 'kill -KILL "$@"', "sh", ...ids.map(String)] }).output();
}

/** Reads `stream` until its text holds `expected`; gives all that was read. @throws {Error} if it ends before */
export async function readUntil(stream: ReadableStream<Uint8Array>, expected: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream.values({ preventCancel: true })) {
    text += decoder.decode(bytes, { stream: true });
    if (text.includes(expected)) return text;
  }
  throw new Error(`Stream ended without ${JSON.stringify(expected)}, after ${JSON.stringify(text)}`);
}
