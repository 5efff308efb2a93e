/**
 * Whether the host has the memory that a domain asks for.
 *
 * @module
 */

import { format } from "@std/fmt/bytes";
import { ConfigurationError } from "./configuration_error.ts";
import { SHARED_MEMORY_ROOT } from "./runtime_directory.ts";

/**
 * Compares `memory` bytes with what the host can give. Nothing is checked without `--allow-sys=systemMemoryInfo`.
 *
 * @throws {ConfigurationError} if it is too much
 */
export async function checkHostMemory(
  { memory, shareMemory, cpuCheck }: { memory: number; shareMemory: boolean; cpuCheck: boolean },
): Promise<void> {
  const mayLook = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" }).state === "granted";
  if (mayLook) refuse(memory * (cpuCheck ? 2 : 1), Deno.systemMemoryInfo().available, "of the host's memory");
  if (shareMemory) refuse(memory, await freeSharedMemory(), `in ${SHARED_MEMORY_ROOT}`);
}

function refuse(memory: number, free: number, where: string): void {
  if (memory <= free) return;
  const [wanted, available] = [memory, free].map((bytes) => format(bytes, { binary: true }));
  throw new ConfigurationError(
    `Memory size ${wanted} is too much: ${available} ${where} are free: give the domain less`,
  );
}

/** Free bytes of the file system for shared memory, as `df` tells: Deno reads nothing below /dev. */
async function freeSharedMemory(): Promise<number> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `df -Pk "$1"`, "sh", SHARED_MEMORY_ROOT],
    env: { LC_ALL: "C" },
    stderr: "null",
  }).output();
  const kibibytes = Number(new TextDecoder().decode(stdout).trim().split("\n").at(-1)?.split(/\s+/)[3]);
  if (Number.isNaN(kibibytes)) {
    throw new ConfigurationError(
      `Cannot use ${SHARED_MEMORY_ROOT}: run without --allow-ffi to keep memory private`,
    );
  }
  return kibibytes * 1024;
}
