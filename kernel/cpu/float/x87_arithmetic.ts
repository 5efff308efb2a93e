/**
 * x87 arithmetic with one or two stack operands, other than the transcendental functions.
 *
 * @module
 */

import { type Binary, squareRoot } from "./arithmetic.ts";
import { DE, type FloatContext } from "./context.ts";
import { roundToIntegral } from "./convert.ts";
import { F80, type Format, unpack80, type Unpacked } from "./format.ts";
import { extract, type Remainder, remainderNearest, remainderTruncated, scale } from "./remainder.ts";
import { C0, C1, C2, C3, INDEFINITE, type X87Unit } from "./x87_unit.ts";

/** ST(0) = ST(0) op memory operand. */
export function arithmeticMemory(unit: X87Unit, op: Binary, source: Unpacked): void {
  if (unit.isEmpty(0)) {
    if (unit.underflow()) unit.write(0, INDEFINITE);
    return;
  }
  const result = op(unit.context, unit.format, unit.operand(0), source);
  if (unit.finish()) unit.write(0, result);
}

/** ST(destination) = ST(destination) op ST(source), then perhaps a pop. */
export function arithmeticRegister(
  unit: X87Unit,
  op: Binary,
  destination: number,
  source: number,
  pops: boolean,
): void {
  let result = INDEFINITE;
  if (unit.isEmpty(destination) || unit.isEmpty(source)) {
    if (!unit.underflow()) return;
  } else {
    result = op(unit.context, unit.format, unit.operand(destination), unit.operand(source));
    if (!unit.finish()) return;
  }
  unit.write(destination, result);
  if (pops) unit.pop();
}

/** ST(0) = op(ST(0)), rounded by `format`. */
function unary(
  unit: X87Unit,
  format: Format,
  op: (context: FloatContext, format: Format, a: Unpacked) => bigint,
): void {
  let result = INDEFINITE;
  if (unit.isEmpty(0)) {
    if (!unit.underflow()) return;
  } else {
    result = op(unit.context, format, unit.operand(0));
    if (!unit.finish()) return;
  }
  unit.write(0, result);
}

export function fsqrt(unit: X87Unit): void {
  unary(unit, unit.format, squareRoot);
}

export function frndint(unit: X87Unit): void {
  unary(unit, F80, (context, format, a) => {
    if (a.denormal && context.raise(DE)) return 0n;
    return roundToIntegral(context, format, a);
  });
}

/** FCHS and FABS: no exceptions other than stack underflow, whatever the operand. */
export function changeSign(unit: X87Unit, change: (bits: bigint) => bigint): void {
  if (unit.isEmpty(0)) {
    if (unit.underflow()) unit.write(0, INDEFINITE);
    return;
  }
  unit.write(0, change(unit.bits(0)));
  unit.setConditions(0, C1);
}

/** FSCALE: ST(0) = ST(0) * 2^trunc(ST(1)) */
export function fscale(unit: X87Unit): void {
  arithmeticRegister(unit, (context, _format, a, b) => scale(context, F80, a, b), 0, 1, false);
}

/** FPREM */
export function fprem(unit: X87Unit): void {
  remainder(unit, remainderTruncated);
}

/** FPREM1 */
export function fprem1(unit: X87Unit): void {
  remainder(unit, remainderNearest);
}

function remainder(
  unit: X87Unit,
  op: (context: FloatContext, format: Format, a: Unpacked, b: Unpacked) => Remainder,
): void {
  unit.setConditions(0, C2);
  if (unit.isEmpty(0) || unit.isEmpty(1)) {
    if (unit.underflow()) unit.write(0, INDEFINITE);
    return;
  }
  const { bits, quotient, partial } = op(unit.context, F80, unit.operand(0), unit.operand(1));
  if (!unit.finish()) return;
  unit.write(0, bits);
  if (quotient === undefined) return;
  const conditions = (partial ? C2 : 0) | ((quotient & 4) !== 0 ? C0 : 0) | ((quotient & 2) !== 0 ? C3 : 0) |
    ((quotient & 1) !== 0 ? C1 : 0);
  unit.setConditions(conditions, C0 | C1 | C2 | C3);
}

/** FXTRACT: ST(0) becomes the exponent, then the significand is pushed. */
export function fxtract(unit: X87Unit): void {
  if (unit.isEmpty(0) || !unit.isEmpty(7)) {
    const proceeds = unit.isEmpty(0) ? unit.underflow() : unit.overflow();
    if (!proceeds) return;
    unit.write(0, INDEFINITE);
    unit.push(INDEFINITE);
    return;
  }
  const { significand, exponent } = extract(unit.context, F80, unpack80(unit.bits(0)));
  if (!unit.finish()) return;
  unit.write(0, exponent);
  unit.push(significand);
}
