/**
 * Real numbers to some 190 bits, as integers with a scale: what the transcendental functions compute in.
 *
 * No result of theirs other than the trivial ones is a number of 64 bits or halfway between two, so that
 * rounding an approximation this close gives the correctly rounded result.
 *
 * @module
 */

/** Bits of fraction of a fixed-point number. */
export const FRACTION = 192n;
/** One in fixed point. */
export const UNIT = 1n << FRACTION;

/** A real number: (-1)^`sign` * `magnitude` * 2^-`scale`, with a relative error below 2^-120. */
export interface Real {
  readonly sign: number;
  readonly magnitude: bigint;
  readonly scale: number;
}

/** Pi * 2^256, truncated. */
export const PI_256 = 0x3_243f6a88_85a308d3_13198a2e_03707344_a4093822_299f31d0_082efa98_ec4e6c89n;
/** ln 2 * 2^256, truncated. */
export const LN2_256 = 0xb17217f7_d1cf79ab_c9e3b398_03f2f6af_40f34326_7298b62d_8a0d175b_8baafa2bn;

/** `value` * 2^-`scale` in fixed point. */
export function toFixed(value: bigint, scale: number): bigint {
  const shift = BigInt(scale) - FRACTION;
  return shift >= 0n ? value >> shift : value << -shift;
}
