/**
 * From a checked configuration to a domain that can be started.
 *
 * @module
 */

import { ControlType } from "../kernel/abi/control.ts";
import type { BootImage } from "./builder/boot_image.ts";
import { buildLinux } from "./builder/linux.ts";
import type { CheckedConfig, ImageFiles } from "./domain_config.ts";
import type { KernelProcess } from "./kernel_process.ts";
import { filledParts } from "./image/filled_parts.ts";
import { bootEntry, domainServers, platformDevices } from "./platform.ts";

/** Builds what is loaded at each start. @throws {ConfigurationError} if something is wrong or does not fit */
async function buildImage(config: CheckedConfig): Promise<BootImage> {
  const { commandLine, memory, protocol } = config;
  const { kernel, kernelName, initrd, initrdName } = await config.files;
  return await buildLinux({
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

/**
 * Builds an image and puts it into a domain that does not run. `used`: its RAM need not be zero any more.
 *
 * @throws {ConfigurationError} as {@link buildImage}
 */
export async function loadImage(kernel: KernelProcess, config: CheckedConfig, used: boolean): Promise<void> {
  const image = await buildImage(config);
  await kernel.load(
    image.segments.flatMap(({ gpa, bytes }) =>
      used ? { gpa, bytes } : filledParts(bytes).map(({ offset, bytes }) => ({ gpa: gpa + offset, bytes }))
    ),
  );
  await kernel.control.requestJson(ControlType.SetEntry, bootEntry(image.entry));
  release(image, await config.files);
}

/**
 * Gives back at once what was made for an image: an unpacked kernel is most of this process's memory, and a collector that
 * sees no reason to run would keep it.
 */
function release(image: BootImage, { kernel, initrd }: ImageFiles): void {
  for (const { buffer } of image.segments.map(({ bytes }) => bytes)) {
    // The files themselves are needed for a reset.
    if (buffer === kernel.buffer || buffer === initrd?.buffer || !(buffer instanceof ArrayBuffer)) continue;
    if (!buffer.detached) buffer.transfer(0);
  }
}
