/**
 * A guest of some hundred bytes that is started by PVH and talks on the first serial port.
 *
 * It shows a prompt and does what one letter asks for: `p` powers off, `r` resets, `t` makes a triple fault, `k`
 * panics and resets, `h` panics and stands still. Any other byte is echoed.
 *
 * @module
 */

import { zstdCompressSync } from "node:zlib";
import { PM1A_CONTROL_PORT, RESET_PORT, RESET_VALUE, SLEEP_TYPE_S5 } from "../devices/acpi_pm.ts";
import { makeBzImage, withTrailer } from "../toolstack/image/test_kernel.ts";

/** What the guest shows first, and after each reset. */
export const GREETING = "Tiny guest\r\n# ";

/** The guest as a bzImage. */
export function packedTinyGuest(): Uint8Array<ArrayBuffer> {
  const guest = tinyGuest();
  return makeBzImage({ payload: withTrailer(zstdCompressSync(guest), guest.length) });
}

/** What the guest calls its panics. */
export const PANIC = "Kernel panic - not syncing: asked for";

const BASE = 0x10_0000;
const DATA_PORT = 0x3f8;
const LINE_STATUS_PORT = 0x3fd;
const DATA_READY = 1;
const SLP_EN = 1 << 13;

/** Machine code with labels, for 32-bit protected mode. */
class Code {
  readonly #bytes: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #relative: { readonly at: number; readonly label: string }[] = [];
  readonly #absolute: { readonly at: number; readonly label: string }[] = [];

  emit(...bytes: readonly number[]): this {
    this.#bytes.push(...bytes);
    return this;
  }

  label(name: string): this {
    this.#labels.set(name, this.#bytes.length);
    return this;
  }

  /** An instruction that ends in a 32-bit displacement from its end to `label`. */
  to(opcode: readonly number[], label: string): this {
    this.emit(...opcode);
    this.#relative.push({ at: this.#bytes.length, label });
    return this.emit(0, 0, 0, 0);
  }

  /** An instruction that ends in the 32-bit address of `label`. */
  of(opcode: readonly number[], label: string): this {
    this.emit(...opcode);
    this.#absolute.push({ at: this.#bytes.length, label });
    return this.emit(0, 0, 0, 0);
  }

  text(text: string): this {
    return this.emit(...new TextEncoder().encode(text), 0);
  }

  /** MOV DX, `port`. */
  port(port: number): this {
    return this.emit(0x66, 0xba, port & 0xff, port >> 8);
  }

  finish(): Uint8Array<ArrayBuffer> {
    const bytes = Uint8Array.from(this.#bytes);
    const view = new DataView(bytes.buffer);
    const address = (label: string) => this.#labels.get(label)!;
    for (const { at, label } of this.#relative) view.setInt32(at, address(label) - at - 4, true);
    for (const { at, label } of this.#absolute) view.setUint32(at, BASE + address(label), true);
    return bytes;
  }
}

const CALL = [0xe8];
const JUMP = [0xe9];
const JUMP_IF_EQUAL = [0x0f, 0x84];
const MOVE_TO_ESI = [0xbe];
const LOAD_IDT = [0x0f, 0x01, 0x1d];

function program(): Uint8Array<ArrayBuffer> {
  const code = new Code();
  // MOV ESP, imm32: below the kernel's base nothing of ours lies.
  code.emit(0xbc, 0x00, 0x00, 0x08, 0x00);
  code.of(MOVE_TO_ESI, "greeting").to(CALL, "print");
  code.label("read").port(LINE_STATUS_PORT);
  // IN AL, DX; TEST AL, DATA_READY; JZ read
  code.emit(0xec, 0xa8, DATA_READY).to([0x0f, 0x84], "read");
  code.port(DATA_PORT).emit(0xec);
  for (const letter of ["p", "r", "t", "k", "h"]) {
    code.emit(0x3c, letter.charCodeAt(0)).to(JUMP_IF_EQUAL, letter);
  }
  // OUT DX, AL
  code.emit(0xee).to(JUMP, "read");
  const powerOff = SLP_EN | SLEEP_TYPE_S5 << 10;
  // MOV AX, imm16; OUT DX, AX; CLI; HLT
  code.label("p").port(PM1A_CONTROL_PORT).emit(0x66, 0xb8, powerOff & 0xff, powerOff >> 8, 0x66, 0xef);
  code.label("stop").emit(0xfa, 0xf4).to(JUMP, "stop");
  code.label("r").port(RESET_PORT).emit(0xb0, RESET_VALUE, 0xee).to(JUMP, "stop");
  // INT3 with an empty IDT
  code.label("t").of(LOAD_IDT, "nothing").emit(0xcc);
  code.label("k").of(MOVE_TO_ESI, "panic").to(CALL, "print").to(JUMP, "r");
  code.label("h").of(MOVE_TO_ESI, "panic").to(CALL, "print");
  code.of(MOVE_TO_ESI, "halted").to(CALL, "print").to(JUMP, "stop");
  // LODSB; TEST AL, AL; JNZ +1; RET; OUT DX, AL
  code.label("print").port(DATA_PORT);
  code.label("next").emit(0xac, 0x84, 0xc0, 0x75, 0x01, 0xc3, 0xee).to(JUMP, "next");
  code.label("greeting").text(GREETING);
  code.label("panic").text(`${PANIC}\r\n`);
  code.label("halted").text(`---[ end ${PANIC} ]---\r\n`);
  code.label("nothing").emit(0, 0, 0, 0, 0, 0);
  return code.finish();
}

const NOTE_OFFSET = 0x100;
const CODE_OFFSET = 0x200;
const PT_LOAD = 1;
const PT_NOTE = 4;
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

/** The guest as an ELF64 file with a PVH entry point. */
export function tinyGuest(): Uint8Array<ArrayBuffer> {
  const code = program();
  const file = new Uint8Array(CODE_OFFSET + code.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(BASE), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  const programHeader = (at: number, type: number, offset: number, length: number) => {
    view.setUint32(at, type, true);
    view.setUint32(at + 4, 7, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 16, BigInt(BASE), true);
    view.setBigUint64(at + 24, BigInt(BASE), true);
    view.setBigUint64(at + 32, BigInt(length), true);
    view.setBigUint64(at + 40, BigInt(length), true);
    view.setBigUint64(at + 48, 4n, true);
  };
  programHeader(64, PT_LOAD, CODE_OFFSET, code.length);
  programHeader(120, PT_NOTE, NOTE_OFFSET, 20);
  view.setUint32(NOTE_OFFSET, 4, true);
  view.setUint32(NOTE_OFFSET + 4, 4, true);
  view.setUint32(NOTE_OFFSET + 8, XEN_ELFNOTE_PHYS32_ENTRY, true);
  file.set(new TextEncoder().encode("Xen"), NOTE_OFFSET + 12);
  view.setUint32(NOTE_OFFSET + 16, BASE, true);
  file.set(code, CODE_OFFSET);
  return file;
}
