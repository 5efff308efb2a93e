/**
 * Program headers and Xen notes of an ELF kernel, from the System V ABI and Xen's `public/elfnote.h`.
 *
 * @module
 */

import { ConfigurationError } from "../configuration_error.ts";
import type { ImageFile } from "./image_file.ts";

const ELF_MAGIC = 0x464c457f;
const EI_CLASS = 4;
const EI_DATA = 5;
const ELFCLASS32 = 1;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
/** Bytes of the file header. */
const HEADER_SIZE_32 = 52;
const HEADER_SIZE_64 = 64;
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
  /** What the file holds of the segment: bytes from `offset` on. The rest of `memorySize` is zero. */
  readonly offset: number;
  readonly fileSize: number;
  readonly alignment: number;
}

/** A parsed ELF file. */
export interface Elf {
  readonly file: ImageFile;
  readonly is64Bit: boolean;
  readonly entry: number;
  readonly programHeaders: readonly ProgramHeader[];
}

/** Whether a file starts with ELF's magic number. @throws {ConfigurationError} if it cannot be read */
export async function isElf(file: ImageFile): Promise<boolean> {
  const magic = await file.read(0, 4);
  return magic.length === 4 && viewOf(magic).getUint32(0, true) === ELF_MAGIC;
}

/**
 * Reads the program headers of an x86 ELF file.
 *
 * @throws {ConfigurationError} if it is for another machine, truncated, malformed, or cannot be read
 */
export async function parseElf(file: ImageFile): Promise<Elf> {
  const { name } = file;
  const head = await file.read(0, HEADER_SIZE_64);
  const elfClass = await isElf(file) ? head[EI_CLASS] : 0;
  if ((elfClass !== ELFCLASS32 && elfClass !== ELFCLASS64) || head[EI_DATA] !== ELFDATA2LSB) {
    throw new ConfigurationError(`Kernel "${name}" is not an x86 ELF file: name a bzImage or vmlinux file`);
  }
  const is64Bit = elfClass === ELFCLASS64;
  if (head.length < (is64Bit ? HEADER_SIZE_64 : HEADER_SIZE_32)) throw truncated(name);
  let view = viewOf(head);
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
  const entry = address(24);
  if (tableOffset + count * entrySize > file.size) throw truncated(name);
  view = viewOf(await file.read(tableOffset, count * entrySize));
  const programHeaders: ProgramHeader[] = [];
  for (let index = 0; index < count; index++) {
    const at = index * entrySize;
    const offset = address(at + (is64Bit ? 8 : 4));
    const fileSize = address(at + (is64Bit ? 32 : 16));
    const memorySize = address(at + (is64Bit ? 40 : 20));
    const type = view.getUint32(at, true);
    if (offset + fileSize > file.size) throw truncated(name);
    if (type === PT_LOAD && fileSize > memorySize) {
      throw new ConfigurationError(`Kernel "${name}" has a segment longer than its memory: use another`);
    }
    programHeaders.push({
      type,
      physicalAddress: address(at + (is64Bit ? 24 : 12)),
      memorySize,
      offset,
      fileSize,
      alignment: address(at + (is64Bit ? 48 : 28)),
    });
  }
  return { file, is64Bit, entry, programHeaders };
}

/**
 * Physical address of the PVH entry point, from the kernel's Xen note; `undefined` if there is none.
 *
 * @throws {ConfigurationError} if the notes cannot be read
 */
export async function pvhEntry(elf: Elf): Promise<number | undefined> {
  for (const header of elf.programHeaders) {
    if (header.type !== PT_NOTE) continue;
    // Notes are padded to 4 bytes; 8 only where the segment says so.
    const notes = await elf.file.read(header.offset, header.fileSize);
    const entry = findPhys32Entry(notes, header.alignment === 8 ? 8 : 4);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

function findPhys32Entry(notes: Uint8Array, alignment: number): number | undefined {
  const view = viewOf(notes);
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

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function truncated(name: string): ConfigurationError {
  return new ConfigurationError(`Kernel "${name}" is truncated: get the file again`);
}
