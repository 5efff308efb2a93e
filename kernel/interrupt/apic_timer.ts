/**
 * The local APIC's timer: one-shot, periodic and TSC-deadline.
 *
 * By the Intel SDM, volume 3A, section "APIC Timer". It knows when it expires; what an expiry does is the
 * local vector table's affair.
 *
 * @module
 */

import type { StateFields } from "../abi/state.ts";
import { DIVIDE_WRITABLE } from "./apic_registers.ts";
import { integerField, quadwordField, timeField } from "./saved_fields.ts";

/** What a local APIC reads the time from. */
export interface ApicClock {
  /** Guest time in nanoseconds. */
  now(): number;
  /** Rate of the time-stamp counter in Hz. */
  readonly tscFrequency: number;
  /** The time-stamp counter as the guest reads it on this processor. */
  tsc(): bigint;
}

/** Rate in Hz of the clock that the divide configuration divides: one tick for each nanosecond of guest time. */
export const BUS_FREQUENCY = 1_000_000_000;

/** Timer modes, numbered as in bits 18:17 of the LVT entry. */
export enum TimerMode {
  OneShot = 0,
  Periodic = 1,
  TscDeadline = 2,
  /** The number that is reserved: the timer does not run. */
  Reserved = 3,
}

/** The countdown of one local APIC. */
export class ApicTimer {
  readonly #clock: ApicClock;
  /** TSC-deadline mode's conversion, ns for each TSC tick. */
  readonly #tscPeriod: number;
  #mode = TimerMode.OneShot;
  #initialCount = 0;
  #divideConfiguration = 0;
  /** Bus clocks in one count, which are nanoseconds. */
  #divisor = 2;
  /** Guest time of the next expiry, or infinity while the timer does not run. */
  #expiry = Infinity;
  #tscDeadline = 0n;

  constructor(clock: ApicClock) {
    this.#clock = clock;
    this.#tscPeriod = 1_000_000_000 / clock.tscFrequency;
  }

  get mode(): TimerMode {
    return this.#mode;
  }

  /** A change between TSC-deadline mode and the others stops the timer; one-shot and periodic share a countdown. */
  set mode(mode: TimerMode) {
    if (mode === this.#mode) return;
    const counting = mode <= TimerMode.Periodic && this.#mode <= TimerMode.Periodic;
    this.#mode = mode;
    if (!counting) this.#stop();
  }

  /** Guest time in ns of the next expiry, or infinity. */
  get expiry(): number {
    return this.#expiry;
  }

  get initialCount(): number {
    return this.#initialCount;
  }

  /** Starts the countdown, or stops it with 0. Ignored in TSC-deadline mode. */
  set initialCount(count: number) {
    if (this.#mode > TimerMode.Periodic) return;
    this.#initialCount = count;
    this.#expiry = count === 0 ? Infinity : this.#clock.now() + count * this.#divisor;
  }

  /** The current-count register. */
  get currentCount(): number {
    if (this.#expiry === Infinity || this.#mode > TimerMode.Periodic) return 0;
    let left = this.#expiry - this.#clock.now();
    if (left <= 0) {
      if (this.#mode !== TimerMode.Periodic) return 0;
      const period = this.#initialCount * this.#divisor;
      left = period - (-left % period);
    }
    return Math.ceil(left / this.#divisor);
  }

  get divideConfiguration(): number {
    return this.#divideConfiguration;
  }

  /** A running countdown goes on from its count at the new rate. */
  set divideConfiguration(value: number) {
    const count = this.currentCount;
    this.#setDivide(value);
    if (count !== 0) this.#expiry = this.#clock.now() + count * this.#divisor;
  }

  /** IA32_TSC_DEADLINE: 0 while not armed, and in the other modes. */
  get tscDeadline(): bigint {
    return this.#expiry === Infinity || this.#expiry <= this.#clock.now() ? 0n : this.#tscDeadline;
  }

  /** Arms the timer for a time-stamp count, or stops it with 0. Ignored outside TSC-deadline mode. */
  set tscDeadline(deadline: bigint) {
    if (this.#mode !== TimerMode.TscDeadline) return;
    this.#tscDeadline = deadline;
    if (deadline === 0n) this.#expiry = Infinity;
    else this.tscChanged();
  }

  /** The guest or a restore has moved the time-stamp counter: an armed deadline stays the same count. */
  tscChanged(): void {
    if (this.#tscDeadline === 0n) return;
    const ticks = Number(this.#tscDeadline - this.#clock.tsc());
    const now = this.#clock.now();
    this.#expiry = ticks <= 0 ? now : Math.ceil(now + ticks * this.#tscPeriod);
  }

  /**
   * Gives how many times the timer has expired by guest time `now`: 0 or 1, and more for a periodic one
   * that is late. A periodic timer then runs on in its old phase, the others have stopped.
   */
  expire(now: number): number {
    const late = now - this.#expiry;
    if (late < 0) return 0;
    if (this.#mode === TimerMode.Periodic) {
      const period = this.#initialCount * this.#divisor;
      const times = 1 + Math.floor(late / period);
      this.#expiry += times * period;
      return times;
    }
    this.#tscDeadline = 0n;
    this.#expiry = Infinity;
    return 1;
  }

  /** State after power-up, reset and INIT. */
  reset(): void {
    this.#mode = TimerMode.OneShot;
    this.#setDivide(0);
    this.#stop();
  }

  save(): StateFields {
    return {
      mode: this.#mode,
      initialCount: this.#initialCount,
      divideConfiguration: this.#divideConfiguration,
      expiry: this.#expiry === Infinity ? null : this.#expiry,
      tscDeadline: this.#tscDeadline,
    };
  }

  /** Takes over what {@link save} gave. @throws {TypeError} if a field is missing or out of range. */
  restore(fields: StateFields): void {
    this.#mode = integerField(fields, "mode", TimerMode.Reserved);
    this.#initialCount = integerField(fields, "initialCount", 0xffff_ffff);
    this.#setDivide(integerField(fields, "divideConfiguration", DIVIDE_WRITABLE));
    this.#tscDeadline = quadwordField(fields, "tscDeadline");
    this.#expiry = timeField(fields, "expiry");
    if (this.#mode === TimerMode.Periodic && this.#initialCount === 0) this.#expiry = Infinity;
  }

  #setDivide(value: number): void {
    this.#divideConfiguration = value & DIVIDE_WRITABLE;
    // Bits 3, 1 and 0 count 2, 4, ... 128 from 0 on, and 7 is 1.
    const code = ((this.#divideConfiguration >> 1) & 4) | (this.#divideConfiguration & 3);
    this.#divisor = 1 << ((code + 1) & 7);
  }

  #stop(): void {
    this.#initialCount = 0;
    this.#tscDeadline = 0n;
    this.#expiry = Infinity;
  }
}
