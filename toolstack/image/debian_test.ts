import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { ConfigurationError } from "../configuration_error.ts";
import { writeAr } from "./ar.ts";
import { cacheFolder, debianBusybox, debianKernel } from "./debian.ts";
import { makeTar } from "./test_tar.ts";

const KERNEL_PACKAGE = "linux-image-6.12.1-cloud-amd64";

/** Programs that answer as apt does, each made of a shell script. */
interface FakeApt {
  readonly "apt-get": string;
  readonly "apt-cache": string;
}

/** Runs `use` with a cache folder and with these programs alone on the path. */
async function withApt(programs: Partial<FakeApt>, use: (cache: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = Deno.env.get("PATH");
  try {
    await Deno.mkdir(join(folder, "bin"));
    for (const [name, script] of Object.entries(programs)) {
      await Deno.writeTextFile(join(folder, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const tar = makeTar([{ path: "./boot/vmlinuz-6.12.1", type: "0", bytes: Uint8Array.of(1, 2, 3) }]);
    await Deno.writeFile(join(folder, "deb"), writeAr([{ name: "data.tar", bytes: tar }]));
    Deno.env.set("PATH", `${join(folder, "bin")}:/usr/bin:/bin`);
    Deno.env.set("FAKE_DEB", join(folder, "deb"));
    await use(join(folder, "cache"));
  } finally {
    Deno.env.set("PATH", path ?? "");
    Deno.env.delete("FAKE_DEB");
    await Deno.remove(folder, { recursive: true });
  }
}

async function filesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

const DEPENDS = `echo "  Depends: ${KERNEL_PACKAGE}"`;
const DOWNLOAD = `case "$*" in
*print-uris*) ;;
*download*${KERNEL_PACKAGE}) cp "$FAKE_DEB" kernel.deb ;;
esac`;

Deno.test("the kernel that the meta-package depends on is downloaded, and then taken from the cache", async () => {
  await withApt({ "apt-cache": DEPENDS, "apt-get": DOWNLOAD }, async (cache) => {
    const path = await debianKernel(cache);
    assertEquals(path, join(cache, "linux-cloud-amd64", "vmlinuz-6.12.1"));
    assertEquals(await Deno.readFile(path), Uint8Array.of(1, 2, 3));
    assertEquals(await filesIn(cache), ["linux-cloud-amd64"]);
    await withApt({ "apt-get": "exit 1" }, async () => assertEquals(await debianKernel(cache), path));
  });
});

Deno.test("where the host's package lists do not do, private ones are fetched once", async () => {
  const getter = `case "$*" in
*Dir::State::Lists=*update*) touch "$(dirname "$FAKE_DEB")/updated" ;;
*) test -e "$(dirname "$FAKE_DEB")/updated" || { echo "E: Failed to fetch" >&2; exit 100; }
${DOWNLOAD} ;;
esac`;
  await withApt({ "apt-cache": DEPENDS, "apt-get": getter }, async (cache) => {
    assertEquals(await Deno.readFile(await debianKernel(cache)), Uint8Array.of(1, 2, 3));
  });
});

Deno.test("a download that fails is one line with apt's reason, and leaves nothing", async () => {
  const fails =
    `case "$*" in *" download "*) touch half.deb ;; esac; echo "W: Look out" >&2; echo "E: Unable to fetch: no network" >&2; exit 100`;
  await withApt({ "apt-cache": DEPENDS, "apt-get": fails }, async (cache) => {
    const error = await assertRejects(
      () => debianKernel(cache),
      ConfigurationError,
      'Cannot download "linux-cloud-amd64" from Debian (Unable to fetch: no network): check the network',
    );
    assertEquals(error.message.includes("\n"), false);
    assertEquals(await filesIn(cache), []);
  });
});

Deno.test("a package without the file is refused", async () => {
  const getter = `case "$*" in *print-uris*) ;; *download*) cp "$FAKE_DEB" busybox.deb ;; esac`;
  await withApt({ "apt-get": getter }, async (cache) => {
    await assertRejects(() => debianBusybox(cache), ConfigurationError, 'Package "busybox.deb" has no');
    assertEquals(await filesIn(cache), []);
  });
});

Deno.test("the cache folder follows the environment", () => {
  const saved = ["XDG_CACHE_HOME", "HOME"].map((name) => [name, Deno.env.get(name)] as const);
  try {
    Deno.env.set("XDG_CACHE_HOME", "/c");
    assertEquals(cacheFolder(), "/c/atoll");
    Deno.env.delete("XDG_CACHE_HOME");
    Deno.env.set("HOME", "/h");
    assertEquals(cacheFolder(), "/h/.cache/atoll");
    Deno.env.delete("HOME");
    assertThrows(() => cacheFolder(), ConfigurationError, "set XDG_CACHE_HOME or HOME");
  } finally {
    for (const [name, value] of saved) if (value !== undefined) Deno.env.set(name, value);
  }
});

Deno.test("without apt the error says what to do", async () => {
  const folder = await Deno.makeTempDir();
  const path = Deno.env.get("PATH");
  try {
    Deno.env.set("PATH", folder);
    await assertRejects(
      () => debianBusybox(join(folder, "cache")),
      ConfigurationError,
      'Program "apt-get" does not exist on this host: install apt, or name files of your own',
    );
    assertEquals(await filesIn(join(folder, "cache")), []);
  } finally {
    Deno.env.set("PATH", path ?? "");
    await Deno.remove(folder, { recursive: true });
  }
});
