/**
 * The generator that guests and the tests' models of them draw the same numbers from.
 *
 * @module
 */

const MULTIPLIER = 6364136223846793005n;
const INCREMENT = 1442695040888963407n;

/** Knuth's 64-bit linear congruential generator. */
export class Random {
  #state: bigint;

  constructor(seed: number) {
    this.#state = BigInt(seed);
  }

  /** The next number below `limit`, a power of two up to 2^24. */
  below(limit: number): number {
    this.#state = BigInt.asUintN(64, this.#state * MULTIPLIER + INCREMENT);
    return Number(this.#state >> 40n) & (limit - 1);
  }

  /** One of `choices`. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(1 << 24) % choices.length]!;
  }
}

/** Statements that set up R15, R14 and R13 to draw numbers. */
export function seeded(seed: number): string {
  return `mov r15, ${seed}\nmov r14, ${MULTIPLIER}\nmov r13, ${INCREMENT}\n`;
}

/** Statements that draw the next number below `limit` into a register; flags are lost. */
export function draw(register: string, limit: number): string {
  return `imul r15, r14
    add r15, r13
    mov ${register}, r15
    shr ${register}, 40
    and ${register}, ${limit - 1}\n`;
}
