/**
 * What a vCPU is to the run loop, whichever way it executes code: on the software CPU or on KVM.
 *
 * @module
 */

import type { AttentionWord } from "./attention.ts";
import type { BootEntry } from "./abi/control.ts";
import type { StateFields } from "./abi/state.ts";

/** Why {@link Vcpu.run} returned. */
export enum VcpuExit {
  /** The instructions that were granted have been executed. */
  Budget,
  /** Attention was asked for: there may be an interrupt, a timer or a request of the toolstack's. */
  Attention,
  /** HLT: nothing to do until an interrupt is pending. */
  Halt,
  /** Shutdown after a triple fault: it runs no more until reset. */
  Shutdown,
}

/** The machine around a vCPU, as the vCPU sees it: called on the vCPU's own thread. */
export interface VcpuBus {
  /** Port access; `size` 1, 2 or 4. Nobody there: reads as all ones. Only returns when the device has answered. */
  readPort(port: number, size: number): number;
  writePort(port: number, size: number, value: number): void;
  /** String port access: `bytes.length / size` elements to or from one port. */
  readPortString(port: number, size: number, bytes: Uint8Array): void;
  writePortString(port: number, size: number, bytes: Uint8Array): void;
  /** Memory outside RAM; `size` 1, 2, 4 or 8. */
  readMmio(gpa: number, size: number): bigint;
  writeMmio(gpa: number, size: number, value: bigint): void;
  /** Guest time in nanoseconds. */
  now(): number;
  /** Local APIC registers in MSRs (0x1b, 0x6e0, 0x800 to 0x83f); `undefined` and `false` mean #GP. */
  readApicMsr(msr: number): bigint | undefined;
  writeApicMsr(msr: number, value: bigint): boolean;
  /** Task priority, bits 7-4 of the APIC's TPR. */
  cr8: number;
  /** 64 random bits; absent: the host's. */
  random?(): bigint;
}

/** A vCPU that cannot be relied on any more. The message is one line. */
export class VcpuFailure extends Error {
  /** `details`: what is known about it, some lines for people. */
  constructor(message: string, readonly details: string) {
    super(message);
    this.name = "VcpuFailure";
  }
}

/** One virtual CPU. Used by one thread only, except for {@link attention}. */
export interface Vcpu {
  /** Executes at most about `instructions` instructions. @throws {VcpuFailure} if it cannot be relied on any more */
  run(instructions: number): VcpuExit;
  /** It is not run for some time, or for good. @throws {VcpuFailure} if it could not be relied on */
  pausing?(): void;
  /** Whether an interrupt would be taken now: IF is set and no shadow is in force. */
  readonly interruptible: boolean;
  /**
   * Whether an interrupt is pending that could not be delivered: {@link run} then returns `Attention` as soon as the
   * vCPU is interruptible.
   */
  interruptWindow: boolean;
  /** Delivers an external interrupt; only if {@link interruptible}. Ends HLT. */
  interrupt(vector: number): void;
  /** Has a non-maskable interrupt delivered once no other is being handled. Ends HLT. */
  nonMaskableInterrupt(): void;
  /** Makes {@link run} return soon, from any thread: see {@link raiseAttention}. */
  readonly attention: AttentionWord;
  /** Power-on state (INIT keeps some of it: the toolstack always follows with an entry). */
  reset(): void;
  /** Registers for the first instruction. */
  enter(entry: BootEntry): void;
  /** All registers, a line for each group, for people. */
  registers(): string;
  /** Instructions executed since the start. */
  readonly instructions: bigint;
  /**
   * Counters by name: groups that are separated by points, then what is counted, as in `tier1.exits.indirect`. Names
   * that end in `Bytes` count bytes, those that end in `Time` nanoseconds.
   */
  readonly statistics: { readonly [name: string]: number };
  save(): StateFields;
  restore(fields: StateFields): void;
  /** Forgets what was made from guest memory that something else has written (DMA, load). */
  memoryModified(gpa: number, length: number): void;
}
