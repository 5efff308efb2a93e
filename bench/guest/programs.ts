/**
 * The benchmark programs of the folder `programs`, compiled into one program for the guest.
 *
 * @module
 */

import { fromFileUrl, join } from "@std/path";
import { ringSource } from "./ring.ts";

const SOURCES = fromFileUrl(new URL("./programs/", import.meta.url));
const OPTIONS = ["-O2", "-static", "-Wall", "-Wextra", "-Werror"];

/** Path of the program that {@link compilePrograms} makes in a folder; it runs the benchmark that its argument names. */
export function programPath(folder: string): string {
  return join(folder, "bench");
}

/**
 * Compiles the programs with the host's gcc, in `folder`.
 *
 * @param options are given to gcc besides those that every build has
 * @returns path of the program
 * @throws {Error} if gcc is not there, or refuses
 */
export async function compilePrograms(folder: string, options: readonly string[] = []): Promise<string> {
  const ring = join(folder, "ring.S");
  const program = programPath(folder);
  await Deno.writeTextFile(ring, ringSource());
  const sources: string[] = [];
  for await (const { name } of Deno.readDir(SOURCES)) {
    if (name.endsWith(".c")) sources.push(join(SOURCES, name));
  }
  const { success, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'exec gcc "$@"', "sh", ...OPTIONS, ...options, "-o", program, ...sources.sort(), ring],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return program;
  throw new Error(
    `Cannot compile the guest's programs (apt-get install gcc libc6-dev):\n${
      new TextDecoder().decode(stderr)
    }`,
  );
}
