/**
 * The guest's registers while a region runs: in locals, loaded where it is entered, stored where it is left.
 *
 * @module
 */

import {
  BUDGET,
  CODE_BASE,
  FLAGS_KIND,
  FLAGS_RESULT,
  FLAGS_SOURCE,
  GPR,
  INSTRUCTION_RIP,
  RIP,
} from "../state.ts";
import type { Expression } from "../wasm/expression.ts";
import { type FunctionBuilder, type Local, NOWHERE } from "../wasm/function_builder.ts";

/** Bit of a set of registers that stands for the flags; general registers are bits 0 to 15. */
export const FLAGS_BIT = 1 << 16;

const GENERAL_REGISTERS = 16;

/** Locals that hold a vCPU's state. */
export class Registers {
  readonly #general: Local<"i64">[];
  readonly flagsKind: Local<"i32">;
  readonly flagsResult: Local<"i64">;
  readonly flagsSource: Local<"i64">;
  /** First operand of what set the flags, where that is known. */
  readonly flagsFirst: Local<"i64">;
  /** RIP of the start of the page of the region's entry. */
  readonly base: Local<"i64">;
  /** Instructions that may still run. */
  readonly budget: Local<"i32">;
  /** Registers whose locals may differ from the state, at the point that is being written. */
  dirty = 0;

  constructor(
    private readonly f: FunctionBuilder,
    /** Registers that the region uses. */
    private readonly used: number,
    /** RIP has 64 bits. */
    private readonly bits64: boolean,
  ) {
    this.#general = Array.from({ length: GENERAL_REGISTERS }, () => f.local("i64"));
    this.flagsKind = f.local("i32");
    this.flagsResult = f.local("i64");
    this.flagsSource = f.local("i64");
    this.flagsFirst = f.local("i64");
    this.base = f.local("i64");
    this.budget = f.local("i32");
  }

  get(number: number): Local<"i64"> {
    return this.#general[number]!;
  }

  set(number: number, value: Expression<"i64">): void {
    this.f.set(this.get(number), value);
    this.dirty |= 1 << number;
  }

  /** Loads everything that the region uses. */
  load(): void {
    const { f } = this;
    f.reload(this.base, 8, CODE_BASE);
    f.reload(this.budget, 4, BUDGET);
    this.reload();
  }

  /** Loads what a function outside may have changed. */
  reload(): void {
    const { f } = this;
    for (const number of members(this.used)) f.reload(this.get(number), 8, GPR + number * 8);
    if ((this.used & FLAGS_BIT) === 0) return;
    f.reload(this.flagsKind, 4, FLAGS_KIND);
    f.reload(this.flagsResult, 8, FLAGS_RESULT);
    f.reload(this.flagsSource, 8, FLAGS_SOURCE);
  }

  /** Stores a set of registers. */
  store(set: number): void {
    const { f } = this;
    for (const number of members(set)) f.store(8, NOWHERE, this.get(number), GPR + number * 8);
    if ((set & FLAGS_BIT) !== 0) this.storeFlags();
  }

  storeFlags(): void {
    const { f } = this;
    f.storeAs("i32.store", NOWHERE, this.flagsKind, FLAGS_KIND);
    f.store(8, NOWHERE, this.flagsResult, FLAGS_RESULT);
    f.store(8, NOWHERE, this.flagsSource, FLAGS_SOURCE);
  }

  storeBudget(executed: number): void {
    this.f.storeAs("i32.store", NOWHERE, this.budget.sub(executed), BUDGET);
  }

  /** RIP at an offset from the entry's page. */
  rip(address: number): Expression<"i64"> {
    return this.cut(this.base.add(address));
  }

  /** An address as wide as RIP is. */
  cut(address: Expression<"i64">): Expression<"i64"> {
    return this.bits64 ? address : address.zeroExtend(4);
  }

  /** Stores where a system function finds RIP of its instruction, and of the next one. */
  storeRip(address: number, next: number): void {
    this.f.store(8, NOWHERE, this.rip(address), INSTRUCTION_RIP);
    this.f.store(8, NOWHERE, this.rip(next), RIP);
  }
}

/** Numbers of the general registers in a set. */
function members(set: number): number[] {
  const numbers: number[] = [];
  for (let number = 0; number < GENERAL_REGISTERS; number++) {
    if ((set & (1 << number)) !== 0) numbers.push(number);
  }
  return numbers;
}
