/**
 * Conversions between the formats and integers, and rounding to an integral value.
 *
 * @module
 */

import { DE, type FloatContext, IE, PE, type Rounding } from "./context.ts";
import { bitLength, type Format, Kind, type Unpacked } from "./format.ts";
import { propagate } from "./nan.ts";
import { round, roundsUp } from "./round.ts";

/** An integer that conversions give. */
export interface IntegerType {
  readonly bits: number;
  readonly minimum: bigint;
  readonly maximum: bigint;
  /** What an operand that does not fit becomes: "integer indefinite". */
  readonly indefinite: bigint;
}

function signed(bits: number): IntegerType {
  const half = 1n << BigInt(bits - 1);
  return { bits, minimum: -half, maximum: half - 1n, indefinite: half };
}

function unsigned(bits: number): IntegerType {
  const maximum = (1n << BigInt(bits)) - 1n;
  return { bits, minimum: 0n, maximum, indefinite: maximum };
}

export const INT16 = signed(16);
export const INT32 = signed(32);
export const INT64 = signed(64);
export const UINT32 = unsigned(32);
export const UINT64 = unsigned(64);

/** A finite operand rounded to an integer magnitude. */
export interface Integral {
  readonly magnitude: bigint;
  readonly inexact: boolean;
  readonly up: boolean;
}

/** Rounds the magnitude of a zero or finite operand below 2^`64` or so to an integer; raises nothing. */
export function integral(a: Unpacked, rounding: Rounding): Integral {
  if (a.kind === Kind.Zero) return { magnitude: 0n, inexact: false, up: false };
  const dropped = 63 - a.exponent;
  if (dropped <= 0) return { magnitude: a.significand << BigInt(-dropped), inexact: false, up: false };
  // Below a half every magnitude rounds alike.
  const shift = Math.min(dropped, 66);
  const kept = a.significand >> BigInt(shift);
  const rest = BigInt.asUintN(shift, a.significand);
  const up = roundsUp(rounding, a.sign, kept, rest, shift);
  return { magnitude: up ? kept + 1n : kept, inexact: rest !== 0n, up };
}

/** Converts to an integer, as a pattern of `type.bits` bits. What does not fit is indefinite, and invalid. */
export function toInteger(
  context: FloatContext,
  a: Unpacked,
  type: IntegerType,
  rounding: Rounding = context.rounding,
): bigint {
  if (a.kind <= Kind.Finite && a.exponent < 64) {
    const { magnitude, inexact, up } = integral(a, rounding);
    const value = a.sign !== 0 ? -magnitude : magnitude;
    if (value >= type.minimum && value <= type.maximum) {
      if (inexact) context.flags |= PE;
      context.roundedUp = up;
      return BigInt.asUintN(type.bits, value);
    }
  }
  context.flags |= IE;
  return type.indefinite;
}

/** Takes a signed or unsigned integer as an operand; exact for up to 64 bits of magnitude. */
export function fromInteger(value: bigint): Unpacked {
  if (value === 0n) return { kind: Kind.Zero, sign: 0, exponent: 0, significand: 0n, denormal: false };
  const magnitude = value < 0n ? -value : value;
  const length = bitLength(magnitude);
  return {
    kind: Kind.Finite,
    sign: value < 0n ? 1 : 0,
    exponent: length - 1,
    significand: magnitude << BigInt(64 - length),
    denormal: false,
  };
}

/** Rounds an operand to a format, without the denormal-operand exception: x87 stores, integer sources. */
export function toFormat(context: FloatContext, format: Format, a: Unpacked): bigint {
  switch (a.kind) {
    case Kind.Zero:
      return format.zero(a.sign);
    case Kind.Infinity:
      return format.infinity(a.sign);
    case Kind.Finite:
      return round(context, format, a.sign, a.exponent, a.significand, 64);
    default:
      return propagate(context, format, a);
  }
}

/** Converts between formats, with the denormal-operand exception: CVTSS2SD, CVTSD2SS, x87 loads. */
export function convert(context: FloatContext, format: Format, a: Unpacked): bigint {
  if (a.denormal && context.raise(DE)) return 0n;
  return toFormat(context, format, a);
}

/** Rounds to an integral value in the same format; raises precision, and invalid for a signalling NaN. */
export function roundToIntegral(
  context: FloatContext,
  format: Format,
  a: Unpacked,
  rounding: Rounding = context.rounding,
): bigint {
  if (a.kind > Kind.Finite) return toFormat(context, format, a);
  if (a.kind === Kind.Zero) return format.zero(a.sign);
  if (a.exponent >= format.precision - 1) {
    return format.normal(a.sign, a.exponent, a.significand >> BigInt(64 - format.precision));
  }
  const { magnitude, inexact, up } = integral(a, rounding);
  if (inexact) context.flags |= PE;
  context.roundedUp = up;
  if (magnitude === 0n) return format.zero(a.sign);
  const length = bitLength(magnitude);
  return format.normal(a.sign, length - 1, magnitude << BigInt(format.precision - length));
}
