/**
 * The decoded instruction as the interpreter walks it: `RECORD_SIZE` bytes in engine memory.
 *
 * @module
 */

/** Offsets in a record. */
export const Record = {
  /** u16: number of the handler. */
  HANDLER: 0,
  /** u16: offset of the instruction in its page, 0 to 4095 (up to 4110 in a {@link SpecialHandler.NextPage}). */
  OFFSET: 2,
  /** u8: length in bytes, 1 to 15. */
  LENGTH: 4,
  /** u8: left shift of the index register. */
  SCALE: 5,
  /** u16: register named by ModRM.reg or by the opcode, as a byte offset from `GPR` (or from `XMM`, ...). */
  REGISTER: 6,
  /** u16: register named by ModRM.rm, or the base register of an address; byte offset likewise. */
  RM: 8,
  /** u16: index register of an address; byte offset from `GPR`. */
  INDEX: 10,
  /** u16: base of the segment, as a byte offset from `GPR`. */
  SEGMENT: 12,
  /** u8: number of the segment register that an address uses. */
  SEGMENT_NUMBER: 14,
  /** u8: how often execution may enter here, by a jump, before the code counts as hot; wraps around. */
  ENTRIES_LEFT: 15,
  /** i32: displacement of an address. */
  DISPLACEMENT: 16,
  /** u32: record that a direct branch leads to, once known; 0 before. */
  LINK: 20,
  /** i64: immediate operand, or the displacement of a relative branch. */
  IMMEDIATE: 24,
} as const;

/** Entries after which {@link Record.ENTRIES_LEFT} is zero again. */
export const COUNTER_RANGE = 256;

/** Handlers that are not instructions. */
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
