/**
 * RDRAND and RDSEED, from the host's generator.
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { ARITHMETIC_FLAGS, Flag } from "../state.ts";

/** Fetched at once, because a call of the host's generator costs more than the whole instruction should. */
const pool = new BigUint64Array(512);
let left = 0;

/** Gives 64 random bits, of which the destination takes as many as it has; sets CF. RDRAND, RDSEED. */
export function rdrand(cpu: Cpu): bigint {
  cpu.rflags = (cpu.rflags & ~ARITHMETIC_FLAGS) | Flag.CF;
  return cpu.random();
}

/** 64 random bits of the host's. */
export function hostRandom(): bigint {
  if (left === 0) {
    crypto.getRandomValues(pool);
    left = pool.length;
  }
  left--;
  const value = pool[left];
  pool[left] = 0n;
  return value;
}
