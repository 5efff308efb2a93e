/**
 * One way in which a form can be executed: everything about it that is known before its operands are.
 *
 * @module
 */

import type { Form, OperandSpec } from "./isa/definition.ts";

/** What ModRM.rm names, and how much of an address has to be computed. */
export enum RmKind {
  Register,
  /** 64-bit mode, base and displacement (also RIP-relative). */
  MemoryBase,
  /** 64-bit mode, base, scaled index and displacement; a segment base takes the index's place. */
  MemoryIndexed,
  /** Any other: all parts, address size, segment base and limit. */
  MemoryGeneral,
}

/** Repeat prefix. */
export enum Repeat {
  None,
  /** F3: REP, REPE. */
  Equal,
  /** F2: REPNE. */
  NotEqual,
}

/** A form with everything that decides which code executes it. */
export interface Variant {
  readonly form: Form;
  /** Operand size in bytes: 2, 4 or 8. */
  readonly operandSize: number;
  /** Address size in bytes: 2, 4 or 8. */
  readonly addressSize: number;
  readonly rm: RmKind;
  readonly bits64: boolean;
  readonly lock: boolean;
  readonly repeat: Repeat;
}

/** Numbers of keys per form. */
export const KEYS_PER_FORM = 1024;

/** A number that identifies a variant. */
export function variantKey({ form, operandSize, addressSize, rm, bits64, lock, repeat }: Variant): number {
  return packVariant(form, operandSize, addressSize, rm, bits64, lock, repeat);
}

/** {@link variantKey} of the variant that has these parts. */
export function packVariant(
  form: Form,
  operandSize: number,
  addressSize: number,
  rm: RmKind,
  bits64: boolean,
  lock: boolean,
  repeat: Repeat,
): number {
  // Sizes are 2, 4 and 8: two bits each.
  return form.index * KEYS_PER_FORM + (operandSize >> 2) + 4 * (addressSize >> 2) + 16 * rm +
    (bits64 ? 64 : 0) + (lock ? 128 : 0) + 256 * repeat;
}

/** Bytes of an operand in a variant. */
export function operandBytes(operand: OperandSpec, operandSize: number): number {
  switch (operand.size) {
    case "v":
      return operandSize;
    case "z":
      return operandSize;
    case "y":
      return operandSize === 8 ? 8 : 4;
    default:
      return operand.size;
  }
}

/** A short name for people: mnemonic, encoding, sizes. */
export function variantName(variant: Variant): string {
  const parts = [variant.form.definition.name, `"${variant.form.text}"`, `o${variant.operandSize * 8}`];
  parts.push(`a${variant.addressSize * 8}`, RmKind[variant.rm]!, variant.bits64 ? "long" : "legacy");
  if (variant.lock) parts.push("lock");
  if (variant.repeat !== Repeat.None) parts.push(`rep${variant.repeat}`);
  return parts.join(" ");
}
