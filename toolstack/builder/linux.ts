/**
 * Choice of the boot protocol for a Linux kernel.
 *
 * @module
 */

import { ConfigurationError } from "../configuration_error.ts";
import { isBzImage } from "../image/bzimage.ts";
import { isElf } from "../image/elf.ts";
import type { BootImage, LinuxConfiguration } from "./boot_image.ts";
import { buildLinux64 } from "./linux_64.ts";
import { buildLinuxPvh } from "./linux_pvh.ts";

/** Ways to start Linux. */
export type LinuxProtocol = "pvh" | "linux64";

/**
 * Builds a Linux domain: by PVH where the kernel can, else by the 64-bit protocol, or by `protocol` alone.
 *
 * @throws {ConfigurationError} if something is wrong or does not fit
 */
export async function buildLinux(
  configuration: LinuxConfiguration,
  protocol?: LinuxProtocol,
): Promise<BootImage> {
  const { kernel } = configuration;
  const packed = await isBzImage(kernel);
  if (!packed && !await isElf(kernel)) {
    throw new ConfigurationError(
      `Kernel "${kernel.name}" is not a Linux kernel: name a bzImage (vmlinuz) or vmlinux file`,
    );
  }
  if (protocol !== "linux64") {
    const image = await buildLinuxPvh(configuration);
    if (image !== undefined) return image;
  }
  if (protocol === "pvh" || !packed) {
    throw new ConfigurationError(
      `Kernel "${kernel.name}" has no PVH entry point: use a bzImage built with CONFIG_PVH`,
    );
  }
  return await buildLinux64(configuration);
}
