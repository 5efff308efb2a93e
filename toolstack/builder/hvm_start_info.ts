/**
 * The start info of PVH, `struct hvm_start_info` version 1 of Xen's `public/arch-x86/hvm/start_info.h`.
 *
 * It is followed here by the module list and the memory map that it points at.
 *
 * @module
 */

import { START_INFO_BASE } from "./boot_image.ts";
import type { E820Entry } from "./memory_map.ts";

const MAGIC = 0x336ec578;
const VERSION = 1;
const SIZE = 56;
const MODULE_SIZE = 32;
const MEMMAP_ENTRY_SIZE = 24;

/** What a start info tells. Addresses are guest-physical. */
export interface StartInfo {
  readonly commandLine: number;
  readonly rsdp: number;
  readonly modules: readonly { readonly gpa: number; readonly size: number }[];
  readonly memoryMap: readonly E820Entry[];
}

/** Encodes a start info that lies at {@link START_INFO_BASE}. */
export function encodeStartInfo(info: StartInfo): Uint8Array {
  const moduleList = SIZE;
  const memoryMap = moduleList + info.modules.length * MODULE_SIZE;
  const bytes = new Uint8Array(memoryMap + info.memoryMap.length * MEMMAP_ENTRY_SIZE);
  const view = new DataView(bytes.buffer);
  const address = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(12, info.modules.length, true);
  address(16, info.modules.length === 0 ? 0 : START_INFO_BASE + moduleList);
  address(24, info.commandLine);
  address(32, info.rsdp);
  address(40, START_INFO_BASE + memoryMap);
  view.setUint32(48, info.memoryMap.length, true);
  info.modules.forEach(({ gpa, size }, index) => {
    address(moduleList + index * MODULE_SIZE, gpa);
    address(moduleList + index * MODULE_SIZE + 8, size);
  });
  info.memoryMap.forEach(({ base, length, type }, index) => {
    const at = memoryMap + index * MEMMAP_ENTRY_SIZE;
    address(at, base);
    address(at + 8, length);
    view.setUint32(at + 16, type, true);
  });
  return bytes;
}
