/**
 * The interrupts that a local APIC makes itself: timer, LINT inputs, performance, thermal and error.
 *
 * By the Intel SDM, volume 3A, sections "Handling Local Interrupts" and "Error Handling".
 *
 * @module
 */

import type { StateFields } from "../abi/state.ts";
import { type ApicClock, ApicTimer } from "./apic_timer.ts";
import { DeliveryMode } from "./delivery.ts";
import {
  LocalVectorTable,
  LVT_DELIVERY_MODE,
  LVT_DELIVERY_MODE_SHIFT,
  LVT_ENTRIES,
  LVT_LEVEL_TRIGGER,
  LVT_MASKED,
  LVT_REMOTE_IRR,
  LVT_TIMER_MODE_SHIFT,
  LVT_VECTOR,
  LvtEntry,
} from "./local_vector_table.ts";
import { integerField, recordField, wordsField } from "./saved_fields.ts";

/**
 * Expiries of a periodic timer that are made up for, one after the other. What the guest lost beyond that,
 * because the thread did not run, is better lost than made up in a storm of interrupts.
 */
const MAX_LATE_TICKS = 100;

/** Delivery mode and mask of an entry. */
const ROUTE = LVT_DELIVERY_MODE | LVT_MASKED;
/** Such an entry that lets the 8259A pair's interrupts through. */
const ROUTE_EXTINT = DeliveryMode.ExtInt << LVT_DELIVERY_MODE_SHIFT;

/** What becomes of the interrupts. */
export interface LocalSourcesEvents {
  /** An interrupt in one of the delivery modes. Gives whether it was accepted. */
  take(mode: DeliveryMode, vector: number, level: boolean): boolean;
  /** LINT0, in ExtINT mode, has risen: the processor looks at the 8259A pair. */
  extIntRaised(): void;
}

/** Local vector table, timer, LINT inputs and error status of one local APIC. */
export class LocalSources {
  readonly timer: ApicTimer;
  readonly #clock: ApicClock;
  readonly #events: LocalSourcesEvents;
  readonly #lvt = new LocalVectorTable();
  /** Levels of LINT0 (bit 0) and LINT1 (bit 1). */
  #lines = 0;
  /** What ESR reads as, and the errors since it was last written. */
  #esr = 0;
  #errors = 0;
  /** Expiries of a late periodic timer that are still to be delivered. */
  #lateTicks = 0;

  constructor(clock: ApicClock, events: LocalSourcesEvents) {
    this.#clock = clock;
    this.#events = events;
    this.timer = new ApicTimer(clock);
  }

  /** Whether LINT0 lets ExtINT through. */
  get lint0IsExtInt(): boolean {
    return (this.#lvt.read(LvtEntry.Lint0) & ROUTE) === ROUTE_EXTINT;
  }

  /** Error status register: the errors up to the last write to it. */
  get esr(): number {
    return this.#esr;
  }

  /** A write to ESR: shows the errors since the last one, and rearms the error interrupt. */
  latchErrors(): void {
    this.#esr = this.#errors;
    this.#errors = 0;
  }

  /** Records an error (a bit of ESR); a new one raises the error interrupt. */
  reportError(error: number): void {
    if ((this.#errors & error) !== 0) return;
    this.#errors |= error;
    this.raise(LvtEntry.Error);
  }

  readEntry(entry: LvtEntry): number {
    return this.#lvt.read(entry);
  }

  /** Whether a write of `value` to an entry would set a reserved bit. */
  isReserved(entry: LvtEntry, value: number): boolean {
    return this.#lvt.isReserved(entry, value);
  }

  /** Writes an entry of the local vector table; `enabled` is SVR's bit. */
  writeEntry(entry: LvtEntry, value: number, enabled: boolean): void {
    // What is due already goes by the entry as it was.
    if (entry === LvtEntry.Timer) this.expire(this.#clock.now());
    this.#lvt.write(entry, value, enabled);
    const written = this.#lvt.read(entry);
    if (entry === LvtEntry.Timer) {
      const mode = (written >> LVT_TIMER_MODE_SHIFT) & 3;
      if (mode !== this.timer.mode) this.#lateTicks = 0;
      this.timer.mode = mode;
    } else if (entry === LvtEntry.Lint0 && (this.#lines & 1) !== 0) {
      this.#serviceLint0();
    }
  }

  /** Masks every entry. */
  maskAll(): void {
    this.#lvt.maskAll();
  }

  /** Starts or stops the countdown. */
  startCountdown(count: number): void {
    this.#lateTicks = 0;
    this.timer.initialCount = count;
  }

  /** Raises the timer's interrupt if it is due by guest time `now`. */
  expire(now: number): void {
    const times = this.timer.expire(now);
    if (times === 0) return;
    this.#lateTicks = Math.min(this.#lateTicks + times - 1, MAX_LATE_TICKS);
    this.raise(LvtEntry.Timer);
  }

  /** Raises the interrupt of a source as its entry says. */
  raise(source: LvtEntry): void {
    const entry = this.#lvt.read(source);
    if ((entry & LVT_MASKED) !== 0) return;
    // Section "Local Vector Table": delivery of a performance-monitoring interrupt sets the mask.
    if (source === LvtEntry.Performance) this.#lvt.setMasked(source);
    const mode = (entry & LVT_DELIVERY_MODE) >> LVT_DELIVERY_MODE_SHIFT;
    // Start-up and ExtINT are no modes of a local source; ExtINT on LINT0 is a matter of its level.
    if (mode <= DeliveryMode.Init) this.#events.take(mode, entry & LVT_VECTOR, false);
  }

  /** Drives LINT0 (`pin` 0) or LINT1 (`pin` 1). Gives whether the input has risen. */
  drive(pin: number, level: boolean): boolean {
    const bit = 1 << pin;
    if (((this.#lines & bit) !== 0) === level) return false;
    this.#lines ^= bit;
    return level;
  }

  /** Acts on a LINT input that has risen. */
  lintRaised(pin: number): void {
    if (pin === 1) this.raise(LvtEntry.Lint1);
    else if (!this.#serviceLint0()) this.raise(LvtEntry.Lint0);
  }

  /** Acts on the EOI of `vector`; `level` is its bit of TMR. */
  endOfInterrupt(vector: number, level: boolean): void {
    const lint0 = this.#lvt.read(LvtEntry.Lint0);
    if (level && (lint0 & LVT_REMOTE_IRR) !== 0 && (lint0 & LVT_VECTOR) === vector) {
      this.#lvt.setRemoteIrr(LvtEntry.Lint0, false);
      if ((this.#lines & 1) !== 0) this.#serviceLint0();
    }
    if (this.#lateTicks > 0 && vector === (this.#lvt.read(LvtEntry.Timer) & LVT_VECTOR)) {
      this.#lateTicks--;
      this.raise(LvtEntry.Timer);
    }
  }

  /** State after power-up, reset and INIT. The inputs stay as they are driven. */
  reset(): void {
    this.#esr = 0;
    this.#errors = 0;
    this.#lateTicks = 0;
    this.#lvt.reset();
    this.timer.reset();
  }

  save(): StateFields {
    return {
      lines: this.#lines,
      esr: this.#esr,
      errors: this.#errors,
      lateTicks: this.#lateTicks,
      lvt: this.#lvt.save(),
      timer: this.timer.save(),
    };
  }

  /** Takes over what {@link save} gave; raises nothing. @throws {TypeError} */
  restore(fields: StateFields): void {
    this.#lines = integerField(fields, "lines", 3);
    this.#esr = integerField(fields, "esr", 0xff);
    this.#errors = integerField(fields, "errors", 0xff);
    this.#lateTicks = integerField(fields, "lateTicks", MAX_LATE_TICKS);
    this.#lvt.restore(wordsField(fields, "lvt", LVT_ENTRIES));
    this.timer.restore(recordField(fields, "timer"));
  }

  /** Acts on LINT0 being high. Gives false where only a rise of it counts. */
  #serviceLint0(): boolean {
    const entry = this.#lvt.read(LvtEntry.Lint0);
    if ((entry & ROUTE) === ROUTE_EXTINT) {
      this.#events.extIntRaised();
      return true;
    }
    if ((entry & ROUTE) !== DeliveryMode.Fixed || (entry & LVT_LEVEL_TRIGGER) === 0) return false;
    if ((entry & LVT_REMOTE_IRR) === 0 && this.#events.take(DeliveryMode.Fixed, entry & LVT_VECTOR, true)) {
      this.#lvt.setRemoteIrr(LvtEntry.Lint0, true);
    }
    return true;
  }
}
