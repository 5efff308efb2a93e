/**
 * Boot by PVH (Xen's docs/misc/pvh.pandoc): the kernel is unpacked here and starts at once.
 *
 * @module
 */

import { ConfigurationError } from "../configuration_error.ts";
import { parseBzImage } from "../image/bzimage.ts";
import { type Elf, isElf, parseElf, PT_LOAD, pvhEntry } from "../image/elf.ts";
import { type ImageFile, MemoryFile } from "../image/image_file.ts";
import { unpackPayload } from "../image/payload.ts";
import { buildAcpiTables } from "./acpi/mod.ts";
import { type BootImage, type FilePart, type LinuxConfiguration, START_INFO_BASE } from "./boot_image.ts";
import { encodeStartInfo } from "./hvm_start_info.ts";
import { LOW_RAM_LIMIT, memoryMap } from "./memory_map.ts";
import { place } from "./placement.ts";

/** Where a kernel's memory starts; below are the tables and what the builder puts there. */
const KERNEL_BASE = 0x10_0000;

/** COMMAND_LINE_SIZE of Linux on x86, less the zero. A vmlinux file does not tell it. */
const COMMAND_LINE_MAX = 2047;

interface PvhKernel {
  readonly elf: Elf;
  /** What its file holds, if it was packed. */
  readonly unpacked?: Uint8Array;
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
  const { memorySize } = configuration;
  const kernel = await readKernel(configuration);
  if (kernel === undefined) return undefined;
  const { file } = kernel.elf;
  const parts: FilePart[] = [];
  let kernelEnd = KERNEL_BASE;
  for (const header of kernel.elf.programHeaders) {
    if (header.type !== PT_LOAD || header.memorySize === 0) continue;
    if (header.physicalAddress < KERNEL_BASE) {
      throw new ConfigurationError(
        `Kernel "${file.name}" wants to be at 0x${
          header.physicalAddress.toString(16)
        }, below 1MiB: use another kernel`,
      );
    }
    kernelEnd = Math.max(kernelEnd, header.physicalAddress + header.memorySize);
    const { physicalAddress: gpa, offset, fileSize: length } = header;
    if (length > 0) parts.push({ gpa, file, offset, length });
  }
  if (!parts.some(({ gpa, length }) => kernel.entry >= gpa && kernel.entry < gpa + length)) {
    throw new ConfigurationError(`Kernel "${file.name}" has its PVH entry outside itself: get it again`);
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
      ...placement.segments,
    ],
    parts: [...parts, ...placement.parts],
    ...kernel.unpacked === undefined ? {} : { unpacked: kernel.unpacked },
    entry: { kind: "pvh", eip: kernel.entry, ebx: START_INFO_BASE },
  };
}

async function readKernel(
  { kernel: file, unpackedKernel }: LinuxConfiguration,
): Promise<PvhKernel | undefined> {
  if (await isElf(file)) {
    return await readElf(file, { initrdAddressMax: LOW_RAM_LIMIT - 1, commandLineMax: COMMAND_LINE_MAX });
  }
  const { payload, initrdAddressMax, commandLineMax } = parseBzImage(
    await file.read(0, file.size),
    file.name,
  );
  const limits = { initrdAddressMax, commandLineMax };
  if (unpackedKernel !== undefined) return await readElf(unpackedKernel, limits);
  const unpacked = await unpackPayload(payload, file.name);
  if (unpacked === undefined) return undefined;
  const vmlinux = new MemoryFile(unpacked, file.name);
  if (!await isElf(vmlinux)) return undefined;
  const kernel = await readElf(vmlinux, limits);
  return kernel && { ...kernel, unpacked };
}

async function readElf(
  file: ImageFile,
  limits: Pick<PvhKernel, "initrdAddressMax" | "commandLineMax">,
): Promise<PvhKernel | undefined> {
  const elf = await parseElf(file);
  const entry = await pvhEntry(elf);
  return entry === undefined ? undefined : { elf, entry, ...limits };
}
