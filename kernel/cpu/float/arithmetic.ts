/**
 * Addition, subtraction, multiplication, division and square root on unpacked operands.
 *
 * Each gives the packed result in the format asked for. Where an unmasked exception was raised
 * before anything was computed, the value given has no meaning: see {@link FloatContext.hasUnmasked}.
 *
 * @module
 */

import { DE, type FloatContext, Rounding, ZE } from "./context.ts";
import { bitLength, type Format, Kind, type Unpacked } from "./format.ts";
import { invalid, propagate, propagateEither } from "./nan.ts";
import { round } from "./round.ts";

/** A two-operand operation. */
export type Binary = (context: FloatContext, format: Format, a: Unpacked, b: Unpacked) => bigint;

/** a + b */
export function add(context: FloatContext, format: Format, a: Unpacked, b: Unpacked): bigint {
  return sum(context, format, a, b, b.sign);
}

/** a - b */
export function subtract(context: FloatContext, format: Format, a: Unpacked, b: Unpacked): bigint {
  return sum(context, format, a, b, b.sign ^ 1);
}

/** b - a */
export function subtractReversed(context: FloatContext, format: Format, a: Unpacked, b: Unpacked): bigint {
  return sum(context, format, b, a, a.sign ^ 1);
}

function sum(context: FloatContext, format: Format, a: Unpacked, b: Unpacked, signB: number): bigint {
  if (a.kind >= Kind.Quiet || b.kind >= Kind.Quiet) return propagateEither(context, format, a, b);
  if (a.kind === Kind.Infinity && b.kind === Kind.Infinity && a.sign !== signB) {
    return invalid(context, format);
  }
  if ((a.denormal || b.denormal) && context.raise(DE)) return 0n;
  if (a.kind === Kind.Infinity) return format.infinity(a.sign);
  if (b.kind === Kind.Infinity) return format.infinity(signB);
  if (a.kind === Kind.Zero) {
    if (b.kind !== Kind.Zero) return round(context, format, signB, b.exponent, b.significand, 64);
    return a.sign === signB ? format.zero(signB) : exactZero(context, format);
  }
  if (b.kind === Kind.Zero) return round(context, format, a.sign, a.exponent, a.significand, 64);

  const swap = a.exponent < b.exponent;
  const exponent = swap ? b.exponent : a.exponent;
  const distance = swap ? b.exponent - a.exponent : a.exponent - b.exponent;
  // Three guard bits, the lowest of them sticky, are enough for one bit of cancellation once bits are lost.
  const large = (swap ? b.significand : a.significand) << 3n;
  const small = shiftRightSticky((swap ? a.significand : b.significand) << 3n, distance, 67);
  if (a.sign === signB) {
    const total = large + small;
    const carry = total >> 67n !== 0n;
    return round(context, format, signB, carry ? exponent + 1 : exponent, total, carry ? 68 : 67);
  }
  const difference = large - small;
  if (difference === 0n) return exactZero(context, format);
  const sign = swap ? signB : a.sign;
  if (difference < 0n) {
    const length = bitLength(-difference);
    return round(context, format, sign ^ 1, exponent - 67 + length, -difference, length);
  }
  const length = bitLength(difference);
  return round(context, format, sign, exponent - 67 + length, difference, length);
}

function exactZero(context: FloatContext, format: Format): bigint {
  return format.zero(context.rounding === Rounding.Down ? 1 : 0);
}

function shiftRightSticky(value: bigint, distance: number, length: number): bigint {
  if (distance === 0) return value;
  if (distance >= length) return 1n;
  const shifted = value >> BigInt(distance);
  return BigInt.asUintN(distance, value) === 0n ? shifted : shifted | 1n;
}

/** a * b */
export function multiply(context: FloatContext, format: Format, a: Unpacked, b: Unpacked): bigint {
  if (a.kind >= Kind.Quiet || b.kind >= Kind.Quiet) return propagateEither(context, format, a, b);
  const sign = a.sign ^ b.sign;
  const infinite = a.kind === Kind.Infinity || b.kind === Kind.Infinity;
  const zero = a.kind === Kind.Zero || b.kind === Kind.Zero;
  if (infinite && zero) return invalid(context, format);
  if ((a.denormal || b.denormal) && context.raise(DE)) return 0n;
  if (infinite) return format.infinity(sign);
  if (zero) return format.zero(sign);
  const product = a.significand * b.significand;
  const exponent = a.exponent + b.exponent;
  return product >> 127n === 0n
    ? round(context, format, sign, exponent, product, 127)
    : round(context, format, sign, exponent + 1, product, 128);
}

/** a / b */
export function divide(context: FloatContext, format: Format, a: Unpacked, b: Unpacked): bigint {
  if (a.kind >= Kind.Quiet || b.kind >= Kind.Quiet) return propagateEither(context, format, a, b);
  const sign = a.sign ^ b.sign;
  if (a.kind === b.kind && a.kind !== Kind.Finite) return invalid(context, format);
  if (b.kind === Kind.Zero && a.kind === Kind.Finite) {
    context.flags |= ZE;
    return format.infinity(sign);
  }
  if ((a.denormal || b.denormal) && context.raise(DE)) return 0n;
  if (a.kind === Kind.Infinity || b.kind === Kind.Zero) return format.infinity(sign);
  if (a.kind === Kind.Zero || b.kind === Kind.Infinity) return format.zero(sign);
  const less = a.significand < b.significand;
  const dividend = a.significand << (less ? 67n : 66n);
  const quotient = dividend / b.significand;
  const sticky = quotient * b.significand === dividend ? quotient : quotient | 1n;
  return round(context, format, sign, a.exponent - b.exponent - (less ? 1 : 0), sticky, 67);
}

/** b / a */
export function divideReversed(context: FloatContext, format: Format, a: Unpacked, b: Unpacked): bigint {
  return divide(context, format, b, a);
}

/** Square root. */
export function squareRoot(context: FloatContext, format: Format, a: Unpacked): bigint {
  if (a.kind >= Kind.Quiet) return propagate(context, format, a);
  if (a.kind === Kind.Zero) return format.zero(a.sign);
  if (a.sign !== 0) return invalid(context, format);
  if (a.kind === Kind.Infinity) return format.infinity(0);
  if (a.denormal && context.raise(DE)) return 0n;
  const odd = (a.exponent & 1) !== 0;
  // An even exponent, and a radicand of 133 or 134 bits: the root has 67.
  const radicand = a.significand << (odd ? 70n : 69n);
  const root = integerSquareRoot(radicand);
  const sticky = root * root === radicand ? root : root | 1n;
  return round(context, format, 0, (a.exponent - (odd ? 1 : 0)) / 2, sticky, 67);
}

/** Largest integer whose square is not above `value`, of 128 to 134 bits. */
function integerSquareRoot(value: bigint): bigint {
  let root = BigInt(Math.floor(Math.sqrt(Number(value))));
  root = (root + value / root) >> 1n;
  while (root * root > value) root -= 1n;
  while ((root + 1n) * (root + 1n) <= value) root += 1n;
  return root;
}
