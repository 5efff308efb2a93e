/**
 * Every instruction that the CPU has.
 *
 * @module
 */

import "./alu.ts";
import "./bit.ts";
import "./control.ts";
import "./decimal.ts";
import "./flag.ts";
import "./multiply.ts";
import "./shift.ts";
import "./sse_popcnt.ts";
import "./stack.ts";
import "./string.ts";
import "./system.ts";

export { type Definition, type Form, forms, type OperandSpec } from "./definition.ts";
export { TOO_LONG, UNDEFINED_OPCODE } from "./faults.ts";
export { NOP } from "./move.ts";
