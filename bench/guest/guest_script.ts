/**
 * What the guest runs, and what it says of it on its console.
 *
 * @module
 */

import { LEAVE } from "../guest_files.ts";
import type { Benchmark } from "./catalogue.ts";
import { DEBIAN_ROOT } from "./debian_programs.ts";

/** Said when the script begins, and when all benchmarks have been run. Neither is in the script's text. */
export const BEGIN = "@begin 42";
export const END = "@end 42";
const SAY_BEGIN = "echo @begin $((6 * 7))";
const SAY_END = "echo @end $((6 * 7))";

/** A benchmark began, or ended. */
export interface Mark {
  readonly kind: "start" | "stop";
  readonly name: string;
}

/** What a benchmark gave. */
export interface Result {
  readonly kind: "result";
  readonly name: string;
  /** By the guest's clock. */
  readonly nanoseconds: number;
  /** The same on all machines that compute right. */
  readonly checksum: string;
}

/** Where the compiled programs are in the guest, without the leading slash. */
export const PROGRAM = "bin/bench";

/** What Debian's programs need besides their files, some of which they make when they are first used. */
const PREPARE_DEBIAN = [
  "export LC_ALL=C PYTHONHASHSEED=0",
  `mount --bind /dev /${DEBIAN_ROOT}/dev`,
  `mount -t proc proc /${DEBIAN_ROOT}/proc`,
  `chroot /${DEBIAN_ROOT} python3 -c 'import json, re, collections'`,
  `chroot /${DEBIAN_ROOT} dash -c 'xz -1 -T1 -c /work/text >/work/text.xz'`,
];

/** The script that runs benchmarks one after another. */
export function guestScript(benchmarks: readonly Benchmark[]): string {
  return [
    SAY_BEGIN,
    // Programs that want random numbers would wait for them while they are measured.
    "dd if=/dev/random of=/dev/null bs=16 count=1 2>/dev/null",
    ...benchmarks.some(({ command }) => command !== undefined) ? PREPARE_DEBIAN : [],
    ...benchmarks.map(({ name, command }) =>
      `/${PROGRAM} ${name}${command === undefined ? "" : ` /${DEBIAN_ROOT} dash -c '${command}'`}`
    ),
    SAY_END,
    LEAVE,
  ].join("\n");
}

/** The script that has the host itself run benchmarks, with the program whose path is the shell's `$0`. */
export function hostScript(benchmarks: readonly Benchmark[]): string {
  return [SAY_BEGIN, ...benchmarks.map(({ name }) => `"$0" ${name}`), SAY_END].join("\n");
}

/** Reads a line of the console; gives nothing if it is none of a benchmark's. */
export function parseLine(line: string): Mark | Result | undefined {
  const mark = /^@(start|stop) (\w+)$/.exec(line);
  if (mark) return { kind: mark[1] === "start" ? "start" : "stop", name: mark[2]! };
  const result = /^@result (\w+) (\d+) ([0-9a-f]{16})$/.exec(line);
  if (!result) return undefined;
  return { kind: "result", name: result[1]!, nanoseconds: Number(result[2]), checksum: result[3]! };
}
