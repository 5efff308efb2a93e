/**
 * A guest as a file that a PVH boot loader takes, QEMU's `-kernel` among them.
 *
 * @module
 */

import type { Program } from "./assembler/assembler.ts";

const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const NOTE_OFFSET = HEADER_SIZE + 2 * PROGRAM_HEADER_SIZE;
const NOTE_SIZE = 20;
const CODE_OFFSET = 0x100;
const ET_EXEC = 2;
const EM_X86_64 = 62;
const PT_LOAD = 1;
const PT_NOTE = 4;
/** Xen's note with the 32-bit address of the PVH entry point. */
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

/** ELF64 file that loads `program` and is entered at its first byte. */
export function guestImage(program: Program): Uint8Array<ArrayBuffer> {
  const { bytes, origin } = program;
  const file = new Uint8Array(CODE_OFFSET + bytes.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ET_EXEC, true);
  view.setUint16(18, EM_X86_64, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(origin), true);
  view.setBigUint64(32, BigInt(HEADER_SIZE), true);
  view.setUint16(52, HEADER_SIZE, true);
  view.setUint16(54, PROGRAM_HEADER_SIZE, true);
  view.setUint16(56, 2, true);
  const programHeader = (index: number, type: number, offset: number, length: number) => {
    const at = HEADER_SIZE + index * PROGRAM_HEADER_SIZE;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, 7, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 16, BigInt(origin), true);
    view.setBigUint64(at + 24, BigInt(origin), true);
    view.setBigUint64(at + 32, BigInt(length), true);
    view.setBigUint64(at + 40, BigInt(length), true);
    view.setBigUint64(at + 48, 4n, true);
  };
  programHeader(0, PT_LOAD, CODE_OFFSET, bytes.length);
  programHeader(1, PT_NOTE, NOTE_OFFSET, NOTE_SIZE);
  view.setUint32(NOTE_OFFSET, 4, true);
  view.setUint32(NOTE_OFFSET + 4, 4, true);
  view.setUint32(NOTE_OFFSET + 8, XEN_ELFNOTE_PHYS32_ENTRY, true);
  file.set(new TextEncoder().encode("Xen"), NOTE_OFFSET + 12);
  view.setUint32(NOTE_OFFSET + 16, origin, true);
  file.set(bytes, CODE_OFFSET);
  return file;
}
