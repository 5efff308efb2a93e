/**
 * Which registers point to the same object: what they hold, as a value that nobody knows and what was added to it.
 *
 * @module
 */

import type { OperandSpec } from "../isa/definition.ts";
import { Gpr } from "../state.ts";
import { operandBytes, RmKind } from "../variant.ts";
import { type Instruction, NO_REGISTER } from "./instruction.ts";
import { GENERAL_REGISTERS } from "./registers.ts";

/** A value, and what is added to it. */
export interface SymbolicValue {
  /** Number of a value; equal numbers are equal values. */
  readonly origin: number;
  readonly offset: number;
}

/** A value moved by a constant. */
export function displaced({ origin, offset }: SymbolicValue, by: number): SymbolicValue {
  return { origin, offset: offset + by };
}

/** What the general registers hold where code is being written. */
export class RegisterValues {
  #next = 0;
  /** By register; never changed in place. */
  held: readonly SymbolicValue[] = Array.from({ length: GENERAL_REGISTERS }, () => this.#fresh());

  /** `width`: bytes of a whole register, 8 or 4. */
  constructor(private readonly width: number) {}

  #fresh(): SymbolicValue {
    return { origin: this.#next++, offset: 0 };
  }

  get(number: number): SymbolicValue {
    return this.held[number]!;
  }

  /** A register holds a value from now on; without one, some other that it never had. */
  set(number: number, value = this.#fresh()): void {
    this.held = this.held.with(number, value);
  }

  /** Registers of a set hold something else from now on. */
  change(set: number): void {
    this.held = this.held.map((value, number) => (set & (1 << number)) !== 0 ? this.#fresh() : value);
  }

  /** Several ways meet: what is the same on all of them stays known. */
  join(ways: readonly (readonly SymbolicValue[])[]): void {
    const [first, ...others] = ways;
    if (first === undefined) return;
    this.held = first.map((value, number) => {
      const same = others.every((way) => {
        const { origin, offset } = way[number]!;
        return origin === value.origin && offset === value.offset;
      });
      return same ? value : this.#fresh();
    });
  }

  /** Where an instruction's memory operand lies, if that is at a register and a constant. */
  operand(instruction: Instruction, held = this.held): SymbolicValue | undefined {
    const { variant, rm, index, ripRelative, displacement } = instruction;
    const plain = variant.rm === RmKind.MemoryBase && index === NO_REGISTER && rm < NO_REGISTER;
    if (!plain || ripRelative || variant.addressSize !== this.width) return undefined;
    return displaced(held[rm >> 3]!, displacement);
  }

  /**
   * What an instruction leaves in the register that it writes, as far as it is made of what was there `before`;
   * otherwise it is not known.
   */
  follow(instruction: Instruction, before: readonly SymbolicValue[]): void {
    const { variant, immediate } = instruction;
    const { definition: { name }, operands } = variant.form;
    if (name === "leave" && variant.operandSize !== 2) {
      return this.set(Gpr.RSP, displaced(before[Gpr.RBP]!, this.width));
    }
    const [to, from] = operands.map((spec) => this.#whole(spec, instruction));
    if (to === undefined) return;
    if (name === "lea") {
      const address = this.operand(instruction, before);
      if (address !== undefined) this.set(to, address);
    } else if (name === "mov" && from !== undefined) {
      this.set(to, before[from]!);
    } else if ((name === "add" || name === "sub") && operands[1]?.place === "immediate") {
      const by = Number(BigInt.asIntN(32, immediate));
      this.set(to, displaced(before[to]!, name === "add" ? by : -by));
    }
  }

  /** Number of the general register that an operand is, all of it. */
  #whole(spec: OperandSpec, { variant, register, rm }: Instruction): number | undefined {
    if (operandBytes(spec, variant.operandSize) !== this.width) return undefined;
    if (spec.place === "reg" && register < NO_REGISTER) return register >> 3;
    const isRegister = spec.place === "rm" && variant.rm === RmKind.Register && rm < NO_REGISTER;
    return isRegister ? rm >> 3 : undefined;
  }
}
