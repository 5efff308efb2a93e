/**
 * What a device model is: register accesses in, effects out.
 *
 * A model has no clock, no I/O and no transport of its own. Everything it can do to the world
 * goes through its {@link DeviceContext}, so a test drives one without a process.
 *
 * @module
 */

import type { IoRange } from "../kernel/abi/io_range.ts";
import type { LogLevel, PowerRequest } from "../kernel/abi/message.ts";
import type { StateFields } from "../kernel/abi/state.ts";

/** Host permissions of a server, as lists for Deno's `--allow-*` options. Absent means none. */
export interface HostPermissions {
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly net?: readonly string[];
  readonly env?: readonly string[];
}

/** What a device declares about itself before it is started. */
export interface Manifest {
  /** The field's name of the device, lower case: `pit`, `rtc`, `uart`. */
  readonly name: string;
  /** One line for people: `8254 programmable interval timer`. */
  readonly description: string;
  /** Registers that the device answers for. An access names a range by its index. */
  readonly ranges: readonly IoRange[];
  /** Global system interrupts that the device may drive. An effect names one by its index. */
  readonly interrupts: readonly number[];
  /** Whether the device reads and writes guest memory. */
  readonly dma: boolean;
  readonly permissions: HostPermissions;
  /** Version of what `save` gives; `restore` gets no other. */
  readonly stateVersion: number;
}

/** What a device can do. */
export interface DeviceContext {
  /** Guest time in nanoseconds since the domain was started; it stands still while paused. */
  now(): number;
  /** Drives the interrupt line `index` of the manifest. Driving it as it is already costs nothing. */
  setIrq(index: number, level: boolean): void;
  /** Sends a message-signalled interrupt. */
  injectMsi(address: number, data: number): void;
  /**
   * Arms timer `id` (0 to 15): `timer(id)` is called once guest time reaches `deadline` (ns). A deadline
   * in the past is due at once; `undefined` disarms.
   */
  setTimer(id: number, deadline: number | undefined): void;
  /**
   * Has reads of the byte at a port give `value` without the device being asked, until it says otherwise; `undefined`: it
   * is asked again. Wider reads ask nobody either if all of their bytes are published. For registers that guests poll, as
   * long as reading them changes nothing and no posted write does. Not to be called before the first access, reset or
   * restore.
   */
  publish(range: number, offset: number, value: number | undefined): void;
  /** Reads `length` bytes of guest memory. @throws {RangeError} outside RAM. */
  readMemory(gpa: number, length: number): Uint8Array;
  /** Writes guest memory. @throws {RangeError} outside RAM. */
  writeMemory(gpa: number, bytes: Uint8Array): void;
  /** Sends bytes to the toolstack: what a serial port transmits, for instance. */
  output(bytes: Uint8Array): void;
  /** Asks for power off or reset of the whole machine. */
  power(request: PowerRequest): void;
  /** Writes a line to the log. */
  log(level: LogLevel, text: string): void;
}

/** A device model. `offset` counts from the first address of the range; `size` is 1, 2 or 4 bytes. */
export interface Device {
  /** A read of a register. Unused bits and registers read as the data sheet says, or as ones. */
  read(range: number, offset: number, size: number): number;
  /** A write to a register; `value` has no bits above `size`. */
  write(range: number, offset: number, size: number, value: number): void;
  /** A timer that the device armed is due. */
  timer?(id: number): void;
  /** Bytes from the toolstack: what a serial port receives, for instance. */
  input?(bytes: Uint8Array): void;
  /** Power-on state. */
  reset(): void;
  /** The whole state, as named fields. Times are guest times. */
  save(): StateFields;
  /** Takes over a state that `save` gave, and drives interrupts and timers as it says. @throws {TypeError} */
  restore(fields: StateFields): void;
}

/** Makes a device. */
export type DeviceFactory = (context: DeviceContext) => Device;
