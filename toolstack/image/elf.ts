/**
 * Program headers and Xen notes of an ELF kernel, from the System V ABI and Xen's `public/elfnote.h`.
 *
 * @module
 */

import { ConfigurationError } from "../configuration_error.ts";

const ELF_MAGIC = 0x464c457f;
const EI_CLASS = 4;
const EI_DATA = 5;
const ELFCLASS32 = 1;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const EM_386 = 3;
const EM_X86_64 = 62;

/** `p_type`: bytes to be loaded. */
export const PT_LOAD = 1;
/** `p_type`: notes. */
export const PT_NOTE = 4;

/** Note of the name "Xen" that holds the physical address of the 32-bit PVH entry point. */
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

/** A program header. */
export interface ProgramHeader {
  readonly type: number;
  readonly physicalAddress: number;
  readonly memorySize: number;
  /** What the file holds of the segment; the rest of `memorySize` is zero. A view of the file. */
  readonly bytes: Uint8Array;
  readonly alignment: number;
}

/** A parsed ELF file. */
export interface Elf {
  readonly is64Bit: boolean;
  readonly entry: number;
  readonly programHeaders: readonly ProgramHeader[];
}

/** Whether `file` starts with ELF's magic number. */
export function isElf(file: Uint8Array): boolean {
  return file.length >= 4 && new DataView(file.buffer, file.byteOffset, 4).getUint32(0, true) === ELF_MAGIC;
}

/**
 * Reads the program headers of an x86 ELF file; `name` is what errors call it.
 *
 * @throws {ConfigurationError} if it is for another machine, truncated, or malformed
 */
export function parseElf(file: Uint8Array, name: string): Elf {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const elfClass = isElf(file) ? file[EI_CLASS] : 0;
  if ((elfClass !== ELFCLASS32 && elfClass !== ELFCLASS64) || file[EI_DATA] !== ELFDATA2LSB) {
    throw new ConfigurationError(`Kernel "${name}" is not an x86 ELF file: name a bzImage or vmlinux file`);
  }
  const is64Bit = elfClass === ELFCLASS64;
  if (file.length < (is64Bit ? 64 : 52)) throw truncated(name);
  const machine = view.getUint16(18, true);
  if (machine !== EM_386 && machine !== EM_X86_64) {
    throw new ConfigurationError(`Kernel "${name}" is for ELF machine ${machine}: use one for x86-64`);
  }
  const address = (at: number) => is64Bit ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
  const tableOffset = address(is64Bit ? 32 : 28);
  const entrySize = view.getUint16(is64Bit ? 54 : 42, true);
  const count = view.getUint16(is64Bit ? 56 : 44, true);
  if (count > 0 && entrySize < (is64Bit ? 56 : 32)) {
    throw new ConfigurationError(`Kernel "${name}" has program headers of ${entrySize} bytes: use another`);
  }
  if (tableOffset + count * entrySize > file.length) throw truncated(name);
  const programHeaders: ProgramHeader[] = [];
  for (let index = 0; index < count; index++) {
    const at = tableOffset + index * entrySize;
    const offset = address(at + (is64Bit ? 8 : 4));
    const fileSize = address(at + (is64Bit ? 32 : 16));
    const memorySize = address(at + (is64Bit ? 40 : 20));
    const type = view.getUint32(at, true);
    if (offset + fileSize > file.length) throw truncated(name);
    if (type === PT_LOAD && fileSize > memorySize) {
      throw new ConfigurationError(`Kernel "${name}" has a segment longer than its memory: use another`);
    }
    programHeaders.push({
      type,
      physicalAddress: address(at + (is64Bit ? 24 : 12)),
      memorySize,
      bytes: file.subarray(offset, offset + fileSize),
      alignment: address(at + (is64Bit ? 48 : 28)),
    });
  }
  return { is64Bit, entry: address(24), programHeaders };
}

/** Physical address of the PVH entry point, from the kernel's Xen note; `undefined` if there is none. */
export function pvhEntry(elf: Elf): number | undefined {
  for (const header of elf.programHeaders) {
    if (header.type !== PT_NOTE) continue;
    // Notes are padded to 4 bytes; 8 only where the segment says so.
    const entry = findPhys32Entry(header.bytes, header.alignment === 8 ? 8 : 4);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

function findPhys32Entry(notes: Uint8Array, alignment: number): number | undefined {
  const view = new DataView(notes.buffer, notes.byteOffset, notes.length);
  const align = (value: number) => Math.ceil(value / alignment) * alignment;
  for (let at = 0; at + 12 <= notes.length;) {
    const nameSize = view.getUint32(at, true);
    const descriptorSize = view.getUint32(at + 4, true);
    const type = view.getUint32(at + 8, true);
    const descriptor = align(at + 12 + nameSize);
    const end = descriptor + descriptorSize;
    if (end > notes.length) return undefined;
    const isXen = nameSize === 4 && view.getUint32(at + 12, true) === 0x006e6558;
    if (isXen && type === XEN_ELFNOTE_PHYS32_ENTRY && descriptorSize >= 4) {
      return view.getUint32(descriptor, true);
    }
    at = align(end);
  }
  return undefined;
}

function truncated(name: string): ConfigurationError {
  return new ConfigurationError(`Kernel "${name}" is truncated: get the file again`);
}
