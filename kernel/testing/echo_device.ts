/**
 * A device for tests that shows everything that a device can do.
 *
 * | port | read | write |
 * |---|---|---|
 * | 0 | what was written there last | stores it (posted) |
 * | 1 | number of timer calls | arms timer 0 in so many ms |
 * | 2 | lowers the interrupt; its level | drives the interrupt |
 * | 3 | bytes of input so far | sends the byte to the toolstack |
 * | 4 | a byte of guest memory, from the address in 0 | writes that byte, at the address in 0 |
 * | 5 | - | 1 power off, 2 reset, 3 throws, 4 console.log, 5 hangs, 6 pulses the interrupt, 7 MSI vector 0x77 |
 * | 6 | size of the access | publishes what reads of it give; 0xff: nothing |
 *
 * @module
 */

import type { Device, DeviceContext, Manifest } from "../../devices/device.ts";
import { IoreqType } from "../abi/ioreq.ts";
import { LogLevel, PowerRequest } from "../abi/message.ts";
import type { StateFields } from "../abi/state.ts";

export const ECHO_PORT = 0x500;
export const ECHO_MMIO = 0xd000_0000;
export const ECHO_INTERRUPT = 5;
/** Input that begins with this byte makes the device throw. */
export const FATAL_INPUT = 0xee;

export const ECHO_MANIFEST: Manifest = {
  name: "echo",
  description: "device for tests",
  ranges: [
    { type: IoreqType.Port, first: ECHO_PORT, last: ECHO_PORT, posted: true },
    { type: IoreqType.Port, first: ECHO_PORT + 1, last: ECHO_PORT + 15, posted: false },
    { type: IoreqType.Mmio, first: ECHO_MMIO, last: ECHO_MMIO + 0xfff, posted: false },
  ],
  interrupts: [ECHO_INTERRUPT],
  dma: true,
  permissions: {},
  stateVersion: 1,
};

/** The device. MMIO is memory of 4 KiB, in 32-bit registers. */
export class EchoDevice implements Device {
  readonly #context: DeviceContext;
  readonly #memory = new DataView(new ArrayBuffer(0x1000));
  #stored = 0;
  #timers = 0;
  #level = false;
  #input = 0;
  #deadline: number | null = null;

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  read(range: number, offset: number, size: number): number {
    if (range === 0) return this.#stored;
    if (range === 2) return size === 4 ? this.#memory.getUint32(offset, true) : this.#memory.getUint8(offset);
    switch (offset + 1) {
      case 1:
        return this.#timers;
      case 2: {
        const level = this.#level;
        this.#drive(false);
        return level ? 1 : 0;
      }
      case 3:
        return this.#input;
      case 4:
        return this.#context.readMemory(this.#stored, 1)[0];
      default:
        // The size shows how an access arrived.
        return size;
    }
  }

  write(range: number, offset: number, size: number, value: number): void {
    if (range === 0) this.#stored = value;
    else if (range === 2) {
      if (size === 4) this.#memory.setUint32(offset, value, true);
      else this.#memory.setUint8(offset, value);
    } else this.#writeRegister(offset + 1, value);
  }

  timer(): void {
    this.#deadline = null;
    this.#timers++;
    this.#drive(true);
  }

  input(bytes: Uint8Array): void {
    if (bytes[0] === FATAL_INPUT) throw new Error("fatal input");
    this.#input += bytes.length;
    this.#context.output(bytes);
  }

  reset(): void {
    this.#stored = this.#timers = this.#input = 0;
    this.#arm(null);
    this.#drive(false);
  }

  save(): StateFields {
    return {
      stored: this.#stored,
      timers: this.#timers,
      level: this.#level,
      input: this.#input,
      deadline: this.#deadline,
    };
  }

  restore(fields: StateFields): void {
    if (typeof fields.stored !== "number") throw new TypeError(`Field "stored" is not a number`);
    this.#stored = fields.stored;
    this.#timers = Number(fields.timers);
    this.#input = Number(fields.input);
    this.#drive(Boolean(fields.level));
    this.#arm(fields.deadline === null ? null : Number(fields.deadline));
  }

  #arm(deadline: number | null): void {
    this.#deadline = deadline;
    this.#context.setTimer(0, deadline ?? undefined);
  }

  #drive(level: boolean): void {
    this.#level = level;
    this.#context.setIrq(0, level);
  }

  #writeRegister(register: number, value: number): void {
    switch (register) {
      case 1:
        return this.#arm(this.#context.now() + value * 1e6);
      case 2:
        return this.#drive(value !== 0);
      case 3:
        return this.#context.output(Uint8Array.of(value));
      case 4:
        return this.#context.writeMemory(this.#stored, Uint8Array.of(value));
      case 5:
        return this.#command(value);
      case 6:
        return this.#context.publish(1, 5, value === 0xff ? undefined : value);
    }
  }

  #command(command: number): void {
    switch (command) {
      case 1:
        return this.#context.power(PowerRequest.Off);
      case 2:
        return this.#context.power(PowerRequest.Reset);
      case 3:
        throw new Error("broken\nin two lines");
      case 4:
        console.log("printed", { by: "the device" });
        return this.#context.log(LogLevel.Debug, "detail");
      case 5:
        for (;;);
      case 6:
        this.#context.setIrq(0, true);
        return this.#context.setIrq(0, false);
      case 7:
        return this.#context.injectMsi(0xfee0_0000, 0x77);
    }
  }
}
