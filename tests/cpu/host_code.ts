/**
 * Machine code that runs cases on the host's CPU.
 *
 * `run(cases, results, count)` takes each case's registers, jumps to the instruction under test and saves what it
 * finds afterwards. Exceptions arrive as signals: the handler notes them and goes on where registers are saved.
 *
 * @module
 */

import { CodeMode } from "../../kernel/cpu/state.ts";
import { BASE, Case, CASE_LENGTH, INSTRUCTION, WINDOW, WINDOW_LENGTH } from "./case_layout.ts";

/** Offsets of the signal context's registers from `ucontext_t`. */
const UC_RIP = 168;
const UC_CS = 184;
const UC_ERROR = 192;
const UC_TRAP_NUMBER = 200;
const UC_CR2 = 216;

/** Where the code is put. */
export const RUN = BASE;
export const HANDLER = BASE + 0x800;
const SAVE = BASE + 0x400;

/** What the code works with. */
const SCRATCH = BASE + 0x18000;
const RESULT = SCRATCH;
const HOST_RSP = SCRATCH + 0x400;
const HOST_FS = SCRATCH + 0x408;
const HOST_GS = SCRATCH + 0x410;
const HOST_MXCSR = SCRATCH + 0x418;
const HOST_FCW = SCRATCH + 0x41c;
const NEXT_CASE = SCRATCH + 0x420;
const NEXT_RESULT = SCRATCH + 0x428;
const LEFT = SCRATCH + 0x430;
const STACK = SCRATCH + 0x1000;
/** Far pointer to the instruction under test, and what DS and ES hold meanwhile: the mode depends on them. */
export const ENTRY = SCRATCH + 0x438;
export const DATA_SELECTOR = SCRATCH + 0x440;

/** Linux's selectors for 64-bit and 32-bit code of a process, and for its data. */
export const USER_CS = 0x33;
export const USER32_CS = 0x23;
export const USER_DS = 0x2b;

/** Code under construction. */
class Assembler {
  readonly bytes: number[] = [];

  constructor(readonly start: number) {}

  get here(): number {
    return this.start + this.bytes.length;
  }
  /** Bytes in hexadecimal, then numbers of 32 bits. */
  add(hex: string, ...words: number[]): this {
    for (const byte of hex.split(" ")) this.bytes.push(parseInt(byte, 16));
    for (const word of words) {
      for (let shift = 0; shift < 32; shift += 8) this.bytes.push((word >>> shift) & 0xff);
    }
    return this;
  }
  /** MOV [address], register. */
  store(register: number, address: number): this {
    return this.add(`${register < 8 ? "48" : "4C"} 89 ${hex(0x04 | (register & 7) << 3)} 25`, address);
  }
  /** MOV register, [address]. */
  load(register: number, address: number): this {
    return this.add(`${register < 8 ? "48" : "4C"} 8B ${hex(0x04 | (register & 7) << 3)} 25`, address);
  }
  /** MOV register, [RAX + offset]. */
  loadFromRax(register: number, offset: number): this {
    return this.add(`${register < 8 ? "48" : "4C"} 8B ${hex(0x80 | (register & 7) << 3)}`, offset);
  }
  /** Jump with a 32-bit displacement. */
  jump(hex: string, target: number): this {
    return this.add(hex, target - (this.here + hex.split(" ").length + 4));
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

const RAX = 0;
const RDX = 2;
const RBX = 3;
const RSP = 4;
const RSI = 6;
const RDI = 7;

function runCode(): Assembler {
  const a = new Assembler(RUN);
  a.add("53 55 41 54 41 55 41 56 41 57"); // push rbx, rbp, r12 to r15
  a.add("F3 48 0F AE C0").store(RAX, HOST_FS); // rdfsbase rax
  a.add("F3 48 0F AE C8").store(RAX, HOST_GS); // rdgsbase rax
  a.store(RSP, HOST_RSP);
  a.add("0F AE 1C 25", HOST_MXCSR); // stmxcsr
  a.add("D9 3C 25", HOST_FCW); // fnstcw
  a.store(RDI, NEXT_CASE).store(RSI, NEXT_RESULT).store(RDX, LEFT);
  a.add("8E 1C 25", DATA_SELECTOR).add("8E 04 25", DATA_SELECTOR); // mov ds, [...]; mov es, [...]
  const next = a.here;
  a.load(RSI, NEXT_CASE);
  a.add("48 81 C6", Case.WINDOW); // add rsi, WINDOW
  a.add("BF", WINDOW).add("B9", WINDOW_LENGTH / 8).add("F3 48 A5"); // rep movsq
  a.add("48 0F AE 0E"); // fxrstor64 [rsi]
  a.load(RAX, NEXT_CASE);
  a.loadFromRax(RBX, Case.FS_BASE).add("F3 48 0F AE D3"); // wrfsbase rbx
  a.loadFromRax(RBX, Case.GS_BASE).add("F3 48 0F AE DB"); // wrgsbase rbx
  a.add("48 C7 04 25", RESULT + Case.VECTOR, -1);
  a.add("48 C7 04 25", RESULT + Case.RIP, 0);
  a.add("48 8D A0", Case.RFLAGS).add("9D"); // lea rsp, [rax + RFLAGS]; popfq
  for (let register = 1; register < 16; register++) a.loadFromRax(register, register * 8);
  a.loadFromRax(RAX, 0);
  a.add("FF 2C 25", ENTRY); // jmp far [ENTRY]

  while (a.here < SAVE) a.add("CC");
  for (let register = 0; register < 16; register++) a.store(register, RESULT + register * 8);
  a.add("BC", STACK).add("9C 8F 04 25", RESULT + Case.RFLAGS); // pushfq; pop [RFLAGS]
  a.add("48 0F AE 04 25", RESULT + Case.FX); // fxsave64
  a.add("FC"); // cld
  a.load(RDI, NEXT_RESULT);
  a.add("BE", RESULT).add("B9", Case.WINDOW / 8).add("F3 48 A5");
  a.add("BE", WINDOW).add("B9", WINDOW_LENGTH / 8).add("F3 48 A5");
  a.add("BE", RESULT + Case.FX).add("B9", 512 / 8).add("F3 48 A5");
  a.store(RDI, NEXT_RESULT);
  a.add("48 81 04 25", NEXT_CASE, CASE_LENGTH); // add [NEXT_CASE], CASE_LENGTH
  a.add("48 FF 0C 25", LEFT).jump("0F 85", next); // dec [LEFT]; jnz
  a.add("31 C0 8E D8 8E C0"); // xor eax, eax; mov ds, eax; mov es, eax
  a.load(RAX, HOST_FS).add("F3 48 0F AE D0"); // wrfsbase rax
  a.load(RAX, HOST_GS).add("F3 48 0F AE D8"); // wrgsbase rax
  a.add("DB E3").add("D9 2C 25", HOST_FCW).add("0F AE 14 25", HOST_MXCSR); // fninit; fldcw; ldmxcsr
  a.load(RSP, HOST_RSP);
  a.add("41 5F 41 5E 41 5D 41 5C 5D 5B C3"); // pop r15 to r12, rbp, rbx; ret
  return a;
}

/** `handler(signal, info, context)`: an exception anywhere but near the instruction under test ends the process. */
function handlerCode(): Assembler {
  const a = new Assembler(HANDLER);
  const context = (register: number, offset: number) => a.add(`48 8B ${hex(0x82 | register << 3)}`, offset);
  context(RAX, UC_RIP).store(RAX, RESULT + Case.RIP);
  a.add("48 C1 E8 10").add("48 3D", INSTRUCTION >>> 16).add("74 02 0F 0B"); // shr rax, 16; cmp; je; ud2
  context(RAX, UC_TRAP_NUMBER).store(RAX, RESULT + Case.VECTOR);
  context(RAX, UC_ERROR).store(RAX, RESULT + Case.ERROR);
  context(RAX, UC_CR2).store(RAX, RESULT + Case.ADDRESS);
  a.add("48 C7 82", UC_RIP, SAVE).add("66 C7 82", UC_CS).add("33 00"); // mov [rdx + RIP], SAVE; mov [rdx + CS], USER_CS
  a.add("C3");
  return a;
}

/** The code, by address. */
export function hostCode(): ReadonlyMap<number, Uint8Array> {
  return new Map([runCode(), handlerCode()].map((a) => [a.start, Uint8Array.from(a.bytes)]));
}

/** Code that says that execution came to `address`, and saves the registers. */
export function padCode(address: number, mode: CodeMode): Uint8Array {
  const a = new Assembler(address);
  if (mode === CodeMode.Bits64) a.add("48 C7 04 25", RESULT + Case.RIP, address).jump("E9", SAVE);
  else a.add("C7 05", RESULT + Case.RIP, address).add("EA", SAVE).add(`${hex(USER_CS)} 00`); // jmp far USER_CS:SAVE
  return Uint8Array.from(a.bytes);
}
