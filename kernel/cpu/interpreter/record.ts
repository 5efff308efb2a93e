/**
 * The decoded instruction as the interpreter walks it: `RECORD_SIZE` bytes in engine memory.
 *
 * @module
 */

import type { Expression } from "../wasm/expression.ts";
import { type FunctionBuilder, type Local, NOWHERE } from "../wasm/function_builder.ts";
import { CODE_BASE } from "../state.ts";
import { RmKind, type Variant } from "../variant.ts";

/**
 * Offsets in a record. Registers are byte offsets from `GPR`, multiples of 8 but for AH to BH, or half of byte offsets from
 * `XMM`; `ZERO`, `CODE_BASE` and the bases of segments can be named likewise.
 */
export const Record = {
  /** u16: number of the handler. */
  HANDLER: 0,
  /** u16: offset of the instruction in its page, 12 bits, and its length in bytes, 1 to 15. */
  PLACE: 2,
  /** u8: register named by ModRM.reg or by the opcode. */
  REGISTER: 4,
  /** u8, in the same place, of a near call: 1 if the record behind it is where the call returns to. */
  COMES_BACK: 4,
  /**
   * u8: register named by ModRM.rm, or the base register of an address. In the lowest three bits the number of the segment
   * register where that is not known from the variant: see {@link namesSegment}.
   */
  RM: 5,
  /**
   * u8: index register of an address, its left shift in the lowest two bits, and {@link IN_STACK}. In a conditional jump the
   * outcomes of a comparison fused with it that it is taken after.
   */
  INDEX: 6,
  /** u8: how often execution may enter here, by a jump, before the code counts as hot; wraps around. */
  ENTRIES_LEFT: 7,
  /** i32: immediate operand, or the displacement of a relative branch. */
  IMMEDIATE: 8,
  /** u32, in the same place, of a near indirect branch: the lower half of where it led to last; 0 before. */
  TARGET: 8,
  /** i32: displacement of an address; upper half of an immediate operand of more than 32 bits. */
  DISPLACEMENT: 12,
  /** u32, in the same place: record that a direct branch leads to, once known; 0 before. */
  LINK: 12,
} as const;

/** Of {@link Record.INDEX}: faults of the access are the stack segment's. */
export const IN_STACK = 4;
/** What the field has for a register. */
export const REGISTER_FIELD = 0xf8;

/** Of {@link Record.PLACE}. */
export const OFFSET_FIELD = 0xfff;
export const LENGTH_SHIFT = 12;

/** Whether a record of the variant tells which segment register it uses. */
export function namesSegment({ rm, form }: Variant): boolean {
  return rm === RmKind.MemoryGeneral || form.attributes.has("as");
}

/** Offset in its page of the instruction of a record, no {@link SpecialHandler}. */
export function recordOffset(f: FunctionBuilder, record: Local<"i32">): Expression<"i32"> {
  return f.loadAs("i32.load16_u", record, Record.PLACE).and(OFFSET_FIELD);
}

/** Length in bytes of the instruction of a record. */
export function recordLength(f: FunctionBuilder, record: Local<"i32">): Expression<"i32"> {
  return f.loadAs("i32.load16_u", record, Record.PLACE).shrU(LENGTH_SHIFT);
}

/** RIP of the instruction of a record. */
export function recordRip(f: FunctionBuilder, record: Local<"i32">): Expression<"i64"> {
  return f.load(8, NOWHERE, CODE_BASE).add(recordOffset(f, record).extendU());
}

/** RIP of a record that is no instruction, and may lie in the next page: up to 4110 bytes behind {@link CODE_BASE}. */
export function specialRip(f: FunctionBuilder, record: Local<"i32">): Expression<"i64"> {
  return f.load(8, NOWHERE, CODE_BASE).add(f.loadAs("i64.load16_u", record, Record.PLACE));
}

/** Entries after which {@link Record.ENTRIES_LEFT} is zero again. */
export const COUNTER_RANGE = 256;

/** Handlers that are not instructions. {@link Record.PLACE} is where execution goes on, from 0 to 4110. */
export enum SpecialHandler {
  /** The straight run goes on in the next page. */
  NextPage,
  /** The code that this record was made from has been overwritten: decode again. */
  Refetch,
  /** The straight run goes on at the linked record, which was decoded before. */
  Goto,
  /** The single step is done: leave the loop. */
  StepEnd,
  /** Compiled code stands in for what begins here: a function in the table of regions, which LINK names. */
  Region,
  /** How many there are. */
  Count,
}
