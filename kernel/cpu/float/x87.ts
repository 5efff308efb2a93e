/**
 * The x87 floating-point unit: decodes and executes D8 to DF.
 *
 * Where the manuals leave something undefined or processors differ (operands outside the range of F2XM1 and
 * FYL2XP1, condition codes after an unmasked exception, undocumented encodings) it is as on AMD family 19h.
 *
 * @module
 */

import { encodeFxsave, initialize, loadFxsave } from "./x87_environment.ts";
import { FormKind, type X87Effect, type X87Instruction } from "./x87_form.ts";
import { MEMORY_FORMS } from "./x87_memory_forms.ts";
import { REGISTER_FORMS } from "./x87_register_forms.ts";
import { type MemoryOperand, type X87State, X87Unit } from "./x87_unit.ts";

export type { MemoryOperand, X87Effect, X87Instruction, X87State };

const NO_EFFECT: X87Effect = {};
const UNDEFINED_OPCODE: X87Effect = { undefinedOpcode: true };
const MATH_FAULT: X87Effect = { mathFault: true };

const PROTECTED_32: X87Instruction = { eflags: 0, operandSize: 32, realMode: false };

/** Executes x87 instructions over a state that lies elsewhere. It holds nothing between two of them. */
export class X87 {
  readonly #unit: X87Unit;

  constructor(state: X87State) {
    this.#unit = new X87Unit(state);
  }

  /** Whether FWAIT, and any waiting instruction, raises #MF. */
  checkPending(): boolean {
    return this.#unit.pending;
  }

  /** Power-on and FNINIT state, save that FNINIT leaves the registers' contents. */
  reset(): void {
    initialize(this.#unit.state);
  }

  /**
   * Executes one instruction.
   *
   * @param opcode first byte, 0xd8 to 0xdf
   * @param modrm the ModRM byte
   * @param memory the operand, if the ModRM byte names one. What its accesses throw passes through, and
   *   nothing has changed then; nothing else is thrown
   */
  execute(
    opcode: number,
    modrm: number,
    memory: MemoryOperand | undefined,
    instruction: X87Instruction = PROTECTED_32,
  ): X87Effect {
    const unit = this.#unit;
    const low = opcode & 7;
    let kind: FormKind;
    let effect: X87Effect | void;
    if (memory === undefined) {
      const form = REGISTER_FORMS[(low << 6) | (modrm & 0x3f)];
      if (form === undefined) return UNDEFINED_OPCODE;
      kind = form.kind;
      if (kind !== FormKind.NoWait && unit.pending) return MATH_FAULT;
      unit.begin();
      effect = form.run(unit, modrm & 7, instruction);
    } else {
      const form = MEMORY_FORMS[(low << 3) | ((modrm >> 3) & 7)];
      if (form === undefined) return UNDEFINED_OPCODE;
      kind = form.kind;
      if (kind !== FormKind.NoWait && unit.pending) return MATH_FAULT;
      unit.begin();
      effect = form.run(unit, memory, instruction);
    }
    if (kind === FormKind.Normal) this.#setPointers((low << 8) | modrm, memory, instruction);
    return effect ?? NO_EFFECT;
  }

  /** Writes the x87 part of FXSAVE's 512-byte area: all of its first 160 bytes but 24 to 31. */
  saveFxsave(area: Uint8Array, wide: boolean): void {
    encodeFxsave(this.#unit, area, wide);
  }

  /** Takes over the x87 part of FXSAVE's area, as FXRSTOR (or FXRSTOR64, `wide`) does. */
  restoreFxsave(area: Uint8Array, wide: boolean): void {
    loadFxsave(this.#unit, area, wide);
  }

  #setPointers(fop: number, memory: MemoryOperand | undefined, instruction: X87Instruction): void {
    if (instruction.offset === undefined) return;
    const { state } = this.#unit;
    state.fip = instruction.offset;
    state.fcs = instruction.selector ?? 0;
    state.fop = fop;
    if (memory?.offset === undefined) return;
    state.fdp = memory.offset;
    state.fds = memory.selector ?? 0;
  }
}
