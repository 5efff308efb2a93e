/**
 * Lazy arithmetic flags.
 *
 * An instruction leaves what its flags follow from: which operation, its result, and one more value. Only what
 * reads a flag computes it. In memory that is `FLAGS_KIND`, `FLAGS_RESULT` and `FLAGS_SOURCE` of `state.ts`.
 *
 * @module
 */

import { type Expression, i32, i64, select } from "./wasm/expression.ts";
import { Flag } from "./state.ts";

/** What produced the flags. The kind in memory is this times 4, plus log2 of the operand size in bytes. */
export enum FlagsKind {
  /** `result` holds the flags themselves, as in RFLAGS. */
  Materialized,
  /** result = a + source. */
  Add,
  /** result = a - source. */
  Sub,
  /** CF, OF and AF are clear. */
  Logic,
  /** result = a + 1; `source` is CF. */
  Inc,
  /** result = a - 1; `source` is CF. */
  Dec,
  /** result = a + source + 1: ADC with the carry set. */
  AddCarry,
  /** result = a - source - 1: SBB with the borrow set. */
  SubBorrow,
  /** ZF, SF and PF from the result; CF, OF and AF as in RFLAGS from `source`. */
  Explicit,
  /**
   * Those of `result` - `source`: `result` is the first operand, and nothing is computed unless it is asked for. Above
   * the operands' size there may be anything in both.
   */
  Compare,
  /** `source` is shifted one place less than `result`: its top bit goes into CF. AF is clear. */
  ShiftLeft,
  /** The same, where the lowest bit goes into CF. */
  ShiftRight,
  /** How many there are. */
  Count,
}

/**
 * Flags as an operation left them. Values are zero-extended at `size`, but for operands of 4 bytes, above which there may be
 * anything.
 */
export interface FlagsSource {
  readonly kind: FlagsKind;
  /** Operand size in bytes. */
  readonly size: number;
  readonly result: Expression<"i64">;
  readonly source: Expression<"i64">;
  /** First operand, where it is at hand; else it is computed back. */
  readonly first?: Expression<"i64">;
  /** Of an addition or subtraction with a carry that is known only at run time: the carry. `first` is there then. */
  readonly carryIn?: Expression<"i32">;
}

/** The arithmetic flags. */
export type FlagName = "CF" | "PF" | "AF" | "ZF" | "SF" | "OF";

/** Number of a kind and size as `FLAGS_KIND` holds it. */
export function flagsKindCode(kind: FlagsKind, size: number): number {
  return kind * 4 + Math.log2(size);
}

const ZERO = i64(0);

/** A value that is zero-extended at `size`, with no more bits than are needed. */
function narrow(value: Expression<"i64">, size: number): Expression<"i32" | "i64"> {
  return size === 8 ? value : value.wrap();
}

function signBit(value: Expression<"i64">, size: number): Expression<"i32"> {
  if (size === 8) return value.shrU(63).wrap();
  const bits = value.wrap().shrU(size * 8 - 1);
  return size === 4 ? bits : bits.and(1);
}

/** A comparison as the subtraction that it is. */
function computed(flags: FlagsSource): FlagsSource {
  if (flags.kind !== FlagsKind.Compare) return flags;
  const { size } = flags;
  const first = flags.result.zeroExtend(size);
  const source = flags.source.zeroExtend(size);
  return { kind: FlagsKind.Sub, size, result: first.sub(source).zeroExtend(size), source, first };
}

/** First operand of the operation that left `flags`. */
function firstOperand(flags: FlagsSource): Expression<"i64"> {
  if (flags.first !== undefined) return flags.first;
  const { result, source, size } = flags;
  switch (flags.kind) {
    case FlagsKind.Add:
      return result.sub(source).zeroExtend(size);
    case FlagsKind.Sub:
      return result.add(source).zeroExtend(size);
    case FlagsKind.AddCarry:
      return result.sub(source).sub(1).zeroExtend(size);
    case FlagsKind.SubBorrow:
      return result.add(source).add(1).zeroExtend(size);
    default:
      return ZERO;
  }
}

function materializedBit(value: Expression<"i64">, mask: number): Expression<"i32"> {
  return value.shrU(Math.log2(mask)).and(1).wrap();
}

/** One flag as 0 or 1. */
export function flagValue(left: FlagsSource, name: FlagName): Expression<"i32"> {
  const flags = computed(left);
  const { kind, size, result, source } = flags;
  if (kind === FlagsKind.Materialized) return materializedBit(result, Flag[name]);
  switch (name) {
    case "ZF":
      return narrow(result, size).eqz();
    case "SF":
      return signBit(result, size);
    case "PF":
      return result.wrap().and(0xff).popcnt().and(1).xor(1);
    case "CF":
      return carry(flags);
    case "OF":
      return overflow(flags);
    case "AF":
      switch (kind) {
        case FlagsKind.Add:
        case FlagsKind.Sub:
        case FlagsKind.AddCarry:
        case FlagsKind.SubBorrow:
          return firstOperand(flags).xor(source).xor(result).shrU(4).and(1).wrap();
        case FlagsKind.Inc:
          return result.and(15).eqz();
        case FlagsKind.Dec:
          return result.and(15).eq(15);
        case FlagsKind.Explicit:
          return materializedBit(source, Flag.AF);
        default:
          return i32(0);
      }
  }
}

function carry(flags: FlagsSource): Expression<"i32"> {
  const { kind, size } = flags;
  const source = narrow(flags.source, size);
  switch (kind) {
    case FlagsKind.Add: {
      const result = narrow(flags.result, size);
      return withCarry(flags, result.ltU(source), result.leU(source));
    }
    case FlagsKind.Sub: {
      const first = narrow(firstOperand(flags), size);
      return withCarry(flags, first.ltU(source), first.leU(source));
    }
    case FlagsKind.AddCarry:
      return narrow(flags.result, size).leU(source);
    case FlagsKind.SubBorrow:
      return narrow(firstOperand(flags), size).leU(source);
    case FlagsKind.Inc:
    case FlagsKind.Dec:
      return source.wrap();
    case FlagsKind.Explicit:
    case FlagsKind.ShiftRight:
      return flags.source.wrap().and(1);
    case FlagsKind.ShiftLeft:
      return signBit(flags.source, size);
    default:
      return i32(0);
  }
}

function withCarry(flags: FlagsSource, without: Expression<"i32">, carried: Expression<"i32">) {
  return flags.carryIn === undefined ? without : select(flags.carryIn, carried, without);
}

function overflow(flags: FlagsSource): Expression<"i32"> {
  const { kind, size, result, source } = flags;
  const most = 1n << BigInt(size * 8 - 1);
  switch (kind) {
    case FlagsKind.Add:
    case FlagsKind.AddCarry: {
      const first = firstOperand(flags);
      return signBit(first.xor(result).and(source.xor(result)), size);
    }
    case FlagsKind.Sub:
    case FlagsKind.SubBorrow: {
      const first = firstOperand(flags);
      return signBit(first.xor(source).and(first.xor(result)), size);
    }
    case FlagsKind.Inc:
      return result.eq(most);
    case FlagsKind.Dec:
      return result.eq(most - 1n);
    case FlagsKind.Explicit:
      return materializedBit(source, Flag.OF);
    case FlagsKind.ShiftLeft:
    case FlagsKind.ShiftRight:
      return signBit(source.xor(result), size);
    default:
      return i32(0);
  }
}

/**
 * Condition `code` (0 to 15, as in Jcc: O, NO, B, NB, Z, NZ, BE, NBE, S, NS, P, NP, L, NL, LE, NLE) as 0 or 1.
 */
export function conditionValue(flags: FlagsSource, code: number): Expression<"i32"> {
  const positive = positiveCondition(flags, code >> 1);
  return (code & 1) === 0 ? positive : positive.eqz();
}

function positiveCondition(left: FlagsSource, index: number): Expression<"i32"> {
  const flags = computed(left);
  const flag = (name: FlagName) => flagValue(flags, name);
  const { kind, size, source } = flags;
  if (kind === FlagsKind.Sub && flags.carryIn === undefined) {
    const first = narrow(firstOperand(flags), size);
    const second = narrow(source, size);
    switch (index) {
      case 2:
        return flags.first === undefined ? flag("ZF") : first.eq(second);
      case 3:
        return first.leU(second);
      case 6:
        return first.signExtend(size).ltS(second.signExtend(size));
      case 7:
        return first.signExtend(size).leS(second.signExtend(size));
    }
  }
  switch (index) {
    case 0:
      return flag("OF");
    case 1:
      return flag("CF");
    case 2:
      return flag("ZF");
    case 3:
      return flag("CF").or(flag("ZF"));
    case 4:
      return flag("SF");
    case 5:
      return flag("PF");
    case 6:
      return flag("SF").xor(flag("OF"));
    default:
      return flag("SF").xor(flag("OF")).or(flag("ZF"));
  }
}

/** All six flags as bits of RFLAGS. */
export function materializedFlags(flags: FlagsSource): Expression<"i64"> {
  if (flags.kind === FlagsKind.Materialized) return flags.result;
  const names: readonly FlagName[] = ["CF", "PF", "AF", "ZF", "SF", "OF"];
  return names.map((name) => flagValue(flags, name).shl(Math.log2(Flag[name])))
    .reduce((all, bit) => all.or(bit)).extendU();
}
