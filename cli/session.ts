/**
 * A domain with its console on this process's standard input and output.
 *
 * @module
 */

import { Domain } from "../toolstack/domain.ts";
import type { DomainConfig, LogRecord } from "../toolstack/domain_config.ts";
import type { DomainEnd } from "../toolstack/domain_end.ts";
import { formatCpuStatistics } from "../toolstack/statistics.ts";
import { ESCAPE_HELP } from "./escape_keys.ts";
import { Interruption } from "./interruption.ts";
import type { SessionOptions } from "./options.ts";
import { PipedInput } from "./piped_input.ts";
import { SizeReports } from "./size_reports.ts";
import { RawTerminal } from "./terminal.ts";

/** Exit code where standard output is a pipe that nobody reads any more, as a shell gives it for SIGPIPE. */
const BROKEN_PIPE = 141;

const NEWLINE = 0x0a;

const encoder = new TextEncoder();

/** Runs a domain to its end and gives the exit code. @throws {Error} in one line, if it cannot start */
export async function runDomain(config: DomainConfig, options: SessionOptions): Promise<number> {
  using interruption = new Interruption();
  await using stack = new AsyncDisposableStack();
  const creating = Domain.create({ ...config, log: { level: options.logLevel, write: writeLog } });
  const created = await Promise.race([creating, interruption.signalled]);
  if (typeof created === "number") {
    await creating.then((domain) => domain.destroy(), () => {});
    return created;
  }
  const domain = stack.use(created);
  using terminal = Deno.stdin.isTerminal() ? new RawTerminal() : undefined;
  const piped = terminal === undefined
    ? new PipedInput(writer(domain), () => domain.statistics())
    : undefined;
  const shown = showOutput(domain, piped);
  if (terminal !== undefined) {
    tell("Ctrl-A X quits, Ctrl-A H shows help");
    followTerminal(terminal, domain, options);
    stack.use(new SizeReports(domain));
  } else piped!.feed(Deno.stdin.readable).catch(() => {}); // The domain has ended, or standard input cannot be read.
  await domain.start();
  const end = await Promise.race([
    domain.wait(),
    interruption.signalled,
    shown.then(() => domain.wait(), brokenPipe),
  ]);
  if (typeof end === "number") return end;
  await shown;
  terminal?.[Symbol.dispose]();
  report(end);
  if (options.cpuStatistics && end.reason !== "destroyed") await showCounters(domain);
  return end.exitCode;
}

function brokenPipe(): number {
  return BROKEN_PIPE;
}

/** Whether the console's last line on the terminal has no end, so that a message would be put behind it. */
let lineOpen = false;

/** Copies the guest's console to standard output, until the domain has ended. */
async function showOutput(domain: Domain, piped: PipedInput | undefined): Promise<void> {
  for await (const bytes of domain.console.readable) {
    piped?.output(bytes);
    lineOpen = Deno.stdout.isTerminal() && bytes.at(-1) !== NEWLINE;
    for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
  }
}

/** Gives the guest what is typed, and does what the escape keys ask for. */
async function followTerminal(
  terminal: RawTerminal,
  domain: Domain,
  { cpuStatistics }: SessionOptions,
): Promise<void> {
  const send = writer(domain);
  try {
    for await (const input of terminal.inputs()) {
      if (input.kind === "bytes") await send(input.bytes);
      else if (input.kind === "size") await send(terminal.sizeCommand());
      else if (input.kind === "help") ESCAPE_HELP.forEach(tell);
      else if (input.kind === "counters") await showCounters(domain);
      else {
        if (cpuStatistics) await showCounters(domain);
        await domain.destroy();
      }
    }
  } catch {
    // The domain has ended, or the terminal is gone.
  }
}

function writer(domain: Domain): (bytes: Uint8Array) => Promise<void> {
  const writer = domain.console.writable.getWriter();
  return (bytes) => writer.write(bytes);
}

/** Shows the counters of the CPU, if they are known: they are not where the kernel process failed. */
async function showCounters(domain: Domain): Promise<void> {
  try {
    tell(formatCpuStatistics(await domain.statistics()));
  } catch {
    tell("CPU counters are not known");
  }
}

function report({ exitCode, detail, registers, details }: DomainEnd): void {
  if (lineOpen) tell("");
  if (exitCode === 0) return;
  for (const lines of [registers, details]) if (lines !== undefined) tell(lines.trimEnd());
  tell(`atoll: ${detail}`);
}

function writeLog({ level, source, text }: LogRecord): void {
  tell(`[${level}] ${source}: ${text}`);
}

/** Writes a line, or some, to standard error. */
function tell(text: string): void {
  Deno.stderr.writeSync(encoder.encode(`${text}\n`));
}
