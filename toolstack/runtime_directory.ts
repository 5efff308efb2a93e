/**
 * The private directory that a domain's FIFOs lie in.
 *
 * @module
 */

import { join } from "@std/path";
import { ConfigurationError } from "./configuration_error.ts";
import { environment } from "./environment.ts";

/** Folder in which guest RAM is shared between processes. */
export const SHARED_MEMORY_ROOT = "/dev/shm";

/** Names of one domain's files: `atoll-<process id>-<random>`. */
export interface RuntimePaths {
  /** Folder that {@link directory} lies in. */
  readonly root: string;
  /** The private directory. */
  readonly directory: string;
  /** File that guest RAM is shared through. */
  readonly ramFile: string;
}

/** Names for a domain of this process; nothing is made. */
export function runtimePaths(name: string = uniqueName()): RuntimePaths {
  const root = environment("XDG_RUNTIME_DIR") ?? environment("TMPDIR") ?? "/tmp";
  return { root, directory: join(root, name), ramFile: join(SHARED_MEMORY_ROOT, name) };
}

/**
 * Makes the private directory, which nobody but this user can enter.
 *
 * @throws {ConfigurationError} if it cannot be made
 */
export async function makeRuntimeDirectory(paths: RuntimePaths): Promise<void> {
  try {
    await Deno.mkdir(paths.directory, { mode: 0o700 });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigurationError(
      `Cannot make "${paths.directory}": ${reason}: set XDG_RUNTIME_DIR to a folder that can be written`,
    );
  }
}

function uniqueName(): string {
  return `atoll-${Deno.pid}-${crypto.getRandomValues(new Uint8Array(6)).toHex()}`;
}
