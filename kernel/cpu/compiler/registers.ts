/**
 * The guest's registers while a region runs.
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

/** Set of all general registers and the flags. */
export const ALL_REGISTERS = FLAGS_BIT * 2 - 1;

/** How many there are, in 64-bit mode. */
export const GENERAL_REGISTERS = 16;

/** What the locals hold where code is being written. */
export interface RegistersHeld {
  /** Registers that are in their locals. */
  readonly known: number;
  /** Those of which the state does not know what they are now. */
  readonly dirty: number;
}

/**
 * Locals that hold a vCPU's state.
 *
 * A general register is loaded where it is first used, and stored whenever it is written, so that leaving costs nothing.
 * Only in stretches of code that take most of the time are those that they use in locals alone, loaded and stored around
 * them. The flags are
 * in locals until ways meet or execution leaves.
 */
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
  held: RegistersHeld = { known: 0, dirty: 0 };
  /** Registers that the stretch uses that is being written; `undefined` outside. */
  stretch: number | undefined;
  /** How deep the instruction that is being written begins. */
  depth = 0;

  constructor(
    private readonly f: FunctionBuilder,
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

  /** Whether what is being written is done whenever the instruction is executed, not only sometimes. */
  get always(): boolean {
    return this.f.depth === this.depth;
  }

  get dirty(): number {
    return this.held.dirty;
  }

  get(number: number): Local<"i64"> {
    const local = this.#general[number]!;
    if ((this.held.known & (1 << number)) === 0) {
      this.f.reload(local, 8, GPR + number * 8);
      this.#know(number);
    }
    return local;
  }

  set(number: number, value: Expression<"i64">): void {
    const local = this.#general[number]!;
    this.f.set(local, value);
    if (this.stretch === undefined) this.f.store(8, NOWHERE, local, GPR + number * 8);
    else this.#soil(1 << number);
    this.#know(number);
  }

  #know(number: number): void {
    const { known, dirty } = this.held;
    if (this.always) this.held = { known: known | 1 << number, dirty };
  }

  #soil(set: number): void {
    const { known, dirty } = this.held;
    this.held = { known, dirty: dirty | set };
  }

  /** Keeps the flags that have been put into their locals. */
  keepFlags(): void {
    const { stretch } = this;
    const held = stretch !== undefined || (this.held.dirty & FLAGS_BIT) !== 0;
    // Where they are set only sometimes, the locals have nothing else otherwise.
    if (!held && !this.always) this.storeFlags();
    else this.#soil(FLAGS_BIT);
  }

  /** Loads what stays in locals where the region is entered. */
  load(): void {
    this.f.reload(this.base, 8, CODE_BASE);
    this.f.reload(this.budget, 4, BUDGET);
  }

  /** Goes over into a stretch that uses a set of registers. */
  enterStretch(used: number): void {
    this.#load(used & ~this.held.known);
    this.held = { known: this.held.known | used & ~FLAGS_BIT, dirty: 0 };
  }

  /** Puts into the state what only locals hold. */
  synchronize(): void {
    this.store(this.held.dirty);
    this.held = { known: this.held.known, dirty: 0 };
  }

  /** A function outside may have changed all registers in the state. */
  reload(): void {
    const { dirty } = this.held;
    const kept = this.stretch ?? 0;
    // It may have been called only sometimes: what is dirty has to be right both ways.
    this.#load(kept | dirty);
    this.held = { known: kept & ~FLAGS_BIT, dirty };
  }

  #load(set: number): void {
    const { f } = this;
    for (const number of members(set)) f.reload(this.#general[number]!, 8, GPR + number * 8);
    if ((set & FLAGS_BIT) === 0) return;
    f.reload(this.flagsKind, 4, FLAGS_KIND);
    f.reload(this.flagsResult, 8, FLAGS_RESULT);
    f.reload(this.flagsSource, 8, FLAGS_SOURCE);
  }

  /** Stores a set of registers. */
  store(set: number): void {
    const { f } = this;
    for (const number of members(set)) f.store(8, NOWHERE, this.#general[number]!, GPR + number * 8);
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
