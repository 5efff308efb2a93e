/**
 * The host itself as a machine: what the programs take without one, which bounds what any can do.
 *
 * @module
 */

import type { Machine } from "../machines.ts";
import type { Benchmark } from "./catalogue.ts";
import { hostScript } from "./guest_script.ts";
import { programPath } from "./programs.ts";

/** The host's own CPU and kernel, with the programs that have been compiled in `folder`, for its architecture. */
export function hostItself(folder: string, benchmarks: readonly Benchmark[]): Machine {
  return {
    name: "host",
    start: () =>
      new Deno.Command("sh", {
        args: ["-c", hostScript(benchmarks), programPath(folder)],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
  };
}
