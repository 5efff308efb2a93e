/**
 * The files of the guest in which benchmarks run.
 *
 * @module
 */

import { join } from "@std/path";
import { debianBusybox } from "../../toolstack/image/debian.ts";
import { buildInitramfs, type InitramfsFile, listApplets } from "../../toolstack/image/initramfs.ts";
import { type Benchmark, COLD_BOOT } from "./catalogue.ts";
import { debianProgramsArchive } from "./debian_programs.ts";
import { guestScript, PROGRAM } from "./guest_script.ts";
import type { Platform } from "./platforms.ts";
import { compilePrograms } from "./programs.ts";

/** Files of a guest, as machine monitors take them. */
export interface GuestImage {
  readonly vmlinux: string;
  readonly initrd: string;
}

/** Guests of one kernel. */
export interface GuestImages {
  /** Boots to a script, and does nothing else. */
  readonly boot: GuestImage;
  /** Runs the benchmarks. */
  readonly work: GuestImage;
}

/** Writes the guests that run `benchmarks` into `folder`. */
export async function writeGuestImages(
  folder: string,
  platform: Platform,
  benchmarks: readonly Benchmark[],
): Promise<GuestImages> {
  const vmlinux = await platform.kernel(folder);
  const busybox = await Deno.readFile(await platform.busybox());
  // The host can run its own busybox, which has the same applets.
  const applets = await listApplets(await debianBusybox());
  const program = await compilePrograms(folder, await platform.compilerOptions());
  const files: InitramfsFile[] = [{ path: PROGRAM, bytes: await Deno.readFile(program), mode: 0o755 }];

  const write = async (name: string, script: string): Promise<GuestImage> => {
    const initrd = join(folder, name);
    await Deno.writeFile(initrd, buildInitramfs({ busybox, applets, script, files }));
    return { vmlinux, initrd };
  };
  const boot = await write("initrd-boot", guestScript([]));
  const work = await write("initrd-work", guestScript(benchmarks.filter(({ name }) => name !== COLD_BOOT)));
  if (benchmarks.some(({ command }) => command !== undefined)) {
    // The kernel unpacks all archives that it finds.
    await Deno.writeFile(work.initrd, await debianProgramsArchive(platform.architecture), { append: true });
  }
  return { boot, work };
}
