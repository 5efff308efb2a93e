/**
 * Sine, cosine, tangent and arctangent of unpacked operands.
 *
 * @module
 */

import type { Unpacked } from "./format.ts";
import { FRACTION, PI_256, type Real, toFixed, UNIT } from "./fixed_point.ts";

/** Pi * 2^64 as the x87 has it for argument reduction, 66 bits; half of it at 65 bits of fraction. */
const PI_66 = 0x3_243f6a88_85a308d3n;
/** Bits of fraction of {@link PI_66} as half of pi. */
const HALF_PI_SCALE = 65;
/** Terms of the series for |r| <= pi / 4. */
const TERMS = 23;
/** Exponent below which sin x = x(1 - e) and tan x = x(1 + e) with an e that only rounding can see. */
const TINY = -80;

/** An argument as a multiple of pi / 2 and a rest of at most pi / 4 in magnitude. */
interface Reduced {
  /** The multiple, modulo 4, for a positive argument. */
  readonly quadrant: number;
  readonly rest: Real;
}

/** Reduces a finite operand below 2^63, as if it were positive. */
function reduce(x: Unpacked): Reduced {
  if (x.exponent < -1) {
    return { quadrant: 0, rest: { sign: 0, magnitude: x.significand, scale: 63 - x.exponent } };
  }
  const argument = x.significand << BigInt(HALF_PI_SCALE - 63 + x.exponent);
  const multiple = (2n * argument + PI_66) / (2n * PI_66);
  const rest = argument - multiple * PI_66;
  return {
    quadrant: Number(multiple & 3n),
    rest: { sign: rest < 0n ? 1 : 0, magnitude: rest < 0n ? -rest : rest, scale: HALF_PI_SCALE },
  };
}

/** 1 - z/(a(a+1)) (1 - z/((a+2)(a+3)) (...)), below one: sin(r)/r for a = 2 and cos(r) for a = 1, with z = r^2. */
function alternatingSeries(z: bigint, first: number): bigint {
  let sum = UNIT;
  for (let term = TERMS - 1; term >= 0; term--) {
    const a = first + 2 * term;
    sum = UNIT - ((z * sum) >> FRACTION) / BigInt(a * (a + 1));
  }
  return sum < UNIT ? sum : UNIT - 1n;
}

function square(rest: Real): bigint {
  return toFixed(rest.magnitude * rest.magnitude, 2 * rest.scale);
}

function sineOf(rest: Real): Real {
  return {
    sign: rest.sign,
    magnitude: rest.magnitude * alternatingSeries(square(rest), 2),
    scale: rest.scale + Number(FRACTION),
  };
}

function cosineOf(rest: Real): Real {
  return { sign: 0, magnitude: alternatingSeries(square(rest), 1), scale: Number(FRACTION) };
}

/** Sine of a finite operand that is not zero and below 2^63. */
export function sine(x: Unpacked): Real {
  const { quadrant, rest } = reduce(x);
  const value = (quadrant & 1) !== 0 ? cosineOf(rest) : sineOf(rest);
  return { ...value, sign: value.sign ^ (quadrant >> 1) ^ x.sign };
}

/** Cosine of a finite operand below 2^63. */
export function cosine(x: Unpacked): Real {
  const { quadrant, rest } = reduce(x);
  if ((quadrant & 1) === 0) return { ...cosineOf(rest), sign: quadrant >> 1 };
  const value = sineOf(rest);
  return { ...value, sign: value.sign ^ (quadrant === 1 ? 1 : 0) };
}

/** Tangent of a finite operand that is not zero and below 2^63. */
export function tangent(x: Unpacked): Real {
  if (x.exponent < TINY) {
    return { sign: x.sign, magnitude: (x.significand << 100n) + 1n, scale: 163 - x.exponent };
  }
  const { quadrant, rest } = reduce(x);
  const sin = sineOf(rest);
  const cos = cosineOf(rest);
  const sign = sin.sign ^ x.sign ^ (quadrant & 1);
  // Both quotients keep some 190 bits whatever the size of the rest.
  if ((quadrant & 1) === 0) {
    return { sign, magnitude: (sin.magnitude << FRACTION) / cos.magnitude, scale: sin.scale };
  }
  const shift = BigInt(sin.scale) + FRACTION;
  return {
    sign,
    magnitude: (cos.magnitude << shift) / sin.magnitude,
    scale: Number(FRACTION + shift) - sin.scale,
  };
}

/** Steps of the arguments that {@link arctangentTable} holds: k / 16. */
const TABLE_STEPS = 16n;
const arctangentTable: (bigint | undefined)[] = [];

/** atan(k / 16) in fixed point, 0 <= k <= 16, by Euler's series, which converges for all of them. */
function tableArctangent(k: number): bigint {
  const known = arctangentTable[k];
  if (known !== undefined) return known;
  const square = BigInt(k * k);
  const denominator = TABLE_STEPS * TABLE_STEPS + square;
  let term = (TABLE_STEPS * BigInt(k) << FRACTION) / denominator;
  let sum = 0n;
  for (let n = 1n; term !== 0n; n++) {
    sum += term;
    term = (term * 2n * n * square) / ((2n * n + 1n) * denominator);
  }
  arctangentTable[k] = sum;
  return sum;
}

/** atan(u)/u for u^2 = z in fixed point, with |u| <= 1/32 or so. */
function arctangentSeries(z: bigint): bigint {
  let sum = 0n;
  for (let term = 20; term >= 0; term--) sum = UNIT / BigInt(2 * term + 1) - ((z * sum) >> FRACTION);
  return sum;
}

/** Arctangent of a ratio 0 < `numerator` / `denominator` <= 1 of 64-bit integers, times 2^-`distance`. */
function arctangentOfRatio(numerator: bigint, denominator: bigint, distance: number): Real {
  const bits = 260n;
  if (distance > -TINY) {
    const quotient = (numerator << bits) / denominator;
    const exact = quotient * denominator === numerator << bits;
    return { sign: 0, magnitude: exact ? quotient - 1n : quotient, scale: Number(bits) + distance };
  }
  const below = denominator << BigInt(distance);
  const k = Number((2n * TABLE_STEPS * numerator + below) / (2n * below));
  if (k === 0) {
    const quotient = (numerator << bits) / denominator;
    const scale = Number(bits) + distance;
    const series = arctangentSeries(toFixed(quotient * quotient, 2 * scale));
    return { sign: 0, magnitude: quotient * series, scale: scale + Number(FRACTION) };
  }
  // atan(t) = atan(c) + atan((t - c) / (1 + t c)), c = k / 16
  const c = BigInt(k);
  const u = ((TABLE_STEPS * numerator - c * below) << FRACTION) / (TABLE_STEPS * below + c * numerator);
  const series = (u * arctangentSeries((u * u) >> FRACTION)) >> FRACTION;
  return { sign: 0, magnitude: tableArctangent(k) + series, scale: Number(FRACTION) };
}

/** Angle of the point (x, y), both finite and not zero, between -pi and pi, with the sign of y. */
export function arctangent2(y: Unpacked, x: Unpacked): Real {
  const distance = x.exponent - y.exponent;
  const steep = distance < 0 || (distance === 0 && y.significand > x.significand);
  const angle = steep
    ? arctangentOfRatio(x.significand, y.significand, -distance)
    : arctangentOfRatio(y.significand, x.significand, distance);
  if (!steep && x.sign === 0) return { ...angle, sign: y.sign };
  const scale = 256;
  const shift = angle.scale - scale;
  // An angle too small to be seen still makes the difference inexact.
  const small = shift > 0 ? (angle.magnitude >> BigInt(shift)) + 1n : angle.magnitude << BigInt(-shift);
  const base = steep ? PI_256 >> 1n : PI_256;
  const magnitude = steep && x.sign !== 0 ? base + small : base - small;
  return { sign: y.sign, magnitude, scale };
}

/** `quarters` * pi / 4, with the given sign. */
export function quarterPi(sign: number, quarters: number): Real {
  return { sign, magnitude: PI_256 * BigInt(quarters), scale: 258 };
}
