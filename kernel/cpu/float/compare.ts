/**
 * Comparison, and the flags that report it.
 *
 * @module
 */

import { DE, type FloatContext, IE } from "./context.ts";
import { Kind, type Unpacked } from "./format.ts";

/** ZF, PF and CF in EFLAGS. */
const ZF = 0x40;
const PF = 0x04;
const CF = 0x01;

/** How two operands compare. */
export enum Relation {
  Less,
  Equal,
  Greater,
  Unordered,
}

/** Compares; a signalling NaN or an unsupported operand raises invalid operation. */
export function compareQuiet(context: FloatContext, a: Unpacked, b: Unpacked): Relation {
  if (a.kind >= Kind.Signalling || b.kind >= Kind.Signalling) context.flags |= IE;
  return relation(context, a, b);
}

/** Compares; any NaN raises invalid operation. */
export function compareSignalling(context: FloatContext, a: Unpacked, b: Unpacked): Relation {
  if (a.kind >= Kind.Quiet || b.kind >= Kind.Quiet) context.flags |= IE;
  return relation(context, a, b);
}

function relation(context: FloatContext, a: Unpacked, b: Unpacked): Relation {
  if (a.kind >= Kind.Quiet || b.kind >= Kind.Quiet) return Relation.Unordered;
  if (a.denormal || b.denormal) context.flags |= DE;
  if (a.kind === Kind.Zero && b.kind === Kind.Zero) return Relation.Equal;
  if (a.kind === Kind.Zero) return b.sign !== 0 ? Relation.Greater : Relation.Less;
  if (b.kind === Kind.Zero) return a.sign !== 0 ? Relation.Less : Relation.Greater;
  if (a.sign !== b.sign) return a.sign !== 0 ? Relation.Less : Relation.Greater;
  const magnitude = compareMagnitude(a, b);
  if (magnitude === 0) return Relation.Equal;
  return (magnitude < 0) === (a.sign === 0) ? Relation.Less : Relation.Greater;
}

/** Below 0, 0 or above 0 as |a| is below, equal to or above |b|; neither may be zero or a NaN. */
export function compareMagnitude(a: Unpacked, b: Unpacked): number {
  if (a.kind === Kind.Infinity || b.kind === Kind.Infinity) return a.kind - b.kind;
  if (a.exponent !== b.exponent) return a.exponent - b.exponent;
  return a.significand < b.significand ? -1 : a.significand > b.significand ? 1 : 0;
}

/** ZF, PF and CF for a relation, as COMISS and FCOMI set them. */
export function relationFlags(relation: Relation): number {
  switch (relation) {
    case Relation.Less:
      return CF;
    case Relation.Equal:
      return ZF;
    case Relation.Greater:
      return 0;
    case Relation.Unordered:
      return ZF | PF | CF;
  }
}
