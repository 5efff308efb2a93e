/**
 * What the tables of x87 instructions consist of.
 *
 * @module
 */

import type { X87Unit } from "./x87_unit.ts";

/** What an instruction needs to know besides its operand. */
export interface X87Instruction {
  /** Offset and selector of the instruction, for FIP and FCS; without `offset` all pointers stay as they are. */
  readonly offset?: bigint;
  readonly selector?: number;
  /** EFLAGS, for FCMOVcc. */
  readonly eflags: number;
  /** Layout of environments. A 64-bit operand size counts as 32. */
  readonly operandSize: 16 | 32;
  /** Whether the processor is in real-address or virtual-8086 mode. */
  readonly realMode: boolean;
}

/** What an instruction does outside the x87. */
export interface X87Effect {
  /** ZF, PF and CF of EFLAGS; OF, SF and AF become 0. */
  readonly flags?: number;
  /** What AX becomes. */
  readonly ax?: number;
  /** #UD: there is no such instruction. */
  readonly undefinedOpcode?: true;
  /** #MF: an earlier instruction's unmasked exception is pending. Nothing was executed. */
  readonly mathFault?: true;
}

/** How an instruction treats pending exceptions and the pointers. */
export enum FormKind {
  /** Waits for pending exceptions, and sets FIP, FDP and FOP. */
  Normal,
  /** Waits, and leaves the pointers alone. */
  Control,
  /** Neither. */
  NoWait,
}

/** An instruction: `Operand` is i of ST(i), or a memory operand. */
export interface Form<Operand> {
  readonly kind: FormKind;
  run(unit: X87Unit, operand: Operand, instruction: X87Instruction): X87Effect | void;
}
