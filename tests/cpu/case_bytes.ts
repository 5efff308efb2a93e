/**
 * The bytes of one case under construction, and integers at which something happens.
 *
 * @module
 */

import { Case, WINDOW } from "./case_layout.ts";
import type { Random } from "./random.ts";

/** Interesting low words; the sign extends them half of the time. */
const CORNERS = [
  0,
  1,
  2,
  -1,
  -2,
  0x7f,
  0x80,
  0xff,
  0x7fff,
  0x8000,
  0xffff,
  0x7fffffff,
  0x80000000,
  0x80000001,
];

/** One case of a batch. */
export abstract class CaseBytes {
  protected readonly view: DataView;
  /** Where the case starts. */
  protected at = 0;

  constructor(protected readonly bytes: Uint8Array, protected readonly random: Random) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Sets 64 bits to a number that fits into 53. */
  protected set(offset: number, value: number): void {
    this.view.setInt32(this.at + offset, value | 0, true);
    this.view.setInt32(this.at + offset + 4, Math.floor(value / 0x1_0000_0000) | 0, true);
  }

  protected setGpr(register: number, value: number): void {
    this.set(Case.GPR + register * 8, value);
  }

  /** Sets 64 bits at a linear address in the window. */
  protected setMemory(address: number, value: number): void {
    this.set(Case.WINDOW + address - WINDOW, value);
  }

  protected randomize(offset: number): void {
    const { random } = this;
    const view = this.view;
    const at = this.at + offset;
    let low = random.word();
    let high = random.word();
    switch (random.below(8)) {
      case 0:
      case 1:
        low = random.pick(CORNERS) | 0;
        if (!random.once(3)) high = low >> 31;
        break;
      case 2: {
        const bit = random.below(64);
        low = bit < 32 ? 1 << bit : 0;
        high = bit < 32 ? 0 : 1 << (bit - 32);
        if (random.once(2)) {
          low--;
          if (low === -1) high--;
        }
        break;
      }
      case 3:
        low = random.below(80);
        if (!random.once(3)) high = 0;
        break;
      case 4:
        low = random.pick([0, 0, -1]);
        high = random.pick([0x80000000, 0x7fffffff, -1, 0, 1]);
        break;
    }
    view.setInt32(at, low, true);
    view.setInt32(at + 4, high, true);
  }

  protected copyGpr(to: number, from: number): void {
    const at = this.at + Case.GPR;
    this.bytes.copyWithin(at + to * 8, at + from * 8, at + from * 8 + 8);
  }

  protected copyMemory(target: number, register: number): void {
    const from = this.at + Case.GPR + register * 8;
    this.bytes.copyWithin(this.at + Case.WINDOW + target - WINDOW, from, from + 8);
  }
}
