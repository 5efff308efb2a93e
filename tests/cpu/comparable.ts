/**
 * Which encodings have results that the manuals define.
 *
 * @module
 */

import { CodeMode } from "../../kernel/cpu/state.ts";
import { BIT_INSTRUCTIONS, type Instruction, STACK_INSTRUCTIONS } from "./instruction_generator.ts";

const RCX = 1;
const RSP = 4;

/** Segment prefixes. */
const OVERRIDES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** Whether the values can choose operands for this encoding such that both CPUs must agree. */
export function isComparable(
  { form, bytes, memory, register, rm, addressSize, operandSize, mode }: Instruction,
): boolean {
  const { name } = form.definition;
  if (mode !== CodeMode.Bits64) {
    // Which of two faults comes first, and whether one comes with a mask of zeros, is up to the model.
    const overridden = OVERRIDES.some((prefix) => bytes.includes(prefix));
    if (/^(cmps|maskmov)/.test(name) && (addressSize === 2 || overridden)) return false;
    if (name === "x87" && (memory?.short === true || overridden)) return false;
  }
  const addresses = (number: number) =>
    memory !== undefined && (number === memory.base || number === memory.index);
  // The bit offset must not be an address as well, nor the count of a shift that defines no more than 16 places.
  if (BIT_INSTRUCTIONS.has(name)) return !addresses(register) || register < 0;
  if (/^sh[lr]d$/.test(name) && operandSize === 2) return !addresses(RCX);
  // A stack pointer with a random upper half, or a call that pushes over the code at a pad.
  if (STACK_INSTRUCTIONS.has(name) && mode === CodeMode.Bits64 && addressSize === 4 && addresses(RSP)) {
    return false;
  }
  return !(name === "call" && rm === RSP);
}
