/**
 * The folder in which files are kept that take long to get: each in a folder of its own, which is put in place at once.
 *
 * @module
 */

import { join } from "@std/path";
import { environment } from "../environment.ts";

/** Temporary folders begin with this. */
const TEMPORARY = ".download-";
/** Milliseconds after which nobody can be using one any more: Deno lets nobody ask which processes there are. */
const ABANDONED_AFTER = 24 * 3600 * 1000;

/** `$XDG_CACHE_HOME/atoll`, else `~/.cache/atoll`; `undefined` if neither variable is known. */
export function findCacheFolder(): string | undefined {
  const base = environment("XDG_CACHE_HOME");
  if (base !== undefined) return join(base, "atoll");
  const home = environment("HOME");
  return home === undefined ? undefined : join(home, ".cache", "atoll");
}

/** A folder that is removed with all that is in it when it is disposed of. */
export interface TemporaryFolder extends Disposable {
  readonly path: string;
}

/** Makes a folder in a cache, which is made if it is not there, and removes what others have left of theirs. */
export async function temporaryFolder(cache: string): Promise<TemporaryFolder> {
  await Deno.mkdir(cache, { recursive: true });
  await removeAbandoned(cache);
  const path = await Deno.makeTempDir({ dir: cache, prefix: TEMPORARY });
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

/** Puts a complete folder in place at once. Another process that was faster has the same file there. */
export async function publish(complete: string, folder: string): Promise<void> {
  try {
    await Deno.rename(complete, folder);
  } catch (error) {
    if (await onlyFile(folder) === undefined) throw error;
  }
}

/** Path of the file in a folder, if both are there. */
export async function onlyFile(folder: string): Promise<string | undefined> {
  try {
    for await (const entry of Deno.readDir(folder)) if (entry.isFile) return join(folder, entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
  }
  return undefined;
}

/** Removes what processes left that were killed. */
async function removeAbandoned(cache: string): Promise<void> {
  for await (const { name } of Deno.readDir(cache)) {
    if (!name.startsWith(TEMPORARY)) continue;
    const path = join(cache, name);
    const { mtime } = await Deno.stat(path);
    if (mtime !== null && Date.now() - mtime.getTime() > ABANDONED_AFTER) {
      await Deno.remove(path, { recursive: true });
    }
  }
}
