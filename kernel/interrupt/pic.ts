/**
 * The two cascaded 8259A of a PC, with the edge/level control registers of its chip sets.
 *
 * The slave's INT is wired to the master's IR2; interrupts 0 to 7 are the master's, 8 to 15 the slave's.
 *
 * @module
 */

import type { StateFields } from "../abi/state.ts";
import { I8259A } from "./i8259a.ts";
import { recordField } from "./saved_fields.ts";

/** Ports of the master: ICW1, OCW2, OCW3 at the first, the others at the second. */
const MASTER = 0x20;
/** Ports of the slave. */
const SLAVE = 0xa0;
/** Edge/level control registers, of the master and of the slave. */
const ELCR1 = 0x4d0;
const ELCR2 = 0x4d1;

/** Interrupts 0 (timer), 1 (keyboard) and 2 (cascade) are always edge-triggered. */
const ELCR1_WRITABLE = 0xf8;
/** Interrupts 8 (RTC) and 13 (coprocessor) are always edge-triggered. */
const ELCR2_WRITABLE = 0xde;

/** The master's input that the slave's output is wired to. */
const CASCADE = 2;

/** Every port that the pair answers for. */
export const PIC_PORTS: readonly number[] = [MASTER, MASTER + 1, SLAVE, SLAVE + 1, ELCR1, ELCR2];

/** A cascaded pair of 8259A. */
export class Pic {
  readonly #master = new I8259A(CASCADE, ELCR1_WRITABLE);
  readonly #slave = new I8259A(-1, ELCR2_WRITABLE);

  /** Level of INTR, the master's output. */
  get output(): boolean {
    return this.#master.output;
  }

  /** Drives interrupt input `irq` (0 to 15). Input 2 does not exist outside the pair: it is ignored. */
  setLine(irq: number, level: boolean): void {
    if (irq >= 8) {
      this.#slave.setLine(irq - 8, level);
      this.#master.setLine(CASCADE, this.#slave.output);
    } else if (irq !== CASCADE) {
      this.#master.setLine(irq, level);
    }
  }

  /**
   * Interrupt acknowledge: gives the vector. Without a request it is the spurious one, of interrupt 7,
   * or of 15 where the request that vanished was the slave's; no in-service bit is then set for it.
   */
  acknowledge(): number {
    const ir = this.#master.acknowledge();
    if (ir !== CASCADE) return this.#master.vector(ir);
    const vector = this.#slave.vector(this.#slave.acknowledge());
    this.#pulseCascade();
    return vector;
  }

  /** Reads a port of {@link PIC_PORTS}. */
  read(port: number): number {
    switch (port) {
      case MASTER:
      case MASTER + 1:
        return this.#master.read(port & 1);
      case SLAVE:
      case SLAVE + 1: {
        const polled = this.#slave.polled;
        const value = this.#slave.read(port & 1);
        if (polled) this.#pulseCascade();
        return value;
      }
      case ELCR1:
        return this.#master.elcr;
      case ELCR2:
        return this.#slave.elcr;
      default:
        return 0xff;
    }
  }

  /** Writes a byte to a port of {@link PIC_PORTS}. */
  write(port: number, value: number): void {
    switch (port) {
      case MASTER:
      case MASTER + 1:
        this.#master.write(port & 1, value & 0xff);
        break;
      case SLAVE:
      case SLAVE + 1:
        this.#slave.write(port & 1, value & 0xff);
        break;
      case ELCR1:
        this.#master.elcr = value;
        break;
      case ELCR2:
        this.#slave.elcr = value;
        break;
    }
    this.#master.setLine(CASCADE, this.#slave.output);
  }

  /** Power-on state; the inputs stay as they are driven. */
  reset(): void {
    this.#slave.reset();
    this.#master.setLine(CASCADE, false);
    this.#master.reset();
  }

  save(): StateFields {
    return { master: this.#master.save(), slave: this.#slave.save() };
  }

  /** Takes over what {@link save} gave. @throws {TypeError} if a field is missing or out of range. */
  restore(fields: StateFields): void {
    this.#master.restore(recordField(fields, "master"));
    this.#slave.restore(recordField(fields, "slave"));
  }

  /** INT falls with each acknowledge, so that what still waits makes the edge which the master needs. */
  #pulseCascade(): void {
    this.#master.setLine(CASCADE, false);
    this.#master.setLine(CASCADE, this.#slave.output);
  }
}
