/**
 * Where one vCPU's architectural state lies in the engine's memory, and a view on it.
 *
 * Generated WebAssembly and TypeScript work on the same bytes. All addresses are byte offsets in
 * the engine's memory (memory 0), which guest RAM (memory 1) is no part of.
 *
 * @module
 */

/**
 * Start of the architectural state. It is where the memory starts, so that the general registers have short addresses in
 * the host's code: half of what compiled code does is done on them.
 */
export const STATE = 0;

/** Sixteen general registers of 8 bytes, in encoding order RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15. */
export const GPR = STATE;
/** A register that is always zero: the absent base or index of an address. */
export const ZERO = GPR + 16 * 8;
/**
 * Instruction pointer at offset 0 of the page that is being executed; RIP is this plus a record's
 * page offset. It lies among the registers so that RIP-relative addresses can name it as their base.
 */
export const CODE_BASE = ZERO + 8;
/** Segment bases, 8 bytes each, in encoding order ES, CS, SS, DS, FS, GS; then GDTR-less LDTR and TR. */
export const SEGMENT_BASE = CODE_BASE + 8;
/** Segment limits in bytes, 4 bytes each, same order: the last offset that is valid. */
export const SEGMENT_LIMIT = SEGMENT_BASE + 8 * 8;
/**
 * Segment attributes, 4 bytes each: bits 0-7 the descriptor's access byte (type, S, DPL, P), bits 8-11 its
 * AVL, L, D/B and G flags; bit 16 the segment is unusable (a null selector).
 */
export const SEGMENT_ATTRIBUTES = SEGMENT_LIMIT + 8 * 4;
/** Segment selectors, 4 bytes each (the upper 2 zero). */
export const SEGMENT_SELECTOR = SEGMENT_ATTRIBUTES + 8 * 4;

/** RIP: of the next instruction while a system function runs, else where execution goes on. */
export const RIP = STATE + 0x180;
/** RIP of the instruction that is being executed, valid while a system function runs or a fault is pending. */
export const INSTRUCTION_RIP = STATE + 0x188;
/** RFLAGS without CF, PF, AF, ZF, SF and OF, which are lazy: see `flags.ts`. i32. */
export const RFLAGS = STATE + 0x190;
/** Which operation produced the arithmetic flags. i32. */
export const FLAGS_KIND = STATE + 0x194;
/** Result that the lazy flags are computed from. i64. */
export const FLAGS_RESULT = STATE + 0x198;
/** Second value that the lazy flags are computed from. i64. */
export const FLAGS_SOURCE = STATE + 0x1a0;

/** GDTR and IDTR: base i64 and limit i64 each. */
export const GDTR = STATE + 0x1b0;
export const IDTR = STATE + 0x1c0;
/** CR0 to CR15, 8 bytes each (1, 5 to 7 and 9 to 15 are unused; CR8 is the local APIC's). */
export const CR = STATE + 0x200;
/** DR0 to DR7, 8 bytes each. */
export const DR = STATE + 0x280;
/** XCR0. i64. */
export const XCR0 = STATE + 0x2c0;
/** Model-specific registers that the CPU's own operation reads. i64 each. */
export const EFER = STATE + 0x2c8;
export const STAR = STATE + 0x2d0;
export const LSTAR = STATE + 0x2d8;
export const CSTAR = STATE + 0x2e0;
export const SFMASK = STATE + 0x2e8;
export const KERNEL_GS_BASE = STATE + 0x2f0;
export const TSC_AUX = STATE + 0x2f8;
export const SYSENTER_CS = STATE + 0x300;
export const SYSENTER_ESP = STATE + 0x308;
export const SYSENTER_EIP = STATE + 0x310;
export const PAT = STATE + 0x318;
export const APIC_BASE = STATE + 0x320;
export const TSC_ADJUST = STATE + 0x328;
/** What is added to guest time in TSC ticks to give the time-stamp counter. i64. */
export const TSC_OFFSET = STATE + 0x330;

/** Current privilege level, 0 to 3. i32. */
export const CPL = STATE + 0x340;
/** Operating mode of the code and its segments, a number of {@link CodeMode}. i32. */
export const CODE_MODE = STATE + 0x344;
/** Nonzero while the vCPU is halted. i32. */
export const HALTED = STATE + 0x34c;

/** Vector of a fault that generated code or a system function left, or -1. i32. */
export const FAULT_VECTOR = STATE + 0x360;
/**
 * What {@link FAULT_VECTOR} holds after an access to an address that is not canonical, or beyond the limit of a flat
 * segment, until it is known whether that was in the stack segment: #SS or #GP. Its low byte is #GP's.
 */
export const NON_CANONICAL = 0x10d;
/**
 * What {@link FAULT_VECTOR} holds after an access that meets a data breakpoint: no fault, the instruction is to be
 * executed again, alone, so that the trap comes directly behind it.
 */
export const EXECUTE_ALONE = 0x200;
/** Error code of that fault. i32. */
export const FAULT_ERROR = STATE + 0x364;
/** Linear address of a page fault. i64. */
export const FAULT_ADDRESS = STATE + 0x368;
/**
 * Nonzero when the run loop must return to look at what changed: interrupts, timers, pause. Other threads set it
 * with atomics, to `ATTENTION_RAISED`. Generated code is left when the budget is less than this: its bits are more than any
 * budget, so that one comparison tells of both. i32.
 */
export const ATTENTION = STATE + 0x370;
/** Bit of {@link ATTENTION} by which the vCPU itself has generated code return. The others belong to those around it. */
export const LEAVE_LOOP = 1 << 29;
/** Most instructions that are granted at once. */
export const MOST_GRANTED = LEAVE_LOOP - 1;
/** Nonzero while instructions are executed one at a time, and repeated ones element by element. i32. */
export const STEPPING = ATTENTION + 4;
/** Instructions executed so far. i64. */
export const INSTRUCTIONS = STATE + 0x378;
/** Instructions that may still run before the loop returns; below zero it does. i32. */
export const BUDGET = STATE + 0x380;
/**
 * The last reading of the clock, in guest time, and the last time stamp that was given, i64 each; what was left of the
 * budget at that reading, and for how many instructions it is good, i32 each. See `time_stamps.ts`.
 */
export const CLOCK_READING = STATE + 0x6c0;
export const LAST_TIME_STAMP = STATE + 0x6c8;
export const CLOCK_BUDGET = STATE + 0x6d0;
export const CLOCK_GOOD_FOR = STATE + 0x6d4;
/** Bits 0-11 of the tags of TLB entries that are good now: {@link SPACE} or {@link KERNEL_SPACE}, and privilege. i64. */
export const TLB_CONTEXT = STATE + 0x388;
/**
 * Number of the address space, from bit 3 up, as tags have it. Supervisor mode has none, 0, in its own tags, so that
 * translations and jumps of a kernel are good in all address spaces, as long as it has global pages and all its code is
 * in such: else the same number. i32 each.
 */
export const SPACE = STATE + 0x6a8;
export const KERNEL_SPACE = STATE + 0x6ac;
/** The bits of a tag that hold the number. */
export const SPACE_MASK = 0xff8;
/** Entries of the TLBs, for pages that are not global, that have no number: see `PRIVATE_ENTRIES`. i32. */
export const PRIVATE_COUNT = STATE + 0x6b8;
/** Bit of the tag in user mode. */
export const CONTEXT_USER = 4;
/** Bit of the tag while RFLAGS.AC is set; the address space's number is there then in supervisor mode, too. */
export const CONTEXT_OVERRIDE = 2;
/** What a jump cache tag is XORed with: address space, privilege and code mode, from bit 48 up. i64. */
export const JUMP_CONTEXT = STATE + 0x6a0;
/** Where what the tags of TLB entries say of address space and privilege stands in its upper half. */
export const JUMP_CONTEXT_SHIFT = 19;
/** Nonzero if the page that was translated last is global. i32. */
export const PAGE_IS_GLOBAL = STATE + 0x6b0;
/** Nonzero if the page that was translated last may be written as well, and is marked as dirty already. i32. */
export const PAGE_IS_WRITABLE = STATE + 0x6b4;

/** Sixteen XMM registers of 16 bytes. */
export const XMM = STATE + 0x400;
/** Bytes of one of them. */
export const XMM_SIZE = 16;
/** MXCSR. i32. */
export const MXCSR = STATE + 0x500;
/** Eight x87/MMX registers by physical number, 16 bytes each: significand i64, then sign and exponent in 16 bits. */
export const X87 = STATE + 0x520;
/** x87 control word, status word, abridged tag word (bit set = not empty), last opcode: i32 each. */
export const X87_CONTROL = STATE + 0x5a0;
export const X87_STATUS = STATE + 0x5a4;
export const X87_TAG = STATE + 0x5a8;
export const X87_OPCODE = STATE + 0x5ac;
/** x87 last instruction and operand pointers i64 each, and their selectors i32 each. */
export const X87_IP = STATE + 0x5b0;
export const X87_DP = STATE + 0x5b8;
export const X87_CS = STATE + 0x5c0;
export const X87_DS = STATE + 0x5c4;

/** Record at which the straight run that is being executed was entered: what instructions are counted from. i32. */
export const RUN_START = STATE + 0x398;
/** Instruction before which interrupts are held off: the one after STI or a load of SS. i64. */
export const SHADOW_RIP = STATE + 0x3a0;
/** Nonzero while an interrupt is pending that IF holds off: setting IF then asks for attention. i32. */
export const INTERRUPT_WAITING = STATE + 0x3a8;

/** Nonzero from the delivery of a non-maskable interrupt to the next IRET: others wait. i32. */
export const NMI_BLOCKED = STATE + 0x3ac;
/** Nonzero while a non-maskable interrupt waits. i32. */
export const NMI_PENDING = STATE + 0x348;
/** Nonzero since compiled code was dropped: whoever runs compiled code leaves it behind the instruction. i32. */
export const CODE_DROPPED = STATE + 0x358;
/** Nonzero while data breakpoints are enabled. i32. */
export const WATCHING = STATE + 0x350;

/**
 * Nonzero while accesses to memory are checked for alignment: CR0.AM and RFLAGS.AC at CPL 3. Translations are not
 * remembered then. i32.
 */
export const ALIGNMENT_CHECKED = STATE + 0x354;

/** What linear addresses are cut to: all ones in 64-bit mode, else 32 bits. i64. */
export const LINEAR_MASK = STATE + 0x3b0;

/** The four page-directory-pointer-table entries of PAE paging, 8 bytes each (SDM volume 3, 4.4.1). */
export const PAGE_DIRECTORY_POINTERS = STATE + 0x3b8;

/** Instructions that compiled code has executed, and how often the interpreter went over to it: i64 each. */
export const COMPILED_INSTRUCTIONS = STATE + 0x3e8;
export const COMPILED_ENTRIES = STATE + 0x3f0;
/** How often compiled code returned because of a fault, an interrupt, or at the end of the instructions granted. i64. */
export const COMPILED_RETURNS = STATE + 0x3f8;
/** Accesses that the TLBs did not answer: reads, writes, fetches in compiled code. i64 each. */
export const TLB_MISSES = STATE + 0x680;
/** How often compiled code left an instruction to the interpreter because of an access that the TLBs did not answer. i64. */
export const COMPILED_UNKNOWN = STATE + 0x698;
/** No page: its address is not canonical, so no translation is ever found for it. */
export const NO_PAGE = 0x8000_0000_0000_0000n;

/** Room for values that generated code hands to system functions. */
export const SCRATCH = STATE + 0x600;

/** End of the architectural state. */
export const STATE_END = STATE + 0x1000;

/** General registers in encoding order. */
export enum Gpr {
  RAX,
  RCX,
  RDX,
  RBX,
  RSP,
  RBP,
  RSI,
  RDI,
  R8,
  R9,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15,
}

/** Segment registers in encoding order, then the two system segments. */
export enum Segment {
  ES,
  CS,
  SS,
  DS,
  FS,
  GS,
  LDTR,
  TR,
}

/** How code is decoded, from CS.L, CS.D and EFER.LMA; and what its segments are, from their bases and limits. */
export enum CodeMode {
  Bits16,
  Bits32,
  Bits64,
  /** 32-bit code in segments without effect: CS, SS, DS and ES reach from 0 to 4 GiB and may be read and written. */
  Flat32,
}

/** Bits of RFLAGS. */
export const Flag = {
  CF: 1 << 0,
  PF: 1 << 2,
  AF: 1 << 4,
  ZF: 1 << 6,
  SF: 1 << 7,
  TF: 1 << 8,
  IF: 1 << 9,
  DF: 1 << 10,
  OF: 1 << 11,
  IOPL: 3 << 12,
  NT: 1 << 14,
  RF: 1 << 16,
  VM: 1 << 17,
  AC: 1 << 18,
  VIF: 1 << 19,
  VIP: 1 << 20,
  ID: 1 << 21,
} as const;

/** CF, PF, AF, ZF, SF and OF: the flags that are kept lazily. */
export const ARITHMETIC_FLAGS = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF;

/** Segment attribute bits as {@link SEGMENT_ATTRIBUTES} holds them. */
export const SegmentAttribute = {
  ACCESSED: 1 << 0,
  /** Writable for data, readable for code. */
  READ_WRITE: 1 << 1,
  /** Expand-down for data, conforming for code. */
  DIRECTION_CONFORMING: 1 << 2,
  EXECUTABLE: 1 << 3,
  /** Code or data, not a system segment. */
  S: 1 << 4,
  DPL_SHIFT: 5,
  PRESENT: 1 << 7,
  AVL: 1 << 8,
  LONG: 1 << 9,
  /** Default operand size (code), stack size (data). */
  DB: 1 << 10,
  GRANULARITY: 1 << 11,
  UNUSABLE: 1 << 16,
} as const;

/** Bits of CR0, CR4 and EFER. */
export const Cr0 = {
  PE: 1 << 0,
  MP: 1 << 1,
  EM: 1 << 2,
  TS: 1 << 3,
  ET: 1 << 4,
  NE: 1 << 5,
  WP: 1 << 16,
  AM: 1 << 18,
  NW: 1 << 29,
  CD: 1 << 30,
  PG: 0x80000000,
} as const;
export const Cr4 = {
  VME: 1 << 0,
  PVI: 1 << 1,
  TSD: 1 << 2,
  DE: 1 << 3,
  PSE: 1 << 4,
  PAE: 1 << 5,
  MCE: 1 << 6,
  PGE: 1 << 7,
  PCE: 1 << 8,
  OSFXSR: 1 << 9,
  OSXMMEXCPT: 1 << 10,
  UMIP: 1 << 11,
  FSGSBASE: 1 << 16,
  PCIDE: 1 << 17,
  OSXSAVE: 1 << 18,
  SMEP: 1 << 20,
  SMAP: 1 << 21,
} as const;
export const Efer = {
  SCE: 1 << 0,
  LME: 1 << 8,
  LMA: 1 << 10,
  NXE: 1 << 11,
} as const;

/** Exception vectors. */
export enum Vector {
  DE = 0,
  DB = 1,
  NMI = 2,
  BP = 3,
  OF = 4,
  BR = 5,
  UD = 6,
  NM = 7,
  DF = 8,
  TS = 10,
  NP = 11,
  SS = 12,
  GP = 13,
  PF = 14,
  MF = 16,
  AC = 17,
  MC = 18,
  XM = 19,
}
