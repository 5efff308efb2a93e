/**
 * ACPI fixed hardware: power button, soft-off, power management timer, and the reset register.
 *
 * There is no legacy mode to switch from: SCI_EN is always set, and the FADT names no SMI command port.
 *
 * @module
 */

import { IoreqType } from "../kernel/abi/ioreq.ts";
import { LogLevel, PowerRequest } from "../kernel/abi/message.ts";
import type { StateFields } from "../kernel/abi/state.ts";
import type { Device, DeviceContext, Manifest } from "./device.ts";
import { parseJsonLines } from "./json_lines.ts";
import { Oscillator } from "./oscillator.ts";
import { SavedFields } from "./saved_fields.ts";

/** PM1a event block: status and enable registers, 2 bytes each. */
export const PM1A_EVENT_PORT = 0x600;
/** PM1a control register, 2 bytes. */
export const PM1A_CONTROL_PORT = 0x604;
/** Power management timer, 4 bytes; all 32 bits count (FADT flag TMR_VAL_EXT). */
export const PM_TIMER_PORT = 0x608;
/** Reset control register of PC chipsets, 1 byte. */
export const RESET_PORT = 0xcf9;
/** What the FADT says to write to {@link RESET_PORT}. */
export const RESET_VALUE = 0x06;
/** SLP_TYP that turns the machine off, for the object `_S5`. */
export const SLEEP_TYPE_S5 = 5;
/** System control interrupt: level-triggered, active high. */
export const SCI_INTERRUPT = 9;
/** Frequency of the power management timer in hertz. */
export const PM_TIMER_FREQUENCY = 3579545;

/** What the device declares. */
export const ACPI_PM_MANIFEST: Manifest = {
  name: "acpi_pm",
  description: "ACPI fixed hardware",
  ranges: [
    { type: IoreqType.Port, first: PM1A_EVENT_PORT, last: PM1A_EVENT_PORT + 3, posted: false },
    { type: IoreqType.Port, first: PM1A_CONTROL_PORT, last: PM1A_CONTROL_PORT + 1, posted: false },
    { type: IoreqType.Port, first: PM_TIMER_PORT, last: PM_TIMER_PORT + 3, posted: false },
    { type: IoreqType.Port, first: RESET_PORT, last: RESET_PORT, posted: false },
  ],
  interrupts: [SCI_INTERRUPT],
  dma: false,
  permissions: {},
  stateVersion: 1,
};

// Numbers of the ranges; 2 is the timer's, which is only read.
const EVENT_RANGE = 0;
const CONTROL_RANGE = 1;
const RESET_RANGE = 3;

// PM1 status and enable registers (ACPI 6.5, sections 4.8.3.1.1 and 4.8.3.1.2).
const TIMER_EVENT = 0x0001;
const GLOBAL_EVENT = 0x0020;
const POWER_BUTTON_EVENT = 0x0100;
/** The RTC's alarm as a wake-up event: nothing raises it, but an OS expects that it can be enabled. */
const RTC_EVENT = 0x0400;
const EVENTS = TIMER_EVENT | GLOBAL_EVENT | POWER_BUTTON_EVENT | RTC_EVENT;

// PM1 control register (section 4.8.3.2.1).
const SCI_ENABLED = 0x0001;
const BUS_MASTER_RELOAD = 0x0002;
const SLEEP_TYPE_SHIFT = 10;
const SLEEP_TYPE = 7 << SLEEP_TYPE_SHIFT;
const SLEEP_ENABLE = 0x2000;
const CONTROL_WRITABLE = BUS_MASTER_RELOAD | SLEEP_TYPE;

// Reset control register.
const SYSTEM_RESET = 0x02;
const RESET_PROCESSOR = 0x04;
const FULL_RESET = 0x08;

/** TMR_STS is set whenever the highest of the timer's 32 bits changes (section 4.8.3.3). */
const CARRY_TICKS = 2 ** 31;

const CARRY_TIMER = 0;

/** The device. Registers of ACPI can be accessed with any size at any offset. */
export class AcpiPm implements Device {
  readonly #context: DeviceContext;
  readonly #clock = new Oscillator(PM_TIMER_FREQUENCY);
  #status = 0;
  #enable = 0;
  #control = SCI_ENABLED;
  #resetControl = 0;
  /** Carries of the timer that TMR_STS knows of. */
  #carries = 0;

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  read(range: number, offset: number, size: number): number {
    if (range === RESET_RANGE) return this.#resetControl;
    const value = this.#register(range) / 2 ** (8 * offset);
    return Math.floor(value) % 2 ** (8 * size);
  }

  write(range: number, offset: number, size: number, value: number): void {
    // The bytes that are written, at their places in the register.
    const mask = (2 ** (8 * size) - 1) * 2 ** (8 * offset) % 2 ** 32 >>> 0;
    const data = value * 2 ** (8 * offset) % 2 ** 32 >>> 0;
    if (range === EVENT_RANGE) this.#writeEvents(data, mask);
    else if (range === CONTROL_RANGE) this.#writeControl(data, mask);
    else if (range === RESET_RANGE) this.#writeReset(value);
  }

  timer(_id: number): void {
    this.#settle();
    this.#update();
  }

  /** Takes lines of JSON: `{"button": "power"}` presses the power button. */
  input(bytes: Uint8Array): void {
    try {
      const lines = parseJsonLines(bytes);
      if (lines.some((line) => line.button !== "power")) {
        throw new SyntaxError("Input is not the power button");
      }
      if (lines.length === 0) return;
    } catch (error) {
      this.#context.log(LogLevel.Warn, error instanceof Error ? error.message : String(error));
      return;
    }
    this.#status |= POWER_BUTTON_EVENT;
    this.#update();
  }

  reset(): void {
    this.#status = 0;
    this.#enable = 0;
    this.#control = SCI_ENABLED;
    this.#resetControl = 0;
    this.#carries = this.#carriesNow();
    this.#update();
  }

  save(): StateFields {
    return {
      status: this.#status,
      enable: this.#enable,
      control: this.#control,
      resetControl: this.#resetControl,
      carries: this.#carries,
    };
  }

  restore(fields: StateFields): void {
    const saved = new SavedFields(fields);
    const status = saved.integer("status", 0, EVENTS);
    const enable = saved.integer("enable", 0, EVENTS);
    const control = saved.integer("control", 0, SCI_ENABLED | CONTROL_WRITABLE);
    const resetControl = saved.integer("resetControl", 0, 0xff);
    const carries = saved.time("carries");
    this.#status = status;
    this.#enable = enable;
    this.#control = control;
    this.#resetControl = resetControl;
    this.#carries = carries;
    this.#update();
  }

  #register(range: number): number {
    switch (range) {
      case EVENT_RANGE:
        this.#settle();
        return this.#status + this.#enable * 0x10000;
      case CONTROL_RANGE:
        return this.#control;
      default:
        return this.#clock.ticks(this.#context.now()) % 2 ** 32;
    }
  }

  #writeEvents(data: number, mask: number): void {
    this.#settle();
    // A status bit is cleared by writing one; the enable register is an ordinary one.
    this.#status &= ~(data & 0xffff);
    this.#enable = (this.#enable & ~(mask >>> 16) | data >>> 16) & EVENTS;
    this.#update();
  }

  #writeControl(data: number, mask: number): void {
    const control = this.#control & ~mask | data;
    this.#control = control & CONTROL_WRITABLE | SCI_ENABLED;
    this.#update();
    if ((data & SLEEP_ENABLE) === 0) return;
    const sleepType = (control & SLEEP_TYPE) >> SLEEP_TYPE_SHIFT;
    if (sleepType === SLEEP_TYPE_S5) this.#context.power(PowerRequest.Off);
    else this.#context.log(LogLevel.Warn, `Guest asked for sleep type ${sleepType}, which does not exist`);
  }

  #writeReset(value: number): void {
    this.#resetControl = value & (SYSTEM_RESET | FULL_RESET);
    if ((value & RESET_PROCESSOR) !== 0) this.#context.power(PowerRequest.Reset);
  }

  #carriesNow(): number {
    return Math.floor(this.#clock.ticks(this.#context.now()) / CARRY_TICKS);
  }

  /** Sets TMR_STS if the timer has carried since the last time. */
  #settle(): void {
    const carries = this.#carriesNow();
    if (carries <= this.#carries) return;
    this.#carries = carries;
    this.#status |= TIMER_EVENT;
  }

  /** Publishes what only writes change, drives the SCI, and arms the timer for the next carry, if that interrupts. */
  #update(): void {
    for (
      const [range, offset, register] of [[EVENT_RANGE, 2, this.#enable], [CONTROL_RANGE, 0, this.#control]]
    ) {
      this.#context.publish(range, offset, register & 0xff);
      this.#context.publish(range, offset + 1, register >> 8);
    }
    this.#context.setIrq(0, (this.#status & this.#enable) !== 0);
    const armed = (this.#enable & TIMER_EVENT) !== 0 && (this.#status & TIMER_EVENT) === 0;
    const carry = this.#clock.time((this.#carries + 1) * CARRY_TICKS);
    this.#context.setTimer(CARRY_TIMER, armed ? carry : undefined);
  }
}
