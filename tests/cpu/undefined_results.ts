/**
 * What the manuals leave undefined, and what user code cannot compare.
 *
 * @module
 */

import type { Form } from "../../kernel/cpu/isa/mod.ts";
import { CodeMode, Flag, Vector } from "../../kernel/cpu/state.ts";
import { Case } from "./case_layout.ts";
import type { Instruction } from "./instruction_generator.ts";

const ALL = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF;

/** Flags that an instruction leaves undefined (SDM volume 1, appendix A), by name. */
const UNDEFINED_FLAGS: { readonly [name: string]: number } = {
  and: Flag.AF,
  or: Flag.AF,
  xor: Flag.AF,
  test: Flag.AF,
  shl: Flag.AF,
  shr: Flag.AF,
  sar: Flag.AF,
  shld: Flag.AF,
  shrd: Flag.AF,
  mul: Flag.SF | Flag.ZF | Flag.AF | Flag.PF,
  imul: Flag.SF | Flag.ZF | Flag.AF | Flag.PF,
  div: ALL,
  idiv: ALL,
  bsf: ALL & ~Flag.ZF,
  bsr: ALL & ~Flag.ZF,
  bt: ALL & ~(Flag.CF | Flag.ZF),
  bts: ALL & ~(Flag.CF | Flag.ZF),
  btr: ALL & ~(Flag.CF | Flag.ZF),
  btc: ALL & ~(Flag.CF | Flag.ZF),
  aaa: ALL & ~(Flag.AF | Flag.CF),
  aas: ALL & ~(Flag.AF | Flag.CF),
  daa: Flag.OF,
  das: Flag.OF,
  aam: Flag.OF | Flag.AF | Flag.CF,
  aad: Flag.OF | Flag.AF | Flag.CF,
};

/** Instructions that are not compared, by name, and why. */
const NOT_COMPARED: { readonly [name: string]: string } = {
  "jmp far": "descriptor tables are the host's",
  "call far": "descriptor tables are the host's",
  "ret far": "descriptor tables are the host's",
  "load far pointer": "descriptor tables are the host's",
  "pop segment": "descriptor tables are the host's",
  "verr": "descriptor tables are the host's",
  "verw": "descriptor tables are the host's",
  "lar": "descriptor tables are the host's",
  "lsl": "descriptor tables are the host's",
  "iret": "descriptor tables are the host's",
  "mov to segment": "descriptor tables are the host's",
  "sgdt": "the host's kernel emulates it",
  "sidt": "the host's kernel emulates it",
  "sldt": "the host's kernel emulates it",
  "str": "the host's kernel emulates it",
  "smsw": "the host's kernel emulates it",
  "int": "enters the host's kernel",
  "int1": "enters the host's kernel",
  "int3": "enters the host's kernel",
  "into": "enters the host's kernel",
  "syscall": "enters the host's kernel",
  "sysenter": "enters the host's kernel",
  "sysexit": "AMD's processors do not have it in 64-bit code",
  "serialize": "few processors have it",
  "cpuid": "the result is each CPU's own",
  "rdtsc": "the result is each CPU's own",
  "rdtscp": "the result is each CPU's own",
  "rdpid": "the result is each CPU's own",
  "rdpmc": "the host's kernel decides whether it faults",
  "rdrand": "the result is random",
  "xgetbv": "the result is each CPU's own",
  "xsave": "the layout is each CPU's own",
  "xrstor": "the layout is each CPU's own",
  "fxsave": "stored pointers are each CPU's own",
  "fxrstor": "stored pointers are each CPU's own",
};

/** Forms that are not compared, by encoding, and why. */
const FORMS_NOT_COMPARED: { readonly [encoding: string]: string } = {
  "8E /r Sw Ew": "descriptor tables are the host's",
};

/** x87 instructions with a memory operand that store pointers: opcode and ModRM.reg. */
const X87_ENVIRONMENTS = new Set([0xd9_4, 0xd9_6, 0xdd_4, 0xdd_6]);

/** Why a form, or an encoding of it, is not compared. */
export function notCompared(form: Form, mode: CodeMode, instruction?: Instruction): string | undefined {
  const { name } = form.definition;
  if (name === "sysret" && mode !== CodeMode.Bits64) return "AMD's processors have it in 32-bit code";
  if (name === "x87" && instruction?.memory !== undefined) {
    const modrm = instruction.bytes[instruction.bytes.indexOf(form.opcode) + 1]!;
    if (X87_ENVIRONMENTS.has(form.opcode * 16 + ((modrm >> 3) & 7))) {
      return "stored pointers are each CPU's own";
    }
  }
  return NOT_COMPARED[name] ?? FORMS_NOT_COMPARED[form.text];
}

/** Shifts that leave OF undefined where they shift by more than one place. */
const OVERFLOW_BY_ONE = /^(shr|shld|shrd)$/;

/** Flags that are undefined after an instruction on some registers. */
export function flagsLeftUndefined(name: string): number {
  return (UNDEFINED_FLAGS[name] ?? 0) | (OVERFLOW_BY_ONE.test(name) ? Flag.OF : 0);
}

/** Flags that are undefined after an instruction on given registers. */
export function undefinedFlags(instruction: Instruction, input: Uint8Array): number {
  const { name } = instruction.form.definition;
  return OVERFLOW_BY_ONE.test(name) && shiftCount(instruction, input) === 1
    ? flagsLeftUndefined(name) & ~Flag.OF
    : flagsLeftUndefined(name);
}

/** Count of a shift, modulo the operand's bits: with more than one place OF is undefined. */
function shiftCount({ form, bytes, operandSize }: Instruction, input: Uint8Array): number {
  const last = form.operands.at(-1)!;
  if (last.place === "one") return 1;
  return (last.place === "immediate" ? bytes.at(-1)! : input[Case.GPR + 8]!) & (operandSize === 8 ? 63 : 31);
}

/** Instructions whose memory operand is accessed by a function that does not know the segment. */
const SEGMENT_UNKNOWN = new Set(["x87", "ldmxcsr", "stmxcsr"]);

/** Whether two vectors are the same, or as good as that. */
export function faultsAlike({ form }: Instruction, host: number, guest: number): boolean {
  return host === guest ||
    (host === Vector.SS && guest === Vector.GP && SEGMENT_UNKNOWN.has(form.definition.name));
}
