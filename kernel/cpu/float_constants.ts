/**
 * Vectors that floats are compared with, in the engine's memory: made where they are needed, each would take the host
 * four instructions.
 *
 * @module
 */

import { FLOAT_CONSTANTS } from "./layout.ts";

/** A constant, with the same number in all elements. */
export enum FloatConstant {
  /** All bits but the sign. */
  Magnitude,
  /** Twice the least normal number: nothing that is tiny before it is rounded comes to it. */
  Least,
  /** The largest finite number. */
  Most,
}

const COUNT = 3;

/** Where a constant for floats of a width lies: 16 bytes. */
export function floatConstant(width: 32 | 64, constant: FloatConstant): number {
  return FLOAT_CONSTANTS + ((width === 64 ? COUNT : 0) + constant) * 16;
}

/** Puts the constants where they are looked for. */
export function writeFloatConstants(view: DataView): void {
  const singles = [0x7fff_ffff, 2 << 23, 0x7f7f_ffff];
  const doubles = [0x7fff_ffff_ffff_ffffn, 2n << 52n, 0x7fef_ffff_ffff_ffffn];
  for (let constant = 0; constant < COUNT; constant++) {
    for (let offset = 0; offset < 16; offset += 4) {
      view.setUint32(floatConstant(32, constant) + offset, singles[constant]!, true);
    }
    for (let offset = 0; offset < 16; offset += 8) {
      view.setBigUint64(floatConstant(64, constant) + offset, doubles[constant]!, true);
    }
  }
}
