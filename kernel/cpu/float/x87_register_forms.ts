/**
 * x87 instructions without a memory operand.
 *
 * @module
 */

import {
  add,
  type Binary,
  divide,
  divideReversed,
  multiply,
  subtract,
  subtractReversed,
} from "./arithmetic.ts";
import { compareQuiet, compareSignalling } from "./compare.ts";
import {
  arithmeticRegister,
  changeSign,
  fprem,
  fprem1,
  frndint,
  fscale,
  fsqrt,
  fxtract,
} from "./x87_arithmetic.ts";
import {
  comparand,
  compareConditions,
  compareFlags,
  type Comparison,
  fcmov,
  ftst,
  fxam,
} from "./x87_compare.ts";
import { loadConstant } from "./x87_constants.ts";
import { initialize } from "./x87_environment.ts";
import { type Form, FormKind } from "./x87_form.ts";
import { fldRegister, fstpUnchecked, fstRegister, fxch } from "./x87_load_store.ts";
import { f2xm1, fcos, fpatan, fptan, fsin, fsincos, fyl2x, fyl2xp1 } from "./x87_transcendental.ts";
import { B, C1, ES, EXCEPTIONS, SF, type X87Unit } from "./x87_unit.ts";

type RegisterForm = Form<number>;

/** By the low three bits of the opcode, times 64, plus the low six bits of ModRM. */
export const REGISTER_FORMS: (RegisterForm | undefined)[] = new Array(512).fill(undefined);

function one(opcode: number, modrm: number, run: RegisterForm["run"], kind = FormKind.Normal): void {
  REGISTER_FORMS[((opcode & 7) << 6) | (modrm & 0x3f)] = { kind, run };
}

/** The eight encodings of an instruction with ST(i), from `modrm` on. */
function eight(opcode: number, modrm: number, run: RegisterForm["run"]): void {
  for (let i = 0; i < 8; i++) one(opcode, modrm + i, run);
}

// Arithmetic. With ST(i) as the destination, FSUB and FSUBR, FDIV and FDIVR change places.
const OPERATIONS: readonly [number, Binary, Binary][] = [
  [0xc0, add, add],
  [0xc8, multiply, multiply],
  [0xe0, subtract, subtractReversed],
  [0xe8, subtractReversed, subtract],
  [0xf0, divide, divideReversed],
  [0xf8, divideReversed, divide],
];
for (const [modrm, toTop, toOther] of OPERATIONS) {
  eight(0xd8, modrm, (unit, i) => arithmeticRegister(unit, toTop, 0, i, false));
  eight(0xdc, modrm, (unit, i) => arithmeticRegister(unit, toOther, i, 0, false));
  eight(0xde, modrm, (unit, i) => arithmeticRegister(unit, toOther, i, 0, true));
}

// Comparison. DC D0, DC D8 and DE D0 are undocumented copies.
function compare(opcode: number, modrm: number, comparison: Comparison, pops: number): void {
  eight(opcode, modrm, (unit, i) => compareConditions(unit, comparison, comparand(unit, i), pops));
}
compare(0xd8, 0xd0, compareSignalling, 0);
compare(0xd8, 0xd8, compareSignalling, 1);
compare(0xdc, 0xd0, compareSignalling, 0);
compare(0xdc, 0xd8, compareSignalling, 1);
compare(0xde, 0xd0, compareSignalling, 1);
compare(0xdd, 0xe0, compareQuiet, 0);
compare(0xdd, 0xe8, compareQuiet, 1);
one(0xde, 0xd9, (unit) => compareConditions(unit, compareSignalling, comparand(unit, 1), 2));
one(0xda, 0xe9, (unit) => compareConditions(unit, compareQuiet, comparand(unit, 1), 2));
one(0xd9, 0xe4, ftst);
one(0xd9, 0xe5, fxam);

function compareToFlags(opcode: number, modrm: number, comparison: Comparison, pops: boolean): void {
  eight(opcode, modrm, (unit, i) => ({ flags: compareFlags(unit, comparison, i, pops) }));
}
compareToFlags(0xdb, 0xe8, compareQuiet, false);
compareToFlags(0xdb, 0xf0, compareSignalling, false);
compareToFlags(0xdf, 0xe8, compareQuiet, true);
compareToFlags(0xdf, 0xf0, compareSignalling, true);

// FCMOVB, E, BE, U and, in DB, their opposites, by CF, ZF, CF or ZF, PF.
[0x01, 0x40, 0x41, 0x04].forEach((flags, n) => {
  eight(0xda, 0xc0 + 8 * n, (unit, i, { eflags }) => fcmov(unit, i, (eflags & flags) !== 0));
  eight(0xdb, 0xc0 + 8 * n, (unit, i, { eflags }) => fcmov(unit, i, (eflags & flags) === 0));
});

// Moves. D9 D8, DD C8, DF C8, DF D0 and DF D8 are undocumented copies.
eight(0xd9, 0xc0, fldRegister);
for (const [opcode, modrm] of [[0xd9, 0xc8], [0xdd, 0xc8], [0xdf, 0xc8]] as const) eight(opcode, modrm, fxch);
eight(0xdd, 0xd0, (unit, i) => fstRegister(unit, i, false));
for (const [opcode, modrm] of [[0xdd, 0xd8], [0xdf, 0xd0], [0xdf, 0xd8]] as const) {
  eight(opcode, modrm, (unit, i) => fstRegister(unit, i, true));
}
eight(0xd9, 0xd8, fstpUnchecked);
for (let index = 0; index < 7; index++) one(0xd9, 0xe8 + index, (unit) => loadConstant(unit, index));

// Functions of one or two stack operands.
const SIGN = 1n << 79n;
const FUNCTIONS: readonly [number, (unit: X87Unit) => void][] = [
  [0xe0, (unit) => changeSign(unit, (bits) => bits ^ SIGN)],
  [0xe1, (unit) => changeSign(unit, (bits) => bits & ~SIGN)],
  [0xf0, f2xm1],
  [0xf1, fyl2x],
  [0xf2, fptan],
  [0xf3, fpatan],
  [0xf4, fxtract],
  [0xf5, fprem1],
  [0xf8, fprem],
  [0xf9, fyl2xp1],
  [0xfa, fsqrt],
  [0xfb, fsincos],
  [0xfc, frndint],
  [0xfd, fscale],
  [0xfe, fsin],
  [0xff, fcos],
];
for (const [modrm, run] of FUNCTIONS) one(0xd9, modrm, run);

// Stack control.
function moveTop(unit: X87Unit, by: number): void {
  unit.top += by;
  unit.setConditions(0, C1);
}
one(0xd9, 0xd0, () => {});
one(0xd9, 0xf6, (unit) => moveTop(unit, -1));
one(0xd9, 0xf7, (unit) => moveTop(unit, 1));
eight(0xdd, 0xc0, (unit, i) => {
  unit.free(i);
  unit.setConditions(0, C1);
});
// DF C0 is undocumented: FFREE, and a pop.
eight(0xdf, 0xc0, (unit, i) => {
  unit.free(i);
  unit.pop();
  unit.setConditions(0, C1);
});

// FNCLEX, FNINIT and, without effect since the 80387, FNENI, FNDISI and FNSETPM.
one(0xdb, 0xe0, () => {}, FormKind.NoWait);
one(0xdb, 0xe1, () => {}, FormKind.NoWait);
one(0xdb, 0xe2, (unit) => unit.setConditions(0, B | ES | SF | EXCEPTIONS), FormKind.NoWait);
one(0xdb, 0xe3, (unit) => initialize(unit.state), FormKind.NoWait);
one(0xdb, 0xe4, () => {}, FormKind.NoWait);
one(0xdf, 0xe0, (unit) => ({ ax: unit.state.status }), FormKind.NoWait);
