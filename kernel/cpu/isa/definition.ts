/**
 * The language that instructions are defined in.
 *
 * A definition gives an instruction's encodings in the notation of the manuals' opcode maps and, once, what it
 * does. From it come the decoder's tables, the interpreter's handlers and the tests.
 *
 * An encoding is written `[NP|NFx|66|F3|F2] opcode [+r] [/r | /0 ... /7 | /XX] operands... [attributes...]`:
 *
 * - `NP`, `NFx`, `66`, `F3`, `F2`: the mandatory prefix, or that none of them, or no repeat prefix, may be there; without one, prefixes mean what they mean to integer
 *   instructions.
 * - opcode bytes: `90`, `0F A2`, `0F 38 F0`; `+r`: the low three bits name a register.
 * - `/r`: a ModRM byte; `/3`: its reg field must be 3; `/D0`: the whole byte must be D0.
 * - operands: a letter for where it is, and its size.
 *   `E` register or memory (rm), `M` memory, `R` register (rm), `G` register (reg), `Z` register (opcode),
 *   `I` immediate, `Is` immediate byte extended with its sign, `J` relative branch, `O` memory at an absolute offset,
 *   `A` far pointer in the instruction, `S` segment, `C` control and `D` debug register (reg);
 *   `V` XMM (reg), `W` XMM (rm) or memory, `U` XMM (rm); `P`, `Q`, `N` the same for MMX; `1` the constant one;
 *   names of registers `AL`, `CL`, `DX`, `rAX` (by operand size).
 *   Sizes: `b` 1, `w` 2, `d` 4, `q` 8, `x` 16 bytes, `v` operand size (2, 4, 8), `z` operand size with at most 4
 *   bytes of immediate, `y` 4 or 8 by REX.W.
 * - attributes: `i64` invalid in 64-bit mode, `o64` valid only there, `d64` operand size 8 by default there,
 *   `f64` always 8 there, `lock` may be locked, `w0`/`w1` by REX.W, `ea` the address itself is the operand: segments do
 *   not matter, `as` it depends on the address size otherwise than by its memory operand.
 *
 * @module
 */

import type { Emitter } from "../emitter.ts";

/** Where an operand is. */
export type Place =
  /** General register named by ModRM.reg or by the opcode. */
  | "reg"
  /** General register or memory named by ModRM.rm. */
  | "rm"
  | "memory"
  | "offset"
  | "immediate"
  | "relative"
  | "far"
  | "segment"
  | "control"
  | "debug"
  | "xmm"
  | "xmm-rm"
  | "mmx"
  | "mmx-rm"
  | "fixed"
  | "one";

/** An operand as an encoding states it. */
export interface OperandSpec {
  readonly place: Place;
  /** Bytes, or a letter for what depends on prefixes. */
  readonly size: number | "v" | "z" | "y";
  /** Must be a register (mod = 3), must be memory, or either. */
  readonly form: "register" | "memory" | "either";
  /** Number of a register that the encoding implies. */
  readonly register?: number;
  /** Immediate is one byte, extended with its sign. */
  readonly signExtended?: boolean;
  /** Register is named by the opcode's low bits. */
  readonly inOpcode?: boolean;
}

/** One encoding of an instruction. */
export interface Form {
  /** Number of this form among all. */
  readonly index: number;
  readonly definition: Definition;
  readonly text: string;
  readonly prefix: "none" | "NP" | "NFx" | "66" | "F3" | "F2";
  /** 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A; -1: nothing decodes to it. */
  readonly map: number;
  readonly opcode: number;
  readonly modrm: "none" | "any" | "digit" | "exact";
  readonly digit: number;
  readonly operands: readonly OperandSpec[];
  readonly attributes: ReadonlySet<string>;
}

/** What an instruction is. */
export interface Definition {
  readonly name: string;
  readonly encodings: readonly string[];
  /** What it does; called once for each variant that is generated. */
  readonly semantics: (e: Emitter) => void;
  /** It reads or writes the repeat prefixes: variants are generated for them. */
  readonly repeat?: true;
  /** Execution does not go on with the next record: jumps, and what changes how code is decoded. */
  readonly ends?: true;
  /** It is a call: execution comes back to what stands behind it. */
  readonly comesBack?: true;
}

/** All forms, in the order they were defined. */
export const forms: Form[] = [];

/** Defines what is executed where the decoder says so: no bytes lead to it by the tables. */
export function definePseudo(name: string, semantics: (e: Emitter) => void, ends: boolean): Form {
  const form: Form = {
    index: forms.length,
    definition: { name, encodings: [], semantics, ...(ends ? { ends } : {}) },
    text: "",
    prefix: "none",
    map: -1,
    opcode: -1,
    modrm: "none",
    digit: 0,
    operands: [],
    attributes: new Set(),
  };
  forms.push(form);
  return form;
}

/** Defines an instruction. */
export function define(definition: Definition): void {
  for (const text of definition.encodings) forms.push(parseForm(definition, text));
}

const SIZES: { readonly [letter: string]: number | "v" | "z" | "y" } = {
  b: 1,
  w: 2,
  d: 4,
  q: 8,
  x: 16,
  v: "v",
  z: "z",
  y: "y",
};

const FIXED: { readonly [name: string]: { register: number; size: number | "v" } } = {
  AL: { register: 0, size: 1 },
  CL: { register: 1, size: 1 },
  AX: { register: 0, size: 2 },
  DX: { register: 2, size: 2 },
  rAX: { register: 0, size: "v" },
};

const PLACES: { readonly [letter: string]: { place: Place; form: OperandSpec["form"] } } = {
  E: { place: "rm", form: "either" },
  M: { place: "memory", form: "memory" },
  R: { place: "rm", form: "register" },
  G: { place: "reg", form: "either" },
  I: { place: "immediate", form: "either" },
  J: { place: "relative", form: "either" },
  O: { place: "offset", form: "either" },
  A: { place: "far", form: "either" },
  S: { place: "segment", form: "either" },
  C: { place: "control", form: "either" },
  D: { place: "debug", form: "either" },
  V: { place: "xmm", form: "either" },
  W: { place: "xmm-rm", form: "either" },
  U: { place: "xmm-rm", form: "register" },
  P: { place: "mmx", form: "either" },
  Q: { place: "mmx-rm", form: "either" },
  N: { place: "mmx-rm", form: "register" },
};

function parseOperand(text: string): OperandSpec {
  if (text === "1") return { place: "one", size: 1, form: "either" };
  const fixed = FIXED[text];
  if (fixed !== undefined) {
    return { place: "fixed", size: fixed.size, form: "either", register: fixed.register };
  }
  if (text === "Is") return { place: "immediate", size: 1, form: "either", signExtended: true };
  const size = text.length === 1 ? 0 : SIZES[text.slice(1)];
  if (size === undefined) throw new Error(`Operand "${text}" has no size that is known`);
  if (text[0] === "Z") return { place: "reg", size, form: "either", inOpcode: true };
  const place = PLACES[text[0]!];
  if (place === undefined) throw new Error(`Operand "${text}" is not known`);
  return { ...place, size };
}

const ATTRIBUTES = new Set(["i64", "o64", "d64", "f64", "lock", "w0", "w1", "ea", "as"]);

function parseForm(definition: Definition, text: string): Form {
  const tokens = text.split(" ");
  let at = 0;
  let prefix: Form["prefix"] = "none";
  if (/^(NP|NFx|66|F3|F2)$/.test(tokens[0]!) && /^[0-9A-F]{2}$/.test(tokens[1] ?? "")) {
    prefix = tokens[at++] as Form["prefix"];
  }
  const opcode: number[] = [];
  let inOpcode = false;
  while (/^[0-9A-F]{2}(\+r)?$/.test(tokens[at] ?? "")) {
    inOpcode = tokens[at]!.endsWith("+r");
    opcode.push(parseInt(tokens[at++]!.slice(0, 2), 16));
  }
  let modrm: Form["modrm"] = "none";
  let digit = 0;
  const slash = /^\/(r|[0-7]|[0-9A-F]{2})$/.exec(tokens[at] ?? "");
  if (slash !== null) {
    at++;
    modrm = slash[1] === "r" ? "any" : slash[1]!.length === 1 ? "digit" : "exact";
    if (modrm !== "any") digit = parseInt(slash[1]!, 16);
  }
  const operands: OperandSpec[] = [];
  const attributes = new Set<string>();
  for (const token of tokens.slice(at)) {
    if (ATTRIBUTES.has(token)) attributes.add(token);
    else operands.push(parseOperand(token));
  }
  const map = opcode[0] !== 0x0f ? 0 : opcode.length === 2 ? 1 : opcode[1] === 0x38 ? 2 : 3;
  const last = opcode.at(-1);
  if (
    last === undefined || opcode.length !== [1, 2, 3, 3][map] || inOpcode !== operands.some((o) => o.inOpcode)
  ) {
    throw new Error(`Encoding "${text}" of ${definition.name} is malformed`);
  }
  return {
    index: forms.length,
    definition,
    text,
    prefix,
    map,
    opcode: last,
    modrm,
    digit,
    operands,
    attributes,
  };
}
