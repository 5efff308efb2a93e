/**
 * A differing case, for people.
 *
 * @module
 */

import { Decoder, Formatter, FormatterSyntax } from "iced-x86";
import { CodeMode } from "../../kernel/cpu/state.ts";
import { Case, Fx, INSTRUCTION } from "./case_layout.ts";
import type { Instruction } from "./instruction_generator.ts";

/** Names of the general registers. */
const REGISTERS = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rsp",
  "rbp",
  "rsi",
  "rdi",
  ...Array.from({ length: 8 }, (_, i) => `r${i + 8}`),
];

/** Name of a field of a case. */
function fieldName(offset: number): string {
  if (offset < Case.RFLAGS) return REGISTERS[offset >> 3]!;
  if (offset < Case.RIP) return "rflags";
  if (offset < Case.VECTOR) return "rip";
  if (offset < Case.ERROR) return "vector";
  if (offset < Case.ADDRESS) return "error";
  if (offset < Case.WINDOW) return "cr2";
  if (offset < Case.FX) return `window+${(offset - Case.WINDOW) & ~7}`;
  const fx = offset - Case.FX;
  if (fx < 4) return "fcw/fsw";
  if (fx < 8) return "ftw";
  if (fx === Fx.MXCSR) return "mxcsr";
  if (fx < Fx.XMM0) return `st${(fx - Fx.ST0) >> 4}`;
  return `xmm${(fx - Fx.XMM0) >> 4}`;
}

function fieldValue(bytes: Uint8Array, offset: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const fx = offset - Case.FX;
  if (fx >= Fx.ST0) {
    const at = Case.FX + (fx & ~15);
    const high = view.getBigUint64(at + 8, true).toString(16).padStart(16, "0");
    return `${high}_${view.getBigUint64(at, true).toString(16).padStart(16, "0")}`;
  }
  if (fx >= 0 || offset === Case.VECTOR) return (view.getUint32(offset & ~3, true) | 0).toString(16);
  return view.getBigUint64(offset & ~7, true).toString(16);
}

/** Text of machine code. */
export function disassemble(bytes: Uint8Array, bits: number, ip = BigInt(INSTRUCTION)): string {
  const decoder = new Decoder(bits, bytes, 0);
  decoder.ip = ip;
  const formatter = new Formatter(FormatterSyntax.Intel);
  const texts: string[] = [];
  while (decoder.canDecode) {
    const instruction = decoder.decode();
    texts.push(formatter.format(instruction));
    instruction.free();
  }
  formatter.free();
  decoder.free();
  return texts.join("; ");
}

/** An instruction in all notations. */
export function describeInstruction({ bytes, form, mode, operandSize, addressSize }: Instruction): string {
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${disassemble(bytes, mode === CodeMode.Bits64 ? 64 : 32)}   [${hex}]   "${form.text}" o${
    operandSize * 8
  } a${addressSize * 8}`;
}

/** Tells which fields differ, and what was in the general registers before: lines. */
export function describeFields(
  input: Uint8Array,
  host: Uint8Array,
  guest: Uint8Array,
  fields: readonly number[],
): string[] {
  const lines: string[] = [];
  const seen = new Set<string>();
  for (const field of fields) {
    const name = fieldName(field);
    if (seen.has(name)) continue;
    seen.add(name);
    if (seen.size <= 12) {
      lines.push(`  ${name}: host ${fieldValue(host, field)}, guest ${fieldValue(guest, field)}`);
    }
  }
  lines.push("  before:");
  const all = REGISTERS.map((name, index) => `${name} ${fieldValue(input, index * 8)}`);
  for (let index = 0; index < 16; index += 4) lines.push(`    ${all.slice(index, index + 4).join(", ")}`);
  lines.push(`    rflags ${fieldValue(input, Case.RFLAGS)}`);
  return lines;
}

/** Tells what differs, and from what it came. */
export function describeCase(
  instruction: Instruction,
  input: Uint8Array,
  host: Uint8Array,
  guest: Uint8Array,
  fields: readonly number[],
): string {
  const { form } = instruction;
  const lines = [describeInstruction(instruction), ...describeFields(input, host, guest, fields)];
  const show = (offset: number) => lines.push(`    ${fieldName(offset)} ${fieldValue(input, offset)}`);
  const places = form.operands.map((o) => o.place);
  if (places.some((p) => p.startsWith("xmm"))) {
    show(Case.FX + Fx.MXCSR);
    for (const register of new Set([instruction.register, instruction.rm, 0])) {
      if (register >= 0) show(Case.FX + Fx.XMM0 + register * 16);
    }
  }
  if (form.definition.name === "x87" || places.some((p) => p.startsWith("mmx"))) {
    show(Case.FX);
    show(Case.FX + 4);
    for (let register = 0; register < 8; register++) show(Case.FX + Fx.ST0 + register * 16);
  }
  if (instruction.memory !== undefined || places.includes("offset")) {
    const window: string[] = [];
    for (let at = 0; at < 256; at += 8) window.push(fieldValue(input, Case.WINDOW + at));
    lines.push(`    window ${window.join(" ")}`);
  }
  return lines.join("\n");
}
