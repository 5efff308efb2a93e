/**
 * The arithmetic flags, and the functions of the CPU that are written in TypeScript, as generated code sees them.
 *
 * @module
 */

import { type CoreFunction, X87_SHORT } from "./core_functions.ts";
import {
  conditionValue,
  type FlagName,
  FlagsKind,
  flagsKindCode,
  type FlagsSource,
  flagValue,
  materializedFlags,
} from "./flags.ts";
import { MemoryEmitter, type Value } from "./memory_emitter.ts";
import { FAULT_VECTOR, RFLAGS } from "./state.ts";
import { type SystemFunctionName, systemFunctionNumber } from "./system_functions.ts";
import { type Expression, i32, i64, select } from "./wasm/expression.ts";
import { type Local, NOWHERE } from "./wasm/function_builder.ts";

/** An operand that flags follow from: of 4 bytes as it is. */
function operand(value: Value, size: number): Value {
  return size === 4 ? value.uncut(size) : value;
}

/** Writes what sets and reads flags, and calls of functions that may change them. */
export abstract class FlagsEmitter extends MemoryEmitter {
  /** What this variant's condition on flags can be computed from, while that is known. */
  protected flags: FlagsSource | undefined;

  /** Puts the state where a system function finds it, and tells where RIP is. */
  protected abstract enterSystem(): void;
  /** Takes the state as a system function left it. */
  protected abstract leaveSystem(): void;
  /** Leaves with the fault of a system function. */
  protected leaveSystemFaulted(): void {
    this.leaveFaulted();
  }
  /** Puts the flags where the tier keeps them; gives what holds them from then on. */
  protected abstract keepFlags(kind: Expression<"i32">, flags: FlagsSource): FlagsSource;
  /** Makes the flags that are kept those in the state, for core functions to read. */
  protected abstract exposeFlags(): void;

  /** Sets the six arithmetic flags. Values are bound here. */
  setFlags(kind: FlagsKind, size: number, result: Value, source: Value = i64(0), first?: Value): void {
    const operands = {
      source: operand(source, size),
      ...first === undefined ? {} : { first: operand(first, size) },
    };
    this.flags = this.keepFlags(i32(flagsKindCode(kind, size)), { kind, size, result, ...operands });
  }

  /** Sets the six flags as the subtraction of `b` from `a` does. */
  compare(size: number, a: Value, b: Value): void {
    this.setFlags(FlagsKind.Compare, size, a.uncut(size), b.uncut(size));
  }

  /** Sets the flags of an addition or subtraction with a carry that is known only at run time. */
  setCarryFlags(
    kinds: readonly [without: FlagsKind, withCarry: FlagsKind],
    size: number,
    result: Value,
    source: Value,
    carry: Expression<"i32">,
    first: Value,
  ): void {
    const kind = select(carry, i32(flagsKindCode(kinds[1], size)), i32(flagsKindCode(kinds[0], size)));
    const operands = { source: operand(source, size), first: operand(first, size) };
    this.flags = this.keepFlags(kind, { kind: kinds[0], size, result, ...operands, carryIn: carry });
  }

  /** Sets all six flags to bits of RFLAGS. */
  setAllFlags(bits: Value): void {
    this.setFlags(FlagsKind.Materialized, 1, bits);
  }

  /** The six arithmetic flags as bits of RFLAGS. */
  allFlags(): Local<"i64"> {
    if (this.flags !== undefined && this.flags.carryIn === undefined) {
      return this.f.let(materializedFlags(this.flags));
    }
    this.exposeFlags();
    return this.f.callFor("i64", this.core("materializeFlags"));
  }

  /** One arithmetic flag as 0 or 1. */
  flag(name: FlagName): Expression<"i32"> {
    if (this.flags !== undefined) return this.f.let(flagValue(this.flags, name));
    switch (name) {
      case "OF":
        return this.#condition(0);
      case "CF":
        return this.#condition(1);
      case "ZF":
        return this.#condition(2);
      case "SF":
        return this.#condition(4);
      case "PF":
        return this.#condition(5);
      case "AF":
        return this.f.let(this.allFlags().shrU(4).and(1).wrap());
    }
  }

  /** Condition 0 to 15 as in Jcc, as 0 or 1. */
  condition(code: number): Expression<"i32"> {
    if (this.flags !== undefined) return this.f.let(conditionValue(this.flags, code));
    const positive = this.#condition(code >> 1);
    return (code & 1) === 0 ? positive : positive.eqz();
  }

  /**
   * How the operands of a comparison that has just set the flags relate, or its result and zero after logic: bit 0
   * equal, bit 1 below, bit 2 less.
   */
  comparison(): Local<"i32"> {
    const flags = this.flags;
    if (flags === undefined) throw new Error(`"${this.variant.form.definition.name}" leaves no comparison`);
    const [equal, below, less] = [4, 2, 12].map((code) => conditionValue(flags, code));
    return this.f.let(equal!.or(below!.shl(1)).or(less!.shl(2)));
  }

  #condition(index: number): Local<"i32"> {
    this.exposeFlags();
    return this.f.callFor("i32", this.core(`condition${index}` as CoreFunction));
  }

  /** A flag outside the arithmetic ones: DF, IF, ... */
  systemFlag(mask: number): Expression<"i32"> {
    return this.f.loadAs("i32.load", NOWHERE, RFLAGS).and(mask);
  }

  /** What the flags are is not known any more: after code that ran only sometimes. */
  forgetFlags(): void {
    this.flags = undefined;
  }

  /** Runs `then` if `condition` is not zero, else `otherwise`. */
  if(condition: Expression<"i32">, then: () => void, otherwise?: () => void): void {
    const before = this.flags;
    let after = before;
    const branch = (body: () => void) => () => {
      this.flags = before;
      body();
      if (this.flags !== before) after = undefined;
    };
    if (condition.constant !== undefined) {
      if (!condition.is(0)) then();
      else otherwise?.();
      return;
    }
    this.f.if(condition, branch(then), otherwise === undefined ? undefined : branch(otherwise));
    this.flags = after;
  }

  /** `condition ? yes : no`, bound. */
  choose(condition: Expression<"i32">, yes: Value, no: Value): Local<"i64"> {
    return this.f.let(select(condition, yes, no));
  }

  /** Binds a value, so that using it twice does not compute it twice. */
  let(value: Value): Local<"i64"> {
    return this.f.let(value);
  }

  /** Calls a function of `system/`; what it changed is in the state. */
  system(name: SystemFunctionName, a: Value = i64(0), b: Value = i64(0)): Local<"i64"> {
    this.enterSystem();
    const result = this.f.callFor("i64", this.core("system"), i32(systemFunctionNumber(name)), a, b);
    this.#leaveIfFaulted(() => this.leaveSystemFaulted());
    this.leaveSystem();
    this.flags = undefined;
    return result;
  }

  /** Runs an x87 instruction. */
  x87(opcode: number, modrm: Expression<"i32">, linear: Value): void {
    this.enterSystem();
    const form = this.variant.operandSize === 2 ? modrm.or(X87_SHORT) : modrm;
    this.f.call(this.core("x87"), i32(opcode), form, linear);
    this.#leaveIfFaulted();
    this.leaveSystem();
    this.flags = undefined;
  }

  /** Exact floating point on the slow path; faults with #XM are raised. */
  float(operation: number, a: Value, b: Value): Local<"i64"> {
    const result = this.f.callFor("i64", this.core("float"), i32(operation), a, b);
    this.#leaveIfFaulted();
    return result;
  }

  #leaveIfFaulted(leave = () => this.leaveFaulted()): void {
    const vector = this.f.loadAs("i32.load", NOWHERE, FAULT_VECTOR);
    this.f.if(vector.geS(0), leave);
  }
}
