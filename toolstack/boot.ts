/**
 * From a checked configuration to a domain that can be started.
 *
 * @module
 */

import { ControlType } from "../kernel/abi/control.ts";
import type { BootImage, Segment } from "./builder/boot_image.ts";
import { buildLinux } from "./builder/linux.ts";
import type { CheckedConfig, ImageFiles } from "./domain_config.ts";
import type { KernelProcess } from "./kernel_process.ts";
import { isElf } from "./image/elf.ts";
import { filledParts } from "./image/filled_parts.ts";
import { keepUnpacked } from "./image/unpacked_kernels.ts";
import { bootEntry, domainServers, platformDevices } from "./platform.ts";

/**
 * Paths of the files that the kernel process is to read itself, by {@link loadImage}: those that come into RAM as they are.
 *
 * @throws {ConfigurationError} if the kernel cannot be read
 */
export async function filesOfKernelProcess(
  { kernel: given, unpackedKernel, initrd }: Partial<ImageFiles>,
): Promise<string[]> {
  const kernel = unpackedKernel ?? given;
  const isLoaded = kernel !== undefined && await isElf(kernel);
  return [isLoaded ? kernel.path : undefined, initrd?.path].filter((path) => path !== undefined);
}

/**
 * Builds an image and puts it into a domain that does not run. `used`: its RAM need not be zero any more.
 *
 * @throws {ConfigurationError} if something is wrong with the configuration or does not fit
 * @throws {Error} if the kernel process cannot load it
 */
export async function loadImage(process: KernelProcess, config: CheckedConfig, used: boolean): Promise<void> {
  const image = await buildImage(config);
  const segments = [...image.segments];
  const files: { path: string; offset: number; length: number; gpa: number }[] = [];
  for (const { gpa, file, offset, length } of image.parts) {
    if (file.path === undefined) segments.push({ gpa, bytes: await file.read(offset, length) });
    else files.push({ path: file.path, offset, length, gpa });
  }
  // None waits for the one before: while servers are attached, an answer takes its time.
  await Promise.all([
    ...files.map((file) => process.control.requestJson(ControlType.LoadFile, file)),
    process.load(used ? segments : segments.flatMap(filled)),
    process.control.requestJson(ControlType.SetEntry, bootEntry(image.entry)),
  ]);
  const { unpacked } = image;
  if (unpacked === undefined) return;
  if (config.cacheFolder !== undefined) await keepUnpacked(config.kernel, unpacked, config.cacheFolder);
  // Most of this process's memory. A collector that sees no reason to run would keep it.
  if (unpacked.buffer instanceof ArrayBuffer) unpacked.buffer.transfer(0);
}

async function buildImage(config: CheckedConfig): Promise<BootImage> {
  const { kernel, unpackedKernel, initrd, commandLine, memory, protocol } = config;
  return await buildLinux({
    kernel,
    commandLine,
    memorySize: memory,
    vcpus: 1,
    devices: platformDevices(domainServers(config)),
    ...unpackedKernel === undefined ? {} : { unpackedKernel },
    ...initrd === undefined ? {} : { initrd },
  }, protocol);
}

/** The parts of a segment that are to be put into memory that is zero. */
function filled({ gpa, bytes }: Segment): Segment[] {
  return filledParts(bytes).map(({ offset, bytes }) => ({ gpa: gpa + offset, bytes }));
}
