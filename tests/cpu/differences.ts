/**
 * Where two results of one case differ.
 *
 * @module
 */

import { ARITHMETIC_FLAGS, CodeMode, Flag, Vector } from "../../kernel/cpu/state.ts";
import { approximatesSse, approximatesX87, closeFloat, closeX87 } from "./approximation.ts";
import { Case, CASE_LENGTH, Fx, WINDOW_LENGTH } from "./case_layout.ts";
import type { Instruction } from "./instruction_generator.ts";
import { faultsAlike } from "./undefined_results.ts";

/** Flags that are compared: the others are the host's kernel's. */
const FLAGS = ARITHMETIC_FLAGS | Flag.DF;
/** The host's x87 registers take 16 bytes of which 10 count. */
const UPPER_HALF_80 = 0xffff;

/** Whether cases that start at word `at` of both results may differ: {@link differences} tells for sure. */
export function mayDiffer(a: Int32Array, b: Int32Array, at: number): boolean {
  for (let word = at; word < at + 32; word++) if (a[word] !== b[word]) return true;
  if (((a[at + (Case.RFLAGS >> 2)]! ^ b[at + (Case.RFLAGS >> 2)]!) & FLAGS) !== 0) return true;
  for (const field of [Case.RIP >> 2, Case.VECTOR >> 2]) if (a[at + field] !== b[at + field]) return true;
  if (a[at + (Case.VECTOR >> 2)]! >= 0) return true;
  const window = at + (Case.WINDOW >> 2);
  for (let word = window; word < window + (WINDOW_LENGTH >> 2); word++) if (a[word] !== b[word]) return true;
  const fx = at + (Case.FX >> 2);
  if (a[fx] !== b[fx] || ((a[fx + 1]! ^ b[fx + 1]!) & 0xff) !== 0 || a[fx + 6] !== b[fx + 6]) return true;
  for (let word = fx + (Fx.ST0 >> 2); word < fx + (Fx.XMM0 >> 2); word += 4) {
    if (a[word] !== b[word] || a[word + 1] !== b[word + 1]) return true;
    if (((a[word + 2]! ^ b[word + 2]!) & UPPER_HALF_80) !== 0) return true;
  }
  for (let word = fx + (Fx.XMM0 >> 2); word < at + (CASE_LENGTH >> 2); word++) {
    if (a[word] !== b[word]) return true;
  }
  return false;
}

/** Fields of one case's results that differ: byte offsets. `undefinedFlags` do not count. */
export function differences(
  instruction: Instruction,
  host: Uint8Array,
  guest: Uint8Array,
  undefinedFlags: number,
): number[] {
  const a = new Int32Array(host.buffer);
  const b = new Int32Array(guest.buffer);
  const found: number[] = [];
  const compare = (from: number, length: number, mask = -1) => {
    for (let word = from >> 2; word < (from + length) >> 2; word++) {
      if (((a[word]! ^ b[word]!) & mask) !== 0) found.push(word * 4);
    }
  };
  if (instruction.mode === CodeMode.Bits64) compare(Case.GPR, 128);
  // What 32-bit code leaves in the rest of the registers nobody tells.
  else for (let register = 0; register < 8; register++) compare(register * 8, 4);
  compare(Case.RFLAGS, 4, FLAGS & ~undefinedFlags);
  compare(Case.RIP, 8);
  if (!faultsAlike(instruction, a[Case.VECTOR >> 2]!, b[Case.VECTOR >> 2]!)) found.push(Case.VECTOR);
  if (a[Case.VECTOR >> 2] === Vector.PF) {
    compare(Case.ERROR, 4);
    compare(Case.ADDRESS, 8);
  }
  compare(Case.WINDOW, WINDOW_LENGTH);
  // C1 tells which way an approximation was rounded.
  compare(Case.FX, 4, approximatesX87(instruction) ? ~0x0200_0000 : -1);
  compare(Case.FX + Fx.FTW, 4, 0xff);
  compare(Case.FX + Fx.MXCSR, 4);
  for (let register = 0; register < 8; register++) {
    const at = Case.FX + Fx.ST0 + register * 16;
    if (approximatesX87(instruction) && closeX87(host, guest, at)) continue;
    compare(at, 8);
    compare(at + 8, 4, UPPER_HALF_80);
  }
  for (let at = Case.FX + Fx.XMM0; at < CASE_LENGTH; at += 4) {
    if (!(approximatesSse(instruction) && closeFloat(host, guest, at))) compare(at, 4);
  }
  return found;
}
