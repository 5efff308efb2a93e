/**
 * Typed WebAssembly expressions.
 *
 * An expression is a pure tree: writing it twice computes it twice. What reads memory or has an effect is bound to
 * a local at once by the function builder, so that a tree's meaning does not depend on when it is written.
 *
 * @module
 */

import { signedBytes, Writer } from "./writer.ts";

/** Value types. */
export type Type = "i32" | "i64" | "f32" | "f64" | "v128";

/** Integer value types. */
export type Integer = "i32" | "i64";

/** Binary encoding of a value type. */
export const TYPE_CODE: { readonly [T in Type]: number } = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** Opcodes that exist for i32 and i64, in that order. */
const INTEGER = {
  eqz: [0x45, 0x50],
  eq: [0x46, 0x51],
  ne: [0x47, 0x52],
  ltS: [0x48, 0x53],
  ltU: [0x49, 0x54],
  gtS: [0x4a, 0x55],
  gtU: [0x4b, 0x56],
  leS: [0x4c, 0x57],
  leU: [0x4d, 0x58],
  geS: [0x4e, 0x59],
  geU: [0x4f, 0x5a],
  clz: [0x67, 0x79],
  ctz: [0x68, 0x7a],
  popcnt: [0x69, 0x7b],
  add: [0x6a, 0x7c],
  sub: [0x6b, 0x7d],
  mul: [0x6c, 0x7e],
  divS: [0x6d, 0x7f],
  divU: [0x6e, 0x80],
  remU: [0x70, 0x82],
  and: [0x71, 0x83],
  or: [0x72, 0x84],
  xor: [0x73, 0x85],
  shl: [0x74, 0x86],
  shrS: [0x75, 0x87],
  shrU: [0x76, 0x88],
  rotl: [0x77, 0x89],
  rotr: [0x78, 0x8a],
} as const;

/** Operators of i64 whose low 32 bits follow from those of their operands, with the same operator of i32. */
const NARROWER: ReadonlyMap<number, number> = new Map(
  (["add", "sub", "mul", "and", "or", "xor"] as const).map((name) => [INTEGER[name][1], INTEGER[name][0]]),
);

/** Of the low 1, 2 and 4 bytes of an i64. */
const SIGN_EXTEND = [0xc2, 0xc3, 0xc4];
const WRAP = 0xa7;
const EXTEND_U = 0xad;
const EXTEND_S = 0xac;
const SELECT = 0x1b;

/** Operand of an operator: an expression of the same type, or a constant. */
export type Operand<T extends Type> = Expression<T> | (T extends "i32" ? number : bigint | number);

/** A pure expression of type `T`. */
export class Expression<T extends Type = Type> {
  constructor(
    readonly type: T,
    /** Opcode and immediates, written after the arguments. */
    readonly code: ArrayLike<number>,
    readonly args: readonly Expression[] = [],
    /** Value of a constant: i64 as a signed bigint, i32 as a signed number. */
    readonly constant?: T extends "i64" ? bigint : number,
  ) {}

  /** Appends the instructions that compute this. */
  write(writer: Writer): void {
    const { args, code } = this;
    for (let index = 0; index < args.length; index++) args[index]!.write(writer);
    // Nearly all are one byte.
    if (code.length === 1) writer.byte(code[0]!);
    else writer.bytes(code);
  }

  #same(value: Operand<T>): Expression<T> {
    if (value instanceof Expression) return value;
    return (this.type === "i64" ? i64(value as bigint) : i32(value as number)) as unknown as Expression<T>;
  }

  #binary(name: keyof typeof INTEGER, other: Operand<T>): Expression<T> {
    const right = this.#same(other);
    if (this.constant !== undefined && right.constant !== undefined) {
      const folded = fold(name, this, right);
      if (folded !== undefined) return this.#same(folded as Operand<T>);
    }
    const code = INTEGER[name][this.type === "i64" ? 1 : 0];
    return new Expression(this.type, [code], [this, right]);
  }

  #compare(name: keyof typeof INTEGER, other: Operand<T>): Expression<"i32"> {
    const code = INTEGER[name][this.type === "i64" ? 1 : 0];
    const right = this.#same(other);
    if (this.constant !== undefined && right.constant !== undefined) {
      if (name === "ne") return i32(BigInt(this.constant) !== BigInt(right.constant) ? 1 : 0);
      if (name === "eq") return i32(BigInt(this.constant) === BigInt(right.constant) ? 1 : 0);
    }
    return new Expression("i32", [code], [this, right]);
  }

  /** Whether this is the constant `value`. */
  is(value: number): boolean {
    return this.constant !== undefined && BigInt(this.constant as number | bigint) === BigInt(value);
  }

  add(other: Operand<T>): Expression<T> {
    const right = this.#same(other);
    if (right.is(0)) return this;
    if (this.is(0)) return right;
    return this.#binary("add", right);
  }
  sub(other: Operand<T>): Expression<T> {
    const right = this.#same(other);
    if (this === right) return this.#same(0 as Operand<T>);
    return right.is(0) ? this : this.#binary("sub", right);
  }
  mul(other: Operand<T>): Expression<T> {
    return this.#binary("mul", other);
  }
  divS(other: Operand<T>): Expression<T> {
    return this.#binary("divS", other);
  }
  divU(other: Operand<T>): Expression<T> {
    return this.#binary("divU", other);
  }
  remU(other: Operand<T>): Expression<T> {
    return this.#binary("remU", other);
  }
  and(other: Operand<T>): Expression<T> {
    const right = this.#same(other);
    if (right.is(-1) || right === this) return this;
    return this.#fewerBits(right.constant) ?? this.#binary("and", right);
  }

  /** Fewer bits of what is cut already, as one operation. */
  #fewerBits(mask: bigint | number | undefined): Expression<T> | undefined {
    if (mask === undefined) return undefined;
    const [first, second] = this.args;
    if (this.code[0] === EXTEND_U && mask >= 0n && mask <= 0x7fff_ffffn) {
      return (first as Expression<"i32">).and(Number(mask)).extendU() as Expression as Expression<T>;
    }
    const cut = this.code[0] === INTEGER.and[this.type === "i64" ? 1 : 0] ? second!.constant : undefined;
    if (cut === undefined) return undefined;
    return (first as Expression<T>).and(
      (this.type === "i64" ? BigInt(mask) & BigInt(cut) : Number(mask) & Number(cut)) as Operand<T>,
    );
  }
  or(other: Operand<T>): Expression<T> {
    const right = this.#same(other);
    return right.is(0) || right === this ? this : this.#binary("or", right);
  }
  xor(other: Operand<T>): Expression<T> {
    if (this === other) return this.#same(0 as Operand<T>);
    return this.#binary("xor", other);
  }
  shl(other: Operand<T>): Expression<T> {
    const right = this.#same(other);
    return right.is(0) ? this : this.#binary("shl", right);
  }
  shrS(other: Operand<T>): Expression<T> {
    const right = this.#same(other);
    return right.is(0) ? this : this.#binary("shrS", right);
  }
  shrU(other: Operand<T>): Expression<T> {
    const right = this.#same(other);
    return right.is(0) ? this : this.#binary("shrU", right);
  }
  rotl(other: Operand<T>): Expression<T> {
    return this.#binary("rotl", other);
  }
  rotr(other: Operand<T>): Expression<T> {
    return this.#binary("rotr", other);
  }
  /** All bits inverted. */
  not(): Expression<T> {
    return this.#binary("xor", (this.type === "i64" ? -1n : -1) as Operand<T>);
  }
  eq(other: Operand<T>): Expression<"i32"> {
    const right = this.#same(other);
    return right.is(0) ? this.eqz() : this.#compare("eq", right);
  }
  ne(other: Operand<T>): Expression<"i32"> {
    return this.#compare("ne", other);
  }
  ltS(other: Operand<T>): Expression<"i32"> {
    return this.#compare("ltS", other);
  }
  ltU(other: Operand<T>): Expression<"i32"> {
    return this.#compare("ltU", other);
  }
  gtS(other: Operand<T>): Expression<"i32"> {
    return this.#compare("gtS", other);
  }
  gtU(other: Operand<T>): Expression<"i32"> {
    return this.#compare("gtU", other);
  }
  leS(other: Operand<T>): Expression<"i32"> {
    return this.#compare("leS", other);
  }
  leU(other: Operand<T>): Expression<"i32"> {
    return this.#compare("leU", other);
  }
  geS(other: Operand<T>): Expression<"i32"> {
    return this.#compare("geS", other);
  }
  geU(other: Operand<T>): Expression<"i32"> {
    return this.#compare("geU", other);
  }
  eqz(): Expression<"i32"> {
    if (this.constant !== undefined) return i32(this.is(0) ? 1 : 0);
    return new Expression("i32", [INTEGER.eqz[this.type === "i64" ? 1 : 0]], [this]);
  }
  #unary(name: "clz" | "ctz" | "popcnt"): Expression<T> {
    return new Expression(this.type, [INTEGER[name][this.type === "i64" ? 1 : 0]], [this]);
  }
  clz(): Expression<T> {
    return this.#unary("clz");
  }
  ctz(): Expression<T> {
    return this.#unary("ctz");
  }
  popcnt(): Expression<T> {
    return this.#unary("popcnt");
  }
  /**
   * The low 32 bits of an i64, computed with 32 bits where that is the same: instructions that give 32 bits leave zeros
   * above them on all hosts, so that nothing is to be done to extend them again.
   */
  wrap(): Expression<"i32"> {
    if (this.type === "i32") return this as unknown as Expression<"i32">;
    if (this.constant !== undefined) return i32(Number(BigInt.asIntN(32, this.constant as bigint)));
    return this.#narrowed() ?? new Expression("i32", [WRAP], [this]);
  }

  #narrowed(): Expression<"i32"> | undefined {
    const [first, second, third] = this.args as readonly Expression<"i64">[];
    const code = this.code[0]!;
    if (code === EXTEND_U || code === EXTEND_S) return this.args[0] as Expression<"i32">;
    const signed = SIGN_EXTEND.indexOf(code);
    if (signed >= 0) return first!.wrap().signExtend(1 << signed);
    if (second === undefined) return undefined;
    if (code === SELECT) return select(third!.wrap(), first!.wrap(), second.wrap());
    if (code === INTEGER.shl[1] && second.constant !== undefined && second.constant < 32n) {
      return first!.wrap().shl(second.wrap());
    }
    const narrower = NARROWER.get(code);
    if (narrower === undefined) return undefined;
    const right = second.wrap();
    if (code === INTEGER.and[1] && right.is(-1)) return first!.wrap();
    return new Expression("i32", [narrower], [first!.wrap(), right]);
  }
  /** What has the same low `size` bytes (1, 2, 4, 8), and may have other bits above them, for less. */
  uncut(size: number): Expression<T> {
    if (size === 8 || this.code[0] !== EXTEND_U) return this;
    const [extended] = this.args;
    const mask = extended!.code[0] === INTEGER.and[0] ? extended!.args[1]!.constant : undefined;
    const masked = size < 4 && mask === (1 << (size * 8)) - 1;
    const narrow = masked ? extended!.args[0]! : extended!;
    return narrow.code[0] === WRAP ? narrow.args[0] as Expression as Expression<T> : this;
  }
  /** An i32 extended to 64 bits with zeros. */
  extendU(): Expression<"i64"> {
    if (this.constant !== undefined) return i64(BigInt.asUintN(32, BigInt(this.constant as number)));
    return new Expression("i64", [EXTEND_U], [this]);
  }
  /** An i32 extended to 64 bits with its sign. */
  extendS(): Expression<"i64"> {
    if (this.constant !== undefined) return i64(BigInt(this.constant as number));
    return new Expression("i64", [EXTEND_S], [this]);
  }
  /** The low `size` bytes (1, 2, or 4 of an i64) extended with their sign. */
  signExtend(size: number): Expression<T> {
    if (this.type === "i64") {
      if (size === 8) return this;
      const [narrow] = this.args as readonly Expression<"i32">[];
      if (size === 4 && this.code[0] === EXTEND_U) return narrow!.extendS() as Expression as Expression<T>;
      return new Expression(this.type, [SIGN_EXTEND[Math.log2(size)]!], [this]);
    }
    if (size === 4) return this;
    return new Expression(this.type, [size === 1 ? 0xc0 : 0xc1], [this]);
  }
  /** The low `size` bytes, the others zero. */
  zeroExtend(size: number): Expression<T> {
    if (this.type === "i64") {
      return size === 8 ? this : this.wrap().zeroExtend(size).extendU() as Expression as Expression<T>;
    }
    return size >= 4 ? this : this.and(((1 << (size * 8)) - 1) as Operand<T>);
  }
}

/** What an operator gives for two constants, for those that definitions apply to immediates. */
function fold(name: keyof typeof INTEGER, left: Expression, right: Expression): bigint | number | undefined {
  const a = BigInt(left.constant!);
  const b = BigInt(right.constant!);
  const value = foldBits(name, a, b, left.type === "i64" ? 63n : 31n);
  return value === undefined || left.type === "i64" ? value : Number(BigInt.asIntN(32, value));
}

function foldBits(name: keyof typeof INTEGER, a: bigint, b: bigint, places: bigint): bigint | undefined {
  switch (name) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "and":
      return a & b;
    case "or":
      return a | b;
    case "xor":
      return a ^ b;
    case "shl":
      return a << (b & places);
    case "shrU":
      return BigInt.asUintN(Number(places) + 1, a) >> (b & places);
    default:
      return undefined;
  }
}

/** Constants from -SMALL to SMALL - 1 are made once. */
const SMALL = 256;
const SMALL_I32 = Array.from({ length: 2 * SMALL }, (_, index) => constant32(index - SMALL));
const SMALL_I64 = Array.from({ length: 2 * SMALL }, (_, index) => constant64(BigInt(index - SMALL)));

function constant32(value: number): Expression<"i32"> {
  return new Expression("i32", [0x41, ...signedBytes(value)], [], value);
}

function constant64(value: bigint): Expression<"i64"> {
  return new Expression("i64", [0x42, ...signedBytes(value)], [], value);
}

/** A 32-bit constant. */
export function i32(value: number): Expression<"i32"> {
  const signed = value | 0;
  return SMALL_I32[signed + SMALL] ?? constant32(signed);
}

/** A 64-bit constant. */
export function i64(value: bigint | number): Expression<"i64"> {
  if (value >= -SMALL && value < SMALL) return SMALL_I64[Number(value) + SMALL]!;
  return constant64(BigInt.asIntN(64, BigInt(value)));
}

/** `condition ? yes : no`, both sides computed. */
export function select<T extends Type>(
  condition: Expression<"i32">,
  yes: Expression<T>,
  no: Expression<T>,
): Expression<T> {
  const code = yes.type === "v128" ? [0x1c, 1, TYPE_CODE.v128] : [0x1b];
  return new Expression(yes.type, code, [yes, no, condition]);
}

/** An instruction by its opcode, for what has no method of its own: conversions, floats, vectors. */
export function operation<T extends Type>(
  type: T,
  code: ArrayLike<number>,
  ...args: readonly Expression[]
): Expression<T> {
  return new Expression(type, code, args);
}

/** A vector instruction (prefix 0xfd) by its number, with immediate bytes such as a lane. */
export function vector<T extends Type>(
  type: T,
  opcode: number,
  args: readonly Expression[],
  immediates: readonly number[] = [],
): Expression<T> {
  const writer = new Writer();
  writer.byte(0xfd);
  writer.unsigned(opcode);
  writer.bytes(immediates);
  return new Expression(type, writer.view().slice(), args);
}
