import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type ImageFile, MemoryFile } from "./image_file.ts";
import { findUnpacked, keepUnpacked, MOST_KEPT } from "./unpacked_kernels.ts";

const UNPACKED = Uint8Array.of(1, 2, 3);

function packed(content: number): ImageFile {
  return new MemoryFile(Uint8Array.of(content));
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("what a packed kernel holds is kept, for a kernel of the same contents", async () => {
  await withFolder(async (folder) => {
    const cache = join(folder, "a", "b");
    assertEquals(await findUnpacked(packed(1), cache), undefined);
    await keepUnpacked(packed(1), UNPACKED, cache);
    const found = (await findUnpacked(packed(1), cache))!;
    assertEquals(await found.read(0, found.size), UNPACKED);
    assertEquals(found.path?.startsWith(`${cache}/kernel-`), true);
    assertEquals(await findUnpacked(packed(2), cache), undefined);
    // Once more is none the worse, and nothing else is left.
    await keepUnpacked(packed(1), UNPACKED, cache);
    assertEquals((await Array.fromAsync(Deno.readDir(cache))).length, 1);
  });
});

Deno.test("of more kernels than are kept those go that were not used for longest", async () => {
  await withFolder(async (cache) => {
    const other = join(cache, "other");
    await Deno.mkdir(other);
    for (let content = 1; content <= MOST_KEPT; content++) {
      await keepUnpacked(packed(content), UNPACKED, cache);
      // As if it had been a while ago.
      const { path } = (await findUnpacked(packed(content), cache))!;
      await Deno.utime(join(path!, ".."), 1000 + content, 1000 + content);
    }
    await findUnpacked(packed(1), cache);
    await keepUnpacked(packed(MOST_KEPT + 1), UNPACKED, cache);
    const kept = await Promise.all(
      Array.from({ length: MOST_KEPT + 1 }, async (_, index) => await findUnpacked(packed(index + 1), cache)),
    );
    assertEquals(kept.map((file) => file !== undefined), [true, false, true, true, true]);
    assertEquals((await Deno.stat(other)).isDirectory, true);
  });
});

Deno.test("where nothing can be kept, nothing is, and nobody is told", async () => {
  await withFolder(async (folder) => {
    await Deno.writeFile(join(folder, "file"), UNPACKED);
    const cache = join(folder, "file", "cache");
    await keepUnpacked(packed(1), UNPACKED, cache);
    assertEquals(await findUnpacked(packed(1), cache), undefined);
  });
});

Deno.test("what was kept and cannot be used any more is as if it had not been kept", async () => {
  await withFolder(async (cache) => {
    await keepUnpacked(packed(1), UNPACKED, cache);
    const { path } = (await findUnpacked(packed(1), cache))!;
    await Deno.truncate(path!);
    assertEquals(await findUnpacked(packed(1), cache), undefined);
    // What is no folder cannot be listed.
    const folder = join(path!, "..");
    await Deno.remove(folder, { recursive: true });
    await Deno.writeFile(folder, UNPACKED);
    assertEquals(await findUnpacked(packed(1), cache), undefined);
  });
});

Deno.test({
  name: "a cache that may not be written is not used",
  permissions: { read: true },
  fn: async () => {
    await keepUnpacked(packed(1), UNPACKED, "/tmp/no-such-cache");
    assertEquals(await findUnpacked(packed(1), "/tmp/no-such-cache"), undefined);
  },
});
