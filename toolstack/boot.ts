/**
 * From a checked configuration to a domain that can be started.
 *
 * @module
 */

import { ControlType } from "../kernel/abi/control.ts";
import type { BootImage } from "./builder/boot_image.ts";
import { buildLinux } from "./builder/linux.ts";
import type { CheckedConfig } from "./domain_config.ts";
import type { KernelProcess } from "./kernel_process.ts";
import { bootEntry, domainServers, platformDevices } from "./platform.ts";

/** Builds what is loaded at each start. @throws {ConfigurationError} if something is wrong or does not fit */
export function buildImage(config: CheckedConfig): Promise<BootImage> {
  const { kernel, kernelName, initrd, initrdName, commandLine, memory, protocol } = config;
  return buildLinux({
    kernel,
    kernelName,
    commandLine,
    memorySize: memory,
    vcpus: 1,
    devices: platformDevices(domainServers(config)),
    ...initrd === undefined ? {} : { initrd },
    ...initrdName === undefined ? {} : { initrdName },
  }, protocol);
}

/** Puts an image into a domain that does not run. The image is used up. */
export async function loadImage(
  kernel: KernelProcess,
  image: BootImage,
  config: CheckedConfig,
): Promise<void> {
  for (const { gpa, bytes } of image.segments) await kernel.load(gpa, bytes);
  await kernel.control.requestJson(ControlType.SetEntry, bootEntry(image.entry));
  release(image, config);
}

/**
 * Gives back at once what was made for an image: an unpacked kernel is most of this process's memory, and a collector that
 * sees no reason to run would keep it.
 */
function release(image: BootImage, { kernel, initrd }: CheckedConfig): void {
  for (const { buffer } of image.segments.map(({ bytes }) => bytes)) {
    // The files themselves are needed for a reset.
    if (buffer === kernel.buffer || buffer === initrd?.buffer || !(buffer instanceof ArrayBuffer)) continue;
    if (!buffer.detached) buffer.transfer(0);
  }
}
