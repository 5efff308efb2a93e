/**
 * A machine from its start to its end, with the results that its guest writes on the console.
 *
 * @module
 */

import { TextLineStream } from "@std/streams";
import { BEGIN, END, parseLine } from "./guest_script.ts";

/** Milliseconds until the guest's script runs, and between lines from it, after which it is taken to hang. */
const BOOT_TIMEOUT = 40_000;
const LINE_TIMEOUT = 180_000;
/** Milliseconds that a machine gets to end by itself. */
const END_TIMEOUT = 10_000;

/** Lines of the kernel, which has complaints of its own. */
const KERNEL_LOG = /^\[ *\d+\.\d+\] /;

/** What a benchmark took. */
export interface Measurement {
  readonly name: string;
  /** By the host's clock, between two lines on the console. */
  readonly milliseconds: number;
  /** By the guest's clock, which is wrong in guests that could not calibrate their TSC. */
  readonly guestMilliseconds: number;
  /** The same on all machines that compute right. */
  readonly checksum: string;
}

/** What a machine did. */
export interface SessionResult {
  /** Milliseconds from the start of the process until the guest's script ran. */
  readonly boot?: number;
  readonly measurements: readonly Measurement[];
  /** What went wrong, in lines for people. */
  readonly problems: readonly string[];
}

/** Runs a machine to its end, and tells of each measurement when it is there. */
export async function runSession(
  start: () => Deno.ChildProcess,
  progress: (measurement: Measurement) => void = () => {},
): Promise<SessionResult> {
  const begin = performance.now();
  const child = start();
  const errors = new Response(child.stderr).text();
  const measurements: Measurement[] = [];
  const problems: string[] = [];
  let state: "boots" | "works" | "ends" = "boots";
  let boot: number | undefined;
  let [started, stopped] = [begin, begin];
  let timer = setTimeout(giveUp, BOOT_TIMEOUT);
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) {
    // A guest without ACPI is reset, and may begin again.
    if (state === "ends") continue;
    const [text, time] = [line.trim(), performance.now()];
    const event = parseLine(text);
    if (event?.kind === "start") started = time;
    else if (event?.kind === "stop") stopped = time;
    else if (event?.kind === "result") keep(event.name, event.nanoseconds / 1e6, event.checksum);
    else if (text === BEGIN) [state, boot] = ["works", time - begin];
    else if (text === END) state = "ends";
    else if (state !== "boots" && text !== "" && !KERNEL_LOG.test(text)) problems.push(text);
    if (state === "boots") continue;
    clearTimeout(timer);
    timer = setTimeout(giveUp, text === END ? END_TIMEOUT : LINE_TIMEOUT);
  }
  clearTimeout(timer);
  await child.status;
  await child.stdin.close().catch(() => {});
  const said = (await errors).trim();
  if (state !== "ends") problems.push(`The guest did not get to its end${said === "" ? "" : `: ${said}`}`);
  return { ...boot === undefined ? {} : { boot }, measurements, problems };

  function keep(name: string, guestMilliseconds: number, checksum: string): void {
    const measurement = { name, milliseconds: stopped - started, guestMilliseconds, checksum };
    measurements.push(measurement);
    progress(measurement);
  }

  function giveUp(): void {
    if (state !== "ends") problems.push(`The guest hangs while it ${state}`);
    child.kill("SIGKILL");
  }
}
