/**
 * Where the two CPUs that are compared find code and data, and what a case looks like in memory.
 *
 * The host's CPU and the guest's see the same linear addresses, all below 2 GiB, so that machine code reaches them with
 * plain 32-bit displacements whatever its registers hold.
 *
 * @module
 */

/** Start of everything, at a multiple of 2 MiB: one page table covers it. */
export const BASE = 0x2000_0000;
/** Two pages around the instruction under test. */
export const TEST = BASE + 0x10000;
export const TEST_LENGTH = 0x2000;
/** Where the instruction under test stands. */
export const INSTRUCTION = TEST + 0x800;
/** Where jumps under test lead: near enough for 8 bits of displacement, and not. */
export const PADS = [TEST + 0x7a0, TEST + 0x840, TEST + 0x1400] as const;

/** Pages that may be read and written. Those around them are not there. */
export const DATA = BASE + 0x24000;
export const DATA_LENGTH = 0x4000;
/** Bytes that each case sets anew: they lie across a page boundary. */
export const WINDOW = DATA + 0x1f80;
export const WINDOW_LENGTH = 256;

/** Bytes of a case, before and after. */
export const CASE_LENGTH = 1024;
/** Cases that run in one go. */
export const BATCH = 256;

/** Offsets in a case. */
export const Case = {
  /** Sixteen general registers in encoding order. */
  GPR: 0,
  RFLAGS: 128,
  FS_BASE: 136,
  GS_BASE: 144,
  /** After: where execution went on, or the instruction that faulted. */
  RIP: 136,
  /** After: vector of the exception, or -1. */
  VECTOR: 144,
  /** After: its error code, and the address of a page fault. */
  ERROR: 152,
  ADDRESS: 160,
  WINDOW: 256,
  /** x87, MMX and SSE state as FXSAVE64 has it. */
  FX: 512,
} as const;

/** Offsets in the FXSAVE64 region. */
export const Fx = { FCW: 0, FSW: 2, FTW: 4, MXCSR: 24, ST0: 32, XMM0: 160 } as const;
