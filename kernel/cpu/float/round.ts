/**
 * Rounding of an exact result to a format, with overflow, underflow and their masked and unmasked responses.
 *
 * @module
 */

import { type FloatContext, OE, PE, Rounding, UE } from "./context.ts";
import type { Format } from "./format.ts";

/**
 * Adjustment of the exponent by which an unmasked overflow or underflow still gives a result in an x87 register
 * (SDM volume 1, 8.5.4 and 8.5.5), unless the exponent is still out of range, as FSCALE can make it. SSE, and x87 stores to memory, do not write it.
 */
const EXPONENT_ADJUST = 24576;

/**
 * Whether a magnitude is incremented, given its integer part and the `dropped` (at least 1) bits below.
 */
export function roundsUp(
  rounding: Rounding,
  sign: number,
  kept: bigint,
  rest: bigint,
  dropped: number,
): boolean {
  if (rest === 0n) return false;
  switch (rounding) {
    case Rounding.Nearest: {
      const half = 1n << BigInt(dropped - 1);
      return rest > half || (rest === half && (kept & 1n) !== 0n);
    }
    case Rounding.Down:
      return sign !== 0;
    case Rounding.Up:
      return sign === 0;
    case Rounding.Zero:
      return false;
  }
}

/**
 * Rounds `significand` * 2^(`exponent` - `length` + 1) and packs it.
 *
 * @param significand nonzero, of exactly `length` bits; an inexact value has its lowest bit set and at
 *   least two bits more than the format
 * @param exponent exponent of the top bit
 */
export function round(
  context: FloatContext,
  format: Format,
  sign: number,
  exponent: number,
  significand: bigint,
  length: number,
): bigint {
  const dropped = length - format.precision;
  let kept = significand;
  let inexact = false;
  let up = false;
  let rounded = exponent;
  if (dropped <= 0) {
    kept = significand << BigInt(-dropped);
  } else {
    kept = significand >> BigInt(dropped);
    const rest = BigInt.asUintN(dropped, significand);
    inexact = rest !== 0n;
    up = inexact && roundsUp(context.rounding, sign, kept, rest, dropped);
    if (up) {
      kept += 1n;
      if (kept === format.carry) {
        kept >>= 1n;
        rounded++;
      }
    }
  }
  if (rounded < format.minExponent) {
    if ((context.masks & UE) !== 0) {
      return denormalize(context, format, sign, exponent, significand, length);
    }
    context.flags |= UE;
    rounded += EXPONENT_ADJUST;
    if (rounded < format.minExponent) {
      context.flags |= PE;
      context.roundedUp = false;
      return format.zero(sign);
    }
  } else if (rounded > format.maxExponent) {
    if ((context.masks & OE) !== 0) return overflow(context, format, sign);
    context.flags |= OE;
    rounded -= EXPONENT_ADJUST;
    if (rounded > format.maxExponent) {
      context.flags |= PE;
      context.roundedUp = true;
      return format.infinity(sign);
    }
  }
  if (inexact) context.flags |= PE;
  context.roundedUp = up;
  return format.normal(sign, rounded, kept);
}

function overflow(context: FloatContext, format: Format, sign: number): bigint {
  context.flags |= OE | PE;
  const away = context.rounding === Rounding.Nearest ||
    context.rounding === (sign === 0 ? Rounding.Up : Rounding.Down);
  context.roundedUp = away;
  return away ? format.infinity(sign) : format.largest(sign);
}

function denormalize(
  context: FloatContext,
  format: Format,
  sign: number,
  exponent: number,
  significand: bigint,
  length: number,
): bigint {
  if (context.flushToZero) {
    context.flags |= UE | PE;
    context.roundedUp = false;
    return format.zero(sign);
  }
  // Below half of the smallest denormal every magnitude rounds alike.
  const dropped = Math.min(length - format.precision + format.minExponent - exponent, length + 2);
  if (dropped <= 0) return format.subnormal(sign, significand << BigInt(-dropped));
  let kept = significand >> BigInt(dropped);
  const rest = BigInt.asUintN(dropped, significand);
  const up = roundsUp(context.rounding, sign, kept, rest, dropped);
  if (up) kept += 1n;
  if (rest !== 0n) context.flags |= UE | PE;
  context.roundedUp = up;
  return format.subnormal(sign, kept);
}
