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
  XMM,
  XMM_SIZE,
} from "../state.ts";
import type { Expression } from "../wasm/expression.ts";
import type { RegisterEffects } from "./effects.ts";
import { type FunctionBuilder, type Local, NOWHERE } from "../wasm/function_builder.ts";

/** How many general registers there are, in 64-bit mode. */
export const GENERAL_REGISTERS = 16;

/** Number of XMM0 among the registers: those for vectors follow the general ones. */
export const FIRST_XMM = GENERAL_REGISTERS;

/** How many registers there are. */
export const REGISTERS = 32;

/** Set of all registers. */
export const ALL_REGISTERS = -1;

/** What the locals hold where code is being written. */
export interface RegistersHeld {
  /** Registers that are in their locals. */
  readonly known: number;
  /** Those of which the state does not know what they are now. */
  readonly dirty: number;
  /** Whether the state does not know what the flags are now. */
  readonly flagsDirty: boolean;
}

/**
 * Locals that hold a vCPU's state.
 *
 * A register is loaded where it is first used, and stored whenever it is written, so that leaving costs nothing. Only in
 * stretches of code that take most of the time are those that they use in locals alone, loaded and stored around them.
 * The flags are in locals until ways meet or execution leaves. Vectors are always loaded and stored whole: a host waits
 * long for 16 bytes of which 8 have just been stored.
 */
export class Registers {
  /** By number; of those that the region uses. */
  readonly #locals: readonly (Local<"i64"> | Local<"v128"> | undefined)[];
  readonly flagsKind: Local<"i32">;
  readonly flagsResult: Local<"i64">;
  readonly flagsSource: Local<"i64">;
  /** First operand of what set the flags, where that is known. */
  readonly flagsFirst: Local<"i64">;
  /** RIP of the start of the page of the region's entry. */
  readonly base: Local<"i64">;
  /** Instructions that may still run. */
  readonly budget: Local<"i32">;
  held: RegistersHeld = { known: 0, dirty: 0, flagsDirty: false };
  /** What the stretch uses that is being written; `undefined` outside. */
  stretch: RegisterEffects | undefined;
  /** How deep the instruction that is being written begins. */
  depth = 0;

  constructor(
    private readonly f: FunctionBuilder,
    /** RIP has 64 bits. */
    private readonly bits64: boolean,
    /** Registers that the region uses. */
    used: number,
  ) {
    this.#locals = Array.from({ length: REGISTERS }, (_, number) => {
      if ((used & (1 << number)) === 0) return undefined;
      return number < FIRST_XMM ? f.local("i64") : f.local("v128");
    });
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

  /** General register `number`. */
  get(number: number): Local<"i64"> {
    return this.#get(number) as Local<"i64">;
  }

  set(number: number, value: Expression<"i64">): void {
    this.#set(number, value);
  }

  /** XMM register `number`. */
  vector(number: number): Local<"v128"> {
    return this.#get(FIRST_XMM + number) as Local<"v128">;
  }

  setVector(number: number, value: Expression<"v128">): void {
    this.#set(FIRST_XMM + number, value);
  }

  #get(number: number): Local {
    if ((this.held.known & (1 << number)) === 0) {
      this.#load(1 << number);
      this.#know(number);
    }
    return this.#locals[number]!;
  }

  #set(number: number, value: Expression): void {
    const { held } = this;
    this.f.set(this.#locals[number]!, value);
    if (this.stretch === undefined) this.store(1 << number);
    else this.held = { ...held, dirty: held.dirty | 1 << number };
    this.#know(number);
  }

  #know(number: number): void {
    const { held } = this;
    if (this.always) this.held = { ...held, known: held.known | 1 << number };
  }

  /** Keeps the flags that have been put into their locals. */
  keepFlags(): void {
    const { stretch, held } = this;
    const kept = stretch !== undefined || held.flagsDirty;
    // Where they are set only sometimes, the locals have nothing else otherwise.
    if (!kept && !this.always) this.storeFlags();
    else this.held = { ...held, flagsDirty: true };
  }

  /** Loads what stays in locals where the region is entered. */
  load(): void {
    this.f.reload(this.base, 8, CODE_BASE);
    this.f.reload(this.budget, 4, BUDGET);
  }

  /** Goes over into a stretch that uses some registers. */
  enterStretch({ used, flags }: RegisterEffects): void {
    const { known } = this.held;
    this.#load(used & ~known);
    if (flags) this.#loadFlags();
    this.held = { known: known | used, dirty: 0, flagsDirty: false };
  }

  /** Stores what only locals hold. */
  storeDirty(): void {
    this.store(this.held.dirty);
    if (this.held.flagsDirty) this.storeFlags();
  }

  /** Puts into the state what only locals hold, on all ways that lead on. */
  synchronize(): void {
    this.storeDirty();
    this.held = { known: this.held.known, dirty: 0, flagsDirty: false };
  }

  /** A function outside may have changed all registers in the state. */
  reload(): void {
    const { dirty, flagsDirty } = this.held;
    const { used, flags } = this.stretch ?? { used: 0, flags: false };
    // It may have been called only sometimes: what is dirty has to be right both ways.
    this.#load(used | dirty);
    if (flags || flagsDirty) this.#loadFlags();
    this.held = { known: used, dirty, flagsDirty };
  }

  #load(set: number): void {
    for (const number of members(set)) {
      const local = this.#locals[number]!;
      this.f.reload(local, number < FIRST_XMM ? 8 : XMM_SIZE, addressOf(number));
    }
  }

  #loadFlags(): void {
    const { f } = this;
    f.reload(this.flagsKind, 4, FLAGS_KIND);
    f.reload(this.flagsResult, 8, FLAGS_RESULT);
    f.reload(this.flagsSource, 8, FLAGS_SOURCE);
  }

  /** Stores a set of registers. */
  store(set: number): void {
    const { f } = this;
    for (const number of members(set)) {
      if (number < FIRST_XMM) f.store(8, NOWHERE, this.#locals[number] as Local<"i64">, addressOf(number));
      else f.storeVector(NOWHERE, this.#locals[number] as Local<"v128">, addressOf(number));
    }
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

/** Where a register lies in engine memory. */
function addressOf(number: number): number {
  return number < FIRST_XMM ? GPR + number * 8 : XMM + (number - FIRST_XMM) * XMM_SIZE;
}

/** Numbers of the registers in a set. */
function members(set: number): number[] {
  const numbers: number[] = [];
  for (let rest = set; rest !== 0; rest &= rest - 1) numbers.push(31 - Math.clz32(rest & -rest));
  return numbers;
}
