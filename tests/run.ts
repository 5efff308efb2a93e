/**
 * Runs all tests and the documentation's examples, and ends with a line `N passed, N failed`.
 *
 * Arguments go to `deno test`: files, folders, or options such as `--filter`.
 *
 * @module
 */

import { stripAnsiCode } from "@std/fmt/colors";
import { engineOptions } from "../toolstack/engine_options.ts";

// What the tests need: a temporary folder, and for whole-machine tests what the command itself needs. Some put
// programs of their own in place of the host's. Code for the processor is tried on the host's own, through FFI.
const PERMISSIONS = [
  "--no-prompt",
  "--allow-read",
  "--allow-write=${TMPDIR:-/tmp},${XDG_RUNTIME_DIR:-/tmp},${XDG_CACHE_HOME:-$HOME/.cache}/atoll",
  "--allow-run",
  "--allow-env",
  "--allow-ffi",
  "--allow-sys=systemMemoryInfo",
];

const args = Deno.args.length > 0 ? Deno.args : ["--doc", "."];
const command = `exec "$0" test --quiet ${
  [engineOptions(), ...PERMISSIONS].map((flag) => `"${flag}"`).join(" ")
} "$@"`;
const child = new Deno.Command("sh", {
  args: ["-c", command, Deno.execPath(), ...args],
  stdin: "null",
  stdout: "piped",
  stderr: "inherit",
}).spawn();

let output = "";
const decoder = new TextDecoder();
for await (const bytes of child.stdout) {
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
  output = (output + decoder.decode(bytes, { stream: true })).slice(-4096);
}
const { success } = await child.status;

const summary = /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed(?:.*? \| (\d+) ignored)?/m
  .exec(stripAnsiCode(output));
const [passed, failed, skipped] = [1, 2, 3].map((group) => Number(summary?.[group] ?? 0)) as [
  number,
  number,
  number,
];
// Without a summary not even the types were right.
const failures = !success && failed === 0 ? 1 : failed;
console.log(`\n${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
Deno.exit(success && summary !== null ? 0 : 1);
