/**
 * One counter of the 8254, computed from its clock instead of counted.
 *
 * All times are ticks of the counter's CLK input, and CLK pulse `t + 1` is the first after a write at
 * tick `t`: it is the one that moves the count register into the counting element.
 *
 * @module
 */

import type { StateFields } from "../kernel/abi/state.ts";
import type { SavedFields } from "./saved_fields.ts";

/** A change of OUT. Where OUT is low for one CLK pulse only, just its rise is an edge. */
export interface OutEdge {
  readonly tick: number;
  readonly level: boolean;
  /** OUT goes low one tick before it rises. */
  readonly pulse: boolean;
}

// RW1 and RW0 of the control word (8254 data sheet, "Control Word Format").
const RW_LSB = 1;
const RW_MSB = 2;
const RW_BOTH = 3;

// Bits of the status byte (8254 data sheet, "Read-Back Command").
const STATUS_OUTPUT = 0x80;
const STATUS_NULL_COUNT = 0x40;

/** Counter 0, 1 or 2. */
export class PitCounter {
  #mode = 0;
  #bcd = false;
  #access = RW_BOTH;
  #gate = true;
  /** First byte of a two-byte count, until the second is written. */
  #writeLow: number | null = null;
  /** The next byte that is read of a two-byte count is the most significant one. */
  #readHigh = false;
  #latchedCount: number | null = null;
  #latchedStatus: number | null = null;
  /** CR as a number of ticks: 0 as written is the largest count. */
  #reload = 1;
  /** CR was written since the control word. */
  #written = false;
  /** CR holds what CE has not taken yet. */
  #nullCount = true;
  /** What CE held last, for reads while it does not count. */
  #held = 0;
  /** The count that CE started from at {@link #start}; `null` until one is loaded. */
  #loaded: number | null = null;
  #start = 0;
  /** Tick at which CR is loaded into CE. */
  #loadAt: number | null = null;
  /** Ticks counted when the gate stopped the count. */
  #stopped: number | null = null;

  /** OUT goes low for a single tick in modes 2, 4 and 5. */
  get pulses(): boolean {
    return this.#mode === 2 || this.#mode >= 4;
  }

  /** A control word other than the latch and read-back commands. */
  program(tick: number, controlWord: number): void {
    this.#sync(tick);
    this.#unload(tick);
    const mode = controlWord >> 1 & 7;
    this.#mode = mode > 5 ? mode - 4 : mode;
    this.#bcd = (controlWord & 1) !== 0;
    this.#access = controlWord >> 4 & 3;
    this.#writeLow = null;
    this.#readHigh = false;
    this.#latchedCount = null;
    this.#latchedStatus = null;
    this.#nullCount = true;
    this.#written = false;
  }

  /** A byte written to the counter's port. */
  write(tick: number, value: number): void {
    this.#sync(tick);
    if (this.#access === RW_LSB) return this.#writeCount(tick, value);
    if (this.#access === RW_MSB) return this.#writeCount(tick, value << 8);
    if (this.#writeLow === null) {
      this.#writeLow = value;
      if (this.#mode === 0) this.#unload(tick);
      return;
    }
    const count = this.#writeLow | value << 8;
    this.#writeLow = null;
    this.#writeCount(tick, count);
  }

  /** A byte read from the counter's port: latched status, latched count, or the count as it is. */
  read(tick: number): number {
    this.#sync(tick);
    if (this.#latchedStatus !== null) {
      const status = this.#latchedStatus;
      this.#latchedStatus = null;
      return status;
    }
    const count = this.#latchedCount ?? this.#register(tick);
    const high = this.#access === RW_MSB || this.#access === RW_BOTH && this.#readHigh;
    if (this.#access === RW_BOTH) this.#readHigh = !this.#readHigh;
    if (high || this.#access !== RW_BOTH) this.#latchedCount = null;
    return high ? count >> 8 : count & 0xff;
  }

  /** Holds the count for reads. A count that is latched already stays. */
  latchCount(tick: number): void {
    this.#sync(tick);
    if (this.#latchedCount !== null) return;
    this.#latchedCount = this.#register(tick);
    this.#readHigh = false;
  }

  /** Holds the status byte for the next read. A status that is latched already stays. */
  latchStatus(tick: number): void {
    if (this.#latchedStatus !== null) return;
    this.#latchedStatus = (this.out(tick) ? STATUS_OUTPUT : 0) | (this.#nullCount ? STATUS_NULL_COUNT : 0) |
      this.#access << 4 | this.#mode << 1 | (this.#bcd ? 1 : 0);
  }

  /** Drives the GATE input. */
  setGate(tick: number, gate: boolean): void {
    this.#sync(tick);
    if (gate === this.#gate) return;
    this.#gate = gate;
    switch (this.#mode) {
      case 1:
      case 5:
        if (gate && this.#written) this.#loadAt = tick + 1;
        return;
      case 2:
      case 3:
        if (this.#loaded === null) return;
        // While the gate is low the end of the period does not come; the gate's rise loads CR instead.
        this.#loadAt = gate ? tick + 1 : null;
        if (!gate) this.#stopped = this.#elapsed(tick);
        return;
      default:
        if (this.#loaded === null) return;
        if (!gate) {
          this.#stopped = this.#elapsed(tick);
        } else if (this.#stopped !== null) {
          this.#start = tick - this.#stopped;
          this.#stopped = null;
        }
    }
  }

  /** Level of OUT. */
  out(tick: number): boolean {
    this.#sync(tick);
    if (this.#loaded === null) return this.#mode !== 0;
    const elapsed = this.#elapsed(tick);
    switch (this.#mode) {
      case 0:
      case 1:
        return elapsed >= this.#loaded;
      case 2:
        return this.#stopped !== null || elapsed % this.#loaded !== this.#loaded - 1;
      case 3:
        return this.#stopped !== null || elapsed % this.#loaded < highTicks(this.#loaded);
      default:
        return elapsed !== this.#loaded;
    }
  }

  /** First edge of OUT after `tick`, if nothing is written and the gate stays high. */
  nextEdge(tick: number): OutEdge | null {
    this.#sync(tick);
    let count = this.#loaded;
    let start = this.#start;
    if (this.#loadAt !== null) {
      if (count !== null && this.#mode === 2) return edge(this.#loadAt, true, true);
      if (count !== null && this.#mode === 3) {
        return edge(this.#loadAt, count === 1 || !this.out(this.#loadAt - 1), false);
      }
      count = this.#reload;
      start = this.#loadAt;
    }
    if (count === null || !this.#gate) return null;
    const elapsed = Math.max(0, tick - start);
    switch (this.#mode) {
      case 0:
      case 1:
        return elapsed < count ? edge(start + count, true, false) : null;
      case 2:
        // A count of 1 is illegal in mode 2; OUT then stays low.
        return count === 1 ? null : edge(start + (Math.floor(elapsed / count) + 1) * count, true, true);
      case 3: {
        if (count === 1) return null;
        const period = start + Math.floor(elapsed / count) * count;
        const falls = period + highTicks(count);
        return tick < falls ? edge(falls, false, false) : edge(period + count, true, false);
      }
      default:
        return elapsed <= count ? edge(start + count + 1, true, true) : null;
    }
  }

  /** The whole state. */
  save(): StateFields {
    return {
      mode: this.#mode,
      bcd: this.#bcd,
      access: this.#access,
      gate: this.#gate,
      writeLow: this.#writeLow,
      readHigh: this.#readHigh,
      latchedCount: this.#latchedCount,
      latchedStatus: this.#latchedStatus,
      reload: this.#reload,
      written: this.#written,
      nullCount: this.#nullCount,
      held: this.#held,
      loaded: this.#loaded,
      start: this.#start,
      loadAt: this.#loadAt,
      stopped: this.#stopped,
    };
  }

  /** A counter in the state that {@link save} gave. @throws {TypeError} */
  static restore(fields: SavedFields): PitCounter {
    const counter = new PitCounter();
    counter.#mode = fields.integer("mode", 0, 5);
    counter.#bcd = fields.flag("bcd");
    counter.#access = fields.integer("access", RW_LSB, RW_BOTH);
    counter.#gate = fields.flag("gate");
    counter.#writeLow = fields.optionalInteger("writeLow", 0, 0xff);
    counter.#readHigh = fields.flag("readHigh");
    counter.#latchedCount = fields.optionalInteger("latchedCount", 0, 0xffff);
    counter.#latchedStatus = fields.optionalInteger("latchedStatus", 0, 0xff);
    counter.#reload = fields.integer("reload", 1, 0x10000);
    counter.#written = fields.flag("written");
    counter.#nullCount = fields.flag("nullCount");
    counter.#held = fields.integer("held", 0, 0x10000);
    counter.#loaded = fields.optionalInteger("loaded", 1, 0x10000);
    counter.#start = fields.time("start");
    counter.#loadAt = fields.optionalTime("loadAt");
    counter.#stopped = fields.optionalTime("stopped");
    return counter;
  }

  #writeCount(tick: number, register: number): void {
    const count = this.#bcd ? decimal(register) : register;
    this.#reload = count === 0 ? this.#modulus : count;
    this.#written = true;
    this.#nullCount = true;
    switch (this.#mode) {
      case 1:
      case 5:
        return;
      case 2:
      case 3:
        if (this.#loaded === null) this.#loadAt = tick + 1;
        else if (this.#stopped === null) this.#loadAt = this.#boundary(tick, this.#loaded);
        return;
      default:
        this.#unload(tick);
        this.#loadAt = tick + 1;
    }
  }

  /** First tick after `tick` at which mode 2 ends a period, or mode 3 half of one. */
  #boundary(tick: number, count: number): number {
    const phase = this.#elapsed(tick) % count;
    const half = this.#mode === 3 && phase < highTicks(count);
    return tick - phase + (half ? highTicks(count) : count);
  }

  /** Stops counting until a count is loaded. */
  #unload(tick: number): void {
    this.#held = this.#count(tick);
    this.#loaded = null;
    this.#loadAt = null;
    this.#stopped = null;
  }

  /** Loads CR into CE if that was due by `tick`. */
  #sync(tick: number): void {
    const loadAt = this.#loadAt;
    if (loadAt === null || tick < loadAt) return;
    let start = loadAt;
    if (this.#mode === 3 && this.#loaded !== null && this.#stopped === null) {
      const phase = (loadAt - this.#start) % this.#loaded;
      if (phase === highTicks(this.#loaded)) start = loadAt - highTicks(this.#reload);
    }
    this.#loaded = this.#reload;
    this.#start = start;
    this.#loadAt = null;
    this.#nullCount = false;
    const gated = this.#mode !== 1 && this.#mode !== 5;
    this.#stopped = gated && !this.#gate ? 0 : null;
  }

  #elapsed(tick: number): number {
    return this.#stopped ?? Math.max(0, tick - this.#start);
  }

  get #modulus(): number {
    return this.#bcd ? 10000 : 0x10000;
  }

  /** CE, in ticks. */
  #count(tick: number): number {
    if (this.#loaded === null) return this.#held;
    const elapsed = this.#elapsed(tick);
    if (this.#mode === 2) return this.#loaded - elapsed % this.#loaded;
    if (this.#mode === 3) {
      const phase = elapsed % this.#loaded;
      const high = highTicks(this.#loaded);
      return this.#loaded - this.#loaded % 2 - 2 * (phase < high ? phase : phase - high);
    }
    const modulus = this.#modulus;
    return ((this.#loaded - elapsed) % modulus + modulus) % modulus;
  }

  /** CE as it is read. */
  #register(tick: number): number {
    const count = this.#count(tick);
    if (!this.#bcd) return count & 0xffff;
    return count % 10 | Math.floor(count / 10) % 10 << 4 | Math.floor(count / 100) % 10 << 8 |
      Math.floor(count / 1000) % 10 << 12;
  }
}

/** Ticks for which OUT is high in a period of mode 3. */
function highTicks(count: number): number {
  return Math.ceil(count / 2);
}

function decimal(bcd: number): number {
  const digits = (bcd & 0xf) + (bcd >> 4 & 0xf) * 10 + (bcd >> 8 & 0xf) * 100 + (bcd >> 12 & 0xf) * 1000;
  return digits % 10000;
}

function edge(tick: number, level: boolean, pulse: boolean): OutEdge {
  return { tick, level, pulse };
}
