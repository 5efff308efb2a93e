/**
 * Reading the files that a domain is built from.
 *
 * @module
 */

import { ConfigurationError } from "../configuration_error.ts";

/** Largest kernel or initrd that is read, in bytes: no domain has memory for a larger one. */
const MAX_FILE = 3584 * 2 ** 20;

/**
 * Reads a whole file; `what` names its role, as in `Kernel`.
 *
 * @throws {ConfigurationError} if it is missing, no plain file, empty, or not readable
 */
export async function readImageFile(what: string, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const read = await findImageFile(what, path);
  return await read();
}

/** The first half of {@link readImageFile}: gives what reads the file. @throws {ConfigurationError} likewise */
export async function findImageFile(
  what: string,
  path: string,
): Promise<() => Promise<Uint8Array<ArrayBuffer>>> {
  const info = await explained(what, path, () => Deno.stat(path));
  if (info.isDirectory) throw new ConfigurationError(`${what} "${path}" is a directory: name a file in it`);
  if (!info.isFile) throw new ConfigurationError(`${what} "${path}" is not a plain file: name another`);
  if (info.size === 0) throw new ConfigurationError(`${what} "${path}" is empty: get the file again`);
  if (info.size > MAX_FILE) {
    throw new ConfigurationError(`${what} "${path}" is too large for any domain: name another file`);
  }
  return () => explained(what, path, () => Deno.readFile(path));
}

/** Does something with a file, and says in one line why that cannot be done. */
async function explained<T>(what: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw new ConfigurationError(`${what} "${path}" does not exist: check the path`, { cause: error });
    }
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
      throw new ConfigurationError(`${what} "${path}" cannot be read: allow reading it`, { cause: error });
    }
    throw error;
  }
}
