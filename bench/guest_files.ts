/**
 * What the booted guests are made of, as files that every machine monitor takes.
 *
 * @module
 */

import { join } from "@std/path";
import { parseBzImage } from "../toolstack/image/bzimage.ts";
import { debianBusybox, debianKernel } from "../toolstack/image/debian.ts";
import { buildInitramfs, listApplets } from "../toolstack/image/initramfs.ts";
import { unpackPayload } from "../toolstack/image/payload.ts";

/** The guest's RAM in MiB. */
export const MEMORY = 512;

/** The script shows it once it runs. It is not in the script's text, nor on the command line. */
export const MARKER = "atoll-marker-42";
const SHOW_MARKER = "echo atoll-marker-$((6 * 7))";

/** Command line of all guests. */
export const COMMAND_LINE = "console=ttyS0 panic=-1 quiet reboot=t";

/** Ends a script: a machine without ACPI cannot be powered off, and is left by resetting it. */
export const LEAVE = "[ -d /sys/firmware/acpi ] || reboot -f";

/** Files of a guest. */
export interface GuestFiles {
  /** Unpacked kernel with a PVH entry. */
  readonly vmlinux: string;
  readonly initrd: string;
  /** Milliseconds that unpacking the kernel took. */
  readonly unpackingTime: number;
}

/** Writes the files of a guest that shows {@link MARKER} and then runs `commands`. */
export async function writeGuestFiles(folder: string, commands: string): Promise<GuestFiles> {
  const [kernelPath, busyboxPath] = [await debianKernel(), await debianBusybox()];
  const bzImage = await Deno.readFile(kernelPath);
  const start = performance.now();
  const vmlinux = await unpackPayload(parseBzImage(bzImage, kernelPath).payload, kernelPath);
  const unpackingTime = performance.now() - start;
  if (vmlinux === undefined) throw new Error(`Kernel "${kernelPath}" has a compression that is not known`);
  const script = `${SHOW_MARKER}\n${commands}\n${LEAVE}`;
  const [busybox, applets] = [await Deno.readFile(busyboxPath), await listApplets(busyboxPath)];
  const files = { vmlinux: join(folder, "vmlinux"), initrd: join(folder, "initrd"), unpackingTime };
  await Deno.writeFile(files.vmlinux, vmlinux);
  await Deno.writeFile(files.initrd, buildInitramfs({ busybox, applets, script }));
  return files;
}
