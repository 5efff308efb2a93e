/**
 * Machine code of a sequence under construction: labels, and which flags are undefined where.
 *
 * @module
 */

import { Flag } from "../../kernel/cpu/state.ts";
import { conditionFlags, flagsRead, undefinedBehind } from "./flag_dependencies.ts";
import type { Instruction } from "./instruction_generator.ts";
import type { Random } from "./random.ts";

/** A place that jumps lead to. */
export interface Label {
  address: number | undefined;
}

/** Bytes that tell where a label is, once that is known. */
interface Fixup {
  readonly at: number;
  /** 1 or 4 bytes from the place behind them, or 8 bytes of address. */
  readonly size: 1 | 4 | 8;
  readonly label: Label;
}

/** Undefined where paths may meet: what logic and shifts leave. */
const UNDEFINED_AT_LABELS = Flag.AF | Flag.OF;

/** Condition of a jump that is always taken, beside those of Jcc. */
export const ALWAYS = 16;

/** General registers that sequences use as they like. The others point to memory or count. */
export const FREE: readonly number[] = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11];

/** Code under construction. */
export class SequenceCode {
  readonly bytes: number[] = [];
  readonly #fixups: Fixup[] = [];
  #undefined = UNDEFINED_AT_LABELS;
  /** Flags that are undefined before the instruction at an address. */
  readonly undefinedAt = new Map<number, number>();
  /** Instructions that can be left out: offset, and length. */
  readonly removable: (readonly [offset: number, length: number])[] = [];

  constructor(readonly start: number, private readonly random: Random) {}

  get here(): number {
    return this.start + this.bytes.length;
  }

  #instruction(bytes: readonly number[]): void {
    this.undefinedAt.set(this.here, this.#undefined);
    this.bytes.push(...bytes);
  }

  /** An instruction that neither reads nor writes flags. */
  plain(...bytes: number[]): void {
    this.#instruction(bytes);
  }

  /** An instruction that leaves all flags defined. */
  defining(...bytes: number[]): void {
    this.#instruction(bytes);
    this.#undefined = 0;
  }

  /** Makes flags that an instruction reads defined. */
  defineFor(instruction: Instruction): void {
    if ((flagsRead(instruction) & this.#undefined) !== 0) this.define();
  }

  /** A generated instruction; its bytes may have been made for its address. */
  generated(instruction: Instruction, bytes: readonly number[] = [...instruction.bytes]): void {
    this.#instruction(bytes);
    this.#undefined = undefinedBehind(instruction, this.#undefined);
  }

  /** Makes all flags defined: CMP of two registers. */
  define(): void {
    const [a, b] = [this.random.pick(FREE), this.random.pick(FREE)];
    this.defining(0x48 | (a >> 3) | (b >> 3) << 2, 0x39, 0xc0 | (a & 7) | (b & 7) << 3);
  }

  /** Code that can be left out when a difference is looked for closer. */
  removing(body: () => void): void {
    const offset = this.bytes.length;
    body();
    this.removable.push([offset, this.bytes.length - offset]);
  }

  // Control flow.

  /** The flags are such as they may be where paths meet. */
  meet(): void {
    if ((this.#undefined & ~UNDEFINED_AT_LABELS) !== 0) this.define();
  }

  /** `label` is here. */
  place(label: Label): void {
    this.meet();
    label.address = this.here;
    this.#undefined = UNDEFINED_AT_LABELS;
  }

  /** A condition whose flags are defined. */
  condition(): number {
    this.meet();
    for (;;) {
      const condition = this.random.below(16);
      if ((conditionFlags(condition) & this.#undefined) === 0) return condition;
    }
  }

  /** Jcc or JMP. */
  jump(condition: number, label: Label, short = false): void {
    this.meet();
    const always = condition === ALWAYS;
    if (short) this.#instruction([always ? 0xeb : 0x70 + condition, 0]);
    else this.#instruction([...(always ? [0xe9] : [0x0f, 0x80 + condition]), 0, 0, 0, 0]);
    this.#fixups.push({ at: this.bytes.length - (short ? 1 : 4), size: short ? 1 : 4, label });
  }

  /** LOOP. */
  loop(label: Label): void {
    this.meet();
    this.#instruction([0xe2, 0]);
    this.#fixups.push({ at: this.bytes.length - 1, size: 1, label });
  }

  /** An instruction that ends with four bytes of distance to a label. */
  relative(label: Label, ...bytes: number[]): void {
    this.#instruction([...bytes, 0, 0, 0, 0]);
    this.#fixups.push({ at: this.bytes.length - 4, size: 4, label });
  }

  /** A jump out of the sequence. */
  leave(address: number): void {
    this.relative({ address }, 0xe9);
    this.undefinedAt.set(address, this.#undefined);
  }

  /** CALL has come back. */
  called(): void {
    this.#undefined = UNDEFINED_AT_LABELS;
  }

  /** Addresses, as data. */
  table(labels: readonly Label[]): void {
    for (const label of labels) {
      this.#fixups.push({ at: this.bytes.length, size: 8, label });
      this.bytes.push(0, 0, 0, 0, 0, 0, 0, 0);
    }
  }

  /** Sets distances and addresses. Whether all reach. */
  link(): boolean {
    for (const { at, size, label } of this.#fixups) {
      if (label.address === undefined) throw new Error("A label is nowhere");
      const value = size === 8 ? label.address : label.address - (this.start + at + size);
      if (size === 1 && value !== (value << 24) >> 24) return false;
      for (let byte = 0; byte < Math.min(size, 4); byte++) {
        this.bytes[at + byte] = (value >> (byte * 8)) & 0xff;
      }
    }
    return true;
  }
}
