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

/** Puts an image into a domain that does not run. */
export async function loadImage(kernel: KernelProcess, image: BootImage): Promise<void> {
  for (const { gpa, bytes } of image.segments) await kernel.load(gpa, bytes);
  await kernel.control.requestJson(ControlType.SetEntry, bootEntry(image.entry));
}
