/**
 * What a device can do, as messages to the kernel.
 *
 * @module
 */

import type { DeviceContext, Manifest } from "../devices/device.ts";
import { IoreqType } from "../kernel/abi/ioreq.ts";
import { encodeMessage, type LogLevel, MessageType, type PowerRequest } from "../kernel/abi/message.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { injectMsi, log, power, publishPort, setIrqLevel, setTimer } from "./messages.ts";

/** Timers that a device has. */
const TIMERS = 16;
const NANOSECONDS = 1_000_000;
/** Most output in one message, in bytes. */
const OUTPUT_PART = 1 << 16;

/** A device's context. Effects go to `send`, which sends them before the answer to what is being handled. */
export class ServerContext implements DeviceContext {
  readonly #manifest: Manifest;
  readonly #send: (message: Uint8Array) => void;
  readonly #memory: GuestMemory;
  readonly #levels: boolean[];
  readonly #deadlines: (number | undefined)[] = new Array(TIMERS).fill(undefined);
  /** Values that are published, by port. */
  readonly #published = new Map<number, number>();
  /** Guest time of the latest message that carried one, and host time (ms) when it was handled. */
  #time = 0;
  #hostTime = 0;
  #running = false;
  /** Latest time that was given out: time never goes back. */
  #latest = 0;
  #handling = false;

  constructor(manifest: Manifest, memory: GuestMemory, send: (message: Uint8Array) => void) {
    this.#manifest = manifest;
    this.#memory = memory;
    this.#send = send;
    this.#levels = manifest.interrupts.map(() => false);
  }

  /** Starts handling a message that carries guest time `time`: it stands still meanwhile. */
  begin(time: number): void {
    this.#time = time;
    this.#hostTime = performance.now();
    this.#handling = true;
  }

  /** A message has been handled. */
  end(): void {
    this.#handling = false;
  }

  /** Guest time runs, or stands still. */
  setRunning(running: boolean): void {
    this.#running = running;
  }

  /** Guest time was set back: a state is restored. */
  forgetTime(): void {
    this.#latest = 0;
  }

  /** Whether timer `id` is armed and due at guest time `time`; it is disarmed then. */
  takeTimer(id: number, time: number): boolean {
    const deadline = this.#deadlines[id];
    // It may have been armed anew while the message was on its way.
    if (deadline === undefined || deadline > time) return false;
    this.#deadlines[id] = undefined;
    return true;
  }

  now(): number {
    const since = this.#handling || !this.#running ? 0 : (performance.now() - this.#hostTime) * NANOSECONDS;
    this.#latest = Math.max(this.#latest, this.#time + Math.floor(since));
    return this.#latest;
  }

  setIrq(index: number, level: boolean): void {
    const gsi = this.#manifest.interrupts[index];
    if (gsi === undefined) throw new RangeError(`Interrupt ${index} is not in the manifest`);
    if (this.#levels[index] === level) return;
    this.#levels[index] = level;
    this.#send(setIrqLevel(gsi, level));
  }

  injectMsi(address: number, data: number): void {
    this.#send(injectMsi(address, data));
  }

  setTimer(id: number, deadline: number | undefined): void {
    if (!Number.isInteger(id) || id < 0 || id >= TIMERS) throw new RangeError(`Timer ${id} does not exist`);
    if (deadline !== undefined && !Number.isFinite(deadline)) {
      throw new RangeError(`Deadline ${deadline} is not a time`);
    }
    if (deadline === undefined && this.#deadlines[id] === undefined) return;
    this.#deadlines[id] = deadline;
    this.#send(setTimer(id, deadline));
  }

  publish(range: number, offset: number, value: number | undefined): void {
    const { type, first, last } = this.#manifest.ranges[range]!;
    const port = first + offset;
    if (type !== IoreqType.Port || port > last) {
      throw new RangeError(`Register ${offset} of range ${range} is not a port of the manifest`);
    }
    if (this.#published.get(port) === value) return;
    if (value === undefined) this.#published.delete(port);
    else this.#published.set(port, value);
    this.#send(publishPort(port, value));
  }

  readMemory(gpa: number, length: number): Uint8Array {
    return this.#memory.read(gpa, length);
  }

  writeMemory(gpa: number, bytes: Uint8Array): void {
    this.#memory.write(gpa, bytes);
  }

  output(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += OUTPUT_PART) {
      this.#send(encodeMessage(MessageType.HostOutput, 0, bytes.subarray(at, at + OUTPUT_PART)));
    }
  }

  power(request: PowerRequest): void {
    this.#send(power(request));
  }

  log(level: LogLevel, text: string): void {
    this.#send(log(level, text));
  }
}
