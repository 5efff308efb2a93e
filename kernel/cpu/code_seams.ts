/**
 * Where long code without branches is divided.
 *
 * Each place at which execution comes to such code would else divide it in another way, and each way would have to become
 * hot, and be compiled, by itself. So it is divided at the same addresses, wherever it was entered.
 *
 * @module
 */

/** Bytes between seams. */
const DISTANCE = 128;

/** Whether code may be divided between an instruction at one address and the next one at another. */
export function isSeam(address: number, next: number): boolean {
  return Math.floor(address / DISTANCE) !== Math.floor(next / DISTANCE);
}
