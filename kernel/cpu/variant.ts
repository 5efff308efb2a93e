/**
 * One way in which a form can be executed: everything about it that is known before its operands are.
 *
 * @module
 */

import type { Form, OperandSpec } from "./isa/definition.ts";

/** What ModRM.rm names, and how much of an address has to be computed. */
export enum RmKind {
  Register,
  /** 64-bit mode or flat segments: base and displacement (also RIP-relative), or an absolute offset. */
  MemoryBase,
  /** Likewise: base, scaled index and displacement; a segment base takes the index's place. */
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
  /** 32-bit mode, and all segments that it uses but that of a {@link RmKind.MemoryGeneral} are flat. */
  readonly flat: boolean;
  readonly lock: boolean;
  readonly repeat: Repeat;
}

/** Numbers of keys per form. */
export const KEYS_PER_FORM = 2048;

/** A number that identifies a variant. */
export function variantKey(variant: Variant): number {
  const { form, operandSize, addressSize, rm, bits64, flat, lock, repeat } = variant;
  return packVariant(form, operandSize, addressSize, rm, bits64, flat, lock, repeat);
}

/** {@link variantKey} of the variant that has these parts. */
export function packVariant(
  form: Form,
  operandSize: number,
  addressSize: number,
  rm: RmKind,
  bits64: boolean,
  flat: boolean,
  lock: boolean,
  repeat: Repeat,
): number {
  // Sizes are 2, 4 and 8: two bits each.
  return form.index * KEYS_PER_FORM + (operandSize >> 2) + 4 * (addressSize >> 2) + 16 * rm +
    (bits64 ? 64 : 0) + (lock ? 128 : 0) + 256 * repeat + (flat ? 1024 : 0);
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

/** Whether the immediate operand has more than 32 bits. */
export function hasWideImmediate(form: Form, operandSize: number, addressSize: number): boolean {
  return form.operands.some(({ place, size }) => {
    if (place === "offset") return addressSize === 8;
    return place === "far" || place === "immediate" && size === "v" && operandSize === 8;
  });
}

/** A short name for people: mnemonic, encoding, sizes. */
export function variantName(variant: Variant): string {
  const parts = [variant.form.definition.name, `"${variant.form.text}"`, `o${variant.operandSize * 8}`];
  parts.push(
    `a${variant.addressSize * 8}`,
    RmKind[variant.rm]!,
    variant.bits64 ? "long" : variant.flat ? "flat" : "legacy",
  );
  if (variant.lock) parts.push("lock");
  if (variant.repeat !== Repeat.None) parts.push(`rep${variant.repeat}`);
  return parts.join(" ");
}
