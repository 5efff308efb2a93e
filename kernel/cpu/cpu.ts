/**
 * What the parts of the CPU that are written in TypeScript (system instructions, exception delivery, x87)
 * see of the vCPU.
 *
 * @module
 */

import type { CodeMode, Segment } from "./state.ts";

/** An exception on its way to the guest: thrown by system functions, delivered by the run loop. */
export class GuestFault {
  // No Error: a stack trace would cost 1.8 us, and page faults are part of normal operation.
  constructor(
    /** Vector, 0 to 31. */
    readonly vector: number,
    /** Error code, or `undefined` where the vector has none. */
    readonly error?: number,
    /** Linear address of a page fault. */
    readonly address?: bigint,
  ) {}
}

/**
 * Guest memory by linear address, translated and checked as an explicit access of the current
 * privilege level, or (`system...`) as an implicit supervisor access. Every method throws a {@link GuestFault}
 * with vector #PF and has then changed nothing. Values are little-endian; an access may cross pages. `read` to `write64`
 * throw #AC where alignment is checked.
 */
export interface LinearMemory {
  read(address: bigint, size: 1 | 2 | 4): number;
  read64(address: bigint): bigint;
  write(address: bigint, size: 1 | 2 | 4, value: number): void;
  write64(address: bigint, value: bigint): void;
  /** Fills `bytes` with what lies at an address. */
  readBytes(address: bigint, bytes: Uint8Array): void;
  writeBytes(address: bigint, bytes: Uint8Array): void;
  systemRead(address: bigint, size: 1 | 2 | 4): number;
  systemRead64(address: bigint): bigint;
  systemWrite(address: bigint, size: 1 | 2 | 4, value: number): void;
  systemWrite64(address: bigint, value: bigint): void;
  /** Checks that `length` bytes can be written, without writing. `system`: as an implicit supervisor access. */
  probeWrite(address: bigint, length: number, system: boolean): void;
  /** Where alignment is checked, throws #AC for an explicit access of `size` bytes that is not aligned to `alignment`. */
  requireAligned(address: bigint, size: number, alignment: number, write: boolean): void;
}

/** Registers and effects of one vCPU. Names follow `state.ts`. */
export interface Cpu {
  readonly memory: LinearMemory;
  /** Engine memory: the state of `state.ts` lies in it. */
  readonly view: DataView;
  /** Raw 64-bit general registers, index as `Gpr`. */
  readonly gpr: BigUint64Array;
  /** Where execution goes on; inside a system function, at first the next instruction. */
  rip: bigint;
  /** The instruction that is being executed. */
  readonly instructionRip: bigint;
  /** All of RFLAGS, with the arithmetic flags computed; setting it sets them too. Bit 1 reads as one. */
  rflags: number;
  cpl: number;
  readonly codeMode: CodeMode;
  /** EFER.LMA. */
  readonly longMode: boolean;

  segmentBase(segment: Segment): bigint;
  segmentLimit(segment: Segment): number;
  segmentAttributes(segment: Segment): number;
  segmentSelector(segment: Segment): number;
  /**
   * Sets a segment register's hidden part. Setting CS also sets {@link codeMode} (from its L and D/B bits
   * and EFER.LMA); CPL is set by `cpl` alone.
   */
  setSegment(segment: Segment, selector: number, base: bigint, limit: number, attributes: number): void;
  /** Sets only the base: FS.base and GS.base through MSRs, WRFSBASE, SWAPGS. */
  setSegmentBase(segment: Segment, base: bigint): void;

  /** A register of `state.ts` that is 64 bits wide, by its address. */
  get64(address: number): bigint;
  set64(address: number, value: bigint): void;
  /** A register of `state.ts` that is 32 bits wide, by its address. */
  get32(address: number): number;
  set32(address: number, value: number): void;

  /** Reads 8 bytes of RAM at a guest-physical address, a multiple of 8; zero where there is none. */
  readPhysical64(gpa: number): bigint;
  /** Must be called after CR0, CR3, CR4 or EFER changed: forgets translations and derived modes as needed. */
  pagingChanged(change: PagingChange): void;
  /** Forgets the translations of one linear address, in the current PCID and global ones. */
  invalidatePage(address: bigint): void;
  /** Forgets translations of a PCID; `pcid` undefined: of all; `global`: global ones too. */
  invalidateContext(pcid: number | undefined, global: boolean): void;

  /** Ports. `size` 1, 2 or 4. */
  readPort(port: number, size: 1 | 2 | 4): number;
  writePort(port: number, size: 1 | 2 | 4, value: number): void;
  /** Time-stamp counter, with TSC_OFFSET applied. */
  readTsc(): bigint;
  /** TSC frequency in Hz. */
  readonly tscFrequency: number;
  /** Local APIC registers reached through MSRs and CR8. MSR numbers 0x1b, 0x6e0, 0x800 to 0x83f; undefined: #GP. */
  readApicMsr(msr: number): bigint | undefined;
  writeApicMsr(msr: number, value: bigint): boolean;
  cr8: number;
  /** 64 random bits. */
  random(): bigint;
  /** HLT: the run loop waits for an interrupt. */
  halt(): void;
  /**
   * Interrupts are not taken before the instruction after the next one: STI, MOV SS, POP SS. `debugToo`: nor are debug
   * traps, for loads of SS.
   */
  shadowInterrupts(debugToo: boolean): void;
  /** Whether a single-step trap follows the instruction that is being executed. */
  singleStep: boolean;
  /** Must be called after DR0 to DR3, DR7 or CR4.DE changed. */
  debugRegistersChanged(): void;
  /**
   * Delivers an interrupt or exception if nothing about that is out of the ordinary; false: nothing has changed.
   * `flags` are bits of RFLAGS that are pushed besides those that are set.
   */
  enterGate(vector: number, error: number | undefined, flags: number): boolean;
  /** IRET: non-maskable interrupts are taken again. */
  endNonMaskableInterrupt(): void;
  /** The vCPU shuts down: a triple fault. */
  shutdown(reason: string): void;
}

/** What changed about paging. */
export type PagingChange =
  /** CR0.PG, WP, CR4's PAE, PGE, PSE, SMEP, SMAP, PCIDE or EFER.NXE, LMA: everything is forgotten. */
  | { readonly kind: "mode" }
  /** CR3 was loaded; `keep`: with bit 63 set under PCIDE, so nothing of its PCID is forgotten. */
  | { readonly kind: "cr3"; readonly keep: boolean };
