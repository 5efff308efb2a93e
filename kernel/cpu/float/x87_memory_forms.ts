/**
 * x87 instructions with a memory operand.
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
import { compareSignalling } from "./compare.ts";
import { INT16, INT32, INT64 } from "./convert.ts";
import type { Unpacked } from "./format.ts";
import { arithmeticMemory } from "./x87_arithmetic.ts";
import { fbld, fbstp } from "./x87_bcd.ts";
import { compareConditions } from "./x87_compare.ts";
import {
  encodeEnvironment,
  encodeState,
  environmentSize,
  initialize,
  loadEnvironment,
  loadState,
  setControl,
} from "./x87_environment.ts";
import { type Form, FormKind } from "./x87_form.ts";
import {
  encodeInteger,
  fild,
  fist,
  fisttp,
  fldReal,
  fstpExtended,
  fstReal,
  pushBits,
  readInteger,
  readReal,
  readSigned,
} from "./x87_load_store.ts";
import type { MemoryOperand } from "./x87_unit.ts";

type MemoryForm = Form<MemoryOperand>;

/** By the low three bits of the opcode, times 8, plus the reg field of ModRM. */
export const MEMORY_FORMS: (MemoryForm | undefined)[] = new Array(64).fill(undefined);

function define(
  opcode: number,
  reg: number,
  run: MemoryForm["run"],
  kind: FormKind = FormKind.Normal,
): void {
  MEMORY_FORMS[((opcode & 7) << 3) | reg] = { kind, run };
}

function defineArithmetic(opcode: number, read: (memory: MemoryOperand) => Unpacked): void {
  const arithmetic = (reg: number, op: Binary) =>
    define(opcode, reg, (unit, memory) => arithmeticMemory(unit, op, read(memory)));
  const comparison = (reg: number, pops: number) =>
    define(opcode, reg, (unit, memory) => compareConditions(unit, compareSignalling, read(memory), pops));
  arithmetic(0, add);
  arithmetic(1, multiply);
  comparison(2, 0);
  comparison(3, 1);
  arithmetic(4, subtract);
  arithmetic(5, subtractReversed);
  arithmetic(6, divide);
  arithmetic(7, divideReversed);
}

defineArithmetic(0xd8, (memory) => readReal(memory, 4));
defineArithmetic(0xda, (memory) => readSigned(memory, 4));
defineArithmetic(0xdc, (memory) => readReal(memory, 8));
defineArithmetic(0xde, (memory) => readSigned(memory, 2));

define(0xd9, 0, (unit, memory) => fldReal(unit, readReal(memory, 4)));
define(0xd9, 2, (unit, memory) => fstReal(unit, memory, 4, false));
define(0xd9, 3, (unit, memory) => fstReal(unit, memory, 4, true));
define(0xdd, 0, (unit, memory) => fldReal(unit, readReal(memory, 8)));
define(0xdd, 2, (unit, memory) => fstReal(unit, memory, 8, false));
define(0xdd, 3, (unit, memory) => fstReal(unit, memory, 8, true));
define(0xdb, 5, (unit, memory) => pushBits(unit, readInteger(memory, 10)));
define(0xdb, 7, (unit, memory) => fstpExtended(unit, memory));

define(0xdf, 0, (unit, memory) => fild(unit, readSigned(memory, 2)));
define(0xdf, 1, (unit, memory) => fisttp(unit, memory, INT16));
define(0xdf, 2, (unit, memory) => fist(unit, memory, INT16, false));
define(0xdf, 3, (unit, memory) => fist(unit, memory, INT16, true));
define(0xdb, 0, (unit, memory) => fild(unit, readSigned(memory, 4)));
define(0xdb, 1, (unit, memory) => fisttp(unit, memory, INT32));
define(0xdb, 2, (unit, memory) => fist(unit, memory, INT32, false));
define(0xdb, 3, (unit, memory) => fist(unit, memory, INT32, true));
define(0xdf, 5, (unit, memory) => fild(unit, readSigned(memory, 8)));
define(0xdd, 1, (unit, memory) => fisttp(unit, memory, INT64));
define(0xdf, 7, (unit, memory) => fist(unit, memory, INT64, true));

define(0xdf, 4, (unit, memory) => fbld(unit, readInteger(memory, 10)));
define(0xdf, 6, (unit, memory) => fbstp(unit, memory));

// FLDENV, FLDCW, FNSTENV, FNSTCW
define(0xd9, 4, (unit, memory, instruction) => {
  loadEnvironment(unit, memory.read(environmentSize(instruction)), instruction);
}, FormKind.Control);
define(0xd9, 5, (unit, memory) => setControl(unit, Number(readInteger(memory, 2))), FormKind.Control);
define(0xd9, 6, (unit, memory, instruction) => {
  memory.write(encodeEnvironment(unit.state, instruction));
  setControl(unit, unit.state.control | 0x3f);
}, FormKind.NoWait);
define(
  0xd9,
  7,
  (unit, memory) => memory.write(encodeInteger(BigInt(unit.state.control), 2)),
  FormKind.NoWait,
);

// FRSTOR, FNSAVE, FNSTSW
define(0xdd, 4, (unit, memory, instruction) => {
  loadState(unit, memory.read(environmentSize(instruction) + 80), instruction);
}, FormKind.Control);
define(0xdd, 6, (unit, memory, instruction) => {
  memory.write(encodeState(unit, instruction));
  initialize(unit.state);
}, FormKind.NoWait);
define(0xdd, 7, (unit, memory) => memory.write(encodeInteger(BigInt(unit.state.status), 2)), FormKind.NoWait);
