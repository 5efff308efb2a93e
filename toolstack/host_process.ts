/**
 * A process of a domain: a Deno program with an exact list of permissions.
 *
 * @module
 */

import { stripAnsiCode } from "@std/fmt/colors";
import { TextLineStream } from "@std/streams";

/** What a process is to be started from. */
export interface ProcessPlan {
  /** Name for people: `kernel`, `pit`, ... */
  readonly name: string;
  /** Main module. */
  readonly url: string;
  /** Arguments of `deno run` before the module: permissions and engine flags. */
  readonly flags: readonly string[];
}

/** A process's two FIFOs, as its standard input and output. */
export interface FifoPair {
  readonly requests: string;
  readonly replies: string;
}

// Opening a FIFO waits for its other end. Holding both ends until the program starts makes that immediate,
// and leaves end of file to whoever opened the other ends.
const WITH_FIFOS = `
requests=$1 replies=$2
shift 2
exec 3<>"$requests" 4<>"$replies"
exec "$@" <"$requests" >"$replies" 3>&- 4>&-
`;
const WITH_PIPES = `exec "$@"`;

/** Lines of standard error that are kept. */
const KEPT_LINES = 50;

/** A running process. */
export class HostProcess {
  readonly name: string;
  readonly pid: number;
  /** Settles once the process has ended and its standard error has been read. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #lines: string[] = [];
  #running = true;

  /**
   * Starts `plan`, over `fifos` or else with piped standard input and output.
   *
   * @throws {Deno.errors.NotCapable} without `--allow-run=sh`
   */
  constructor(plan: ProcessPlan, fifos: FifoPair | undefined, onLine: (line: string) => void) {
    this.name = plan.name;
    const program = [Deno.execPath(), "run", ...plan.flags, plan.url];
    this.#child = new Deno.Command("sh", {
      args: fifos === undefined
        ? ["-c", WITH_PIPES, "sh", ...program]
        : ["-c", WITH_FIFOS, "sh", fifos.requests, fifos.replies, ...program],
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      // A session of its own: signals of the terminal are for the toolstack.
      detached: true,
      stdin: fifos === undefined ? "piped" : "null",
      stdout: fifos === undefined ? "piped" : "null",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.ended = this.#watch(onLine);
  }

  /** Standard input, of a process without FIFOs. */
  get stdin(): WritableStream<Uint8Array> {
    return this.#child.stdin;
  }

  /** Standard output, of a process without FIFOs. */
  get stdout(): ReadableStream<Uint8Array> {
    return this.#child.stdout;
  }

  /** Ends the process at once; nothing happens if it has ended. */
  kill(): void {
    if (!this.#running) return;
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has just ended by itself.
    }
  }

  /** How the process ended, with the line of its standard error that says most. */
  async describeEnd(): Promise<string> {
    const status = await this.ended;
    const how = status.signal === null
      ? `ended with exit code ${status.code}`
      : `was ended by ${status.signal}`;
    const why = this.#lines.find((line) => line.startsWith("error: ")) ?? this.#lines.at(-1);
    return why === undefined ? how : `${how}: ${why.replace(/^error: (Uncaught )?(\(in [^)]*\) )?/, "")}`;
  }

  async #watch(onLine: (line: string) => void): Promise<Deno.CommandStatus> {
    const lines = this.#child.stderr.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const line of lines) {
      const text = stripAnsiCode(line).trimEnd();
      if (text === "") continue;
      this.#lines.push(text);
      if (this.#lines.length > KEPT_LINES) this.#lines.shift();
      onLine(text);
    }
    const status = await this.#child.status;
    this.#running = false;
    return status;
  }
}
