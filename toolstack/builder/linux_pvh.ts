/**
 * Boot by PVH (Xen's docs/misc/pvh.pandoc): the kernel is unpacked here and starts at once.
 *
 * @module
 */

import { ConfigurationError } from "../configuration_error.ts";
import { isBzImage, parseBzImage } from "../image/bzimage.ts";
import { type Elf, isElf, parseElf, PT_LOAD, pvhEntry } from "../image/elf.ts";
import { unpackPayload } from "../image/payload.ts";
import { buildAcpiTables } from "./acpi/mod.ts";
import { type BootImage, type LinuxConfiguration, type Segment, START_INFO_BASE } from "./boot_image.ts";
import { encodeStartInfo } from "./hvm_start_info.ts";
import { LOW_RAM_LIMIT, memoryMap } from "./memory_map.ts";
import { place } from "./placement.ts";

/** Where a kernel's memory starts; below are the tables and what the builder puts there. */
const KERNEL_BASE = 0x10_0000;

/** COMMAND_LINE_SIZE of Linux on x86, less the zero. A vmlinux file does not tell it. */
const COMMAND_LINE_MAX = 2047;

interface PvhKernel {
  readonly elf: Elf;
  readonly entry: number;
  readonly initrdAddressMax: number;
  readonly commandLineMax: number;
}

/**
 * Builds a boot image from a bzImage or vmlinux file; `undefined` if the kernel has no PVH entry point or
 * a compression that is not known here.
 *
 * @throws {ConfigurationError} if something is wrong or does not fit
 */
export async function buildLinuxPvh(configuration: LinuxConfiguration): Promise<BootImage | undefined> {
  const { kernelName, memorySize } = configuration;
  const kernel = await readKernel(configuration.kernel, kernelName);
  if (kernel === undefined) return undefined;
  const segments: Segment[] = [];
  let kernelEnd = KERNEL_BASE;
  for (const header of kernel.elf.programHeaders) {
    if (header.type !== PT_LOAD || header.memorySize === 0) continue;
    if (header.physicalAddress < KERNEL_BASE) {
      throw new ConfigurationError(
        `Kernel "${kernelName}" wants to be at 0x${
          header.physicalAddress.toString(16)
        }, below 1MiB: use another kernel`,
      );
    }
    kernelEnd = Math.max(kernelEnd, header.physicalAddress + header.memorySize);
    if (header.bytes.length > 0) segments.push({ gpa: header.physicalAddress, bytes: header.bytes });
  }
  if (!segments.some(({ gpa, bytes }) => kernel.entry >= gpa && kernel.entry < gpa + bytes.length)) {
    throw new ConfigurationError(`Kernel "${kernelName}" has its PVH entry outside itself: get it again`);
  }
  const placement = place(configuration, { ...kernel, kernelEnd });
  const acpi = buildAcpiTables(configuration);
  const startInfo = encodeStartInfo({
    commandLine: placement.commandLine,
    rsdp: acpi.rsdp,
    modules: placement.initrd === undefined ? [] : [placement.initrd],
    memoryMap: memoryMap(memorySize),
  });
  return {
    segments: [
      { gpa: START_INFO_BASE, bytes: startInfo },
      ...acpi.segments,
      ...segments,
      ...placement.segments,
    ],
    entry: { kind: "pvh", eip: kernel.entry, ebx: START_INFO_BASE },
  };
}

async function readKernel(file: Uint8Array, name: string): Promise<PvhKernel | undefined> {
  let vmlinux: Uint8Array | undefined = file;
  let limits = { initrdAddressMax: LOW_RAM_LIMIT - 1, commandLineMax: COMMAND_LINE_MAX };
  if (isBzImage(file)) {
    const image = parseBzImage(file, name);
    vmlinux = await unpackPayload(image.payload, name);
    limits = { initrdAddressMax: image.initrdAddressMax, commandLineMax: image.commandLineMax };
    if (vmlinux === undefined || !isElf(vmlinux)) return undefined;
  }
  const elf = parseElf(vmlinux, name);
  const entry = pvhEntry(elf);
  return entry === undefined ? undefined : { elf, entry, ...limits };
}
