/**
 * One instruction to machine code.
 *
 * @module
 */

import type { Value } from "./expression.ts";
import { type Form, FORMS } from "./forms.ts";
import { type MemoryOperand, type Operand, parseOperand, type Register } from "./operand.ts";

/** What encoding depends on besides the instruction's text. */
export interface EncoderContext {
  /** 16, 32 or 64. */
  readonly bits: number;
  /** Address of the instruction. */
  readonly address: bigint;
  evaluate(expression: string): Value;
  /** Whether a value that does not fit is an error: not in the first pass, which knows no addresses. */
  readonly strict: boolean;
}

const PREFIXES: { readonly [name: string]: number } = {
  lock: 0xf0,
  rep: 0xf3,
  repe: 0xf3,
  repz: 0xf3,
  repne: 0xf2,
  repnz: 0xf2,
  es: 0x26,
  cs: 0x2e,
  ss: 0x36,
  ds: 0x3e,
  fs: 0x64,
  gs: 0x65,
  o16: 0x66,
  o32: 0x66,
  a16: 0x67,
  a32: 0x67,
};

const SEGMENT_PREFIX = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
/** ModRM.rm by base and index of 16-bit addressing, register numbers. */
const RM16: { readonly [registers: string]: number } = {
  "3,6": 0,
  "3,7": 1,
  "5,6": 2,
  "5,7": 3,
  "6": 4,
  "7": 5,
  "5": 6,
  "3": 7,
};

/** Encodes an instruction. @throws {SyntaxError} if there is no such one. */
export function encode(text: string, context: EncoderContext): number[] {
  const prefixes: number[] = [];
  let rest = text.trim();
  for (;;) {
    const word = /^([a-z]\w*)\s+(?=\w)/i.exec(rest);
    const prefix = word === null ? undefined : PREFIXES[word[1]!.toLowerCase()];
    if (prefix === undefined) break;
    prefixes.push(prefix);
    rest = rest.slice(word![0].length);
  }
  const [, name, list] = /^(\w+)\s*(.*)$/.exec(rest) ?? ["", "", ""];
  const operands = list === "" ? [] : list!.split(",").map((operand) => parseOperand(operand));
  // What is relative counts from the end, prefixes included.
  const behind = { ...context, address: context.address + BigInt(prefixes.length) };
  for (const form of FORMS.get(name!.toLowerCase()) ?? []) {
    const encoder = new FormEncoder(form, operands, behind);
    if (encoder.matches()) return [...prefixes, ...encoder.encode()];
  }
  throw new SyntaxError(`Instruction "${text}" cannot be encoded`);
}

/** Bytes of `value`, least significant first. @throws {RangeError} if it does not fit and `strict` is set. */
export function littleEndian(value: bigint, size: number, strict: boolean): number[] {
  const bits = BigInt(size * 8);
  if (strict && (value >= 1n << bits || value < -(1n << (bits - 1n)))) {
    throw new RangeError(`Value ${value} does not fit in ${size} bytes`);
  }
  return Array.from({ length: size }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}

class FormEncoder {
  #size: number;
  #rex = 0;
  #prefixes: number[] = [];
  /** Target of a RIP-relative operand. */
  #relativeTarget: bigint | undefined;

  constructor(
    private readonly form: Form,
    private readonly operands: readonly Operand[],
    private readonly context: EncoderContext,
  ) {
    this.#size = form.size ?? 0;
  }

  #bytes(value: bigint, size: number): number[] {
    return littleEndian(value, size, this.context.strict);
  }

  get #defaultSize(): number {
    return this.context.bits === 16 ? 2 : 4;
  }

  /** Whether the operands are those of the form; finds the operand size. */
  matches(): boolean {
    const { form, operands } = this;
    if (form.operands.length !== operands.length) return false;
    form.operands.forEach((pattern, index) => {
      const operand = operands[index]!;
      const sized = pattern === "rm" || pattern === "r" || pattern === "acc" ||
        form.operands.length === 1 && pattern === "iz";
      if (this.#size === 0 && sized && operand.size !== undefined) this.#size = operand.size;
    });
    if (form.operands.some((pattern) => pattern === "mfar")) this.#size ||= operands[0]!.size ?? 0;
    if (form.operands.includes("r64") || form.operands.includes("rm64")) this.#size ||= 8;
    if (form.operands.includes("far")) this.#size ||= operands[0]!.size ?? 0;
    if (this.#size === 0) this.#size = form.default64 && this.context.bits === 64 ? 8 : this.#defaultSize;
    return form.operands.every((pattern, index) => this.#fits(pattern, operands[index]!));
  }

  #fits(pattern: string, operand: Operand): boolean {
    const gpr = operand.kind === "register" && operand.register.kind === "gpr";
    switch (pattern) {
      case "rm":
        if (operand.far || this.#size < 2) return false;
        return operand.kind === "memory"
          ? (operand.size ?? this.#size) === this.#size
          : gpr && operand.size === this.#size;
      case "r":
        return gpr && operand.size === this.#size && this.#size > 1;
      case "acc":
        return gpr && operand.register.number === 0 && operand.size! > 1;
      case "al":
      case "cl":
      case "dx":
        return gpr && operand.register.number === ["al", "cl", "dx"].indexOf(pattern) &&
          !operand.register.high &&
          operand.size === (pattern === "dx" ? 2 : 1);
      case "m":
        return operand.kind === "memory";
      case "mfar":
        return operand.kind === "memory" && operand.far;
      case "far":
        return operand.kind === "far";
      case "sreg":
        return operand.kind === "register" && operand.register.kind === "segment";
      case "cr":
        return operand.kind === "register" && operand.register.kind === "control";
      case "dr":
        return operand.kind === "register" && operand.register.kind === "debug";
      case "mm":
        return operand.kind === "register" && operand.register.kind === "mmx";
      case "xmm":
        return operand.kind === "register" && operand.register.kind === "xmm";
      case "xm":
        return operand.kind === "memory" || operand.kind === "register" && operand.register.kind === "xmm";
      case "1":
        return operand.kind === "immediate" && operand.text === "1";
      case "i8":
      case "i16":
        return operand.kind === "immediate";
      case "iz":
        return operand.kind === "immediate" && (operand.size === undefined || operand.size === this.#size);
      case "i64":
        return operand.kind === "immediate" && this.#needs64(operand.text);
      case "s8": {
        if (operand.kind !== "immediate" || (operand.size ?? 1) !== 1) return false;
        const { value, constant } = this.context.evaluate(operand.text);
        return constant && BigInt.asIntN(8, value) === BigInt.asIntN(this.#size * 8, value);
      }
      case "rel8":
        return operand.kind === "immediate" &&
          (operand.short || this.form.opcode[0]! >= 0xe0 && this.form.opcode[0]! <= 0xe3);
      case "relz":
        return operand.kind === "immediate" && !operand.short;
      default: {
        const segment = /^sreg_(..)$/.exec(pattern);
        if (segment !== null) {
          const number = ["es", "cs", "ss", "ds", "fs", "gs"].indexOf(segment[1]!);
          return operand.kind === "register" && operand.register.kind === "segment" &&
            operand.register.number === number;
        }
        const match = /^(rm?)(\d+)$/.exec(pattern)!;
        const bytes = Number(match[2]) / 8;
        if (operand.kind !== "memory") return gpr && operand.size === bytes;
        const byteRegister = this.operands.some((other) => other.kind === "register" && other.size === 1);
        return match[1] === "rm" && (operand.size ?? (bytes > 1 || byteRegister ? bytes : 0)) === bytes;
      }
    }
  }

  #needs64(text: string): boolean {
    const { value, constant } = this.context.evaluate(text);
    return constant && (value > 0x7fffffffn || value < -0x80000000n);
  }

  encode(): number[] {
    const { form, operands, context } = this;
    const tail: number[] = [];
    let opcode = [...form.opcode];
    let rm: Operand | undefined;
    let reg: Register | undefined;
    form.operands.forEach((pattern, index) => {
      const operand = operands[index]!;
      if (/^(rm\d*|m|mfar|xm)$/.test(pattern)) rm = operand;
      else if (operand.kind === "register" && /^(r\d*|cr|dr|sreg|xmm|mm)$/.test(pattern)) {
        // MOV from CR or DR: the general register stands in ModRM.rm.
        const special = form.operands.includes("cr") || form.operands.includes("dr");
        if (special && pattern.startsWith("r")) rm = operand;
        else if (form.modrm !== undefined && form.modrm !== "r") rm = operand;
        else reg = operand.register;
      }
    });
    if (reg !== undefined) this.#noteRegister(reg, form.inOpcode ? 1 : 4);
    if (form.inOpcode) opcode = [...opcode.slice(0, -1), opcode.at(-1)! | (reg!.number & 7)];
    else if (form.modrm !== undefined) {
      const field = form.modrm === "r" ? reg!.number & 7 : form.modrm;
      tail.push(...this.#modrm(rm!, field));
    }
    this.#setOperandSize();
    const head = [...this.#prefixes];
    if (form.prefix !== undefined) head.push(form.prefix);
    if (this.#rex !== 0) {
      if (context.bits !== 64) throw new SyntaxError("Register exists in 64-bit mode only");
      head.push(0x40 | this.#rex & 0xf);
    }
    const before = head.length + opcode.length + tail.length;
    const immediates = this.#immediates(before);
    if (this.#relativeTarget !== undefined) {
      const end = context.address + BigInt(before + immediates.length);
      tail.splice(-4, 4, ...this.#bytes(this.#relativeTarget - end, 4));
    }
    return [...head, ...opcode, ...tail, ...immediates];
  }

  /** Adds what tells the operand size: a prefix or REX.W. */
  #setOperandSize(): void {
    const { operands, size, default64 } = this.form;
    const sized = operands.some((pattern) => /^(rm?|acc|iz|mfar|far|rm?(16|32|64))$/.test(pattern));
    if (size === undefined && !sized) return;
    // Selectors are 16 bits wide, and control and debug registers as wide as the mode, whatever the operand size.
    if (operands.length > 0 && operands.every((pattern) => /^(rm16|sreg|r16)$/.test(pattern))) return;
    if (operands.includes("cr") || operands.includes("dr")) return;
    if (this.#size === 8) {
      if (!default64) this.#rex |= 0x48;
    } else if (this.#size !== this.#defaultSize) this.#prefixes.push(0x66);
  }

  #noteRegister(register: Register, bit: number): void {
    if (register.number >= 8) this.#rex |= 0x40 | bit;
    if (register.needsRex) this.#rex |= 0x40;
  }

  #modrm(operand: Operand, field: number): number[] {
    if (operand.kind === "register") {
      this.#noteRegister(operand.register, 1);
      return [0xc0 | field << 3 | operand.register.number & 7];
    }
    if (operand.kind !== "memory") throw new SyntaxError("Operand is neither register nor memory");
    const { memory } = operand;
    if (memory.segment !== undefined) this.#prefixes.push(SEGMENT_PREFIX[memory.segment.number]!);
    const natural = this.context.bits / 8;
    const size = memory.base?.size ?? memory.index?.size ?? memory.addressSize ?? natural;
    if (size !== natural) this.#prefixes.push(0x67);
    return size === 2 ? this.#modrm16(memory, field) : this.#modrm32(memory, field);
  }

  #displacement(memory: MemoryOperand): { value: bigint; constant: boolean } {
    return memory.displacement === ""
      ? { value: 0n, constant: true }
      : this.context.evaluate(memory.displacement);
  }

  #modrm16(memory: MemoryOperand, field: number): number[] {
    const { value, constant } = this.#displacement(memory);
    const registers = [memory.base, memory.index].filter((register) => register !== undefined);
    const reg = field << 3;
    if (registers.length === 0) return [reg | 6, ...this.#bytes(value, 2)];
    const rm = RM16[registers.map(({ number }) => number).sort().join()];
    if (rm === undefined) throw new SyntaxError("Registers do not make a 16-bit address");
    if (constant && value === 0n && rm !== 6) return [reg | rm];
    if (constant && BigInt.asIntN(8, value) === value) return [0x40 | reg | rm, ...this.#bytes(value, 1)];
    return [0x80 | reg | rm, ...this.#bytes(BigInt.asIntN(16, value), 2)];
  }

  #modrm32(memory: MemoryOperand, field: number): number[] {
    const { value, constant } = this.#displacement(memory);
    const { base, index } = memory;
    const reg = field << 3;
    if (base !== undefined) this.#noteRegister(base, 1);
    if (index !== undefined) this.#noteRegister(index, 2);
    if (memory.relative) {
      this.#relativeTarget = value;
      return [reg | 5, 0, 0, 0, 0];
    }
    if (base === undefined && index === undefined) {
      const wide = this.#bytes(value, 4);
      return this.context.bits === 64 ? [reg | 4, 0x25, ...wide] : [reg | 5, ...wide];
    }
    if (base === undefined) return [reg | 4, this.#sib(memory, 5), ...this.#bytes(value, 4)];
    const sib = index !== undefined || (base.number & 7) === 4;
    const rm = sib ? 4 : base.number & 7;
    const sibByte = sib ? [this.#sib(memory, base.number & 7)] : [];
    if (constant && value === 0n && (base.number & 7) !== 5) return [reg | rm, ...sibByte];
    if (constant && BigInt.asIntN(8, value) === value) {
      return [0x40 | reg | rm, ...sibByte, ...this.#bytes(value, 1)];
    }
    return [0x80 | reg | rm, ...sibByte, ...this.#bytes(value, 4)];
  }

  #sib(memory: MemoryOperand, base: number): number {
    const index = memory.index === undefined ? 4 : memory.index.number & 7;
    return Math.log2(memory.scale) << 6 | index << 3 | base;
  }

  /** Immediates, and the displacement of what is relative to the end of the instruction. */
  #immediates(before: number): number[] {
    const bytes: number[] = [];
    const { operands, context, form } = this;
    form.operands.forEach((pattern, index) => {
      const operand = operands[index]!;
      if (operand.kind === "far") {
        bytes.push(...this.#bytes(context.evaluate(operand.offset).value, this.#size));
        bytes.push(...this.#bytes(context.evaluate(operand.selector).value, 2));
        return;
      }
      if (operand.kind !== "immediate" || pattern === "1") return;
      const { value } = context.evaluate(operand.text);
      if (pattern === "rel8") bytes.push(...this.#relative(value, before, 1));
      else if (pattern === "relz") bytes.push(...this.#relative(value, before, context.bits === 16 ? 2 : 4));
      else if (pattern === "s8") bytes.push(...this.#bytes(BigInt.asIntN(8, value), 1));
      else {
        const size = pattern === "i8"
          ? 1
          : pattern === "i16"
          ? 2
          : pattern === "i64"
          ? 8
          : Math.min(this.#size, 4);
        // A 64-bit operand takes 32 bits that are extended with their sign.
        const fitting = this.#size === 8 && size === 4 ? BigInt.asIntN(32, value) : value;
        bytes.push(...this.#bytes(fitting, size));
      }
    });
    return bytes;
  }

  #relative(target: bigint, before: number, size: number): number[] {
    return this.#bytes(target - this.context.address - BigInt(before + size), size);
  }
}
