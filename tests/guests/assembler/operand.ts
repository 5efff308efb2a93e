/**
 * Operands as they are written: registers, `[base + index * scale + displacement]`, immediates, far pointers.
 *
 * @module
 */

/** Kinds of registers. */
export type RegisterKind = "gpr" | "segment" | "control" | "debug" | "xmm" | "mmx" | "st";

/** A register operand. */
export interface Register {
  readonly kind: RegisterKind;
  readonly number: number;
  /** Bytes. */
  readonly size: number;
  /** AH, CH, DH or BH. */
  readonly high: boolean;
  /** SPL, BPL, SIL, DIL: only with a REX prefix. */
  readonly needsRex: boolean;
}

/** A memory operand. */
export interface MemoryOperand {
  readonly base?: Register;
  readonly index?: Register;
  readonly scale: number;
  /** Expression; empty: none. */
  readonly displacement: string;
  readonly segment?: Register;
  /** Address size in bytes that was asked for. */
  readonly addressSize?: number;
  /** Relative to RIP. */
  readonly relative: boolean;
}

/** One operand. */
export type Operand =
  & {
    /** Bytes, where a keyword says so. */
    readonly size?: number;
    readonly short: boolean;
    readonly far: boolean;
  }
  & (
    | { readonly kind: "register"; readonly register: Register }
    | { readonly kind: "memory"; readonly memory: MemoryOperand }
    | { readonly kind: "immediate"; readonly text: string }
    | { readonly kind: "far"; readonly selector: string; readonly offset: string }
  );

const SIZES: { readonly [word: string]: number } = {
  byte: 1,
  word: 2,
  dword: 4,
  qword: 8,
  tword: 10,
  oword: 16,
};

const NAMES8 = ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"];
const NAMES16 = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];
const LOW8 = ["spl", "bpl", "sil", "dil"];
const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"];

function buildRegisters(): ReadonlyMap<string, Register> {
  const registers = new Map<string, Register>();
  const add = (name: string, kind: RegisterKind, number: number, size: number, special = {}) => {
    registers.set(name, { kind, number, size, high: false, needsRex: false, ...special });
  };
  NAMES8.forEach((name, number) => add(name, "gpr", number, 1, { high: number >= 4 }));
  LOW8.forEach((name, index) => add(name, "gpr", 4 + index, 1, { needsRex: true }));
  NAMES16.forEach((name, number) => {
    add(name, "gpr", number, 2);
    add(`e${name}`, "gpr", number, 4);
    add(`r${name}`, "gpr", number, 8);
  });
  for (let number = 8; number < 16; number++) {
    add(`r${number}b`, "gpr", number, 1);
    add(`r${number}w`, "gpr", number, 2);
    add(`r${number}d`, "gpr", number, 4);
    add(`r${number}`, "gpr", number, 8);
  }
  SEGMENTS.forEach((name, number) => add(name, "segment", number, 2));
  for (let number = 0; number < 16; number++) {
    add(`cr${number}`, "control", number, 8);
    add(`dr${number}`, "debug", number, 8);
    add(`xmm${number}`, "xmm", number, 16);
    if (number < 8) {
      add(`mm${number}`, "mmx", number, 8);
      add(`st${number}`, "st", number, 10);
    }
  }
  return registers;
}

const REGISTERS = buildRegisters();

/** Parses one operand. @throws {SyntaxError} */
export function parseOperand(text: string): Operand {
  let rest = text.trim();
  let size: number | undefined;
  let short = false;
  let far = false;
  for (;;) {
    const word = /^([a-z]+)\b\s*/i.exec(rest);
    if (word === null) break;
    const name = word[1]!.toLowerCase();
    if (SIZES[name] !== undefined) size = SIZES[name];
    else if (name === "short") short = true;
    else if (name === "far") far = true;
    else break;
    rest = rest.slice(word[0].length);
  }
  const common = { short, far, ...(size === undefined ? {} : { size }) };
  if (rest.startsWith("[")) {
    if (!rest.endsWith("]")) throw new SyntaxError(`Operand "${text}" lacks "]"`);
    return { ...common, kind: "memory", memory: parseMemory(rest.slice(1, -1)) };
  }
  const register = REGISTERS.get(rest.toLowerCase());
  if (register !== undefined) return { ...common, size: register.size, kind: "register", register };
  const colon = rest.startsWith("'") ? -1 : rest.indexOf(":");
  if (colon >= 0) {
    return { ...common, kind: "far", selector: rest.slice(0, colon), offset: rest.slice(colon + 1) };
  }
  if (rest === "") throw new SyntaxError(`Operand "${text}" is empty`);
  return { ...common, kind: "immediate", text: rest };
}

function parseMemory(text: string): MemoryOperand {
  let rest = text.trim();
  let addressSize: number | undefined;
  let relative = false;
  for (;;) {
    const word = /^(word|dword|qword|rel)\b\s*/i.exec(rest);
    if (word === null) break;
    if (word[1]!.toLowerCase() === "rel") relative = true;
    else addressSize = SIZES[word[1]!.toLowerCase()];
    rest = rest.slice(word[0].length);
  }
  let segment: Register | undefined;
  const override = /^([cdefgs]s)\s*:\s*/i.exec(rest);
  if (override !== null) {
    segment = REGISTERS.get(override[1]!.toLowerCase());
    rest = rest.slice(override[0].length);
  }
  let base: Register | undefined;
  let index: Register | undefined;
  let scale = 1;
  let displacement = "";
  for (const { sign, term } of splitTerms(rest)) {
    const scaled = /^(\w+)\s*\*\s*([1248])$/.exec(term);
    const register = REGISTERS.get((scaled?.[1] ?? term).toLowerCase());
    if (register === undefined || register.kind !== "gpr") displacement += ` ${sign} ${term}`;
    else if (scaled !== null) {
      index = register;
      scale = Number(scaled[2]);
    } else if (base === undefined) base = register;
    else index = register;
  }
  return {
    scale,
    displacement: displacement.trim().replace(/^\+ /, ""),
    relative,
    ...(base === undefined ? {} : { base }),
    ...(index === undefined ? {} : { index }),
    ...(segment === undefined ? {} : { segment }),
    ...(addressSize === undefined ? {} : { addressSize }),
  };
}

/** Terms of a sum outside of parentheses. */
function splitTerms(text: string): { sign: string; term: string }[] {
  const terms: { sign: string; term: string }[] = [];
  let depth = 0;
  let sign = "+";
  let term = "";
  for (const character of text) {
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (depth === 0 && (character === "+" || character === "-") && !/(^|[-+*/%&|^<>~])\s*$/.test(term)) {
      terms.push({ sign, term: term.trim() });
      sign = character;
      term = "";
    } else term += character;
  }
  terms.push({ sign, term: term.trim() });
  return terms;
}
