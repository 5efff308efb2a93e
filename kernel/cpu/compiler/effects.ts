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
import { FunctionBuilder } from "../wasm/function_builder.ts";
import type { Instruction } from "./instruction.ts";
import { OperandEmitter } from "./operands.ts";
import { ALL_REGISTERS, FLAGS_BIT } from "./registers.ts";

/** Stand-ins for the registers that an instruction names, above the sixteen that there are. */
const Named = { REGISTER: 17, RM: 18, INDEX: 19 } as const;

/** Sets of registers, with stand-ins for those that an instruction names. */
interface Effects {
  readonly read: number;
  readonly written: number;
  /** A function of the CPU may change any register. */
  readonly callsOut: boolean;
  /** Translations may be others behind it. */
  readonly retranslates: boolean;
}

const known = new Map<number, Effects>();

/** Sets of registers: bits by their numbers, and {@link FLAGS_BIT} for the flags. */
export interface RegisterEffects {
  /** Read or written. */
  readonly used: number;
  readonly written: number;
  /** Written, here or in functions of the CPU that are called. */
  readonly changed: number;
  /** Whether translations may be others afterwards. */
  readonly retranslates: boolean;
}

/** Which registers an instruction uses. */
export function effectsOf(instruction: Instruction): RegisterEffects {
  const key = variantKey(instruction.variant);
  let effects = known.get(key);
  if (effects === undefined) known.set(key, effects = new Probe(instruction.variant).probe());
  const written = named(effects.written, instruction);
  return {
    used: named(effects.read, instruction) | written,
    written,
    changed: effects.callsOut ? ALL_REGISTERS : written,
    retranslates: effects.retranslates,
  };
}

function named(set: number, instruction: Instruction): number {
  let result = set & (FLAGS_BIT * 2 - 1);
  if ((set & (1 << Named.REGISTER)) !== 0) result |= bit(instruction.register);
  if ((set & (1 << Named.RM)) !== 0 && !instruction.ripRelative) result |= bit(instruction.rm);
  if ((set & (1 << Named.INDEX)) !== 0) result |= bit(instruction.index);
  return result;
}

/** Bit of a general register that is named by its offset; nothing else has one. */
function bit(offset: number): number {
  return offset < 16 * 8 ? 1 << (offset >> 3) : 0;
}

/** Writes a definition, and notes what it asks for. */
class Probe extends OperandEmitter {
  #read = 0;
  #written = 0;
  #callsOut = false;
  #retranslates = false;
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
      callsOut: this.#callsOut,
      retranslates: this.#retranslates,
    };
  }

  protected override register(number: number): Value {
    this.#read |= 1 << number;
    return this.f.local("i64");
  }
  protected override addressPart(offset: number): Value {
    return this.register(offset >> 3);
  }
  protected override setRegister(number: number, _value: Value): void {
    this.#written |= 1 << number;
  }
  protected override ripAt(): Value {
    return i64(0);
  }
  protected override keepFlags(_kind: Expression<"i32">, flags: FlagsSource): FlagsSource {
    this.#written |= FLAGS_BIT;
    return flags;
  }
  protected override exposeFlags(): void {
    this.#read |= FLAGS_BIT;
  }
  protected override enterSystem(): void {
    this.#read |= FLAGS_BIT;
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
