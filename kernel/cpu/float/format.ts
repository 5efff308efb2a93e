/**
 * The three binary formats as bit patterns, and the one form in which all arithmetic sees them.
 *
 * @module
 */

/** Class of an operand. From {@link Kind.Quiet} on it is no number. */
export enum Kind {
  Zero = 0,
  Finite = 1,
  Infinity = 2,
  Quiet = 3,
  Signalling = 4,
  /** 80-bit patterns with a wrong integer bit: pseudo-NaN, pseudo-infinity, unnormal. */
  Unsupported = 5,
}

/** An operand taken apart. */
export interface Unpacked {
  readonly kind: Kind;
  /** 0 or 1. */
  readonly sign: number;
  /** Of a finite operand: unbiased exponent of the significand's top bit. */
  readonly exponent: number;
  /** 64 bits. Of a finite operand bit 63 is set; of a NaN, bit 63 is set and bit 62 is the quiet bit. */
  readonly significand: bigint;
  /** Whether the operand was denormal as it was encoded. */
  readonly denormal: boolean;
}

/** Integer bit of an 80-bit pattern's significand. */
export const INTEGER_BIT = 1n << 63n;
/** Quiet bit of a NaN's significand. */
export const QUIET_BIT = 1n << 62n;

const wordScratch = new DataView(new ArrayBuffer(8));

/** Bits of a number below 2^1023: the position of its highest set bit, plus one; 0 of 0. */
export function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  wordScratch.setFloat64(0, Number(value));
  const high = wordScratch.getUint32(0);
  const length = (high >>> 20) - 1022;
  // The conversion rounds: 2^n - 1 may have become 2^n.
  if ((high & 0xfffff) !== 0 || length <= 53) return length;
  return value >> BigInt(length - 1) === 0n ? length - 1 : length;
}

/** A format that results are rounded to. */
export class Format {
  readonly minExponent: number;
  readonly maxExponent: number;
  /** 2^precision: what a significand of all ones becomes when it is rounded up. */
  readonly carry: bigint;
  readonly #bias: number;
  readonly #exponentBits: number;
  readonly #fractionBits: bigint;
  readonly #padding: bigint;

  /**
   * @param precision bits of the significand, the integer bit included
   * @param exponentBits bits of the exponent field
   * @param explicit bits of the stored significand if it has an integer bit, as in the 80-bit format; else 0
   */
  constructor(readonly precision: number, exponentBits: number, readonly explicit: number) {
    this.#exponentBits = exponentBits;
    this.#bias = 2 ** (exponentBits - 1) - 1;
    this.minExponent = 1 - this.#bias;
    this.maxExponent = this.#bias;
    this.carry = 1n << BigInt(precision);
    this.#fractionBits = BigInt(explicit === 0 ? precision - 1 : explicit);
    this.#padding = BigInt(explicit === 0 ? 0 : explicit - precision);
  }

  /** Packs a normal result; `significand` has `precision` bits. */
  normal(sign: number, exponent: number, significand: bigint): bigint {
    return this.#pack(sign, exponent + this.#bias, significand);
  }

  /** Packs a result below the smallest normal, in units of the smallest denormal; it may be that normal. */
  subnormal(sign: number, significand: bigint): bigint {
    return this.#pack(sign, significand === this.carry >> 1n ? 1 : 0, significand);
  }

  zero(sign: number): bigint {
    return this.#pack(sign, 0, 0n);
  }

  infinity(sign: number): bigint {
    return this.#pack(sign, 2 * this.#bias + 1, this.carry >> 1n);
  }

  /** Largest finite number of this precision. */
  largest(sign: number): bigint {
    return this.#pack(sign, 2 * this.#bias, this.carry - 1n);
  }

  /** A quiet NaN from the 64-bit significand of {@link Unpacked}; low bits that do not fit are lost. */
  nan(sign: number, significand: bigint): bigint {
    const top = BigInt((sign << this.#exponentBits) | (2 * this.#bias + 1)) << this.#fractionBits;
    const quiet = significand | INTEGER_BIT | QUIET_BIT;
    if (this.explicit !== 0) return top | quiet;
    return top | BigInt.asUintN(this.precision - 1, quiet >> BigInt(64 - this.precision));
  }

  /** The default NaN, "real indefinite". */
  get indefinite(): bigint {
    return this.nan(1, QUIET_BIT);
  }

  #pack(sign: number, biased: number, significand: bigint): bigint {
    const top = BigInt((sign << this.#exponentBits) | biased) << this.#fractionBits;
    if (this.explicit !== 0) return top | (significand << this.#padding);
    return top | BigInt.asUintN(this.precision - 1, significand);
  }
}

/** Single precision. */
export const F32 = new Format(24, 8, 0);
/** Double precision. */
export const F64 = new Format(53, 11, 0);
/** Double extended precision. */
export const F80 = new Format(64, 15, 64);
/** Extended range with single precision: x87 precision control 0. */
export const F80_SINGLE = new Format(24, 15, 64);
/** Extended range with double precision: x87 precision control 2. */
export const F80_DOUBLE = new Format(53, 15, 64);

/** Takes an 80-bit pattern apart. */
export function unpack80(bits: bigint): Unpacked {
  const top = Number(bits >> 64n);
  const significand = BigInt.asUintN(64, bits);
  const sign = top >> 15;
  const biased = top & 0x7fff;
  if (biased === 0) {
    if (significand === 0n) return { kind: Kind.Zero, sign, exponent: 0, significand, denormal: false };
    return normalized(sign, -16382, significand, 64);
  }
  if (significand < INTEGER_BIT) {
    return { kind: Kind.Unsupported, sign, exponent: 0, significand, denormal: false };
  }
  if (biased !== 0x7fff) {
    return { kind: Kind.Finite, sign, exponent: biased - 16383, significand, denormal: false };
  }
  return { kind: specialKind(significand), sign, exponent: 0, significand, denormal: false };
}

/** Takes a double apart. */
export function unpack64(bits: bigint, denormalsAreZero = false): Unpacked {
  const top = Number(bits >> 52n);
  return unpackImplicit(top >> 11, top & 0x7ff, bits, 53, 1023, denormalsAreZero);
}

/** Takes a single apart. */
export function unpack32(bits: bigint, denormalsAreZero = false): Unpacked {
  const top = Number(bits >> 23n);
  return unpackImplicit(top >> 8, top & 0xff, bits, 24, 127, denormalsAreZero);
}

function unpackImplicit(
  sign: number,
  biased: number,
  bits: bigint,
  precision: number,
  bias: number,
  denormalsAreZero: boolean,
): Unpacked {
  const fraction = BigInt.asUintN(precision - 1, bits);
  if (biased === 0) {
    if (fraction === 0n || denormalsAreZero) {
      return { kind: Kind.Zero, sign, exponent: 0, significand: 0n, denormal: false };
    }
    return normalized(sign, 1 - bias, fraction, precision);
  }
  const significand = (fraction << BigInt(64 - precision)) | INTEGER_BIT;
  if (biased === 2 * bias + 1) {
    return { kind: specialKind(significand), sign, exponent: 0, significand, denormal: false };
  }
  return { kind: Kind.Finite, sign, exponent: biased - bias, significand, denormal: false };
}

function normalized(sign: number, exponent: number, significand: bigint, precision: number): Unpacked {
  const length = bitLength(significand);
  return {
    kind: Kind.Finite,
    sign,
    exponent: exponent - (precision - length),
    significand: significand << BigInt(64 - length),
    denormal: true,
  };
}

function specialKind(significand: bigint): Kind {
  if (significand === INTEGER_BIT) return Kind.Infinity;
  return (significand & QUIET_BIT) !== 0n ? Kind.Quiet : Kind.Signalling;
}
