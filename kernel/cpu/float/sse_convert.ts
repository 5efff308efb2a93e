/**
 * SSE conversions of one element, exactly. For the meaning of `flags` see `sse.ts`.
 *
 * @module
 */

import { Rounding } from "./context.ts";
import { convert, fromInteger, INT32, INT64, toFormat, toInteger, UINT32, UINT64 } from "./convert.ts";
import { F32, F64 } from "./format.ts";
import { sseContext, sseFormat, sseOperand, type SseResult, type Width } from "./sse.ts";

/** CVTSS2SD. */
export function cvtss2sd(a: bigint, mxcsr: number): SseResult {
  const context = sseContext(mxcsr);
  const result = convert(context, F64, sseOperand(context, 32, a));
  return { result, flags: context.flags };
}

/** CVTSD2SS. */
export function cvtsd2ss(a: bigint, mxcsr: number): SseResult {
  const context = sseContext(mxcsr);
  const result = convert(context, F32, sseOperand(context, 64, a));
  return { result, flags: context.flags };
}

/** CVTSS2SI, CVTSD2SI, CVTPS2DQ, CVTPD2DQ: rounds by MXCSR.RC. The result is a pattern of `bits` bits. */
export function cvt2si(width: Width, a: bigint, bits: 32 | 64, mxcsr: number): SseResult {
  const context = sseContext(mxcsr);
  const result = toInteger(context, sseOperand(context, width, a), bits === 32 ? INT32 : INT64);
  return { result, flags: context.flags };
}

/** CVTTSS2SI, CVTTSD2SI, CVTTPS2DQ, CVTTPD2DQ: rounds toward zero. The result is a pattern of `bits` bits. */
export function cvtt2si(width: Width, a: bigint, bits: 32 | 64, mxcsr: number): SseResult {
  const context = sseContext(mxcsr);
  const type = bits === 32 ? INT32 : INT64;
  const result = toInteger(context, sseOperand(context, width, a), type, Rounding.Zero);
  return { result, flags: context.flags };
}

/** Conversion to an unsigned integer; what does not fit becomes all ones. */
export function cvt2usi(
  width: Width,
  a: bigint,
  bits: 32 | 64,
  mxcsr: number,
  rounding?: Rounding,
): SseResult {
  const context = sseContext(mxcsr);
  const type = bits === 32 ? UINT32 : UINT64;
  const result = toInteger(context, sseOperand(context, width, a), type, rounding ?? context.rounding);
  return { result, flags: context.flags };
}

/** CVTSI2SS, CVTSI2SD, CVTDQ2PS, CVTDQ2PD: `a` is a pattern of `bits` bits, taken as signed. */
export function cvtsi2(bits: 32 | 64, a: bigint, width: Width, mxcsr: number): SseResult {
  const context = sseContext(mxcsr);
  const result = toFormat(context, sseFormat(width), fromInteger(BigInt.asIntN(bits, a)));
  return { result, flags: context.flags };
}
