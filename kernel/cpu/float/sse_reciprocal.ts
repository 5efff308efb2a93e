/**
 * RCPSS and RSQRTSS.
 *
 * Processors differ in the values of their tables; the architecture asks for a relative error of at most
 * 1.5 * 2^-12 and for the special cases. What is given here is the exact value rounded to single precision,
 * cut to {@link TABLE_BITS} bits of fraction as a table would: relative error below 2^-13. Neither
 * instruction reads or raises anything in MXCSR.
 *
 * @module
 */

import { F32, Kind, unpack32, type Unpacked } from "./format.ts";

/** Bits of a result's fraction that are not zero. */
const TABLE_BITS = 13;

const floatScratch = new DataView(new ArrayBuffer(4));

/** RCPSS: about 1 / a. A denormal operand counts as zero, a tiny result becomes zero. */
export function rcpss(a: bigint): bigint {
  const x = unpack32(a, true);
  switch (x.kind) {
    case Kind.Zero:
      return F32.infinity(x.sign);
    case Kind.Infinity:
      return F32.zero(x.sign);
    case Kind.Finite:
      return tableValue(1 / single(a), x.sign);
    default:
      return F32.nan(x.sign, x.significand);
  }
}

/** RSQRTSS: about 1 / sqrt(a). A denormal operand counts as zero; a negative one gives the default NaN. */
export function rsqrtss(a: bigint): bigint {
  const x: Unpacked = unpack32(a, true);
  if (x.kind >= Kind.Quiet) return F32.nan(x.sign, x.significand);
  if (x.kind === Kind.Zero) return F32.infinity(x.sign);
  if (x.sign !== 0) return F32.indefinite;
  if (x.kind === Kind.Infinity) return F32.zero(0);
  return tableValue(1 / Math.sqrt(single(a)), 0);
}

function single(bits: bigint): number {
  floatScratch.setUint32(0, Number(bits));
  return floatScratch.getFloat32(0);
}

/** Rounds to {@link TABLE_BITS} bits of fraction; what is below the smallest normal is zero. */
function tableValue(value: number, sign: number): bigint {
  floatScratch.setFloat32(0, value);
  const dropped = 23 - TABLE_BITS;
  const bits = floatScratch.getUint32(0) + (1 << (dropped - 1));
  const kept = bits - (bits % (1 << dropped));
  if (((kept >>> 23) & 0xff) === 0) return F32.zero(sign);
  return BigInt(kept);
}
