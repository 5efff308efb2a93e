/**
 * Linux's zero page, `struct boot_params` (Documentation/arch/x86/zero-page.rst).
 *
 * @module
 */

import type { E820Entry } from "./memory_map.ts";

const SIZE = 4096;
const ACPI_RSDP_ADDR = 0x070;
const E820_ENTRIES = 0x1e8;
const SETUP_HEADER = 0x1f1;
const VID_MODE = 0x1fa;
const TYPE_OF_LOADER = 0x210;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
const CMD_LINE_PTR = 0x228;
const E820_TABLE = 0x2d0;
const E820_ENTRY_SIZE = 20;

/** A boot loader without a number of its own. */
const LOADER_UNDEFINED = 0xff;
/** `vid_mode`: leave the screen as it is. */
const VID_MODE_NORMAL = 0xffff;

/** What a zero page tells. Addresses are guest-physical. */
export interface BootParams {
  /** From offset 0x1f1 of the kernel's file to the end of its header. */
  readonly setupHeader: Uint8Array;
  readonly commandLine: number;
  readonly rsdp: number;
  readonly initrd?: { readonly gpa: number; readonly size: number };
  readonly memoryMap: readonly E820Entry[];
}

/** Encodes a zero page. */
export function encodeBootParams(params: BootParams): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set(params.setupHeader, SETUP_HEADER);
  view.setBigUint64(ACPI_RSDP_ADDR, BigInt(params.rsdp), true);
  view.setUint16(VID_MODE, VID_MODE_NORMAL, true);
  view.setUint8(TYPE_OF_LOADER, LOADER_UNDEFINED);
  view.setUint32(CMD_LINE_PTR, params.commandLine, true);
  view.setUint32(RAMDISK_IMAGE, params.initrd?.gpa ?? 0, true);
  view.setUint32(RAMDISK_SIZE, params.initrd?.size ?? 0, true);
  view.setUint8(E820_ENTRIES, params.memoryMap.length);
  params.memoryMap.forEach(({ base, length, type }, index) => {
    const at = E820_TABLE + index * E820_ENTRY_SIZE;
    view.setBigUint64(at, BigInt(base), true);
    view.setBigUint64(at + 8, BigInt(length), true);
    view.setUint32(at + 16, type, true);
  });
  return bytes;
}
