/**
 * What a floating-point operation depends on besides its operands, and what it reports besides its result.
 *
 * @module
 */

/** Invalid operation: bit 0 of MXCSR and of the x87 status word. */
export const IE = 1;
/** Denormal operand. */
export const DE = 2;
/** Division by zero. */
export const ZE = 4;
/** Overflow. */
export const OE = 8;
/** Underflow. */
export const UE = 16;
/** Precision: the result is not exact. */
export const PE = 32;

/** Exceptions that are found before anything is computed; unmasked, they leave the destination alone. */
export const PRE_COMPUTATION = IE | DE | ZE;

/** Rounding control, as MXCSR.RC, the RC field of the x87 control word and ROUNDSD's immediate encode it. */
export enum Rounding {
  Nearest = 0,
  Down = 1,
  Up = 2,
  Zero = 3,
}

/** Which NaN a two-operand operation gives. */
export enum NanRule {
  /** The first operand if it is one, else the second. */
  First,
  /** The one with the larger significand, a quiet one before a signalling one. */
  LargerSignificand,
}

/**
 * The environment of one operation. `flags` accumulates; every other field is input, save
 * `roundedUp`, which the last rounding leaves.
 */
export class FloatContext {
  rounding: Rounding = Rounding.Nearest;
  /** Exceptions that are masked, by the bits {@link IE} to {@link PE}. */
  masks = 0x3f;
  /** Exceptions that were raised. */
  flags = 0;
  /** Whether the last rounding increased the magnitude: C1 of the x87. */
  roundedUp = false;
  /** MXCSR.FZ: tiny results become zero while underflow is masked. */
  flushToZero = false;
  /** MXCSR.DAZ. */
  denormalsAreZero = false;

  constructor(readonly nanRule: NanRule) {}

  /** Raises pre-computation exceptions; true if one of them is unmasked, so that nothing may be computed. */
  raise(exceptions: number): boolean {
    this.flags |= exceptions;
    return (exceptions & ~this.masks) !== 0;
  }

  /** Whether one of `exceptions` was raised and is unmasked. */
  hasUnmasked(exceptions: number): boolean {
    return (this.flags & ~this.masks & exceptions) !== 0;
  }
}
