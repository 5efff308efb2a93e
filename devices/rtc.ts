/**
 * MC146818 real-time clock with the 128 bytes of battery-backed CMOS memory of a PC.
 *
 * Nothing counts: date, time and the flags of register C follow from guest time when they are looked
 * at, and a timer runs only while an interrupt that it would raise is enabled and not yet pending.
 *
 * @module
 */

import { IoreqType } from "../kernel/abi/ioreq.ts";
import type { StateFields } from "../kernel/abi/state.ts";
import type { Device, DeviceContext, Manifest } from "./device.ts";
import { Oscillator } from "./oscillator.ts";
import { CALENDAR_REGISTERS, fromCalendar, HOURS_24, nextAlarm, toCalendar } from "./rtc_calendar.ts";
import { SavedFields } from "./saved_fields.ts";

const INDEX_PORT = 0x70;
const DATA_PORT = 0x71;

/** What the device declares. */
export const RTC_MANIFEST: Manifest = {
  name: "rtc",
  description: "MC146818 real-time clock and CMOS memory",
  ranges: [
    // What is written there shows when the other port is accessed, not before.
    { type: IoreqType.Port, first: INDEX_PORT, last: INDEX_PORT, posted: true },
    { type: IoreqType.Port, first: DATA_PORT, last: DATA_PORT, posted: false },
  ],
  interrupts: [8],
  dma: false,
  permissions: {},
  stateVersion: 1,
};

/** Number of the index port's range. */
const INDEX_RANGE = 0;

/** How the clock is set up. */
export interface RtcOptions {
  /** Unix time in milliseconds at guest time zero. */
  readonly unixTime: number;
  /**
   * What becomes of periods of the periodic interrupt that pass before register C is read: `catchup`
   * delivers each of them afterwards (for guests that count them to keep time), `discard` none.
   */
  readonly tickPolicy: "catchup" | "discard";
  /** First contents of CMOS memory, as pairs of index (14 to 127) and byte. Absent means all zero. */
  readonly memory?: readonly (readonly [number, number])[];
}

const CMOS_SIZE = 128;

// Registers (MC146818 data sheet, "Address Map").
const SECONDS_ALARM = 0x01;
const MINUTES_ALARM = 0x03;
const HOURS_ALARM = 0x05;
const REGISTER_A = 0x0a;
const REGISTER_B = 0x0b;
const REGISTER_C = 0x0c;
const REGISTER_D = 0x0d;

const A_UIP = 0x80;
/** DV: 32768 Hz time base, 1024 Hz periodic interrupt. */
const A_POWER_ON = 0x26;
/** DV2 and DV1 set hold the divider chain in reset. */
const A_DIVIDER_RESET = 0x60;
const B_SET = 0x80;
const B_PERIODIC = 0x40;
const B_ALARM = 0x20;
const B_UPDATE = 0x10;
/** PF, AF and UF in register C have the places of PIE, AIE and UIE in register B. */
const C_FLAGS = B_PERIODIC | B_ALARM | B_UPDATE;
const C_IRQF = 0x80;
const D_VALID = 0x80;

const SECOND = 1_000_000_000;
/** The first update comes half a second after the divider's reset ends ("Divider Control"). */
const DIVIDER_RELEASE = SECOND / 2;
/** t_UC + t_BUC: UIP is set from 244 us before the update cycle of 1984 us to its end ("Update Cycle"). */
const UPDATE_IN_PROGRESS = 1_984_000 + 244_000;

const TIMER = 0;

/** The device. */
export class Rtc implements Device {
  readonly #context: DeviceContext;
  readonly #tickPolicy: RtcOptions["tickPolicy"];
  readonly #divider = new Oscillator(32768);
  /** Registers and memory; date, time and the flags of register C only in part. */
  #cmos = new Uint8Array(CMOS_SIZE);
  #index = 0;
  /** Seconds since 1970 shown from guest time `#anchor` on, which is a time at which the clock updates. */
  #seconds: number;
  #anchor: number;
  #weekdayShift = 0;
  /** Date and time stand still and are in `#cmos`: SET, or the divider is in reset. */
  #stopped = false;
  /** Guest time up to which the flags of register C are worked out. */
  #settled = 0;
  /** Periods that are still to be delivered. */
  #owed = 0;
  /** What the timer is armed for. It follows from the rest, so it is not saved. */
  #deadline: number | undefined;

  constructor(context: DeviceContext, options: RtcOptions) {
    this.#context = context;
    this.#tickPolicy = options.tickPolicy;
    this.#seconds = Math.floor(options.unixTime / 1000);
    this.#anchor = Math.ceil((this.#seconds * 1000 - options.unixTime) * 1e6);
    this.#cmos[REGISTER_A] = A_POWER_ON;
    this.#cmos[REGISTER_B] = HOURS_24;
    for (const [index, byte] of options.memory ?? []) {
      if (index > REGISTER_D && index < CMOS_SIZE) this.#cmos[index] = byte;
    }
  }

  read(range: number, _offset: number, _size: number): number {
    // The index port cannot be read.
    if (range === INDEX_RANGE) return 0xff;
    const now = this.#context.now();
    const calendar = CALENDAR_REGISTERS.indexOf(this.#index);
    if (calendar >= 0 && !this.#stopped) {
      return toCalendar(this.#secondsAt(now), this.#cmos[REGISTER_B], this.#weekdayShift)[calendar];
    }
    switch (this.#index) {
      case REGISTER_A:
        return this.#cmos[REGISTER_A] | (this.#updateInProgress(now) ? A_UIP : 0);
      case REGISTER_C:
        return this.#readRegisterC(now);
      case REGISTER_D:
        return D_VALID;
      default:
        return this.#cmos[this.#index];
    }
  }

  write(range: number, _offset: number, _size: number, data: number): void {
    const value = data & 0xff;
    if (range === INDEX_RANGE) {
      // Bit 7 masks the NMI, which nothing in this machine raises.
      this.#index = value & 0x7f;
      return;
    }
    if (this.#index === REGISTER_C || this.#index === REGISTER_D) return;
    const now = this.#context.now();
    this.#settle(now);
    if (this.#index === REGISTER_A) this.#writeRegisterA(now, value & ~A_UIP);
    else if (this.#index === REGISTER_B) this.#writeRegisterB(now, value);
    else if (CALENDAR_REGISTERS.includes(this.#index)) this.#writeCalendar(now, value);
    else this.#cmos[this.#index] = value;
    this.#update();
  }

  timer(_id: number): void {
    this.#deadline = undefined;
    this.#settle(this.#context.now());
    this.#update();
  }

  /** Power-on state. The battery keeps date, time and memory; interrupts are off. */
  reset(): void {
    this.#settle(this.#context.now());
    this.#index = 0;
    this.#owed = 0;
    this.#cmos[REGISTER_B] &= ~C_FLAGS;
    this.#cmos[REGISTER_C] = 0;
    this.#update();
  }

  save(): StateFields {
    return {
      cmos: this.#cmos.slice(),
      index: this.#index,
      seconds: this.#seconds,
      anchor: this.#anchor,
      weekdayShift: this.#weekdayShift,
      stopped: this.#stopped,
      settled: this.#settled,
      owed: this.#owed,
    };
  }

  restore(fields: StateFields): void {
    const saved = new SavedFields(fields);
    const cmos = saved.bytes("cmos", CMOS_SIZE);
    if (cmos.length !== CMOS_SIZE) throw new TypeError(`Cannot restore field "cmos": it is too short`);
    const index = saved.integer("index", 0, CMOS_SIZE - 1);
    const seconds = saved.integer("seconds", -1e12, 1e12);
    const anchor = saved.time("anchor");
    const weekdayShift = saved.integer("weekdayShift", 0, 6);
    const stopped = saved.flag("stopped");
    const settled = saved.time("settled");
    const owed = saved.integer("owed", 0, this.#divider.hertz);
    this.#cmos = cmos;
    this.#index = index;
    this.#seconds = seconds;
    this.#anchor = anchor;
    this.#weekdayShift = weekdayShift;
    this.#stopped = stopped;
    this.#settled = settled;
    this.#owed = owed;
    this.#update();
  }

  #secondsAt(now: number): number {
    return this.#seconds + Math.floor((now - this.#anchor) / SECOND);
  }

  get #dividerReset(): boolean {
    return (this.#cmos[REGISTER_A] & A_DIVIDER_RESET) === A_DIVIDER_RESET;
  }

  #updateInProgress(now: number): boolean {
    if (this.#stopped) return false;
    return SECOND - ((now - this.#anchor) % SECOND + SECOND) % SECOND <= UPDATE_IN_PROGRESS;
  }

  /** Periods of the periodic interrupt in ticks of the divider; 0 is none ("Periodic Interrupt Selection"). */
  get #period(): number {
    const rate = this.#cmos[REGISTER_A] & 0x0f;
    if (rate === 0) return 0;
    return rate <= 2 ? 1 << rate + 6 : 1 << rate - 1;
  }

  /** Works out which flags of register C were set since the last time. */
  #settle(now: number): void {
    const before = this.#settled;
    if (now <= before) return;
    this.#settled = now;
    if (this.#dividerReset) return;
    const periods = this.#periodsBetween(before, now);
    if (periods > 0) this.#addPeriods(periods);
    if (this.#stopped) return;
    const second = this.#secondsAt(before);
    if (this.#secondsAt(now) === second) return;
    this.#cmos[REGISTER_C] |= B_UPDATE;
    const alarm = this.#nextAlarm(second);
    if (alarm !== null && alarm <= this.#secondsAt(now)) this.#cmos[REGISTER_C] |= B_ALARM;
  }

  #periodsBetween(before: number, now: number): number {
    const period = this.#period;
    if (period === 0) return 0;
    const count = (time: number) => Math.floor(this.#divider.ticks(time - this.#anchor) / period);
    return count(now) - count(before);
  }

  #addPeriods(periods: number): void {
    const pending = (this.#cmos[REGISTER_C] & B_PERIODIC) !== 0;
    this.#cmos[REGISTER_C] |= B_PERIODIC;
    if (this.#tickPolicy === "discard" || (this.#cmos[REGISTER_B] & B_PERIODIC) === 0) return;
    // More than a second's worth of periods would keep the guest busy with nothing else.
    const most = Math.floor(this.#divider.hertz / this.#period);
    this.#owed = Math.min(this.#owed + periods - (pending ? 0 : 1), most);
  }

  #nextAlarm(second: number): number | null {
    const alarm = {
      second: this.#cmos[SECONDS_ALARM],
      minute: this.#cmos[MINUTES_ALARM],
      hour: this.#cmos[HOURS_ALARM],
    };
    return nextAlarm(second, alarm, this.#cmos[REGISTER_B]);
  }

  #readRegisterC(now: number): number {
    this.#settle(now);
    const flags = this.#cmos[REGISTER_C];
    const value = flags | ((flags & this.#cmos[REGISTER_B]) !== 0 ? C_IRQF : 0);
    this.#cmos[REGISTER_C] = 0;
    this.#context.setIrq(0, false);
    if (this.#owed > 0) {
      this.#owed--;
      this.#cmos[REGISTER_C] = B_PERIODIC;
    }
    this.#update();
    return value;
  }

  #writeRegisterA(now: number, value: number): void {
    const wasReset = this.#dividerReset;
    if ((value & 0x0f) !== (this.#cmos[REGISTER_A] & 0x0f)) this.#owed = 0;
    this.#changeClock(now, () => {
      this.#cmos[REGISTER_A] = value;
      if (wasReset && !this.#dividerReset) this.#anchor = now - DIVIDER_RELEASE;
    });
  }

  #writeRegisterB(now: number, value: number): void {
    // SET also clears the update-ended interrupt enable ("Register B").
    const effective = (value & B_SET) !== 0 ? value & ~B_UPDATE : value;
    if ((effective & B_PERIODIC) === 0) this.#owed = 0;
    this.#changeClock(now, () => this.#cmos[REGISTER_B] = effective);
  }

  /** Carries out a change of register A or B that may stop or start the clock. */
  #changeClock(now: number, change: () => void): void {
    if (!this.#stopped) this.#holdCalendar(now);
    change();
    const stopped = this.#dividerReset || (this.#cmos[REGISTER_B] & B_SET) !== 0;
    if (this.#stopped && !stopped) this.#startClock(now);
    this.#stopped = stopped;
  }

  #holdCalendar(now: number): void {
    const calendar = toCalendar(this.#secondsAt(now), this.#cmos[REGISTER_B], this.#weekdayShift);
    CALENDAR_REGISTERS.forEach((register, at) => this.#cmos[register] = calendar[at]);
  }

  /** Starts from the registers; the divider's phase says when the next second comes. */
  #startClock(now: number): void {
    const calendar = CALENDAR_REGISTERS.map((register) => this.#cmos[register]);
    const { seconds, weekdayShift } = fromCalendar(calendar, this.#cmos[REGISTER_B]);
    this.#seconds = seconds;
    this.#weekdayShift = weekdayShift;
    this.#anchor += Math.floor((now - this.#anchor) / SECOND) * SECOND;
  }

  #writeCalendar(now: number, value: number): void {
    if (!this.#stopped) this.#holdCalendar(now);
    this.#cmos[this.#index] = value;
    if (!this.#stopped) this.#startClock(now);
  }

  /** Drives the line and arms the timer. */
  #update(): void {
    const pending = (this.#cmos[REGISTER_C] & this.#cmos[REGISTER_B] & C_FLAGS) !== 0;
    this.#context.setIrq(0, pending);
    const deadline = pending ? undefined : this.#nextInterrupt();
    if (deadline === this.#deadline) return;
    this.#deadline = deadline;
    this.#context.setTimer(TIMER, deadline);
  }

  /** Guest time at which an enabled flag is set next. */
  #nextInterrupt(): number | undefined {
    const enabled = this.#cmos[REGISTER_B];
    const times: number[] = [];
    const period = this.#period;
    if ((enabled & B_PERIODIC) !== 0 && period !== 0 && !this.#dividerReset) {
      const done = Math.floor(this.#divider.ticks(this.#settled - this.#anchor) / period);
      times.push(this.#anchor + this.#divider.time((done + 1) * period));
    }
    if (!this.#stopped) {
      const second = this.#secondsAt(this.#settled);
      const alarm = (enabled & B_ALARM) !== 0 ? this.#nextAlarm(second) : null;
      const update = (enabled & B_UPDATE) !== 0 ? second + 1 : alarm;
      if (update !== null) times.push(this.#anchor + (update - this.#seconds) * SECOND);
    }
    return times.length === 0 ? undefined : Math.min(...times);
  }
}
