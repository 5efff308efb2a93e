/**
 * Registers and memory for an instruction to run on: random, with a preference for values at which something happens.
 *
 * @module
 */

import type { OperandSpec } from "../../kernel/cpu/isa/mod.ts";
import { CodeMode } from "../../kernel/cpu/state.ts";
import { operandBytes } from "../../kernel/cpu/variant.ts";
import { CaseBytes } from "./case_bytes.ts";
import { Case, CASE_LENGTH, DATA, DATA_LENGTH, Fx, PADS, WINDOW, WINDOW_LENGTH } from "./case_layout.ts";
import {
  BIT_INSTRUCTIONS,
  FS_BASE,
  GS_BASE,
  type Instruction,
  type MemoryOperand,
  STACK_INSTRUCTIONS,
} from "./instruction_generator.ts";
import { fillFloat, fillVector, fillX87 } from "./vector_values.ts";

/** IF and the bit that is always one. */
const RFLAGS_BASE = 0x202;
const ARITHMETIC = 0x8d5;
const DIRECTION = 0x400;

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const RSP = 4;
const RBP = 5;
const RSI = 6;
const RDI = 7;

const CONTENT_MATTERS = new Set(["call", "jmp", "ldmxcsr"]);

/** Writes cases. */
export class CaseWriter extends CaseBytes {
  /** Writes case `index` of the batch. */
  write(index: number, instruction: Instruction): void {
    this.at = index * CASE_LENGTH;
    const { random } = this;
    for (let register = 0; register < 16; register++) this.randomize(Case.GPR + register * 8);
    this.set(Case.RFLAGS, RFLAGS_BASE | (random.word() & (ARITHMETIC | (random.once(4) ? DIRECTION : 0))));
    this.set(Case.FS_BASE, FS_BASE);
    this.set(Case.GS_BASE, GS_BASE);
    this.#fillWindow(instruction);
    this.#fillFx(instruction);
    this.#special(instruction);
    const target = this.#address(instruction);
    this.#specialMemory(instruction, target);
    if (instruction.mode !== CodeMode.Bits64) this.#narrow();
  }

  /** Leaves what 32-bit code has: eight registers of 32 bits. */
  #narrow(): void {
    for (let register = 0; register < 16; register++) {
      const at = this.at + Case.GPR + register * 8;
      if (register >= 8) this.view.setInt32(at, 0, true);
      this.view.setInt32(at + 4, 0, true);
    }
  }

  #fillWindow(instruction: Instruction): void {
    const floats = hasVector(instruction) || instruction.form.definition.name === "x87";
    for (let offset = 0; offset < WINDOW_LENGTH; offset += 16) {
      const at = Case.WINDOW + offset;
      if (floats && !this.random.once(3)) fillVector(this.view, this.at + at, this.random);
      else {
        this.randomize(at);
        this.randomize(at + 8);
      }
    }
  }

  #fillFx(instruction: Instruction): void {
    const at = this.at + Case.FX;
    this.bytes.fill(0, at, at + 512);
    const places = instruction.form.operands.map((o) => o.place);
    const { name } = instruction.form.definition;
    const x87 = name === "x87" || name === "fwait";
    fillX87(
      this.view,
      at,
      this.random,
      x87 ? "x87" : places.some((p) => p.startsWith("mmx")) ? "mmx" : "none",
    );
    fillFloat(this.view, at, this.random);
    if (!hasVector(instruction) && name !== "ldmxcsr" && name !== "stmxcsr") return;
    for (let register = 0; register < 16; register++) {
      const to = at + Fx.XMM0 + register * 16;
      if (register > 0 && this.random.once(8)) this.bytes.copyWithin(to, to - 16, to);
      else fillVector(this.view, to, this.random);
    }
  }

  /** What makes an instruction do something worth looking at, as far as registers go. */
  #special(instruction: Instruction): void {
    const { random } = this;
    const { form } = instruction;
    const { name } = form.definition;
    if (STACK_INSTRUCTIONS.has(name)) {
      this.setGpr(RSP, WINDOW + 96 + (random.once(4) ? random.below(64) : random.below(8) * 8));
      if (random.once(2) || name === "leave" || name === "enter") {
        this.setGpr(RBP, WINDOW + 128 + random.below(64));
      }
    }
    switch (name) {
      case "shld":
      case "shrd":
        // With 16 bits more than 16 places are undefined.
        if (instruction.operandSize === 2) this.setGpr(RCX, random.below(17) + 32 * random.below(8));
        return;
      case "div":
      case "idiv":
        if (!random.once(4)) this.#smallDividend(instruction);
        return;
      case "cmpxchg":
        if (instruction.rm >= 0 && random.once(2)) this.copyGpr(RAX, instruction.rm);
        return;
      case "bt":
      case "bts":
      case "btr":
      case "btc":
        if (instruction.register >= 0) this.#bitOffset(instruction);
        return;
      case "loop":
      case "jcxz":
        if (!random.once(4)) this.setGpr(RCX, random.below(3) * random.pick([1, 1, 0x1_0000_0000]));
        return;
      case "movs":
      case "stos":
      case "lods":
      case "cmps":
      case "scas":
      case "ins":
      case "outs":
        return this.#string(instruction);
      case "xlat":
        this.setGpr(RBX, this.#inAddress(instruction, WINDOW - random.below(64)));
        return;
      case "maskmovdqu":
      case "maskmovq":
        this.setGpr(RDI, this.#inAddress(instruction, WINDOW + random.below(WINDOW_LENGTH - 16)));
        return;
      case "call":
      case "jmp":
        if (instruction.rm >= 0) this.setGpr(instruction.rm, this.#jumpTarget());
        return;
      case "ret":
        return this.#returnAddress();
      case "popf":
        return this.#poppedFlags();
    }
  }

  /** RDX:RAX such that the quotient fits more often than not. */
  #smallDividend(instruction: Instruction): void {
    const { random } = this;
    const sign = random.once(2) && instruction.form.definition.name === "idiv" ? -1 : 0;
    this.set(
      Case.GPR + RDX * 8,
      sign === 0 ? random.below(random.pick([1, 1, 16, 0x10000])) : -1 - random.below(2),
    );
  }

  /** In memory a bit offset reaches far: it stays within the window's pages, or goes where nothing is. */
  #bitOffset(instruction: Instruction): void {
    const { random } = this;
    const within = random.below(0x1000) - 0x800;
    const at = Case.GPR + instruction.register * 8;
    this.set(at, within);
    // What is above the operand size does not count.
    if (instruction.operandSize < 8) this.view.setInt32(this.at + at + 4, random.word(), true);
    if (instruction.operandSize === 2) this.view.setInt16(this.at + at + 2, random.word(), true);
    else if (random.once(64)) this.view.setInt32(this.at + at, 0x4000_0000, true);
  }

  /** An offset as the instruction's segment and address size want it, for a linear address. */
  #inAddress(instruction: Instruction, linear: number): number {
    const segmentBase = instruction.bytes.includes(0x64)
      ? FS_BASE
      : instruction.bytes.includes(0x65)
      ? GS_BASE
      : 0;
    const offset = linear - segmentBase;
    if (instruction.addressSize === 8) return offset;
    return (offset >>> 0) + 0x1_0000_0000 * this.random.below(0x10000);
  }

  #string(instruction: Instruction): void {
    const { random } = this;
    const place = () => WINDOW + 64 + random.below(WINDOW_LENGTH - 128);
    const prefixes = instruction.bytes.subarray(0, instruction.bytes.length - 1);
    const segmentBase = prefixes.includes(0x64) ? FS_BASE : prefixes.includes(0x65) ? GS_BASE : 0;
    const long = instruction.repeat !== 0 && random.once(6);
    const from = place() - segmentBase;
    const to = place();
    const upper = () => instruction.addressSize === 8 ? 0 : 0x1_0000_0000 * random.below(0x10000);
    this.setGpr(RSI, instruction.addressSize === 8 ? from : (from >>> 0) + upper());
    this.setGpr(RDI, to + upper());
    // Whether a count of zero lets a program without permission pass INS and OUTS is up to the model.
    const least = /^(ins|outs)$/.test(instruction.form.definition.name) ? 1 : 0;
    this.setGpr(RCX, random.below(long ? 400 : 12) + least + upper());
    if (random.once(16)) this.setGpr(RDI, DATA - 4 + random.below(8) + upper());
  }

  #returnAddress(): void {
    const stack = this.view.getInt32(this.at + Case.GPR + RSP * 8, true);
    this.setMemory(stack, this.#jumpTarget());
  }

  /** A pad, or once in a while an address that is not canonical. */
  #jumpTarget(): number {
    return this.random.pick(PADS) + (this.random.once(50) ? 2 ** 51 : 0);
  }

  /** No trap, alignment check or nested task among the flags. */
  #poppedFlags(): void {
    const stack = this.view.getInt32(this.at + Case.GPR + RSP * 8, true);
    const offset = Case.WINDOW + stack - WINDOW;
    const flags = this.view.getInt32(this.at + offset, true);
    this.view.setInt32(this.at + offset, flags & ~0x7_4100, true);
  }

  /** Makes the memory operand's address lie in the window; gives it. */
  #address(instruction: Instruction): number {
    const { memory } = instruction;
    if (memory === undefined || memory.short === true) return -1;
    const target = this.#addressWithin(instruction, memory);
    return memory.fixed === undefined && this.#wild(instruction) ? -1 : target;
  }

  #addressWithin(instruction: Instruction, memory: MemoryOperand): number {
    const { random } = this;
    const { addressSize } = instruction;
    if (memory.fixed !== undefined) {
      const offset = memory.index < 0 ? 0 : random.below(5) - 2;
      if (memory.index >= 0) this.setGpr(memory.index, addressSize === 8 ? offset : offset >>> 0);
      return memory.fixed + memory.segmentBase + offset * (1 << memory.scale);
    }
    const size = memoryBytes(instruction);
    const place = 16 + random.below(WINDOW_LENGTH - 32 - size);
    let target = WINDOW + (size === 16 && !random.once(12) ? place & ~15 : place);
    // Sometimes at the end of what is there, or beyond.
    if (random.once(100) && this.#faultsShow(instruction)) {
      target = DATA + DATA_LENGTH + random.below(32) - 16;
    }
    const offset = target - memory.segmentBase - memory.displacement;
    const scale = 1 << memory.scale;
    if (memory.index === memory.base) {
      const value = Math.floor((addressSize === 8 ? offset : offset >>> 0) / (1 + scale));
      this.setGpr(memory.base, value);
      return target - (offset - value * (1 + scale));
    }
    const index = memory.index < 0 ? 0 : random.below(64) - 32;
    const base = offset - index * scale;
    if (addressSize === 8) {
      if (memory.index >= 0) this.setGpr(memory.index, index);
      this.setGpr(memory.base, base);
    } else {
      if (memory.index >= 0) this.setGpr(memory.index, (index >>> 0) + 0x1_0000_0000 * random.below(0x10000));
      this.setGpr(memory.base, (base >>> 0) + 0x1_0000_0000 * random.below(0x10000));
    }
    return target;
  }

  /** Whether a fault of the operand is the first thing to happen. Where an exception of the x87 is unmasked, it can come before that of a store's address. */
  #faultsShow({ form }: Instruction): boolean {
    // What lies there is no place to jump to, and no MXCSR.
    if (CONTENT_MATTERS.has(form.definition.name)) return false;
    return form.definition.name !== "x87" || (this.view.getUint8(this.at + Case.FX) & 0x3f) === 0x3f;
  }

  /** Once in a while, gives the base register an address that is not canonical. */
  #wild(instruction: Instruction): boolean {
    const { random } = this;
    const { form, memory, addressSize } = instruction;
    const { name } = form.definition;
    if (addressSize !== 8 || STACK_INSTRUCTIONS.has(name) || BIT_INSTRUCTIONS.has(name)) return false;
    if (!random.once(100) || !this.#faultsShow(instruction)) return false;
    this.view.setInt32(
      this.at + Case.GPR + memory!.base * 8 + 4,
      random.pick([0x8000_0000, 0x70_0000]),
      true,
    );
    return true;
  }

  /** What matters about memory once its address is known. */
  #specialMemory(instruction: Instruction, target: number): void {
    if (target < WINDOW || target > WINDOW + WINDOW_LENGTH - 16) return;
    const { random } = this;
    const { form } = instruction;
    switch (form.definition.name) {
      case "call":
      case "jmp":
        this.setMemory(target, this.#jumpTarget());
        return;
      case "cmpxchg":
        if (random.once(2)) this.copyMemory(target, RAX);
        return;
      case "cmpxchg8b":
      case "cmpxchg16b": {
        if (random.once(3)) return;
        const half = form.definition.name === "cmpxchg8b" ? 4 : 8;
        this.copyMemory(target, RAX);
        const from = this.at + Case.GPR + RDX * 8;
        this.bytes.copyWithin(this.at + Case.WINDOW + target - WINDOW + half, from, from + half);
        return;
      }
      case "ldmxcsr":
        this.setMemory(target, random.word() & (random.once(4) ? 0x1ffff : 0xffff));
        return;
      case "x87":
        // FLDCW.
        if ((instruction.bytes.at(-1)! & 0) === 0 && random.once(4)) this.setMemory(target, 0x37f);
    }
  }
}

function hasVector(instruction: Instruction): boolean {
  return instruction.form.operands.some((o) => /^(xmm|mmx)/.test(o.place));
}

/** Bytes of the memory operand; 16 where it has no size of its own. */
function memoryBytes({ form, operandSize }: Instruction): number {
  const spec = form.operands.find((o: OperandSpec) =>
    o.place === "rm" || o.place === "memory" || o.place.endsWith("-rm")
  );
  if (spec === undefined || spec.size === 0) return 16;
  return operandBytes(spec, operandSize);
}
