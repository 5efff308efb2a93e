import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { ConfigurationError } from "../configuration_error.ts";
import { readImageFile } from "./image_file.ts";

Deno.test("an image file is read whole, and what cannot be read is refused by name", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "file");
    await Deno.writeFile(path, Uint8Array.of(1, 2, 3));
    assertEquals(await readImageFile("Kernel", path), Uint8Array.of(1, 2, 3));
    const missing = join(folder, "missing");
    await assertRejects(
      () => readImageFile("Kernel", missing),
      ConfigurationError,
      `Kernel "${missing}" does not exist: check the path`,
    );
    await assertRejects(() => readImageFile("Initrd", folder), ConfigurationError, "is a directory");
    await assertRejects(() => readImageFile("Initrd", join(path, "x")), ConfigurationError, 'Initrd "');
    await Deno.writeFile(path, new Uint8Array(0));
    await assertRejects(() => readImageFile("Initrd", path), ConfigurationError, "is empty");
    await assertRejects(
      () => readImageFile("Initrd", "/dev/null"),
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
    await assertRejects(() => readImageFile("Kernel", "/x"), ConfigurationError, "allow reading it");
  },
});
