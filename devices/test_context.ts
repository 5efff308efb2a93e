/**
 * The world that a device model is tested in: a clock that the test moves, timers, and a record of
 * everything the model did.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { IoreqType } from "../kernel/abi/ioreq.ts";
import { LogLevel, PowerRequest } from "../kernel/abi/message.ts";
import { decodeState, encodeState, type StateFields } from "../kernel/abi/state.ts";
import type { Device, DeviceContext, DeviceFactory, Manifest } from "./device.ts";

/** A context whose effects are kept as lines of text such as `irq 4 high`. */
export class TestContext implements DeviceContext {
  /** What the device did, oldest first. */
  readonly events: string[] = [];
  /** Levels of the interrupt lines, by global system interrupt. */
  readonly levels: Map<number, boolean> = new Map();
  /** Bytes that the device sent to the toolstack. */
  readonly sent: number[] = [];
  /** Armed timers and their deadlines. */
  readonly timers: Map<number, number> = new Map();
  /** Values that are published, by range and offset: `1.4`. */
  readonly published: Map<string, number> = new Map();
  /** Guest time in nanoseconds. */
  time = 0;
  readonly #interrupts: readonly number[];

  constructor(interrupts: readonly number[]) {
    this.#interrupts = interrupts;
  }

  now(): number {
    return this.time;
  }

  setIrq(index: number, level: boolean): void {
    const interrupt = this.#interrupts[index];
    if (interrupt === undefined) throw new RangeError(`Interrupt ${index} is not in the manifest`);
    if ((this.levels.get(interrupt) ?? false) === level) return;
    this.levels.set(interrupt, level);
    this.events.push(`irq ${interrupt} ${level ? "high" : "low"}`);
  }

  injectMsi(address: number, data: number): void {
    this.events.push(`msi ${address} ${data}`);
  }

  setTimer(id: number, deadline: number | undefined): void {
    if (!Number.isInteger(id) || id < 0 || id > 15) throw new RangeError(`Timer ${id} does not exist`);
    if (deadline === undefined) {
      this.timers.delete(id);
      return;
    }
    if (!Number.isFinite(deadline)) throw new RangeError(`Deadline ${deadline} is not a time`);
    this.timers.set(id, deadline);
  }

  publish(range: number, offset: number, value: number | undefined): void {
    if (value === undefined) this.published.delete(`${range}.${offset}`);
    else this.published.set(`${range}.${offset}`, value);
  }

  readMemory(_gpa: number, _length: number): Uint8Array {
    throw new RangeError("There is no memory");
  }

  writeMemory(_gpa: number, _bytes: Uint8Array): void {
    throw new RangeError("There is no memory");
  }

  output(bytes: Uint8Array): void {
    this.sent.push(...bytes);
    this.events.push(`output ${[...bytes].join(" ")}`);
  }

  power(request: PowerRequest): void {
    this.events.push(`power ${PowerRequest[request]}`);
  }

  log(level: LogLevel, text: string): void {
    this.events.push(`log ${LogLevel[level]}: ${text}`);
  }

  /** Takes the events so far. */
  take(): string[] {
    return this.events.splice(0);
  }
}

/** A device in a {@link TestContext}, reached by port number as a guest would. */
export class TestBench {
  readonly context: TestContext;
  readonly device: Device;
  readonly #manifest: Manifest;

  constructor(manifest: Manifest, factory: DeviceFactory, time: number = 0) {
    this.context = new TestContext(manifest.interrupts);
    this.context.time = time;
    this.#manifest = manifest;
    this.device = factory(this.context);
  }

  /** Reads `size` bytes at `port`; fails if the value does not fit. */
  in(port: number, size: number = 1): number {
    const [range, offset] = this.#find(port);
    const published = size === 1 ? this.context.published.get(`${range}.${offset}`) : undefined;
    const value = published ?? this.device.read(range, offset, size);
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * size)) {
      throw new RangeError(`Read of port 0x${port.toString(16)} gave ${value}`);
    }
    return value;
  }

  /** Writes `size` bytes at `port`. */
  out(port: number, value: number, size: number = 1): void {
    const [range, offset] = this.#find(port);
    this.device.write(range, offset, size, value);
  }

  /** Sends text as the toolstack does. */
  input(text: string): void {
    this.device.input?.(new TextEncoder().encode(text));
  }

  /** Lets `ns` of guest time pass; timers are called on time. */
  wait(ns: number): void {
    const end = this.context.time + ns;
    for (;;) {
      let next: [number, number] | undefined;
      for (const timer of this.context.timers) {
        if (timer[1] <= end && (next === undefined || timer[1] < next[1])) next = timer;
      }
      if (next === undefined) break;
      this.context.time = Math.max(this.context.time, next[1]);
      this.context.timers.delete(next[0]);
      this.device.timer?.(next[0]);
    }
    this.context.time = end;
  }

  /** Lets `ns` of guest time pass with the device's process standing still: no timer is called. */
  stall(ns: number): void {
    this.context.time += ns;
  }

  /** Level of a global system interrupt. */
  level(interrupt: number): boolean {
    return this.context.levels.get(interrupt) ?? false;
  }

  /** The state after a trip over the wire. */
  save(): StateFields {
    const state = { device: this.#manifest.name, version: 1, fields: this.device.save() };
    return decodeState(encodeState(state)).fields;
  }

  #find(port: number): [number, number] {
    const range = this.#manifest.ranges.findIndex((range) =>
      range.type === IoreqType.Port && port >= range.first && port <= range.last
    );
    if (range < 0) throw new RangeError(`Port 0x${port.toString(16)} is not in the manifest`);
    return [range, port - this.#manifest.ranges[range].first];
  }
}

/** One step of a script: what it returns is compared, and so is what the device did meanwhile. */
export type Step = (bench: TestBench) => unknown;

/** What one step showed: its result and the device's effects. */
interface Trace {
  readonly step: number;
  readonly result: unknown;
  readonly events: string[];
}

/**
 * Runs `script` once through, and then once for every step with the state saved after that step and
 * restored into a new device; all must show the same.
 */
export function assertSurvivesRestore(
  manifest: Manifest,
  factory: DeviceFactory,
  script: readonly Step[],
): void {
  const run = (bench: TestBench, from: number, to: number): Trace[] => {
    const traces: Trace[] = [];
    for (let step = from; step < to; step++) {
      const result = script[step](bench);
      traces.push({ step, result: result ?? null, events: bench.context.take() });
    }
    return traces;
  };
  const whole = run(new TestBench(manifest, factory), 0, script.length);
  for (let cut = 0; cut <= script.length; cut++) {
    const before = new TestBench(manifest, factory);
    run(before, 0, cut);
    const fields = before.save();
    const after = new TestBench(manifest, factory, before.context.time);
    after.device.restore(fields);
    after.context.take();
    for (const interrupt of manifest.interrupts) {
      assertEquals(after.level(interrupt), before.level(interrupt), `line ${interrupt} after step ${cut}`);
    }
    assertEquals(after.save(), fields, `state after step ${cut}`);
    assertEquals(run(after, cut, script.length), whole.slice(cut), `rest after step ${cut}`);
  }
}

/** Accesses every register with every size in a fixed pseudo-random order; nothing may throw. */
export function assertNeverThrows(manifest: Manifest, factory: DeviceFactory, count: number = 20000): void {
  const bench = new TestBench(manifest, factory);
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  for (let i = 0; i < count; i++) {
    const range = manifest.ranges[random(manifest.ranges.length)];
    const size = 2 ** random(3);
    const port = range.first + random(range.last - range.first + 1);
    if (random(3) === 0) bench.in(port, size);
    else bench.out(port, random(2 ** (8 * size)), size);
    if (random(4) === 0) bench.wait(random(100_000));
    if (random(1000) === 0) bench.device.restore(bench.save());
    if (random(5000) === 0) bench.device.reset();
  }
}
