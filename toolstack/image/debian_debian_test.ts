import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { buildLinux } from "../builder/linux.ts";
import { ConfigurationError } from "../configuration_error.ts";
import { debianBusybox, debianKernel } from "./debian.ts";
import { findImageFile, MemoryFile } from "./image_file.ts";
import { buildInitramfs, listApplets } from "./initramfs.ts";

/** Whether apt is on this host and can download a package. */
async function canDownload(): Promise<boolean> {
  const folder = await Deno.makeTempDir();
  try {
    const { success } = await new Deno.Command("apt-get", {
      args: ["download", "busybox-static"],
      cwd: folder,
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const ignore = !await canDownload();

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function filesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

Deno.test({
  name: "Debian's kernel and busybox are downloaded once and boot images are built from them",
  ignore,
  fn: () =>
    withFolder(async (cache) => {
      const kernelPath = await debianKernel(cache);
      const busyboxPath = await debianBusybox(cache);
      assertMatch(kernelPath, /\/vmlinuz-6\.\d+\.\d+[^/]*cloud-amd64$/);
      assertEquals(await filesIn(cache), ["busybox-static", "linux-cloud-amd64"]);

      const before = (await Deno.stat(kernelPath)).ino;
      assertEquals(await debianKernel(cache), kernelPath);
      assertEquals((await Deno.stat(kernelPath)).ino, before);

      const applets = await listApplets(busyboxPath);
      for (const applet of ["sh", "mount", "setsid", "cttyhack", "poweroff"]) {
        assert(applets.includes(applet));
      }
      const initrd = new MemoryFile(buildInitramfs({ busybox: await Deno.readFile(busyboxPath), applets }));
      const kernel = await findImageFile("Kernel", kernelPath);
      const configuration = {
        kernel,
        initrd,
        commandLine: "console=ttyS0",
        memorySize: 256 * 2 ** 20,
        vcpus: 2,
        devices: { pit: true, rtc: true, i8042: true, uart: true, uart1: false },
      };
      assertEquals((await buildLinux(configuration)).entry.kind, "pvh");
      assertEquals((await buildLinux(configuration, "linux64")).entry.kind, "long");
      await assertRejects(
        () => buildLinux({ ...configuration, memorySize: 32 * 2 ** 20 }),
        ConfigurationError,
        "give the domain at least",
      );
    }),
});

Deno.test({
  name: "what a killed process left of a download is removed by the next one",
  ignore,
  fn: () =>
    withFolder(async (cache) => {
      for (const name of [".download-old", ".download-new"]) {
        await Deno.mkdir(join(cache, name));
        await Deno.writeFile(join(cache, name, "half.deb"), new Uint8Array(10));
      }
      const twoDaysAgo = new Date(Date.now() - 2 * 24 * 3600 * 1000);
      await Deno.utime(join(cache, ".download-old"), twoDaysAgo, twoDaysAgo);
      await debianBusybox(cache);
      // The new one may still be in use.
      assertEquals(await filesIn(cache), [".download-new", "busybox-static"]);
    }),
});

Deno.test({
  name: "two processes' downloads at once leave one file",
  ignore,
  fn: () =>
    withFolder(async (cache) => {
      const [first, second] = await Promise.all([debianBusybox(cache), debianBusybox(cache)]);
      assertEquals(first, second);
      assertEquals(await filesIn(cache), ["busybox-static"]);
    }),
});
