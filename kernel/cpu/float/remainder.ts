/**
 * Remainder, scaling and extraction: what FPREM, FPREM1, FSCALE and FXTRACT compute.
 *
 * @module
 */

import { DE, type FloatContext, Rounding, ZE } from "./context.ts";
import { fromInteger, integral, toFormat } from "./convert.ts";
import { bitLength, type Format, Kind, type Unpacked } from "./format.ts";
import { invalid, propagate, propagateEither } from "./nan.ts";
import { round } from "./round.ts";

/** Result of a remainder step. */
export interface Remainder {
  readonly bits: bigint;
  /** The three lowest bits of the quotient's magnitude; 0 of a partial step, none if nothing was divided. */
  readonly quotient: number | undefined;
  /** Whether the reduction is incomplete. */
  readonly partial: boolean;
}

/** a - b * trunc(a / b), or a part of the way there if the exponents are 64 or more apart (FPREM). */
export function remainderTruncated(
  context: FloatContext,
  format: Format,
  a: Unpacked,
  b: Unpacked,
): Remainder {
  return remainder(context, format, a, b, false);
}

/** a - b * round-to-nearest(a / b), or a part of the way there (FPREM1, the IEEE remainder). */
export function remainderNearest(context: FloatContext, format: Format, a: Unpacked, b: Unpacked): Remainder {
  return remainder(context, format, a, b, true);
}

function remainder(
  context: FloatContext,
  format: Format,
  a: Unpacked,
  b: Unpacked,
  nearest: boolean,
): Remainder {
  const undivided = (bits: bigint): Remainder => ({ bits, quotient: undefined, partial: false });
  const done = (bits: bigint): Remainder => ({ bits, quotient: 0, partial: false });
  if (a.kind >= Kind.Quiet || b.kind >= Kind.Quiet) return undivided(propagateEither(context, format, a, b));
  if (a.kind === Kind.Infinity || b.kind === Kind.Zero) return undivided(invalid(context, format));
  if ((a.denormal || b.denormal) && context.raise(DE)) return undivided(0n);
  if (a.kind === Kind.Zero || b.kind === Kind.Infinity) return done(toFormat(context, format, a));

  const distance = a.exponent - b.exponent;
  if (distance >= 64) {
    const steps = 32 + (distance & 31);
    const rest = (a.significand << BigInt(steps)) % b.significand;
    const scale = a.exponent - steps;
    return { bits: scaled(context, format, a.sign, rest, scale), quotient: 0, partial: true };
  }
  // Both significands at the scale of the smaller exponent; one below is enough for comparing with b / 2.
  if (distance < -1) return done(toFormat(context, format, a));
  const dividend = distance >= 0 ? a.significand << BigInt(distance) : a.significand;
  const divisor = distance >= 0 ? b.significand : b.significand << 1n;
  const scale = distance >= 0 ? b.exponent : a.exponent;
  let quotient = dividend / divisor;
  let rest = dividend - quotient * divisor;
  let sign = a.sign;
  if (nearest) {
    const twice = rest << 1n;
    if (twice > divisor || (twice === divisor && (quotient & 1n) !== 0n)) {
      quotient += 1n;
      rest = divisor - rest;
      sign ^= 1;
    }
  }
  return {
    bits: scaled(context, format, sign, rest, scale, a.sign),
    quotient: Number(BigInt.asUintN(3, quotient)),
    partial: false,
  };
}

/** `significand` * 2^(`exponent` - 63), which is exact; a zero has `zeroSign`. */
function scaled(
  context: FloatContext,
  format: Format,
  sign: number,
  significand: bigint,
  exponent: number,
  zeroSign = sign,
): bigint {
  if (significand === 0n) return format.zero(zeroSign);
  const length = bitLength(significand);
  return round(context, format, sign, exponent - 64 + length, significand, length);
}

/** a * 2^trunc(b) */
export function scale(context: FloatContext, format: Format, a: Unpacked, b: Unpacked): bigint {
  if (a.kind >= Kind.Quiet || b.kind >= Kind.Quiet) return propagateEither(context, format, a, b);
  if (b.kind === Kind.Infinity) {
    if (a.kind === (b.sign === 0 ? Kind.Zero : Kind.Infinity)) return invalid(context, format);
    if (a.denormal && context.raise(DE)) return 0n;
    return b.sign === 0 ? format.infinity(a.sign) : format.zero(a.sign);
  }
  if ((a.denormal || b.denormal) && context.raise(DE)) return 0n;
  if (a.kind !== Kind.Finite) return toFormat(context, format, a);
  const magnitude = b.kind === Kind.Zero || b.exponent < 17
    ? Number(integral(b, Rounding.Zero).magnitude)
    : 2 ** 17;
  const exponent = a.exponent + (b.sign !== 0 ? -magnitude : magnitude);
  return round(context, format, a.sign, exponent, a.significand, 64);
}

/** Significand, with exponent 0, and exponent of an operand, each as a number in `format`. */
export function extract(
  context: FloatContext,
  format: Format,
  a: Unpacked,
): { significand: bigint; exponent: bigint } {
  switch (a.kind) {
    case Kind.Zero:
      context.flags |= ZE;
      return { significand: format.zero(a.sign), exponent: format.infinity(1) };
    case Kind.Infinity:
      return { significand: format.infinity(a.sign), exponent: format.infinity(0) };
    case Kind.Finite:
      if (a.denormal) context.flags |= DE;
      return {
        significand: format.normal(a.sign, 0, a.significand),
        exponent: toFormat(context, format, fromInteger(BigInt(a.exponent))),
      };
    default: {
      const nan = propagate(context, format, a);
      return { significand: nan, exponent: nan };
    }
  }
}
