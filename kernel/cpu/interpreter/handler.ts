/**
 * What a handler executes: one instruction, or a comparison together with the conditional jump behind it.
 *
 * Every dispatch that is saved counts: what costs an interpreter its time is the indirect jump that the branch
 * predictor gets wrong. The jump's record stays what it is, for code that enters there.
 *
 * @module
 */

import type { CoreFunction } from "../core_functions.ts";
import { FlagsKind } from "../flags.ts";
import { forms } from "../isa/mod.ts";
import { KEYS_PER_FORM, Repeat, RmKind, type Variant, variantKey } from "../variant.ts";
import type { FunctionBuilder, Label, Local } from "../wasm/function_builder.ts";
import { InterpreterEmitter } from "./interpreter_emitter.ts";
import { RECORD_SIZE } from "../layout.ts";
import { Record } from "./record.ts";

/** What stands behind one handler number. */
export interface Handler {
  readonly variant: Variant;
  /** The record behind this one is a conditional jump, and is executed as well. */
  readonly fused: boolean;
}

/** Where the code of a handler stands. */
export interface HandlerSite {
  /** The record that is being executed. */
  readonly record: Local<"i32">;
  /** In the loop itself: where to go on once `record` is set. Absent: a function that returns the next record. */
  readonly loop?: Label;
  /** Entries are counted, so that hot code is compiled. */
  readonly counts: boolean;
  /** Index of a core function. */
  readonly core: (name: CoreFunction) => number;
}

/** Numbers of keys that {@link handlerKey} gives per form. */
export const HANDLERS_PER_FORM = KEYS_PER_FORM * 2;

/** A number that identifies a handler. */
export function handlerKey(handler: Handler): number {
  return variantKey(handler.variant) * 2 + (handler.fused ? 1 : 0);
}

/** Writes a handler: what the instruction does, then on to the next record. */
export function writeHandler(f: FunctionBuilder, handler: Handler, bounce: number, site: HandlerSite): void {
  const { variant, fused } = handler;
  const emitter = new InterpreterEmitter(f, variant, bounce, site);
  variant.form.definition.semantics(emitter);
  if (fused) {
    const holds = f.local("i32");
    const outcome = emitter.comparison();
    f.set(site.record, site.record.add(RECORD_SIZE));
    const mask = f.loadAs("i32.load8_u", site.record, Record.INDEX);
    f.set(holds, outcome.and(mask).ne(0).xor(mask.shrU(3)));
    const jump = new InterpreterEmitter(f, JUMP, bounce, site);
    f.if(holds, () => jump.branch());
    jump.next();
  } else if (variant.form.definition.ends !== true) emitter.next();
}

/** Bits of a comparison's outcome: see {@link InterpreterEmitter.comparison}. */
const EQUAL = 1;
const BELOW = 2;
const LESS = 4;
/** The condition is the opposite. */
const INVERTED = 8;

/** Outcomes that fulfil the conditions O, B, Z, BE, S, P, L, LE. */
const AFTER_SUBTRACTION = [
  undefined,
  BELOW,
  EQUAL,
  BELOW | EQUAL,
  undefined,
  undefined,
  LESS,
  LESS | EQUAL,
] as const;
/** After logic the result is compared with zero, so the sign is what LESS tells. */
const AFTER_LOGIC = [undefined, BELOW, EQUAL, BELOW | EQUAL, LESS, undefined, LESS, LESS | EQUAL] as const;

/** Instructions that can be fused, by what flags they leave. */
const FUSIBLE: { readonly [name: string]: FlagsKind.Sub | FlagsKind.Logic } = {
  cmp: FlagsKind.Sub,
  sub: FlagsKind.Sub,
  test: FlagsKind.Logic,
  and: FlagsKind.Logic,
  or: FlagsKind.Logic,
  xor: FlagsKind.Logic,
};

/** Mask that makes a fused jump of `jump` behind `first`, or `undefined` where they cannot be fused. */
export function fusedMask(first: Variant, jump: Variant): number | undefined {
  const kind = FUSIBLE[first.form.definition.name];
  if (kind === undefined || jump.form.definition.name !== "jcc" || jump.operandSize === 2) return undefined;
  if (writesMemory(first)) return undefined;
  const condition = jump.form.opcode & 15;
  const mask = (kind === FlagsKind.Sub ? AFTER_SUBTRACTION : AFTER_LOGIC)[condition >> 1];
  return mask === undefined ? undefined : mask | ((condition & 1) !== 0 ? INVERTED : 0);
}

/** Whether a fusible instruction stores its result in memory: it may be the jump behind it that it changes. */
function writesMemory({ form, rm }: Variant): boolean {
  const { name } = form.definition;
  return rm !== RmKind.Register && form.operands[0]!.place === "rm" && name !== "cmp" && name !== "test";
}

const jumpForm = forms.find((form) => form.definition.name === "jcc");
if (jumpForm === undefined) throw new Error("There are no conditional jumps");

/** A conditional jump, for what all of them share: where it leads. */
const JUMP: Variant = {
  form: jumpForm,
  operandSize: 8,
  addressSize: 8,
  rm: RmKind.Register,
  bits64: true,
  flat: false,
  lock: false,
  repeat: Repeat.None,
};
