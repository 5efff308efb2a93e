/**
 * Boot by Linux's 64-bit protocol (Documentation/arch/x86/boot.rst): the kernel's own decompressor runs in
 * the guest, so a kernel of any compression starts.
 *
 * @module
 */

import { ConfigurationError } from "../configuration_error.ts";
import { parseBzImage } from "../image/bzimage.ts";
import { buildAcpiTables } from "./acpi/mod.ts";
import {
  type BootImage,
  GDT_BASE,
  type LinuxConfiguration,
  PAGE_TABLES_BASE,
  ZERO_PAGE_BASE,
} from "./boot_image.ts";
import { encodeBootParams } from "./boot_params.ts";
import { bootGdt, GDT_LIMIT, identityPageTables } from "./identity_paging.ts";
import { memoryMap } from "./memory_map.ts";
import { place } from "./placement.ts";

/** The 64-bit entry point, from where the protected-mode code is loaded. */
const ENTRY_64 = 0x200;

/** Builds a boot image from a bzImage. @throws {ConfigurationError} if something is wrong or does not fit */
export async function buildLinux64(configuration: LinuxConfiguration): Promise<BootImage> {
  const { kernel, memorySize } = configuration;
  const image = parseBzImage(await kernel.read(0, kernel.size), kernel.name);
  if (!image.has64BitEntry) {
    throw new ConfigurationError(`Kernel "${kernel.name}" is a 32-bit kernel: use one for x86-64`);
  }
  const load = image.preferredAddress;
  const placement = place(configuration, {
    kernelEnd: load + Math.max(image.initSize, image.protectedMode.length),
    initrdAddressMax: image.initrdAddressMax,
    commandLineMax: image.commandLineMax,
  });
  const acpi = buildAcpiTables(configuration);
  const zeroPage = encodeBootParams({
    setupHeader: image.setupHeader,
    memoryMap: memoryMap(memorySize),
    rsdp: acpi.rsdp,
    ...placement,
  });
  return {
    segments: [
      { gpa: ZERO_PAGE_BASE, bytes: zeroPage },
      bootGdt(),
      identityPageTables(),
      ...acpi.segments,
      { gpa: load, bytes: image.protectedMode },
      ...placement.segments,
    ],
    parts: placement.parts,
    entry: {
      kind: "long",
      rip: BigInt(load + ENTRY_64),
      rsi: BigInt(ZERO_PAGE_BASE),
      cr3: BigInt(PAGE_TABLES_BASE),
      gdtBase: BigInt(GDT_BASE),
      gdtLimit: GDT_LIMIT,
    },
  };
}
