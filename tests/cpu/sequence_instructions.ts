/**
 * Instructions as they can stand in a sequence: what they write is no register that the sequence needs, and what they
 * access lies near where R12 points.
 *
 * @module
 */

import { type Form, forms } from "../../kernel/cpu/isa/mod.ts";
import { CodeMode } from "../../kernel/cpu/state.ts";
import { approximatesX87 } from "./approximation.ts";
import { INSTRUCTION, TEST, WINDOW } from "./case_layout.ts";
import { isComparable } from "./comparable.ts";
import { generate, type Instruction, STACK_INSTRUCTIONS } from "./instruction_generator.ts";
import type { Random } from "./random.ts";
import { FREE, type Label, type SequenceCode } from "./sequence_code.ts";
import { notCompared } from "./undefined_results.ts";

const RCX = 1;
const RDX = 2;
const RSI = 6;
const RDI = 7;

const STRINGS = forms.filter((form) => /^(movs|stos|lods|cmps|scas)$/.test(form.definition.name));

/** Jumps, what always faults, and what results of CPUs differ in. */
const UNUSED = new RegExp(
  "^(jcc|jmp|call|ret|loop|jcxz|movs|stos|lods|cmps|scas|ins|outs|in|out|cli|sti|pushf|popf|hlt|ud|xlat|l[gil]dt|ltr" +
    "|lmsw|clts|mov (from|to) .*|xsetbv|rdmsr|wrmsr|sysret|swapgs|(read|write)SegmentBase|invlpg|invpcid|wbinvd" +
    "|ldmxcsr|stmxcsr|clac|stac|maskmov.*|(rcp|rsqrt)[ps]s)$",
);
const USED = forms.filter((form) =>
  form.map >= 0 && !form.attributes.has("i64") && form.definition.ends !== true &&
  !UNUSED.test(form.definition.name) && !STACK_INSTRUCTIONS.has(form.definition.name) &&
  notCompared(form, CodeMode.Bits64) === undefined
);
const VECTORS = USED.filter(isVector);
const INTEGERS = USED.filter((form) => !isVector(form));

const LOCK = 0xf0;
/** In the page of the code, where none is. */
const BESIDE_CODE = TEST + 0x7c0;

function isVector(form: Form): boolean {
  return form.definition.name === "x87" || form.definition.name === "fwait" ||
    form.operands.some(({ place }) => /^(xmm|mmx)/.test(place));
}

function littleEndian(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => (value >> shift) & 0xff);
}

/** LEA register, [R12 + offset]. */
export function pointTo(code: SequenceCode, register: number, offset: number): void {
  code.plain(
    0x49 | (register >> 3) << 2,
    0x8d,
    0x84 | (register & 7) << 3,
    0x24,
    ...littleEndian(offset),
  );
}

/** MOV register, value. */
export function setTo(code: SequenceCode, register: number, value: number): void {
  code.plain(0x40 | (register >> 3), 0xb8 | (register & 7), ...littleEndian(value));
}

/** Where an access may lie, from R12. */
function place(random: Random): number {
  return random.once(4) ? random.below(160) - 48 : random.below(10) * 16 - 48;
}

function usable(instruction: Instruction): boolean {
  const { form, memory, bytes, rm, register } = instruction;
  if (bytes.includes(LOCK) || !isComparable(instruction) || approximatesX87(instruction)) return false;
  if (memory?.short === true || (form.definition.name === "x87" && memory !== undefined)) return false;
  // Bit offsets and shift counts are whatever the registers hold.
  if (/^bt/.test(form.definition.name) && memory !== undefined && register >= 0) return false;
  if (/^sh[lr]d$/.test(form.definition.name) && instruction.operandSize === 2) return false;
  return form.operands.every((operand) =>
    (operand.place !== "reg" || FREE.includes(register)) &&
    (operand.place !== "rm" || rm < 0 || FREE.includes(rm))
  );
}

/** Adds an instruction, with what its memory operand needs before it. */
export function addInstruction(code: SequenceCode, random: Random): void {
  for (;;) {
    const form = random.pick(random.once(4) ? VECTORS : INTEGERS);
    const instruction = generate(form, random, CodeMode.Bits64);
    if (instruction === undefined || !usable(instruction)) continue;
    const { name } = form.definition;
    // Most quotients of 128 bits do not fit.
    if (/^i?div$/.test(name) && random.once(2)) continue;
    let bytes: number[] | undefined;
    code.removing(() => {
      if (/^i?div$/.test(name) && !random.once(8)) setTo(code, RDX, 0);
      code.defineFor(instruction);
      bytes = addOperand(code, instruction, random);
      if (bytes !== undefined) code.generated(instruction, bytes);
    });
    if (bytes !== undefined) return;
  }
}

/** Has the address registers point to memory; gives the bytes to use, or `undefined` if that cannot be. */
function addOperand(code: SequenceCode, instruction: Instruction, random: Random): number[] | undefined {
  const { memory, addressSize } = instruction;
  const bytes = [...instruction.bytes];
  if (memory === undefined) return bytes;
  const { base, index, scale, displacement, segmentBase, fixed } = memory;
  if (fixed !== undefined) return index < 0 ? moved(bytes, fixed, code.here) : undefined;
  if (!FREE.includes(base) || base === index || (index >= 0 && !FREE.includes(index))) return undefined;
  if (addressSize === 4 && segmentBase !== 0) return undefined;
  const times = index < 0 ? 0 : random.below(8);
  const offset = place(random) - (times << scale) - displacement - segmentBase;
  if (offset !== (offset | 0)) return undefined;
  if (index >= 0) setTo(code, index, times);
  pointTo(code, base, offset);
  return bytes;
}

/** The bytes of an instruction without address registers, for another address. */
function moved(bytes: number[], fixed: number, address: number): number[] | undefined {
  const distance = littleEndian(fixed - (INSTRUCTION + bytes.length));
  const at = bytes.findIndex((_, start) => distance.every((byte, index) => bytes[start + index] === byte));
  if (at < 0) return bytes;
  bytes.splice(at, 4, ...littleEndian(fixed - (address + bytes.length)));
  return bytes;
}

/** Adds an instruction that `between` comes before, and before that one that writes its immediate operand. */
export function addOverwritten(code: SequenceCode, random: Random, between: () => void): void {
  const immediate: Label = { address: undefined };
  const register = random.pick(FREE);
  code.relative(immediate, 0x40 | (register >> 3) << 2, 0x89, 0x05 | (register & 7) << 3); // mov [rip + ...], register
  between();
  immediate.address = code.here + 2;
  setTo(code, random.pick(FREE), random.word());
}

/** Adds a store to memory beside code, and a load from there. */
export function addBesideCode(code: SequenceCode, random: Random): void {
  const label: Label = { address: BESIDE_CODE + 8 * random.below(4) };
  for (const opcode of [0x89, 0x8b]) {
    const register = random.pick(FREE);
    code.relative(label, 0x48 | (register >> 3) << 2, opcode, 0x05 | (register & 7) << 3);
  }
}

/** Adds a string instruction with a small count. */
export function addString(code: SequenceCode, random: Random): void {
  for (;;) {
    const instruction = generate(random.pick<Form>(STRINGS), random, CodeMode.Bits64);
    if (instruction === undefined || instruction.addressSize !== 8) continue;
    if ([LOCK, 0x64, 0x65].some((prefix) => instruction.bytes.includes(prefix))) continue;
    code.removing(() => {
      // Which of two faults comes first is up to the model.
      if (instruction.form.definition.name === "cmps") setTo(code, RDI, WINDOW + 64);
      else pointTo(code, RDI, place(random));
      pointTo(code, RSI, place(random));
      setTo(code, RCX, random.below(9));
      code.generated(instruction);
    });
    return;
  }
}
