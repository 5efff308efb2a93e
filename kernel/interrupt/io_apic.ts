/**
 * The I/O APIC: 24 interrupt inputs, each with an entry that says what message it sends.
 *
 * Registers by the Intel 82093AA data sheet 290566; the EOI register, which version 0x20 brought, by the
 * data sheets of the I/O controller hubs.
 *
 * @module
 */

import type { StateFields } from "../abi/state.ts";
import { DeliveryMode, destination8, type InterruptMessage, TriggerMode } from "./delivery.ts";
import { integerField, wordsField } from "./saved_fields.ts";

/** Inputs. */
export const IO_APIC_PINS = 24;

/** Memory-mapped registers, as offsets. */
const IOREGSEL = 0x00;
const IOWIN = 0x10;
const IOEOIR = 0x40;

/** Registers that IOREGSEL selects. */
const IOAPICID = 0x00;
const IOAPICVER = 0x01;
const IOAPICARB = 0x02;
const IOREDTBL = 0x10;

/** Highest entry in bits 23:16, version in bits 7:0. */
const VERSION = ((IO_APIC_PINS - 1) << 16) | 0x20;

/** Fields of the low half of a redirection entry. */
const VECTOR = 0xff;
const DELIVERY_MODE_SHIFT = 8;
const DESTINATION_LOGICAL = 0x800;
const REMOTE_IRR = 0x4000;
const LEVEL_TRIGGER = 0x8000;
const MASKED = 0x1_0000;
/** All but the delivery status and remote IRR. */
const WRITABLE = 0x1_afff;
/** The destination in the high half. */
const DESTINATION = 0xff00_0000;

/** A pin's message, made anew only when its redirection entry is written. */
class PinMessage implements InterruptMessage {
  destination = 0;
  logical = false;
  deliveryMode = DeliveryMode.Fixed;
  vector = 0;
  readonly level = true;
  trigger = TriggerMode.Edge;
}

/**
 * An I/O APIC.
 *
 * Lines carry "asserted", not a voltage: the polarity bit is kept for the guest to read, and a device that
 * raises its line is heard with either polarity.
 */
export class IoApic {
  readonly #deliver: (message: InterruptMessage) => boolean;
  readonly #low = new Uint32Array(IO_APIC_PINS);
  readonly #high = new Uint32Array(IO_APIC_PINS);
  readonly #messages = Array.from({ length: IO_APIC_PINS }, () => new PinMessage());
  #select = 0;
  #id = 0;
  /** Levels of the pins, a bit each. */
  #lines = 0;
  /** Remote IRR bits of the entries: accepted level-triggered interrupts that await their EOI. */
  #remoteIrr = 0;

  /** @param deliver sends a message and gives whether a local APIC accepted it. */
  constructor(deliver: (message: InterruptMessage) => boolean) {
    this.#deliver = deliver;
    this.reset();
  }

  /** Reads a register. Only 32-bit accesses are defined; narrower ones see the low bytes. */
  read(offset: number, size: number): number {
    const value = offset === IOREGSEL ? this.#select : offset === IOWIN ? this.#readSelected() : 0;
    return size === 4 ? value : value & (size === 2 ? 0xffff : 0xff);
  }

  /** Writes a register. Narrow writes to the window, which are not defined, have no effect. */
  write(offset: number, size: number, value: number): void {
    if (offset === IOREGSEL) this.#select = value & 0xff;
    else if (offset === IOWIN && size === 4) this.#writeSelected(value >>> 0);
    else if (offset === IOEOIR) this.endOfInterrupt(value & VECTOR);
  }

  /** Drives pin `gsi` (0 to 23). Edges on a masked pin are lost, as the data sheet says. */
  setLine(gsi: number, level: boolean): void {
    const bit = 1 << gsi;
    if (((this.#lines & bit) !== 0) === level) return;
    this.#lines ^= bit;
    if (!level || (this.#low[gsi] & MASKED) !== 0) return;
    if (this.#messages[gsi].trigger === TriggerMode.Level) this.#serviceLevel(gsi);
    else this.#deliver(this.#messages[gsi]);
  }

  /** Ends a level-triggered interrupt: every entry with this vector may send again, and does if asserted. */
  endOfInterrupt(vector: number): void {
    let waiting = this.#remoteIrr;
    while (waiting !== 0) {
      const pin = 31 - Math.clz32(waiting);
      waiting ^= 1 << pin;
      if ((this.#low[pin] & VECTOR) !== vector) continue;
      this.#remoteIrr &= ~(1 << pin);
      this.#serviceLevel(pin);
    }
  }

  /** Power-on state: every entry masked. The lines stay as they are driven. */
  reset(): void {
    this.#low.fill(MASKED);
    this.#high.fill(0);
    this.#select = 0;
    this.#id = 0;
    this.#remoteIrr = 0;
    for (let pin = 0; pin < IO_APIC_PINS; pin++) this.#makeMessage(pin);
  }

  save(): StateFields {
    return {
      select: this.#select,
      id: this.#id,
      lines: this.#lines,
      remoteIrr: this.#remoteIrr,
      redirectionLow: Array.from(this.#low),
      redirectionHigh: Array.from(this.#high),
    };
  }

  /** Takes over what {@link save} gave; sends nothing. @throws {TypeError} if a field is not as it must be. */
  restore(fields: StateFields): void {
    const pins = 2 ** IO_APIC_PINS - 1;
    this.#select = integerField(fields, "select", 0xff);
    this.#id = integerField(fields, "id", 0x0f);
    this.#lines = integerField(fields, "lines", pins);
    this.#remoteIrr = integerField(fields, "remoteIrr", pins);
    this.#low.set(wordsField(fields, "redirectionLow", IO_APIC_PINS).map((entry) => entry & WRITABLE));
    this.#high.set(wordsField(fields, "redirectionHigh", IO_APIC_PINS).map((entry) => entry & DESTINATION));
    for (let pin = 0; pin < IO_APIC_PINS; pin++) this.#makeMessage(pin);
  }

  #readSelected(): number {
    switch (this.#select) {
      case IOAPICID:
      case IOAPICARB:
        return this.#id << 24;
      case IOAPICVER:
        return VERSION;
    }
    const pin = (this.#select - IOREDTBL) >> 1;
    if (pin < 0 || pin >= IO_APIC_PINS) return 0;
    if ((this.#select & 1) !== 0) return this.#high[pin];
    return this.#low[pin] | ((this.#remoteIrr & (1 << pin)) !== 0 ? REMOTE_IRR : 0);
  }

  #writeSelected(value: number): void {
    if (this.#select === IOAPICID) this.#id = (value >>> 24) & 0x0f;
    const pin = (this.#select - IOREDTBL) >> 1;
    if (pin < 0 || pin >= IO_APIC_PINS) return;
    if ((this.#select & 1) !== 0) this.#high[pin] = value & DESTINATION;
    else this.#low[pin] = value & WRITABLE;
    this.#makeMessage(pin);
    if (this.#messages[pin].trigger === TriggerMode.Level) this.#serviceLevel(pin);
    // Guests of the 82093AA, which has no EOI register, switch to edge and back to clear a stuck remote IRR.
    else this.#remoteIrr &= ~(1 << pin);
  }

  #makeMessage(pin: number): void {
    const low = this.#low[pin];
    const message = this.#messages[pin];
    const mode = (low >>> DELIVERY_MODE_SHIFT) & 7;
    // SMI, NMI, INIT and ExtINT are edge-triggered whatever the entry says.
    const level = (low & LEVEL_TRIGGER) !== 0 && mode <= DeliveryMode.LowestPriority;
    message.destination = destination8(this.#high[pin] >>> 24);
    message.logical = (low & DESTINATION_LOGICAL) !== 0;
    message.deliveryMode = mode;
    message.vector = low & VECTOR;
    message.trigger = level ? TriggerMode.Level : TriggerMode.Edge;
  }

  #serviceLevel(pin: number): void {
    const bit = 1 << pin;
    if ((this.#lines & ~this.#remoteIrr & bit) === 0 || (this.#low[pin] & MASKED) !== 0) return;
    if (this.#deliver(this.#messages[pin])) this.#remoteIrr |= bit;
  }
}
