import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { ConfigurationError } from "../configuration_error.ts";
import { findImageFile } from "./image_file.ts";

Deno.test("what an image file has given it gives again when it is gone", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "file");
    await Deno.writeFile(path, Uint8Array.of(1, 2, 3, 4));
    const file = await findImageFile("Kernel", path);
    assertEquals([file.name, file.size], [path, 4]);
    assertEquals(await file.read(1, 2), Uint8Array.of(2, 3));
    assertEquals(await file.read(3, 2), Uint8Array.of(4));
    await Deno.truncate(path, 1);
    await assertRejects(() => file.read(0, 4), ConfigurationError, `Kernel "${path}" is truncated`);
    await Deno.remove(path);
    assertEquals(await file.read(1, 2), Uint8Array.of(2, 3));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the kernel process is to read a file by its path without links, unless no permission can name it", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const path = join(folder, "file");
    await Deno.writeFile(path, Uint8Array.of(1));
    // Deno itself makes links only where it may do everything.
    const link = join(folder, "link");
    await new Deno.Command("sh", { args: ["-c", 'ln -s "$1" "$2"', "sh", path, link] }).output();
    assertEquals((await findImageFile("Kernel", link)).path, path);
    await Deno.rename(path, join(folder, "a,b"));
    const file = await findImageFile("Kernel", join(folder, "a,b"));
    assertEquals(file.path, undefined);
    assertEquals(await file.read(0, 1), Uint8Array.of(1));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an image file that cannot be had is refused by name", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "file");
    await Deno.writeFile(path, Uint8Array.of(1));
    const missing = join(folder, "missing");
    await assertRejects(
      () => findImageFile("Kernel", missing),
      ConfigurationError,
      `Kernel "${missing}" does not exist: check the path`,
    );
    await assertRejects(() => findImageFile("Initrd", folder), ConfigurationError, "is a directory");
    await assertRejects(() => findImageFile("Initrd", join(path, "x")), ConfigurationError, 'Initrd "');
    await Deno.writeFile(path, new Uint8Array(0));
    await assertRejects(() => findImageFile("Initrd", path), ConfigurationError, "is empty");
    await assertRejects(
      () => findImageFile("Initrd", "/dev/null"),
      ConfigurationError,
      "is not a plain file",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "without permission an image file is refused with what to do",
  permissions: { read: false },
  fn: async () => {
    await assertRejects(() => findImageFile("Kernel", "/x"), ConfigurationError, "allow reading it");
  },
});
