/**
 * DPPS and DPPD: dot products in the order of the hardware's operations.
 *
 * @module
 */

import { add, multiply } from "./arithmetic.ts";
import { type FloatContext, PRE_COMPUTATION } from "./context.ts";
import type { Format } from "./format.ts";
import { sseContext, sseFormat, sseOperand, type Width } from "./sse.ts";

/** Result of a dot product: every element of the destination, and the exceptions raised. */
export interface DotProduct {
  readonly elements: bigint[];
  readonly flags: number;
}

/**
 * Four singles or two doubles in `a` and `b`. Bits 4 to 7 of `control` choose the products that are taken, the others
 * being +0; bits 0 to 3 the elements that get the sum, the others becoming +0.
 */
export function sseDotProduct(
  width: Width,
  a: readonly bigint[],
  b: readonly bigint[],
  control: number,
  mxcsr: number,
): DotProduct {
  const stages = new Stages(width, sseContext(mxcsr));
  const products = a.map((x, i) => ((control >> (4 + i)) & 1) === 0 ? 0n : stages.multiply(x, b[i] ?? 0n));
  stages.end();
  const [p0 = 0n, p1 = 0n, p2 = 0n, p3 = 0n] = products;
  const pairs = width === 32 ? [stages.add(p0, p1), stages.add(p2, p3)] : [stages.add(p0, p1)];
  stages.end();
  const [lower = 0n, upper] = pairs;
  const total = upper === undefined ? lower : stages.add(lower, upper);
  stages.end();
  return { elements: a.map((_, i) => ((control >> i) & 1) !== 0 ? total : 0n), flags: stages.flags };
}

/**
 * The steps of a dot product. Within one, an unmasked invalid or denormal operand hides the OE, UE and PE of
 * the other elements; any unmasked exception keeps the steps after it from being done.
 */
class Stages {
  flags = 0;
  #stopped = false;
  readonly #format: Format;

  constructor(readonly width: Width, readonly context: FloatContext) {
    this.#format = sseFormat(width);
  }

  multiply(x: bigint, y: bigint): bigint {
    if (this.#stopped) return 0n;
    return multiply(this.context, this.#format, this.#operand(x), this.#operand(y));
  }

  add(x: bigint, y: bigint): bigint {
    if (this.#stopped) return 0n;
    return add(this.context, this.#format, this.#operand(x), this.#operand(y));
  }

  end(): void {
    const { flags, masks } = this.context;
    this.flags |= this.context.hasUnmasked(PRE_COMPUTATION) ? flags & PRE_COMPUTATION : flags;
    this.#stopped ||= (flags & ~masks) !== 0;
    this.context.flags = 0;
  }

  #operand(bits: bigint) {
    return sseOperand(this.context, this.width, bits);
  }
}
