/**
 * Machine code of a form, with everything that its encoding leaves open chosen at random.
 *
 * @module
 */

import { Decoder, DecodeResult } from "../../kernel/cpu/decoder.ts";
import type { Form, OperandSpec } from "../../kernel/cpu/isa/mod.ts";
import { CodeMode } from "../../kernel/cpu/state.ts";
import { INSTRUCTION, PADS, WINDOW, WINDOW_LENGTH } from "./case_layout.ts";
import type { Random } from "./random.ts";

/** Bases of FS and GS in all cases: one of them wraps around. */
export const FS_BASE = 0x1234_5678;
export const GS_BASE = -0x1000;

/** How a memory operand is addressed. Registers are -1 where there is none. */
export interface MemoryOperand {
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  /** As the effective address counts it: from the instruction's end if there is neither base nor index. */
  readonly displacement: number;
  readonly segmentBase: number;
  /** Linear address where the encoding fixes it. */
  readonly fixed?: number;
  /** 16-bit address, which cannot reach the data pages. */
  readonly short?: true;
}

/** One encoding of a form. */
export interface Instruction {
  readonly form: Form;
  /** 64-bit or 32-bit code. */
  readonly mode: CodeMode;
  readonly bytes: Uint8Array;
  readonly operandSize: number;
  readonly addressSize: number;
  /** Register that ModRM.reg or the opcode names; that of ModRM.rm, or -1 for memory. */
  readonly register: number;
  readonly rm: number;
  readonly memory?: MemoryOperand;
  readonly repeat: number;
}

/** Instructions that use the stack pointer, whose memory operands must leave it where it is. */
export const STACK_INSTRUCTIONS: ReadonlySet<string> = new Set(
  ["push", "pop", "call", "ret", "pushf", "popf", "enter", "leave", "push segment", "pusha", "popa"],
);

/** Bit offsets in their second operand reach beyond the first. */
export const BIT_INSTRUCTIONS: ReadonlySet<string> = new Set(["bt", "bts", "btr", "btc"]);

/** Encodings whose register forms AMD's processors have not. */
const MEMORY_ONLY = new Set(["0F 0D /r Ev"]);

/** Encodings that are another instruction with a repeat prefix, on some processors if not here. */
const REPEAT_MATTERS = /^E[01]|^0F (0[19]|1E|AE|B8|BC|BD|C7)|lock/;

/** Encodings to which LOCK gives another meaning on AMD's processors: CR8. */
const LOCK_MATTERS = /^0F 2[02]/;

const IMMEDIATES = [0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xfe, 0xff];

const decoder = new Decoder();

/** Makes an encoding of `form` for 64-bit or 32-bit code. `undefined`: what came out is another instruction. */
export function generate(form: Form, random: Random, mode: CodeMode): Instruction | undefined {
  const instruction = new Generator(form, random, mode).generate();
  const { bytes } = instruction;
  const result = decoder.decode(bytes, 0, bytes.length, mode);
  const locked = bytes.includes(0xf0) && result === DecodeResult.Undefined;
  if (!locked && (result !== DecodeResult.Ok || decoder.form !== form || decoder.length !== bytes.length)) {
    return undefined;
  }
  return { ...instruction, operandSize: decoder.operandSize };
}

class Generator {
  readonly #random: Random;
  readonly #code: number[] = [];
  readonly #rm: OperandSpec | undefined;
  #rex = 0;
  readonly #long: boolean;
  #shortAddress = false;
  #operand16 = false;
  #repeat = 0;
  #segmentBase = 0;
  #register = -1;
  #rmRegister = -1;
  #memory: MemoryOperand | undefined;
  /** Where a displacement stands that says all of an address, and whether it counts from the instruction's end. */
  #patch: { readonly at: number; readonly relative: boolean } | undefined;

  constructor(private readonly form: Form, random: Random, private readonly mode: CodeMode) {
    this.#random = random;
    this.#long = mode === CodeMode.Bits64;
    this.#rm = form.operands.find((o) => o.place === "rm" || o.place === "memory" || o.place.endsWith("-rm"));
  }

  generate(): Instruction {
    const { form } = this;
    const random = this.#random;
    const memory = this.#rm !== undefined && this.#rm.form !== "register" &&
      (this.#rm.form === "memory" || random.once(2) || MEMORY_ONLY.has(form.text));
    this.#prefixes(memory || form.operands.some((o) => o.place === "offset"));
    const opcodes = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]][form.map]!;
    let opcode = form.opcode;
    if (form.operands.some((o) => o.inOpcode)) {
      const low = random.below(8);
      opcode += low;
      this.#register = low | ((this.#rex & 1) << 3);
    }
    this.#code.push(...opcodes, opcode);
    if (form.modrm === "exact") this.#code.push(form.digit);
    else if (form.modrm !== "none") this.#modrm(memory);
    const immediates = form.operands.filter((o) => ["immediate", "relative", "offset"].includes(o.place));
    this.#immediates(immediates);
    return {
      form,
      mode: this.mode,
      bytes: Uint8Array.from(this.#code),
      operandSize: 0,
      addressSize: this.#addressSize,
      register: this.#register,
      rm: this.#rmRegister,
      ...(this.#memory === undefined ? {} : { memory: this.#memory }),
      repeat: this.#repeat,
    };
  }

  get #addressSize(): number {
    return (this.#long ? 8 : 4) / (this.#shortAddress ? 2 : 1);
  }

  #prefixes(memory: boolean): void {
    const { form } = this;
    const random = this.#random;
    const prefixes: number[] = [];
    const { attributes } = form;
    const wide = attributes.has("w1") || (this.#long && !attributes.has("w0") && random.once(3));
    if (form.prefix === "66") prefixes.push(0x66);
    else if (form.prefix === "F3") prefixes.push(0xf3);
    else if (form.prefix === "F2") prefixes.push(0xf2);
    // In 64-bit mode Intel's near branches take no 16-bit operand size; AMD's do.
    if (form.prefix !== "66" && form.prefix !== "NP" && !attributes.has("f64") && random.once(4)) {
      prefixes.push(0x66);
      this.#operand16 = !wide;
    }
    if (form.definition.repeat === true && !random.once(3)) {
      this.#repeat = random.pick([0xf2, 0xf3]);
      prefixes.push(this.#repeat);
    } else if (form.prefix === "none" && random.once(32) && !REPEAT_MATTERS.test(form.text)) {
      prefixes.push(random.pick([0xf2, 0xf3]));
    }
    if ((memory || attributes.has("as")) && random.once(10)) {
      prefixes.push(0x67);
      this.#shortAddress = true;
    }
    if (memory || attributes.has("as")) {
      const segment = random.below(24);
      if (segment < 4) prefixes.push([0x26, 0x2e, 0x36, 0x3e][segment]!);
      if (segment === 4 || segment === 5) {
        prefixes.push(0x60 + segment);
        // In 32-bit code their selectors are null.
        if (this.#long) this.#segmentBase = segment === 4 ? FS_BASE : GS_BASE;
      }
    }
    if (
      attributes.has("lock") ? memory && random.once(3) : random.once(100) && !LOCK_MATTERS.test(form.text)
    ) prefixes.push(0xf0);
    for (let index = prefixes.length - 1; index > 0; index--) {
      const other = random.below(index + 1);
      [prefixes[index], prefixes[other]] = [prefixes[other]!, prefixes[index]!];
    }
    this.#code.push(...prefixes);
    if (!this.#long) return;
    this.#rex = (wide ? 8 : 0) | (random.once(2) ? random.below(8) : 0);
    if (this.#rex !== 0 || random.once(8)) this.#code.push(this.#rex |= 0x40);
  }

  #modrm(memory: boolean): void {
    const { form } = this;
    const random = this.#random;
    const reg = form.modrm === "digit" ? form.digit : random.below(8);
    this.#register = form.modrm === "digit" ? -1 : reg | ((this.#rex & 4) << 1);
    if (!memory) {
      const rm = random.below(8);
      this.#rmRegister = rm | ((this.#rex & 1) << 3);
      this.#code.push(0xc0 | (reg << 3) | rm);
      return;
    }
    if (this.#addressSize === 2) return this.#based16(reg);
    const shape = random.below(8);
    // No base: RIP-relative, or absolute behind a SIB byte.
    if (shape === 0) return this.#fixed([reg << 3 | 5], -1, 0);
    const rexIndex = (this.#rex & 2) << 2;
    if (shape === 1) {
      const scale = random.below(4);
      const index = random.pick([4, 4, 0, 1, 2, 3, 5, 6, 7]);
      const register = index === 4 && rexIndex === 0 ? -1 : index | rexIndex;
      return this.#fixed([reg << 3 | 4, (scale << 6) | (index << 3) | 5], register, scale);
    }
    this.#based(reg, shape >= 5, rexIndex);
  }

  #fixed(modrm: readonly number[], index: number, scale: number): void {
    const target = WINDOW + 32 + 16 * this.#random.below(WINDOW_LENGTH / 16 - 4);
    this.#code.push(...modrm, 0, 0, 0, 0);
    this.#patch = { at: this.#code.length - 4, relative: this.#long && modrm.length === 1 };
    const fixed = target - this.#segmentBase;
    this.#memory = { base: -1, index, scale, displacement: fixed, segmentBase: this.#segmentBase, fixed };
  }

  #based(reg: number, indexed: boolean, rexIndex: number): void {
    const random = this.#random;
    const stack = STACK_INSTRUCTIONS.has(this.form.definition.name);
    let mod = random.below(3);
    let base = random.below(8);
    let scale = 0;
    let index = -1;
    if (base === 4) indexed = true;
    if (base === 5 && mod === 0) mod = 1;
    const sib: number[] = [];
    if (indexed) {
      let number = random.below(8);
      const same = (number | rexIndex) === (base | ((this.#rex & 1) << 3));
      if (same || (base === 4 && (this.#rex & 1) === 0 && !random.once(4))) number = 4;
      scale = random.below(4);
      if (number !== 4 || rexIndex !== 0) index = number | rexIndex;
      sib.push((scale << 6) | (number << 3) | base);
    }
    const rm = indexed ? 4 : base;
    base |= (this.#rex & 1) << 3;
    this.#code.push((mod << 6) | (reg << 3) | rm, ...sib);
    let displacement = 0;
    if (mod === 1) displacement = (random.word() << 24) >> 24;
    // A wild base could be a stack pointer, and what is pushed would land anywhere.
    if (mod === 2) displacement = stack ? random.below(512) - 256 : random.word();
    if (mod > 0) this.#number(displacement, mod === 1 ? 1 : 4);
    this.#memory = { base, index, scale, displacement, segmentBase: this.#segmentBase };
  }

  #based16(reg: number): void {
    const random = this.#random;
    const mod = random.below(3);
    const rm = random.below(8);
    this.#code.push((mod << 6) | (reg << 3) | rm);
    this.#number(random.word(), mod === 0 && rm === 6 ? 2 : mod);
    this.#memory = { base: -1, index: -1, scale: 0, displacement: 0, segmentBase: 0, short: true };
  }

  #immediates(specs: readonly OperandSpec[]): void {
    const random = this.#random;
    const sizes = specs.map((spec) => this.#immediateSize(spec));
    const length = this.#code.length + sizes.reduce((sum, size) => sum + size, 0);
    if (this.#patch !== undefined) {
      const { at, relative } = this.#patch;
      const value = this.#memory!.fixed! - (relative ? INSTRUCTION + length : 0);
      for (let byte = 0; byte < 4; byte++) this.#code[at + byte] = (value >>> (byte * 8)) & 0xff;
    }
    specs.forEach((spec, index) => {
      const size = sizes[index]!;
      if (spec.place === "relative") {
        const pad = random.pick(size === 1 ? PADS.slice(0, 2) : PADS);
        this.#number(pad - (INSTRUCTION + length), size);
      } else if (spec.place === "offset") {
        const target = WINDOW + random.below(WINDOW_LENGTH - 8) - this.#segmentBase;
        this.#number(target, Math.min(size, 4));
        if (size === 8) this.#number(target < 0 ? -1 : 0, 4);
      } else {
        const value = random.once(3) ? random.word() : random.pick(IMMEDIATES) * (random.once(3) ? -1 : 1);
        this.#number(this.#sensible(value, index), Math.min(size, 4));
        if (size === 8) this.#number(random.once(3) ? value >> 31 : random.word(), 4);
      }
    });
  }

  #immediateSize(spec: OperandSpec): number {
    if (spec.place === "offset") return this.#addressSize;
    const wide = (this.#rex & 8) !== 0;
    if (spec.size === "v") return wide ? 8 : this.#operand16 ? 2 : 4;
    if (spec.size === "z") return this.#operand16 && !wide ? 2 : 4;
    return spec.size as number;
  }

  /** Keeps immediates to what the manuals define. */
  #sensible(value: number, index: number): number {
    const { name } = this.form.definition;
    // Whether ENTER touches the end of a frame, and so may fault there, is up to the model.
    if (name === "enter" && index === 0) return value & 0xff;
    if (/^sh[lr]d$/.test(name) && this.#operand16) return (value & 0xe0) | (value & 31) % 17;
    return value;
  }

  #number(value: number, size: number): void {
    for (let byte = 0; byte < size; byte++) this.#code.push((value >> (byte * 8)) & 0xff);
  }
}
