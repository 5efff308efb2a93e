/**
 * One 8259A programmable interrupt controller, by the Intel data sheet 231468.
 *
 * `pic.ts` wires two of them into the pair that a PC has.
 *
 * @module
 */

import type { StateFields } from "../abi/state.ts";
import { booleanField, integerField } from "./saved_fields.ts";

/** Port offset 0: D4 tells an ICW1 from an OCW2 or OCW3, D3 an OCW3 from an OCW2. */
const ICW1_SELECT = 0x10;
const OCW3_SELECT = 0x08;

const ICW1_IC4 = 0x01;
const ICW1_SNGL = 0x02;
const ICW1_LTIM = 0x08;

const ICW4_AEOI = 0x02;
const ICW4_SFNM = 0x10;

const OCW2_EOI = 0x20;
const OCW2_SL = 0x40;
const OCW2_R = 0x80;

const OCW3_RIS = 0x01;
const OCW3_RR = 0x02;
const OCW3_P = 0x04;
const OCW3_SMM = 0x20;
const OCW3_ESMM = 0x40;

/** Bit 7 of the poll word: there is an interrupt. */
const POLL_INTERRUPT = 0x80;

/** IR level that an acknowledge without a request answers with ("default IR7"). */
const SPURIOUS = 7;

/** A single 8259A. */
export class I8259A {
  /** IR input that a slave's INT is wired to, or -1: special fully nested mode concerns that input. */
  readonly #cascade: number;
  /** ELCR bits that can be set; the others stay edge-triggered. */
  readonly #elcrWritable: number;

  /** Levels of the IR inputs. */
  #lines = 0;
  /** Edge sense latches: a low-to-high transition has been seen, and no acknowledge or fall since. */
  #edges = 0;
  #isr = 0;
  #imr = 0;
  #elcr = 0;
  #icw1 = 0;
  #icw2 = 0;
  #icw3 = 0;
  #icw4 = 0;
  /** ICW that the next write to port offset 1 is: 2, 3 or 4; 0 outside initialization. */
  #nextIcw = 0;
  /** IR input that has the lowest priority. */
  #lowest = 7;
  #specialMask = false;
  #rotateOnAutoEoi = false;
  #readIsr = false;
  #poll = false;
  #output = false;

  constructor(cascade: number, elcrWritable: number) {
    this.#cascade = cascade;
    this.#elcrWritable = elcrWritable;
    this.reset();
  }

  /** Level of the INT output. */
  get output(): boolean {
    return this.#output;
  }

  /** Edge/level control register of the PC's chip sets: a set bit makes its input level-triggered. */
  get elcr(): number {
    return this.#elcr;
  }

  set elcr(value: number) {
    this.#elcr = value & this.#elcrWritable;
    this.#update();
  }

  /** Whether the next read is a poll, which acknowledges. */
  get polled(): boolean {
    return this.#poll;
  }

  /**
   * Power-on state. The data sheet leaves it open; everything masked harms no guest. The inputs stay as
   * they are driven.
   */
  reset(): void {
    this.#edges = 0;
    this.#isr = 0;
    this.#imr = 0xff;
    this.#elcr = 0;
    this.#icw1 = 0;
    this.#icw2 = 0;
    this.#icw3 = 0;
    this.#icw4 = 0;
    this.#nextIcw = 0;
    this.#lowest = 7;
    this.#specialMask = false;
    this.#rotateOnAutoEoi = false;
    this.#readIsr = false;
    this.#poll = false;
    this.#update();
  }

  /**
   * Drives an IR input. A request needs its input high until the acknowledge, in edge mode too: where
   * it falls earlier, the acknowledge finds the default IR7.
   */
  setLine(ir: number, level: boolean): void {
    const bit = 1 << ir;
    if (((this.#lines & bit) !== 0) === level) return;
    if (level) {
      this.#lines |= bit;
      this.#edges |= bit;
    } else {
      this.#lines &= ~bit;
      this.#edges &= ~bit;
    }
    this.#update();
  }

  /** Interrupt acknowledge: takes the highest request into service and gives its IR level. */
  acknowledge(): number {
    const ir = this.#highestRequest();
    if (ir < 0) return SPURIOUS;
    this.#edges &= ~(1 << ir);
    if ((this.#icw4 & ICW4_AEOI) === 0) {
      this.#isr |= 1 << ir;
    } else if (this.#rotateOnAutoEoi) {
      this.#lowest = ir;
    }
    this.#update();
    return ir;
  }

  /** Vector that an IR level has. */
  vector(ir: number): number {
    return this.#icw2 | ir;
  }

  /** Reads port offset 0 or 1. */
  read(offset: number): number {
    if (this.#poll) {
      this.#poll = false;
      const requested = this.#highestRequest() >= 0;
      const ir = this.acknowledge();
      return requested ? POLL_INTERRUPT | ir : 0;
    }
    if (offset === 1) return this.#imr;
    return this.#readIsr ? this.#isr : this.#requests();
  }

  /** Writes port offset 0 or 1. */
  write(offset: number, value: number): void {
    if (offset === 1) {
      if (this.#nextIcw === 0) this.#imr = value;
      else this.#writeIcw(value);
    } else if ((value & ICW1_SELECT) !== 0) {
      this.#writeIcw1(value);
    } else if ((value & OCW3_SELECT) !== 0) {
      this.#writeOcw3(value);
    } else {
      this.#writeOcw2(value);
    }
    this.#update();
  }

  save(): StateFields {
    return {
      lines: this.#lines,
      edges: this.#edges,
      isr: this.#isr,
      imr: this.#imr,
      elcr: this.#elcr,
      icw1: this.#icw1,
      icw2: this.#icw2,
      icw3: this.#icw3,
      icw4: this.#icw4,
      nextIcw: this.#nextIcw,
      lowestPriority: this.#lowest,
      specialMask: this.#specialMask,
      rotateOnAutoEoi: this.#rotateOnAutoEoi,
      readIsr: this.#readIsr,
      poll: this.#poll,
    };
  }

  /** Takes over what {@link save} gave. @throws {TypeError} if a field is missing or out of range. */
  restore(fields: StateFields): void {
    this.#lines = integerField(fields, "lines", 0xff);
    this.#edges = integerField(fields, "edges", 0xff) & this.#lines;
    this.#isr = integerField(fields, "isr", 0xff);
    this.#imr = integerField(fields, "imr", 0xff);
    this.#elcr = integerField(fields, "elcr", 0xff) & this.#elcrWritable;
    this.#icw1 = integerField(fields, "icw1", 0xff);
    this.#icw2 = integerField(fields, "icw2", 0xff) & 0xf8;
    this.#icw3 = integerField(fields, "icw3", 0xff);
    this.#icw4 = integerField(fields, "icw4", 0xff);
    this.#nextIcw = integerField(fields, "nextIcw", 4);
    this.#lowest = integerField(fields, "lowestPriority", 7);
    this.#specialMask = booleanField(fields, "specialMask");
    this.#rotateOnAutoEoi = booleanField(fields, "rotateOnAutoEoi");
    this.#readIsr = booleanField(fields, "readIsr");
    this.#poll = booleanField(fields, "poll");
    this.#update();
  }

  #writeIcw1(value: number): void {
    this.#icw1 = value;
    this.#icw4 = 0;
    this.#edges = 0;
    this.#imr = 0;
    this.#isr = 0;
    this.#lowest = 7;
    this.#specialMask = false;
    this.#rotateOnAutoEoi = false;
    this.#readIsr = false;
    this.#poll = false;
    this.#nextIcw = 2;
  }

  #writeIcw(value: number): void {
    const icw = this.#nextIcw;
    if (icw === 2) this.#icw2 = value & 0xf8;
    else if (icw === 3) this.#icw3 = value;
    else this.#icw4 = value;
    if (icw === 2 && (this.#icw1 & ICW1_SNGL) === 0) this.#nextIcw = 3;
    else this.#nextIcw = icw !== 4 && (this.#icw1 & ICW1_IC4) !== 0 ? 4 : 0;
  }

  #writeOcw2(value: number): void {
    const rotate = (value & OCW2_R) !== 0;
    if ((value & OCW2_EOI) !== 0) {
      const ir = (value & OCW2_SL) !== 0 ? value & 7 : this.#highestInService();
      if (ir < 0) return;
      this.#isr &= ~(1 << ir);
      if (rotate) this.#lowest = ir;
    } else if ((value & OCW2_SL) === 0) {
      this.#rotateOnAutoEoi = rotate;
    } else if (rotate) {
      this.#lowest = value & 7;
    }
  }

  #writeOcw3(value: number): void {
    if ((value & OCW3_ESMM) !== 0) this.#specialMask = (value & OCW3_SMM) !== 0;
    if ((value & OCW3_P) !== 0) this.#poll = true;
    else if ((value & OCW3_RR) !== 0) this.#readIsr = (value & OCW3_RIS) !== 0;
  }

  /** The interrupt request register. */
  #requests(): number {
    const level = (this.#icw1 & ICW1_LTIM) !== 0 ? 0xff : this.#elcr;
    return (this.#lines & level) | (this.#edges & ~level);
  }

  /** In-service bits that hold back others: in special mask mode, masked ones do not. */
  #blocking(): number {
    return this.#specialMask ? this.#isr & ~this.#imr : this.#isr;
  }

  #highestRequest(): number {
    const requests = this.#requests() & ~this.#imr;
    if (requests === 0) return -1;
    const blocking = this.#blocking();
    for (let n = 1; n <= 8; n++) {
      const ir = (this.#lowest + n) & 7;
      const bit = 1 << ir;
      if ((blocking & bit) !== 0) {
        // In special fully nested mode a slave in service may interrupt again, for a higher input of its own.
        const again = ir === this.#cascade && (this.#icw4 & ICW4_SFNM) !== 0 && (requests & bit) !== 0;
        return again ? ir : -1;
      }
      if ((requests & bit) !== 0) return ir;
    }
    return -1;
  }

  #highestInService(): number {
    const inService = this.#blocking();
    for (let n = 1; n <= 8; n++) {
      const ir = (this.#lowest + n) & 7;
      if ((inService & (1 << ir)) !== 0) return ir;
    }
    return -1;
  }

  #update(): void {
    this.#output = this.#highestRequest() >= 0;
  }
}
