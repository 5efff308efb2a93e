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
import "./interrupt_return.ts";
import "./mmx_move.ts";
import "./multiply.ts";
import "./shift.ts";
import "./sse4_media.ts";
import "./sse4_string.ts";
import "./sse_arithmetic.ts";
import "./sse_compare.ts";
import "./sse_convert.ts";
import "./sse_crc.ts";
import "./sse_element.ts";
import "./sse_integer.ts";
import "./sse_masked_store.ts";
import "./sse_memory.ts";
import "./sse_move.ts";
import "./sse_popcnt.ts";
import "./sse_shift.ts";
import "./sse_shuffle.ts";
import "./stack.ts";
import "./supervisor.ts";
import "./system_call.ts";
import "./string.ts";
import "./system.ts";

export { type Definition, type Form, forms, type OperandSpec } from "./definition.ts";
export { TOO_LONG, UNDEFINED_OPCODE } from "./faults.ts";
export { NOP } from "./move.ts";
