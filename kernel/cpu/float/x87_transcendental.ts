/**
 * x87 transcendental instructions. Every result is correctly rounded by the control word's RC; precision
 * control has no effect. Hardware is within one unit in the last place of that.
 *
 * @module
 */

import { multiply } from "./arithmetic.ts";
import { DE, type FloatContext, PE, UE, ZE } from "./context.ts";
import { toFormat } from "./convert.ts";
import type { Real } from "./fixed_point.ts";
import { bitLength, F80, Kind, type Unpacked } from "./format.ts";
import { exponentialMinusOne, logarithm, logarithmOfOnePlus } from "./logarithmic.ts";
import { invalid, propagate, propagateEither } from "./nan.ts";
import { round } from "./round.ts";
import { arctangent2, cosine, quarterPi, sine, tangent } from "./trigonometric.ts";
import { C1, C2, INDEFINITE, type X87Unit } from "./x87_unit.ts";

/** 1.0 */
const ONE_BITS = 0x3fff_8000000000000000n;
/** The smallest normal number. */
const SMALLEST_NORMAL = 0x0001_8000000000000000n;
/** Exponent from which FSIN, FCOS, FSINCOS and FPTAN leave their operand alone and set C2. */
const OUT_OF_RANGE = 63;

function rounded(context: FloatContext, real: Real): bigint {
  const length = bitLength(real.magnitude);
  return round(context, F80, real.sign, length - 1 - real.scale, real.magnitude | 1n, length);
}

/** Runs a function of ST(0). */
function functionOfOne(unit: X87Unit, compute: (context: FloatContext, x: Unpacked) => bigint): void {
  let result = INDEFINITE;
  if (unit.isEmpty(0)) {
    if (!unit.underflow()) return;
  } else {
    result = compute(unit.context, unit.operand(0));
    if (!unit.finish()) return;
  }
  unit.write(0, result);
}

/** Runs a function of ST(1) and ST(0) that replaces both. */
function functionOfTwo(
  unit: X87Unit,
  compute: (context: FloatContext, y: Unpacked, x: Unpacked) => bigint,
): void {
  let result = INDEFINITE;
  if (unit.isEmpty(0) || unit.isEmpty(1)) {
    if (!unit.underflow()) return;
  } else {
    const y = unit.operand(1);
    const x = unit.operand(0);
    result = x.kind >= Kind.Quiet || y.kind >= Kind.Quiet
      ? propagateEither(unit.context, F80, y, x)
      : compute(unit.context, y, x);
    if (!unit.finish()) return;
  }
  unit.write(1, result);
  unit.pop();
}

/** Whether a denormal operand forbids computing. */
function stopsForDenormal(context: FloatContext, ...operands: Unpacked[]): boolean {
  return operands.some((operand) => operand.denormal) && context.raise(DE);
}

/** What an operand outside the defined range gives: itself, as if it were a rounded result. */
function asItIs(context: FloatContext, x: Unpacked): bigint {
  context.flags |= PE;
  return toFormat(context, F80, x);
}

/** F2XM1. Outside -1 to 1, where the result is undefined, the operand comes back. */
export function f2xm1(unit: X87Unit): void {
  functionOfOne(unit, (context, x) => {
    if (x.kind >= Kind.Quiet) return propagate(context, F80, x);
    if (x.kind === Kind.Infinity) return x.sign !== 0 ? F80.normal(1, 0, 1n << 63n) : F80.infinity(0);
    if (x.kind === Kind.Zero) return F80.zero(x.sign);
    if (stopsForDenormal(context, x)) return 0n;
    if (x.exponent > 0 || (x.exponent === 0 && x.significand !== 1n << 63n)) {
      return asItIs(context, x);
    }
    if (x.exponent === 0) {
      context.flags |= PE;
      return F80.normal(x.sign, x.sign !== 0 ? -1 : 0, 1n << 63n);
    }
    return rounded(context, exponentialMinusOne(x));
  });
}

/** y times a logarithm, `undefined` being an exact zero; operands are finite and not zero. */
function timesLogarithm(context: FloatContext, y: Unpacked, value: Real): bigint {
  return rounded(context, {
    sign: y.sign ^ value.sign,
    magnitude: value.magnitude * y.significand,
    scale: value.scale + 63 - y.exponent,
  });
}

/** FYL2X: y * log2(x). */
export function fyl2x(unit: X87Unit): void {
  functionOfTwo(unit, (context, y, x) => {
    if (x.kind !== Kind.Zero && x.sign !== 0) return invalid(context, F80);
    if (x.kind === Kind.Infinity) {
      if (y.kind === Kind.Zero) return invalid(context, F80);
      return stopsForDenormal(context, y) ? 0n : F80.infinity(y.sign);
    }
    if (x.kind === Kind.Zero) {
      if (y.kind === Kind.Zero) return invalid(context, F80);
      if (y.kind === Kind.Finite) context.flags |= ZE;
      return F80.infinity(y.sign ^ 1);
    }
    const power = x.significand === 1n << 63n;
    const isOne = power && x.exponent === 0;
    if (y.kind === Kind.Infinity && isOne) return invalid(context, F80);
    if (stopsForDenormal(context, x, y)) return 0n;
    const negative = x.exponent < 0 ? 1 : 0;
    if (y.kind === Kind.Infinity) return F80.infinity(y.sign ^ negative);
    if (y.kind === Kind.Zero || isOne) return F80.zero(y.sign ^ negative);
    if (power) {
      return powerLogarithm(context, y, x.exponent);
    }
    const value = logarithm(x);
    return value === undefined ? F80.zero(y.sign) : timesLogarithm(context, y, value);
  });
}

/** y * log2(2^`factor`): exact, but hardware calls every logarithm inexact, and a denormal one tiny as well. */
function powerLogarithm(context: FloatContext, y: Unpacked, factor: number): bigint {
  const magnitude = BigInt(Math.abs(factor));
  const length = bitLength(magnitude);
  const integer: Unpacked = {
    kind: Kind.Finite,
    sign: factor < 0 ? 1 : 0,
    exponent: length - 1,
    significand: magnitude << BigInt(64 - length),
    denormal: false,
  };
  const product = multiply(context, F80, { ...y, denormal: false }, integer);
  context.flags |= BigInt.asUintN(79, product) < SMALLEST_NORMAL ? PE | UE : PE;
  return product;
}

/** FYL2XP1: y * log2(x + 1). Below -1, where the result is undefined, it is x. */
export function fyl2xp1(unit: X87Unit): void {
  functionOfTwo(unit, (context, y, x) => {
    if (x.kind === Kind.Infinity) {
      if (x.sign !== 0 || y.kind === Kind.Zero) return invalid(context, F80);
      return stopsForDenormal(context, y) ? 0n : F80.infinity(y.sign);
    }
    if (x.kind === Kind.Zero) {
      if (y.kind === Kind.Infinity) return invalid(context, F80);
      return stopsForDenormal(context, y) ? 0n : F80.zero(y.sign ^ x.sign);
    }
    if (stopsForDenormal(context, x, y)) return 0n;
    if (y.kind === Kind.Infinity) return F80.infinity(y.sign ^ x.sign);
    if (y.kind === Kind.Zero) return F80.zero(y.sign ^ x.sign);
    if (x.sign !== 0 && x.exponent >= 0) return asItIs(context, x);
    return timesLogarithm(context, y, logarithmOfOnePlus(x));
  });
}

/** FPATAN: the angle of the point (ST(0), ST(1)). */
export function fpatan(unit: X87Unit): void {
  functionOfTwo(unit, (context, y, x) => {
    if (stopsForDenormal(context, x, y)) return 0n;
    if (y.kind === Kind.Infinity) {
      const quarters = x.kind === Kind.Infinity ? (x.sign !== 0 ? 3 : 1) : 2;
      return rounded(context, quarterPi(y.sign, quarters));
    }
    if (y.kind === Kind.Zero || x.kind === Kind.Infinity) {
      return x.sign !== 0 ? rounded(context, quarterPi(y.sign, 4)) : F80.zero(y.sign);
    }
    if (x.kind === Kind.Zero) return rounded(context, quarterPi(y.sign, 2));
    return rounded(context, arctangent2(y, x));
  });
}

/** What FSIN, FCOS, FSINCOS and FPTAN have in common: special operands, and the range of C2. */
function trigonometric(
  unit: X87Unit,
  x: Unpacked,
  atZero: (sign: number) => bigint,
  compute: (x: Unpacked) => Real,
): bigint {
  const { context } = unit;
  if (x.kind >= Kind.Quiet) return propagate(context, F80, x);
  if (x.kind === Kind.Infinity) return invalid(context, F80);
  if (x.kind === Kind.Zero) return atZero(x.sign);
  if (stopsForDenormal(context, x)) return 0n;
  return rounded(context, compute(x));
}

/** Whether C2 is set and the operand left alone. */
function isOutOfRange(unit: X87Unit, x: Unpacked): boolean {
  const out = x.kind === Kind.Finite && x.exponent >= OUT_OF_RANGE;
  unit.setConditions(out ? C2 : 0, C1 | C2);
  return out;
}

/** FSIN */
export function fsin(unit: X87Unit): void {
  sineOrCosine(unit, (sign) => F80.zero(sign), sine);
}

/** FCOS */
export function fcos(unit: X87Unit): void {
  sineOrCosine(unit, () => ONE_BITS, cosine);
}

function sineOrCosine(unit: X87Unit, atZero: (sign: number) => bigint, compute: (x: Unpacked) => Real): void {
  if (unit.isEmpty(0)) {
    unit.setConditions(0, C2);
    if (unit.underflow()) unit.write(0, INDEFINITE);
    return;
  }
  const x = unit.operand(0);
  if (isOutOfRange(unit, x)) return;
  const result = trigonometric(unit, x, atZero, compute);
  if (unit.finish()) unit.write(0, result);
}

/** FSINCOS: ST(0) becomes the sine, then the cosine is pushed. */
export function fsincos(unit: X87Unit): void {
  withPush(unit, (x) => {
    const sin = trigonometric(unit, x, (sign) => F80.zero(sign), sine);
    const flags = unit.context.flags;
    unit.context.flags = 0;
    const cos = trigonometric(unit, x, () => ONE_BITS, cosine);
    unit.context.flags |= flags;
    return [sin, cos];
  });
}

/** FPTAN: ST(0) becomes the tangent, then 1.0 is pushed. */
export function fptan(unit: X87Unit): void {
  withPush(unit, (x) => {
    const tan = trigonometric(unit, x, (sign) => F80.zero(sign), tangent);
    return [tan, x.kind < Kind.Infinity ? ONE_BITS : tan];
  });
}

function withPush(unit: X87Unit, compute: (x: Unpacked) => [bigint, bigint]): void {
  if (unit.isEmpty(0) || !unit.isEmpty(7)) {
    unit.setConditions(0, C2);
    const proceeds = unit.isEmpty(0) ? unit.underflow() : unit.overflow();
    if (!proceeds) return;
    unit.write(0, INDEFINITE);
    unit.push(INDEFINITE);
    return;
  }
  const x = unit.operand(0);
  if (isOutOfRange(unit, x)) return;
  const [result, pushed] = compute(x);
  if (!unit.finish()) return;
  unit.write(0, result);
  unit.push(pushed);
}
