/**
 * The two kinds of guests: what their kernel, their busybox and their programs are made of.
 *
 * @module
 */

import { join } from "@std/path";
import { debianBusybox } from "../../toolstack/image/debian.ts";
import { writeGuestFiles } from "../guest_files.ts";
import { unpackedPackages } from "./debian_packages.ts";

/** A kind of guest. */
export interface Platform {
  readonly architecture: "amd64" | "i386";
  /** Path of the kernel, which may be written into `folder`. */
  kernel(folder: string): Promise<string>;
  /** Path of a busybox, statically linked. */
  busybox(): Promise<string>;
  /** With which gcc compiles for the guest. */
  compilerOptions(): Promise<readonly string[]>;
}

/** The guest of the other benchmarks, with its kernel unpacked. */
export const AMD64: Platform = {
  architecture: "amd64",
  kernel: async (folder) => (await writeGuestFiles(folder, "")).vmlinux,
  busybox: () => debianBusybox(),
  compilerOptions: () => Promise.resolve([]),
};

/** A guest for emulators that have no 64-bit mode. Its kernel has PAE, since only that one can be entered by PVH. */
export const I386: Platform = {
  architecture: "i386",
  async kernel() {
    const folder = join(
      await unpackedPackages({
        name: "linux-686-pae",
        architecture: "i386",
        packages: ["linux-image-686-pae"],
        follow: "linux-image-[0-9].*",
        without: "-",
        exclude: ["./lib", "./usr"],
      }),
      "boot",
    );
    const entries = await Array.fromAsync(Deno.readDir(folder));
    const kernel = entries.find(({ name }) => name.startsWith("vmlinuz-"));
    if (kernel === undefined) throw new Error(`No kernel is in "${folder}"`);
    return join(folder, kernel.name);
  },
  async busybox() {
    const root = await unpackedPackages({ ...WITHOUT_DEPENDENCIES, packages: ["busybox-static"] });
    return join(root, "bin/busybox");
  },
  async compilerOptions() {
    const version = await compilerVersion();
    const root = join(
      await unpackedPackages({
        ...WITHOUT_DEPENDENCIES,
        packages: ["libc6-dev", "linux-libc-dev", `libgcc-${version}-dev`],
      }),
      "usr",
    );
    const libraries = [`${root}/lib/i386-linux-gnu`, `${root}/lib/gcc/i686-linux-gnu/${version}`];
    return [
      ...["-m32", "-msse2", "-mfpmath=sse"],
      ...libraries.flatMap((folder) => [`-B${folder}`, `-L${folder}`]),
      ...["-isystem", `${root}/include`, "-isystem", `${root}/include/i386-linux-gnu`],
    ];
  },
};

const WITHOUT_DEPENDENCIES = {
  name: "guest-i386",
  architecture: "i386",
  follow: "-",
  without: "-",
  exclude: ["./usr/share"],
} as const;

/** Major version of the host's gcc, whose library is to fit. */
async function compilerVersion(): Promise<string> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", "exec gcc -dumpversion"],
    stdin: "null",
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout).trim().split(".")[0]!;
}
