/**
 * A decoded instruction as the compiler takes it: everything about it is known.
 *
 * @module
 */

import type { Decoder } from "../decoder.ts";
import { GPR, ZERO } from "../state.ts";
import type { Variant } from "../variant.ts";

/** In the place of a register: there is none. What lies behind it in the state are segment bases. */
export const NO_REGISTER = ZERO - GPR;

/** One instruction. Registers are eight times their number, as the decoder gives them. */
export interface Instruction {
  readonly variant: Variant;
  /** Offset from where the page of the region's entry begins. */
  readonly address: number;
  /** Bytes. */
  readonly length: number;
  readonly register: number;
  readonly rm: number;
  readonly index: number;
  readonly scale: number;
  readonly segment: number;
  readonly segmentNumber: number;
  /** Of a RIP-relative address: from the instruction's own. */
  readonly displacement: number;
  readonly ripRelative: boolean;
  readonly immediate: bigint;
  /** Where its relative branch leads; one that cuts its target to 16 bits may lead anywhere. */
  readonly target: number | undefined;
  /** Where it is likely to lead if it is indirect. */
  readonly likelyTarget?: number | undefined;
}

/** What the decoder found at `address`. */
export function instructionFrom(decoder: Decoder, address: number): Instruction {
  const relative = decoder.form.operands.some((operand) => operand.place === "relative");
  return {
    variant: decoder.variant(),
    address,
    length: decoder.length,
    register: decoder.register,
    rm: decoder.rmRegister,
    index: decoder.index,
    scale: decoder.scale,
    segment: decoder.segment,
    segmentNumber: decoder.segmentNumber,
    displacement: decoder.displacement,
    ripRelative: decoder.ripRelative,
    immediate: (BigInt(decoder.immediateHigh) << 32n) | BigInt(decoder.immediateLow >>> 0),
    target: relative && decoder.operandSize !== 2
      ? address + decoder.length + decoder.immediateLow
      : undefined,
  };
}
