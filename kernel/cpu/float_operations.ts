/**
 * SSE's floating point, exactly: what generated code calls where its own float instructions might give another result or
 * miss an exception.
 *
 * Operands lie in {@link FLOAT_SOURCE}, 16 bytes each, and the result goes to {@link FLOAT_RESULT}. Exceptions of all
 * elements are gathered in MXCSR first; if one of them is unmasked nothing is written, and #XM is raised.
 *
 * @module
 */

import { type Cpu, GuestFault } from "./cpu.ts";
import {
  sseBinary,
  sseComi,
  sseCompare,
  type SseOperation,
  ssePackedFlags,
  type SseResult,
  sseRound,
  type Width,
} from "./float/sse.ts";
import { cvt2si, cvtsd2ss, cvtsi2, cvtss2sd, cvtt2si } from "./float/sse_convert.ts";
import { sseDotProduct } from "./float/sse_dot.ts";
import { rcpss, rsqrtss } from "./float/sse_reciprocal.ts";
import { CR, Cr4, MXCSR, SCRATCH, Vector } from "./state.ts";

/** Where the operands are: 16 bytes each. */
export const FLOAT_SOURCE = SCRATCH;
/** Where the result is put: 16 bytes. What an operation does not give is zero. */
export const FLOAT_RESULT = SCRATCH + 32;

/** Position of the exception masks in MXCSR. */
const MASKS_SHIFT = 7;

/** What is to be computed of each element. */
export enum FloatOperation {
  Add,
  Subtract,
  Multiply,
  Divide,
  Minimum,
  Maximum,
  /** Of the first operand. */
  SquareRoot,
  /** Odd elements are added, even ones subtracted. */
  AddSubtract,
  /** The immediate is the predicate. */
  Compare,
  /** COMISS: the result is given as bits of RFLAGS. */
  CompareOrdered,
  /** UCOMISS likewise. */
  CompareUnordered,
  /** The immediate is that of ROUNDPS. */
  Round,
  Reciprocal,
  ReciprocalSquareRoot,
  /** The immediate is that of DPPS. */
  DotProduct,
  /** To the other width. */
  Convert,
  /** To a signed integer, rounded as MXCSR says or toward zero. A scalar result is given as well. */
  ToInt32,
  ToInt64,
  TruncateToInt32,
  TruncateToInt64,
  /** From a signed integer; the width is that of the result. */
  FromInt32,
  FromInt64,
}

/** A number for operands of `count` elements of `width` bits. */
export function floatShape(width: Width, count: number): number {
  return width | (count << 8);
}

/** Result of one element; `bits` wide. */
interface Element extends SseResult {
  readonly bits: 32 | 64;
}

/** Operands of one element, and what else it depends on. */
interface Operands {
  readonly index: number;
  readonly width: Width;
  readonly a: bigint;
  readonly b: bigint;
  readonly immediate: number;
  readonly mxcsr: number;
}

/**
 * Computes an operation for `Emitter.float`.
 *
 * @param shape what {@link floatShape} gives
 * @param immediate the instruction's immediate byte, where the operation has one
 * @returns the low element of the result
 * @throws {GuestFault} #XM, or #UD if the guest has not enabled it, for an exception that is unmasked
 */
export function executeFloat(cpu: Cpu, operation: FloatOperation, shape: bigint, immediate: bigint): bigint {
  const width: Width = (Number(shape) & 0xff) === 32 ? 32 : 64;
  const count = Number(shape) >> 8;
  const mxcsr = cpu.get32(MXCSR);
  if (operation === FloatOperation.DotProduct) return dotProduct(cpu, width, count, Number(immediate));
  const sourceBits = operation === FloatOperation.FromInt32
    ? 32
    : operation === FloatOperation.FromInt64
    ? 64
    : width;
  const results: Element[] = [];
  for (let index = 0; index < count; index++) {
    const a = readElement(cpu, FLOAT_SOURCE, sourceBits, index);
    const b = readElement(cpu, FLOAT_SOURCE + 16, sourceBits, index);
    results.push(compute(operation, { index, width, a, b, immediate: Number(immediate), mxcsr }));
  }
  raise(cpu, ssePackedFlags(results.map(({ flags }) => flags), mxcsr));
  writeResult(cpu, results[0]!.bits, results.map(({ result }) => result));
  return results[0]!.result;
}

function dotProduct(cpu: Cpu, width: Width, count: number, control: number): bigint {
  const operand = (address: number) =>
    Array.from({ length: count }, (_, index) => readElement(cpu, address, width, index));
  const { elements, flags } = sseDotProduct(
    width,
    operand(FLOAT_SOURCE),
    operand(FLOAT_SOURCE + 16),
    control,
    cpu.get32(MXCSR),
  );
  raise(cpu, flags);
  writeResult(cpu, width, elements);
  return elements[0]!;
}

function readElement(cpu: Cpu, address: number, bits: number, index: number): bigint {
  return bits === 64 ? cpu.get64(address + index * 8) : BigInt(cpu.get32(address + index * 4) >>> 0);
}

function writeResult(cpu: Cpu, bits: 32 | 64, elements: readonly bigint[]): void {
  cpu.set64(FLOAT_RESULT, 0n);
  cpu.set64(FLOAT_RESULT + 8, 0n);
  elements.forEach((element, index) => {
    if (bits === 64) cpu.set64(FLOAT_RESULT + index * 8, element);
    else cpu.set32(FLOAT_RESULT + index * 4, Number(BigInt.asIntN(32, element)));
  });
}

/** Notes exceptions in MXCSR, and raises those that are unmasked. */
function raise(cpu: Cpu, flags: number): void {
  const mxcsr = cpu.get32(MXCSR);
  cpu.set32(MXCSR, mxcsr | flags);
  if ((flags & ~(mxcsr >> MASKS_SHIFT)) === 0) return;
  throw new GuestFault((cpu.get32(CR + 4 * 8) & Cr4.OSXMMEXCPT) !== 0 ? Vector.XM : Vector.UD);
}

function binary(operation: SseOperation, { width, a, b, mxcsr }: Operands): Element {
  return { ...sseBinary(operation, width, a, b, mxcsr), bits: width };
}

function compute(operation: FloatOperation, operands: Operands): Element {
  const { index, width, a, b, immediate, mxcsr } = operands;
  switch (operation) {
    case FloatOperation.Add:
      return binary("add", operands);
    case FloatOperation.Subtract:
      return binary("sub", operands);
    case FloatOperation.Multiply:
      return binary("mul", operands);
    case FloatOperation.Divide:
      return binary("div", operands);
    case FloatOperation.Minimum:
      return binary("min", operands);
    case FloatOperation.Maximum:
      return binary("max", operands);
    case FloatOperation.SquareRoot:
      return binary("sqrt", { ...operands, b: a });
    case FloatOperation.AddSubtract:
      return binary((index & 1) !== 0 ? "add" : "sub", operands);
    case FloatOperation.Compare:
      return { ...sseCompare(immediate & 7, width, a, b, mxcsr), bits: width };
    case FloatOperation.CompareOrdered:
    case FloatOperation.CompareUnordered: {
      const { eflags, flags } = sseComi(width, a, b, mxcsr, operation === FloatOperation.CompareOrdered);
      return { result: BigInt(eflags), flags, bits: 32 };
    }
    case FloatOperation.Round:
      return { ...sseRound(width, a, immediate, mxcsr), bits: width };
    case FloatOperation.Reciprocal:
      return { result: rcpss(a), flags: 0, bits: 32 };
    case FloatOperation.ReciprocalSquareRoot:
      return { result: rsqrtss(a), flags: 0, bits: 32 };
    case FloatOperation.Convert:
      if (width === 32) return { ...cvtss2sd(a, mxcsr), bits: 64 };
      return { ...cvtsd2ss(a, mxcsr), bits: 32 };
    case FloatOperation.ToInt32:
      return { ...cvt2si(width, a, 32, mxcsr), bits: 32 };
    case FloatOperation.ToInt64:
      return { ...cvt2si(width, a, 64, mxcsr), bits: 64 };
    case FloatOperation.TruncateToInt32:
      return { ...cvtt2si(width, a, 32, mxcsr), bits: 32 };
    case FloatOperation.TruncateToInt64:
      return { ...cvtt2si(width, a, 64, mxcsr), bits: 64 };
    case FloatOperation.FromInt32:
      return { ...cvtsi2(32, a, width, mxcsr), bits: width };
    case FloatOperation.FromInt64:
      return { ...cvtsi2(64, a, width, mxcsr), bits: width };
    case FloatOperation.DotProduct:
      throw new Error("A dot product is no operation on single elements");
  }
}
