/**
 * Registers and memory for a sequence to run on.
 *
 * @module
 */

import { CaseBytes } from "./case_bytes.ts";
import { Case, CASE_LENGTH, DATA, DATA_LENGTH, Fx, WINDOW, WINDOW_LENGTH } from "./case_layout.ts";
import { FS_BASE, GS_BASE } from "./instruction_generator.ts";
import { fillFloat, fillVector, fillX87 } from "./vector_values.ts";

/** IF and the bit that is always one. */
const RFLAGS_BASE = 0x202;
const ARITHMETIC = 0x8d5;
const DIRECTION = 0x400;

const RSP = 4;
const R12 = 12;
/** Apart from what R12 points to. */
const STACK = DATA + 0x3800;

/** Writes cases for sequences. */
export class SequenceCaseWriter extends CaseBytes {
  /** Writes case `index` of the batch. */
  write(index: number): void {
    this.at = index * CASE_LENGTH;
    const { random } = this;
    for (let register = 0; register < 16; register++) this.randomize(Case.GPR + register * 8);
    this.setGpr(RSP, STACK + (random.once(8) ? random.below(8) : 0));
    this.setGpr(R12, this.#pointer());
    this.set(Case.RFLAGS, RFLAGS_BASE | (random.word() & (ARITHMETIC | (random.once(4) ? DIRECTION : 0))));
    this.set(Case.FS_BASE, FS_BASE);
    this.set(Case.GS_BASE, GS_BASE);
    for (let offset = 0; offset < WINDOW_LENGTH; offset += 16) {
      if (random.once(2)) fillVector(this.view, this.at + Case.WINDOW + offset, random);
      else {
        this.randomize(Case.WINDOW + offset);
        this.randomize(Case.WINDOW + offset + 8);
      }
    }
    const fx = this.at + Case.FX;
    this.bytes.fill(0, fx, fx + 512);
    fillX87(this.view, fx, random, random.pick(["none", "mmx", "x87"] as const));
    fillFloat(this.view, fx, random);
    for (let register = 0; register < 16; register++) {
      fillVector(this.view, fx + Fx.XMM0 + register * 16, random);
    }
  }

  /** Into the window; or so near to where memory ends that the first accesses succeed and others do not. */
  #pointer(): number {
    const { random } = this;
    switch (random.below(10)) {
      case 0:
        return DATA + DATA_LENGTH - random.below(160);
      case 1:
        return DATA + random.below(64);
      case 2:
        return WINDOW + 64 + random.below(16);
      default:
        return WINDOW + 64;
    }
  }
}
