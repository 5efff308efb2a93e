/**
 * Results that are no number: the default NaN, and which operand's NaN a result repeats.
 *
 * @module
 */

import { type FloatContext, IE, NanRule } from "./context.ts";
import { type Format, Kind, type Unpacked } from "./format.ts";

/** Raises invalid operation and gives the default NaN. */
export function invalid(context: FloatContext, format: Format): bigint {
  context.flags |= IE;
  return format.indefinite;
}

/** Result of an operation whose only operand is a NaN or unsupported. */
export function propagate(context: FloatContext, format: Format, a: Unpacked): bigint {
  if (a.kind === Kind.Unsupported) return invalid(context, format);
  if (a.kind === Kind.Signalling) context.flags |= IE;
  return format.nan(a.sign, a.significand);
}

/** Result of an operation of which at least one operand is a NaN or unsupported. */
export function propagateEither(context: FloatContext, format: Format, a: Unpacked, b: Unpacked): bigint {
  if (a.kind === Kind.Unsupported || b.kind === Kind.Unsupported) return invalid(context, format);
  if (a.kind === Kind.Signalling || b.kind === Kind.Signalling) context.flags |= IE;
  const chosen = context.nanRule === NanRule.First ? (a.kind >= Kind.Quiet ? a : b) : larger(a, b);
  return format.nan(chosen.sign, chosen.significand);
}

function larger(a: Unpacked, b: Unpacked): Unpacked {
  if (a.kind < Kind.Quiet) return b;
  if (b.kind < Kind.Quiet) return a;
  if (a.kind !== b.kind) return a.kind === Kind.Quiet ? a : b;
  if (a.significand !== b.significand) return a.significand > b.significand ? a : b;
  return a.sign <= b.sign ? a : b;
}
