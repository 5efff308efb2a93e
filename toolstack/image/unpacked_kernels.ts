/**
 * Kernels that have been unpacked, in the cache: Debian's cloud kernel takes a quarter of a second to unpack, an xz
 * payload three times as long, and the kernel process reads an unpacked one by itself.
 *
 * @module
 */

import { join } from "@std/path";
import { onlyFile, publish, temporaryFolder } from "./cache_folder.ts";
import { findImageFile, type ImageFile } from "./image_file.ts";

/** How many are kept, of some tens of MiB each: those that were used last. */
export const MOST_KEPT = 4;

const PREFIX = "kernel-";
const FILE = "vmlinux";

/** What a packed kernel holds, if that is in the cache. */
export async function findUnpacked(packed: ImageFile, cache: string): Promise<ImageFile | undefined> {
  return await attempt(cache, async () => {
    const folder = await folderOf(packed, cache);
    const path = await onlyFile(folder);
    if (path === undefined) return undefined;
    // It was used: others go first.
    await Deno.utime(folder, new Date(), new Date());
    return await findImageFile("Kernel", path);
  });
}

/** Keeps what a packed kernel holds, if the cache can be written: else it is unpacked again the next time. */
export async function keepUnpacked(packed: ImageFile, unpacked: Uint8Array, cache: string): Promise<void> {
  await attempt(cache, async () => {
    using temporary = await temporaryFolder(cache);
    const complete = join(temporary.path, "complete");
    await Deno.mkdir(complete);
    await Deno.writeFile(join(complete, FILE), unpacked);
    await publish(complete, await folderOf(packed, cache));
    await removeOldest(cache);
  });
}

/** Does something with the cache if that can be done. Nobody has asked for it, so nobody is told if it cannot. */
async function attempt<T>(cache: string, action: () => Promise<T>): Promise<T | undefined> {
  if (!mayUse(cache)) return undefined;
  try {
    return await action();
  } catch {
    // No room, for example, or the cache is another user's.
    return undefined;
  }
}

/** Whether this process may, without anybody being asked. */
function mayUse(path: string): boolean {
  return (["read", "write"] as const).every((name) =>
    Deno.permissions.querySync({ name, path }).state === "granted"
  );
}

/** Another kernel gets another folder. */
async function folderOf(packed: ImageFile, cache: string): Promise<string> {
  const bytes = await packed.read(0, packed.size);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
  return join(cache, PREFIX + digest.slice(0, 16).toHex());
}

async function removeOldest(cache: string): Promise<void> {
  const folders = await Array.fromAsync(Deno.readDir(cache), ({ name }) => join(cache, name));
  const kernels = folders.filter((path) => path.startsWith(join(cache, PREFIX)));
  const used = await Promise.all(
    kernels.map(async (path) => ({ path, time: (await Deno.stat(path)).mtime?.getTime() ?? 0 })),
  );
  for (const { path } of used.sort((a, b) => b.time - a.time).slice(MOST_KEPT)) {
    await Deno.remove(path, { recursive: true });
  }
}
