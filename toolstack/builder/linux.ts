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
  const { kernel, kernelName } = configuration;
  if (!isBzImage(kernel) && !isElf(kernel)) {
    throw new ConfigurationError(
      `Kernel "${kernelName}" is not a Linux kernel: name a bzImage (vmlinuz) or vmlinux file`,
    );
  }
  if (protocol !== "linux64") {
    const image = await buildLinuxPvh(configuration);
    if (image !== undefined) return image;
  }
  if (protocol === "pvh" || !isBzImage(kernel)) {
    throw new ConfigurationError(
      `Kernel "${kernelName}" has no PVH entry point: use a bzImage built with CONFIG_PVH`,
    );
  }
  return buildLinux64(configuration);
}
