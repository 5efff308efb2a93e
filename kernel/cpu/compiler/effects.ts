/**
 * Which registers a variant reads and writes: found by writing its definition once, to nowhere.
 *
 * @module
 */

import type { CoreFunction } from "../core_functions.ts";
import type { Value } from "../emitter.ts";
import type { FlagsSource } from "../flags.ts";
import { type Variant, variantKey } from "../variant.ts";
import { type Expression, i32, i64 } from "../wasm/expression.ts";
import { FunctionBuilder, type Local } from "../wasm/function_builder.ts";
import type { Instruction } from "./instruction.ts";
import { OperandEmitter } from "./operands.ts";
import { ALL_REGISTERS, FIRST_XMM, GENERAL_REGISTERS, REGISTERS } from "./registers.ts";

/** Stand-ins for the registers that an instruction names, above those that there are. */
const Named = {
  REGISTER: REGISTERS,
  RM: REGISTERS + 1,
  INDEX: REGISTERS + 2,
  XMM: REGISTERS + 3,
  XMM_RM: REGISTERS + 4,
} as const;

/** Numbers of registers, with stand-ins for those that an instruction names. */
interface Effects {
  readonly read: ReadonlySet<number>;
  readonly written: ReadonlySet<number>;
  readonly flags: boolean;
  /** A function of the CPU may change any register. */
  readonly callsOut: boolean;
  /** Translations may be others behind it. */
  readonly retranslates: boolean;
  /** Bits of {@link Mode} that it asks for. */
  readonly modes: number;
  /** Shapes of ordinary floats that are wanted, by the register. */
  readonly floats: ReadonlyMap<number, number>;
}

/** What an instruction may ask of control registers: bits. */
export enum Mode {
  /** CR0 and CR4 let SSE instructions run. */
  Sse = 1,
  /** MXCSR has floats rounded as WebAssembly does it. */
  Rounding = 2,
}

const known = new Map<number, Effects>();

/** Sets of registers: bits by their numbers. */
export interface RegisterEffects {
  /** Read or written. */
  readonly used: number;
  readonly written: number;
  /** Whether the flags are read or written. */
  readonly flags: boolean;
  /** Written, here or in functions of the CPU that are called. */
  readonly changed: number;
  /** Whether translations may be others afterwards, and control registers. */
  readonly retranslates: boolean;
  /** Bits of {@link Mode} that it asks for. */
  readonly modes: number;
}

/** XMM registers, by number, that an instruction wants ordinary floats of, with their shapes as `floatShape` has them. */
export function floatsOf(instruction: Instruction): ReadonlyMap<number, number> {
  const { floats } = effects(instruction.variant);
  return new Map(floats.entries().map(([number, shape]) => [xmm(number, instruction), shape]));
}

/** Which registers an instruction uses. */
export function effectsOf(instruction: Instruction): RegisterEffects {
  const { read, written: all, flags, callsOut, retranslates, modes } = effects(instruction.variant);
  const written = named(all, instruction);
  return {
    used: named(read, instruction) | written,
    written,
    flags,
    changed: callsOut ? ALL_REGISTERS : written,
    retranslates,
    modes,
  };
}

function effects(variant: Variant): Effects {
  const key = variantKey(variant);
  let found = known.get(key);
  if (found === undefined) known.set(key, found = new Probe(variant).probe());
  return found;
}

function named(registers: ReadonlySet<number>, instruction: Instruction): number {
  let set = 0;
  for (const number of registers) set |= number < REGISTERS ? 1 << number : meant(number, instruction);
  return set;
}

/** The register that a stand-in stands for, if there is one. */
function meant(number: number, instruction: Instruction): number {
  const { register, rm, index, ripRelative } = instruction;
  switch (number) {
    case Named.REGISTER:
      return general(register);
    case Named.RM:
      return ripRelative ? 0 : general(rm);
    case Named.INDEX:
      return general(index);
    default:
      return 1 << (FIRST_XMM + xmm(number, instruction));
  }
}

/** Number of the XMM register that a stand-in stands for. */
function xmm(number: number, { register, rm }: Instruction): number {
  return (number === Named.XMM ? register : rm) >> 3;
}

/** A general register that is named by its offset; nothing else is one. */
function general(offset: number): number {
  return offset < GENERAL_REGISTERS * 8 ? 1 << (offset >> 3) : 0;
}

/** Writes a definition, and notes what it asks for. */
class Probe extends OperandEmitter {
  readonly #read = new Set<number>();
  readonly #written = new Set<number>();
  #flags = false;
  #callsOut = false;
  #retranslates = false;
  #modes = 0;
  readonly #floats = new Map<number, number>();
  /** Registers that values have been read from. */
  readonly #sources = new Map<Expression, number>();
  protected override instruction: Instruction;

  constructor(variant: Variant) {
    super(new FunctionBuilder([]), variant, 0);
    this.instruction = {
      variant,
      address: 0,
      length: 1,
      register: Named.REGISTER * 8,
      rm: Named.RM * 8,
      index: Named.INDEX * 8,
      scale: 0,
      segment: 0,
      segmentNumber: 0,
      displacement: 0,
      ripRelative: false,
      // Not zero: shifts by nothing leave the flags alone.
      immediate: 1n,
      target: 0,
    };
  }

  probe(): Effects {
    this.variant.form.definition.semantics(this);
    return {
      read: this.#read,
      written: this.#written,
      flags: this.#flags,
      callsOut: this.#callsOut,
      retranslates: this.#retranslates,
      modes: this.#modes,
      floats: this.#floats,
    };
  }

  override requireSse(): void {
    this.#modes |= Mode.Sse;
  }
  override nativeRounding(): readonly Expression<"i32">[] {
    this.#modes |= Mode.Rounding;
    return [];
  }

  protected override register(number: number): Value {
    this.#read.add(number);
    return this.f.local("i64");
  }
  protected override addressPart(offset: number): Value {
    return this.register(offset >> 3);
  }
  protected override setRegister(number: number, _value: Value): void {
    this.#written.add(number);
  }
  // A vector register that the instruction names has the stand-in's number instead of its own.
  protected override xmmNumber(index: number): number | undefined {
    if (super.xmmNumber(index) === undefined) return undefined;
    return (this.spec(index).place === "xmm" ? Named.XMM : Named.XMM_RM) - FIRST_XMM;
  }
  override readXmm(number: number): Local<"v128"> {
    this.#read.add(FIRST_XMM + number);
    const value = this.f.local("v128");
    this.#sources.set(value, FIRST_XMM + number);
    return value;
  }
  protected override readFloatOperand(index: number, type: "f32" | "f64"): Local {
    const value = super.readFloatOperand(index, type);
    this.#sources.set(value, FIRST_XMM + this.xmmNumber(index)!);
    return value;
  }
  override isOrdinary(value: Expression, shape: number): boolean {
    const source = this.#sources.get(value);
    if (source !== undefined) this.#floats.set(source, shape);
    return false;
  }
  override writeXmm(number: number, _value: Expression<"v128">): void {
    this.#written.add(FIRST_XMM + number);
  }
  protected override ripAt(): Value {
    return i64(0);
  }
  protected override keepFlags(_kind: Expression<"i32">, flags: FlagsSource): FlagsSource {
    this.#flags = true;
    return flags;
  }
  protected override exposeFlags(): void {
    this.#flags = true;
  }
  protected override enterSystem(): void {
    this.#flags = true;
    this.#callsOut = true;
    this.#retranslates = true;
  }
  override contextChanged(): void {
    this.#retranslates = true;
  }
  protected override leaveSystem(): void {}
  protected override core(_name: CoreFunction): number {
    return 0;
  }
  protected override leaveFaulted(): void {}
  override branch(): void {}
  override jump(_target: Value): void {}
  override restart(): void {}
  override charge(): Expression<"i32"> {
    return i32(0);
  }
}
