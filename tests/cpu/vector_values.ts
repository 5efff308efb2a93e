/**
 * Vectors, floats and x87 state for an instruction to run on.
 *
 * @module
 */

import { Fx } from "./case_layout.ts";
import type { Random } from "./random.ts";

/** Zero, one, infinity, NaNs, and both ends of the normal and denormal ranges. */
const FLOATS32 = [
  0,
  0x3f800000,
  0x7f800000,
  0x7fc00000,
  0x7fc12345,
  0x7f800001,
  0x7fa00000,
  1,
  0x007fffff,
  0x00800000,
  0x00800001,
  0x7f7fffff,
  0x3f000000,
  0x3fc00000,
  0x40200000,
  0x4effffff,
  0x4f000000,
  0x4f800000,
  0x5f000000,
  0x4b000001,
];
/** Upper words of such doubles. */
const FLOATS64 = [
  0,
  0x3ff00000,
  0x7ff00000,
  0x7ff80000,
  0x7ff81234,
  0x7ff00001,
  0x000fffff,
  0x00100000,
  0x7fefffff,
  0x3fe00000,
  0x3ff80000,
  0x40040000,
  0x41dfffff,
  0x41e00000,
  0x43e00000,
  0x47efffff,
  0x38100000,
  0x36900000,
];
const INTEGERS = [0, 1, -1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000];

/** Writes 16 bytes: integers or floats of one width. */
export function fillVector(view: DataView, at: number, random: Random): void {
  switch (random.below(6)) {
    case 0:
    case 1:
      for (let i = 0; i < 16; i += 4) view.setInt32(at + i, float32(random), true);
      return;
    case 2:
    case 3:
      for (let i = 0; i < 16; i += 8) float64(view, at + i, random);
      return;
    case 4: {
      const size = 1 << random.below(3);
      for (let i = 0; i < 16; i += size) {
        const value = random.once(2) ? random.word() : random.pick(INTEGERS);
        if (size === 1) view.setInt8(at + i, value);
        else if (size === 2) view.setInt16(at + i, value, true);
        else view.setInt32(at + i, value, true);
      }
      return;
    }
    default:
      for (let i = 0; i < 16; i += 4) view.setInt32(at + i, random.word(), true);
  }
}

function float32(random: Random): number {
  const sign = random.word() & 0x80000000;
  if (random.once(3)) return random.pick(FLOATS32) | sign;
  // Exponents close enough for sums to round.
  const exponent = random.once(4) ? random.below(256) : 115 + random.below(48);
  const mantissa = random.word() & (random.once(3) ? 0x7f0000 : 0x7fffff);
  return sign | (exponent << 23) | mantissa;
}

function float64(view: DataView, at: number, random: Random): void {
  const sign = random.word() & 0x80000000;
  let high = random.pick(FLOATS64);
  let low = random.pick([0, 0, 1, -1]);
  if (!random.once(3)) {
    const exponent = random.once(4) ? random.below(2048) : 1000 + random.below(90);
    high = (exponent << 20) | (random.word() & 0xfffff);
    low = random.once(3) ? random.word() & 0xe0000000 : random.word();
  }
  view.setInt32(at, low, true);
  view.setInt32(at + 4, high | sign, true);
}

/** Writes MXCSR: mostly as programs have it. */
export function fillFloat(view: DataView, fx: number, random: Random): void {
  let mxcsr = random.once(2) ? 0x1f80 : 0x1fa0;
  if (random.once(4)) mxcsr |= random.below(4) << 13;
  if (random.once(8)) mxcsr |= 0x8000;
  if (random.once(8)) mxcsr |= 0x40;
  if (random.once(16)) mxcsr &= ~(random.below(64) << 7);
  if (random.once(16)) mxcsr |= random.below(64);
  view.setUint32(fx + Fx.MXCSR, mxcsr, true);
}

/** Exponents of x87 registers at which something happens: with the integer bit they make every class of number. */
const EXPONENTS80 = [0, 1, 0x3ffe, 0x3fff, 0x4000, 0x401e, 0x403e, 0x403f, 0x7ffe, 0x7fff];

/** Writes the x87 state: at rest, with MMX values, or with numbers. */
export function fillX87(view: DataView, fx: number, random: Random, use: "none" | "mmx" | "x87"): void {
  view.setUint16(fx + Fx.FCW, 0x37f, true);
  if (use === "none") return;
  let control = 0x37f;
  let status = random.word() & 0x4700;
  if (random.once(2)) status |= random.below(8) << 11;
  if (use === "x87") {
    if (random.once(3)) {
      control = (control & ~0xf00) | (random.below(4) << 10) | (random.pick([0, 2, 3]) << 8);
    }
    if (random.once(12)) control &= ~random.below(64);
    if (random.once(6)) status |= random.below(128);
  }
  if ((status & ~control & 0x3f) !== 0) {
    // A pending exception would hide what the instruction itself does.
    if (random.once(4)) status |= 0x8080;
    else status &= ~0x3f;
  }
  view.setUint16(fx + Fx.FCW, control, true);
  view.setUint16(fx + Fx.FSW, status, true);
  view.setUint8(fx + Fx.FTW, use === "x87" && !random.once(4) ? 0xff : random.word() & 0xff);
  for (let i = 0; i < 8; i++) {
    const at = fx + Fx.ST0 + i * 16;
    if (use === "mmx") {
      fillVector(view, at, random);
      view.setBigUint64(at + 8, 0n, true);
      view.setUint16(at + 8, random.once(2) ? 0xffff : random.word(), true);
    } else float80(view, at, random);
  }
}

function float80(view: DataView, at: number, random: Random): void {
  const special = random.once(3);
  const exponent = special
    ? random.pick(EXPONENTS80)
    : random.once(4)
    ? random.below(0x8000)
    : 0x3fff - 20 + random.below(90);
  let high = random.word();
  let low = random.word();
  if (random.once(3)) low = 0;
  if (random.once(4)) {
    high = random.pick([0, 0x40000000, 0x7fffffff]);
    low = random.pick([0, 1, -1]);
  }
  // Numbers without their integer bit are unnormal or denormal.
  if (exponent !== 0 && !random.once(24)) high |= 0x80000000;
  if (exponent === 0 && !random.once(8)) high &= 0x7fffffff;
  view.setInt32(at, low, true);
  view.setInt32(at + 4, high, true);
  view.setUint16(at + 8, exponent | (random.word() & 0x8000), true);
}
