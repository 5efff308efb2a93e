/**
 * Sequences of instructions with loops, conditions, calls and tables of addresses: random, but sure to end.
 *
 * R12 points to memory, R13 to R15 count loops; all else is random.
 *
 * @module
 */

import { forms } from "../../kernel/cpu/isa/mod.ts";
import { CodeMode } from "../../kernel/cpu/state.ts";
import { INSTRUCTION, PADS, TEST } from "./case_layout.ts";
import type { Instruction } from "./instruction_generator.ts";
import type { Random } from "./random.ts";
import { ALWAYS, FREE, type Label, SequenceCode } from "./sequence_code.ts";
import { addBesideCode, addInstruction, addOverwritten, addString, setTo } from "./sequence_instructions.ts";

/** Code that starts at `INSTRUCTION` with a jump to `start`, and ends at the last pad. */
export interface Sequence {
  /** The jump. */
  readonly entry: Instruction;
  readonly start: number;
  readonly bytes: Uint8Array;
  readonly undefinedAt: ReadonlyMap<number, number>;
  readonly removable: readonly (readonly [offset: number, length: number])[];
}

/** Where a statement stands. */
interface Place {
  /** Loops around it, in the same function, from the outermost. */
  readonly loops: readonly { readonly next: Label; readonly end: Label }[];
  /** Number of the function; -1: none. */
  readonly function: number;
  /** Something lies on the stack that must be taken off again. */
  readonly pushed: boolean;
}

const FIRST_COUNTER = 13;
const COUNTERS = 3;
const FUNCTIONS = 3;
const RCX = 1;
const NOT_ZERO = 5;
const LESS = 12;
/** Longest code, so that it ends before the last pad even if it starts at the end of a page. */
const LONGEST = 0x300;

const ENTRY = {
  form: forms.find((form) => form.text.startsWith("E9"))!,
  mode: CodeMode.Bits64,
  operandSize: 8,
  addressSize: 8,
  register: -1,
  rm: -1,
  repeat: 0,
};

/** Opcodes of register and memory: ADD, SUB and CMP both ways, which define all flags; MOV and XCHG. */
const DEFINING = [0x01, 0x03, 0x29, 0x2b, 0x39, 0x3b];
const MOVING = [0x89, 0x8b, 0x87];

/** Makes a sequence. `undefined`: what came out is too long, or a short jump does not reach. */
export function generateSequence(random: Random): Sequence | undefined {
  // Once in a while it crosses into the next page.
  const start = TEST + (random.once(6) ? 0xf00 + random.below(0xf0) : 0x880 + random.below(64));
  return new SequenceGenerator(start, random).generate();
}

class SequenceGenerator {
  readonly #code: SequenceCode;
  readonly #end: Label = { address: undefined };
  readonly #functions: readonly { readonly label: Label; readonly arguments: number }[];
  readonly #tables: { readonly label: Label; readonly targets: readonly Label[] }[] = [];
  #left: number;

  constructor(start: number, private readonly random: Random) {
    this.#code = new SequenceCode(start, random);
    this.#functions = Array.from({ length: FUNCTIONS }, () => ({
      label: { address: undefined },
      arguments: random.below(3),
    }));
    this.#left = 3 + random.below(20);
  }

  generate(): Sequence | undefined {
    const { random } = this;
    const code = this.#code;
    while (this.#left > 0) this.#statement({ loops: [], function: -1, pushed: false });
    code.place(this.#end);
    code.leave(PADS[2]);
    for (const [index, { label }] of this.#functions.entries()) {
      code.place(label);
      this.#left = 4;
      this.#statements(random.below(4), { loops: [], function: index, pushed: false });
      this.#return(index);
    }
    for (const { label, targets } of this.#tables) {
      label.address = code.here;
      code.table(targets);
    }
    if (!code.link() || code.bytes.length > LONGEST) return undefined;
    const distance = code.start - (INSTRUCTION + 5);
    return {
      entry: { ...ENTRY, bytes: Uint8Array.of(0xe9, distance & 0xff, distance >> 8, 0, 0) },
      start: code.start,
      bytes: Uint8Array.from(code.bytes),
      undefinedAt: code.undefinedAt,
      removable: code.removable,
    };
  }

  #statements(count: number, place: Place): void {
    for (let index = 0; index < count; index++) this.#statement(place);
  }

  #statement(place: Place): void {
    const { random } = this;
    if (this.#left-- <= 0) return addInstruction(this.#code, random);
    switch (random.below(30)) {
      case 0:
      case 1:
      case 2:
        return this.#if(place);
      case 3:
        return this.#ifElse(place);
      case 4:
      case 5:
      case 6:
        return place.loops.length < COUNTERS && place.function < 0
          ? this.#loop(place)
          : addInstruction(this.#code, random);
      case 7:
        return this.#countedByLoop(place);
      case 8:
        return this.#pushed(place);
      case 9:
        return this.#flagsPushed(place);
      case 10:
      case 11:
        return this.#call(place);
      case 12:
        return this.#switch(place);
      case 13:
        return addString(this.#code, random);
      case 14:
        return this.#leave(place);
      case 15:
      case 16:
        return this.#indexed(place);
      case 17:
        return addBesideCode(this.#code, random);
      case 18:
        // Code that is often overwritten is no more compiled.
        if (!random.once(3)) return addInstruction(this.#code, random);
        return addOverwritten(this.#code, random, () => this.#statements(random.below(2), place));
      default:
        return addInstruction(this.#code, random);
    }
  }

  #if(place: Place): void {
    const code = this.#code;
    const behind: Label = { address: undefined };
    code.jump(code.condition(), behind, this.random.once(2));
    this.#statements(1 + this.random.below(3), place);
    code.place(behind);
  }

  #ifElse(place: Place): void {
    const code = this.#code;
    const otherwise: Label = { address: undefined };
    const behind: Label = { address: undefined };
    code.jump(code.condition(), otherwise);
    this.#statements(this.random.below(3), place);
    code.jump(ALWAYS, behind, this.random.once(2));
    code.place(otherwise);
    this.#statements(this.random.below(3), place);
    code.place(behind);
  }

  #loop(place: Place): void {
    const { random } = this;
    const code = this.#code;
    const counter = FIRST_COUNTER + place.loops.length;
    const [start, middle, next, end]: Label[] = Array.from({ length: 4 }, () => ({ address: undefined })) as [
      Label,
      Label,
      Label,
      Label,
    ];
    const times = 1 + random.below(4);
    const up = random.once(3);
    setTo(code, counter, up ? 0 : times);
    const entry = random.below(5);
    // Into the middle of the loop: then it has two entries. Or to its test.
    if (entry === 0) code.jump(code.condition(), middle!);
    else if (entry === 1) code.jump(ALWAYS, next!);
    const inside = { ...place, loops: [...place.loops, { next: next!, end: end! }] };
    code.place(start!);
    this.#statements(random.below(4), inside);
    code.place(middle!);
    this.#statements(1 + random.below(2), inside);
    code.place(next!);
    const low = counter & 7;
    if (up) {
      code.plain(0x49, 0xff, 0xc0 | low); // inc
      code.defining(0x49, 0x83, 0xf8 | low, times); // cmp
      code.jump(LESS, start!);
    } else {
      // DEC of 32 bits, or SUB of 64.
      if (random.once(2)) code.plain(0x41, 0xff, 0xc8 | low);
      else code.plain(0x49, 0x83, 0xe8 | low, 1);
      // What jumped here first has counted zero: from there it would count for long.
      code.jump(entry === 1 || random.once(2) ? 15 : NOT_ZERO, start!);
    }
    code.place(end!);
  }

  /** LOOP, with RCX on the stack meanwhile. */
  #countedByLoop(place: Place): void {
    const { random } = this;
    const code = this.#code;
    const start: Label = { address: undefined };
    setTo(code, RCX, 1 + random.below(3));
    code.place(start);
    code.plain(0x51);
    this.#statements(1 + random.below(2), { ...place, pushed: true });
    code.plain(0x59);
    code.loop(start);
  }

  #pushed(place: Place): void {
    const { random } = this;
    const code = this.#code;
    const count = 1 + random.below(3);
    const move = (opcode: number) => {
      for (let index = 0; index < count; index++) {
        const register = random.pick(FREE);
        code.plain(0x40 | (register >> 3), opcode | (register & 7));
      }
    };
    move(0x50);
    this.#statements(random.below(3), { ...place, pushed: true });
    move(0x58);
  }

  #flagsPushed(place: Place): void {
    const code = this.#code;
    code.define();
    code.plain(0x9c);
    this.#statements(this.random.below(3), { ...place, pushed: true });
    code.defining(0x9d);
  }

  #call(place: Place): void {
    const { random } = this;
    const code = this.#code;
    const number = place.function + 1 + random.below(FUNCTIONS);
    const callee = this.#functions[number];
    if (callee === undefined) return addInstruction(code, random);
    for (let index = 0; index < callee.arguments; index++) code.plain(0x50 | random.below(4));
    code.meet();
    const register = random.pick(FREE);
    const [high, low] = [register >> 3, register & 7];
    const kind = random.below(4);
    if (kind < 2) code.relative(callee.label, 0xe8);
    else {
      code.relative(callee.label, 0x48 | high << 2, 0x8d, 0x05 | low << 3); // lea register, [rip + ...]
      if (kind === 2) code.plain(0x40 | high, 0xff, 0xd0 | low);
      else {
        code.plain(0x49 | high << 2, 0x89, 0x44 | low << 3, 0x24, 0x10); // mov [r12 + 16], register
        code.plain(0x41, 0xff, 0x54, 0x24, 0x10); // call [r12 + 16]
      }
    }
    code.called();
  }

  #return(number: number): void {
    const code = this.#code;
    const { arguments: count } = this.#functions[number]!;
    code.meet();
    if (count === 0) code.plain(0xc3);
    else code.plain(0xc2, count * 8, 0);
  }

  /** A jump to one of two or four places. */
  #switch(place: Place): void {
    const { random } = this;
    const code = this.#code;
    const targets = Array.from({ length: 2 << random.below(2) }, (): Label => ({ address: undefined }));
    const label: Label = { address: undefined };
    const behind: Label = { address: undefined };
    this.#tables.push({ label, targets });
    const [index, table] = [0, 2].map((offset) => FREE[random.below(2) + offset]!) as [number, number];
    code.plain(0x83, 0xe0 | index, targets.length - 1); // and index, ...
    code.define();
    code.relative(label, 0x48, 0x8d, 0x05 | table << 3); // lea table, [rip + ...]
    const sib = 0xc0 | index << 3 | table;
    if (random.once(2)) code.plain(0xff, 0x24, sib); // jmp [table + index * 8]
    else {
      code.plain(0x48, 0x8b, 0x04 | table << 3, sib); // mov table, [table + index * 8]
      code.plain(0xff, 0xe0 | table); // jmp table
    }
    for (const target of targets) {
      code.place(target);
      this.#statements(random.below(2), place);
      // The last goes on.
      if (target !== targets.at(-1)) code.jump(ALWAYS, behind);
    }
    code.place(behind);
  }

  /** Out of a loop, to its next round, out of the function or of everything, on a condition. */
  #leave(place: Place): void {
    const { random } = this;
    const code = this.#code;
    if (place.pushed) return addInstruction(code, random);
    const around = place.loops.length === 0 ? undefined : random.pick(place.loops);
    if (around !== undefined && !random.once(4)) {
      return code.jump(code.condition(), random.once(2) ? around.next : around.end);
    }
    if (place.function < 0) return code.jump(code.condition(), this.#end);
    const behind: Label = { address: undefined };
    code.jump(code.condition(), behind, true);
    this.#return(place.function);
    code.place(behind);
  }

  /** Memory at an address that moves with a loop's counter. */
  #indexed(place: Place): void {
    const { random } = this;
    const code = this.#code;
    const register = random.pick(FREE);
    const depth = place.loops.length;
    const operation = random.pick(random.once(2) ? MOVING : DEFINING);
    const index = depth === 0 ? 4 : (FIRST_COUNTER + random.below(depth)) & 7;
    const rex = 0x49 | (register >> 3) << 2 | (depth === 0 ? 0 : 2);
    const sib = (random.below(2) + 2) << 6 | index << 3 | 4;
    const bytes = [rex, operation, 0x44 | (register & 7) << 3, sib, random.below(64)];
    if (DEFINING.includes(operation)) code.defining(...bytes);
    else code.plain(...bytes);
  }
}
