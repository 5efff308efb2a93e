/**
 * 2^x - 1 and binary logarithms of unpacked operands.
 *
 * @module
 */

import { bitLength, type Unpacked } from "./format.ts";
import { FRACTION, LN2_256, type Real, toFixed, UNIT } from "./fixed_point.ts";

/** Square root of 2 * 2^63, truncated. */
const SQRT2_63 = 0xb504f333_f9de6484n;
/** Bits of fraction of {@link LN2_256}. */
const LN2_SCALE = 256;

/** 2^x - 1 for a finite operand that is not zero, |x| <= 1. */
export function exponentialMinusOne(x: Unpacked): Real {
  const scale = 63 - x.exponent + LN2_SCALE;
  const power = x.significand * LN2_256;
  const y = toFixed(power, scale) * (x.sign !== 0 ? -1n : 1n);
  // (e^y - 1) / y = 1 + y/2 (1 + y/3 (...))
  let series = UNIT;
  for (let term = 42; term >= 2; term--) series = UNIT + ((y * series) >> FRACTION) / BigInt(term);
  return { sign: x.sign, magnitude: power * series, scale: scale + Number(FRACTION) };
}

/** atanh(s) / s for s^2 = z in fixed point, with |s| <= 0.172. */
function areaSeries(z: bigint): bigint {
  let sum = 0n;
  for (let term = 40; term >= 0; term--) sum = UNIT / BigInt(2 * term + 1) + ((z * sum) >> FRACTION);
  return sum;
}

/** log2 of `value` * 2^-`scale`, a positive number; `undefined` of 1. */
function binaryLogarithm(value: bigint, scale: number): Real | undefined {
  let length = bitLength(value);
  const leading = length >= 64 ? value >> BigInt(length - 64) : value << BigInt(64 - length);
  if (leading <= SQRT2_63) length--;
  // value = m * 2^length with sqrt(1/2) <= m <= sqrt(2), and ln m = 2 atanh((m - 1) / (m + 1))
  const one = 1n << BigInt(length);
  const power = length - scale;
  const precision = FRACTION + 64n;
  const numerator = value >= one ? value - one : one - value;
  const s = (numerator << precision) / (value + one);
  const area = s * areaSeries((s * s) >> (2n * precision - FRACTION));
  const logarithm = (area << BigInt(LN2_SCALE + 1)) / LN2_256;
  const fraction = value >= one ? logarithm : -logarithm;
  const total = (BigInt(power) << (precision + FRACTION)) + fraction;
  if (total === 0n) return undefined;
  return {
    sign: total < 0n ? 1 : 0,
    magnitude: total < 0n ? -total : total,
    scale: Number(precision + FRACTION),
  };
}

/** log2(x) for a positive finite operand; `undefined` of 1. */
export function logarithm(x: Unpacked): Real | undefined {
  return binaryLogarithm(x.significand, 63 - x.exponent);
}

/** log2(1 + x) for a finite operand above -1 that is not zero. */
export function logarithmOfOnePlus(x: Unpacked): Real {
  const scale = 63 - x.exponent;
  // log2(1 + x) = x / ln 2 (1 - x/2 + ...)
  if (x.exponent < -140) {
    return { sign: x.sign, magnitude: (x.significand << 512n) / LN2_256, scale: scale + 512 - LN2_SCALE };
  }
  if (x.exponent > 140) return logarithm(x) ?? { sign: 0, magnitude: 1n, scale: 0 };
  if (x.exponent < -1) {
    const two = 2n << BigInt(scale);
    const shift = FRACTION + BigInt(scale) - 62n;
    const s = (x.significand << shift) / (x.sign !== 0 ? two - x.significand : two + x.significand);
    const area = s * areaSeries(toFixed(s * s, 2 * Number(shift)));
    return {
      sign: x.sign,
      magnitude: (area << BigInt(LN2_SCALE + 1)) / LN2_256,
      scale: Number(shift + FRACTION),
    };
  }
  const unsigned = scale >= 0 ? x.significand : x.significand << BigInt(-scale);
  const fraction = Math.max(scale, 0);
  const value = (1n << BigInt(fraction)) + (x.sign !== 0 ? -unsigned : unsigned);
  return binaryLogarithm(value, fraction) ?? { sign: 0, magnitude: 0n, scale: 0 };
}
