/**
 * 8254 programmable interval timer, and the port of the PC that gates its third counter.
 *
 * OUT of counter 0 is IRQ 0. Counter 1 only refreshed memory. Counter 2 makes sound, and guests
 * measure time with it: its gate and OUT are bits of port 0x61.
 *
 * @module
 */

import { IoreqType } from "../kernel/abi/ioreq.ts";
import type { StateFields } from "../kernel/abi/state.ts";
import type { Device, DeviceContext, Manifest } from "./device.ts";
import { Oscillator } from "./oscillator.ts";
import { type OutEdge, PitCounter } from "./pit_counter.ts";
import { SavedFields } from "./saved_fields.ts";

/** Frequency of the counters' CLK inputs in hertz. */
export const PIT_FREQUENCY = 1193182;

const COUNTER_PORT = 0x40;
const CONTROL_PORT = 0x43;
const SYSTEM_CONTROL_PORT = 0x61;

/** What the device declares. */
export const PIT_MANIFEST: Manifest = {
  name: "pit",
  description: "8254 programmable interval timer",
  ranges: [
    { type: IoreqType.Port, first: COUNTER_PORT, last: CONTROL_PORT, posted: false },
    { type: IoreqType.Port, first: SYSTEM_CONTROL_PORT, last: SYSTEM_CONTROL_PORT, posted: false },
  ],
  interrupts: [0],
  dma: false,
  permissions: {},
  stateVersion: 1,
};

const COUNTER_RANGE = 0;
const CONTROL_OFFSET = CONTROL_PORT - COUNTER_PORT;

// Control word (8254 data sheet, "Control Word Format", "Read-Back Command").
const SELECT_READ_BACK = 3;
const READ_BACK_NO_COUNT = 0x20;
const READ_BACK_NO_STATUS = 0x10;

// System control port B (IBM PC/AT Technical Reference, port 61h).
const GATE_2 = 0x01;
const WRITABLE = 0x0f;
const REFRESH = 0x10;
const OUT_2 = 0x20;

/** CLK ticks between two refresh requests, which counter 1 made every 15 us. */
const REFRESH_TICKS = 18;

const EDGE_TIMER = 0;

/** Ticks by which edges may be late and still be delivered one by one; beyond it they are skipped. */
const CATCH_UP_TICKS = PIT_FREQUENCY;

/** The device. */
export class Pit implements Device {
  readonly #context: DeviceContext;
  readonly #clock = new Oscillator(PIT_FREQUENCY);
  #counters: PitCounter[] = [];
  #systemControl = 0;
  #line = false;
  /** Next change of the interrupt line. */
  #edge: OutEdge | null = null;

  constructor(context: DeviceContext) {
    this.#context = context;
    this.#powerOn();
  }

  read(range: number, offset: number, _size: number): number {
    const tick = this.#tick();
    if (range === COUNTER_RANGE) {
      return offset === CONTROL_OFFSET ? 0xff : this.#counters[offset].read(tick);
    }
    const refresh = Math.floor(tick / REFRESH_TICKS) % 2 === 0 ? 0 : REFRESH;
    return this.#systemControl | refresh | (this.#counters[2].out(tick) ? OUT_2 : 0);
  }

  write(range: number, offset: number, _size: number, value: number): void {
    const tick = this.#tick();
    if (range !== COUNTER_RANGE) {
      this.#systemControl = value & WRITABLE;
      this.#counters[2].setGate(tick, (value & GATE_2) !== 0);
      return;
    }
    const select = offset === CONTROL_OFFSET ? value >> 6 & 3 : offset;
    if (select === SELECT_READ_BACK) return this.#readBack(tick, value);
    const counter = this.#counters[select];
    if (offset === CONTROL_OFFSET && (value & 0x30) === 0) return counter.latchCount(tick);
    // What was due before the write happened before it.
    if (select === 0 && this.#edge !== null && this.#edge.tick <= tick) this.#drive(this.#edge);
    if (offset === CONTROL_OFFSET) counter.program(tick, value);
    else counter.write(tick, value & 0xff);
    if (select === 0) {
      this.#setLine(counter.out(tick));
      this.#arm(counter.nextEdge(tick));
    }
  }

  timer(_id: number): void {
    const tick = this.#tick();
    const edge = this.#edge;
    if (edge === null) return;
    // The timer of an edge that a write has since replaced may still arrive.
    if (tick < edge.tick) return this.#arm(edge);
    this.#drive(edge);
    const next = this.#counters[0].nextEdge(edge.tick);
    const lost = next !== null && tick - next.tick > CATCH_UP_TICKS;
    this.#arm(lost ? this.#counters[0].nextEdge(tick) : next);
  }

  reset(): void {
    this.#powerOn();
    this.#setLine(false);
    this.#arm(null);
  }

  save(): StateFields {
    return {
      counter0: this.#counters[0].save(),
      counter1: this.#counters[1].save(),
      counter2: this.#counters[2].save(),
      systemControl: this.#systemControl,
      line: this.#line,
      edge: this.#edge === null ? null : { ...this.#edge },
    };
  }

  restore(fields: StateFields): void {
    const saved = new SavedFields(fields);
    const counters = ["counter0", "counter1", "counter2"].map((name) =>
      PitCounter.restore(saved.record(name))
    );
    const systemControl = saved.integer("systemControl", 0, WRITABLE);
    const line = saved.flag("line");
    let edge: OutEdge | null = null;
    if (fields.edge !== null) {
      const record = saved.record("edge");
      edge = { tick: record.time("tick"), level: record.flag("level"), pulse: record.flag("pulse") };
    }
    this.#counters = counters;
    this.#systemControl = systemControl;
    this.#setLine(line);
    this.#arm(edge);
  }

  #powerOn(): void {
    this.#counters = [new PitCounter(), new PitCounter(), new PitCounter()];
    this.#counters[2].setGate(0, false);
    this.#systemControl = 0;
  }

  #readBack(tick: number, command: number): void {
    this.#counters.forEach((counter, index) => {
      if ((command >> index + 1 & 1) === 0) return;
      if ((command & READ_BACK_NO_COUNT) === 0) counter.latchCount(tick);
      if ((command & READ_BACK_NO_STATUS) === 0) counter.latchStatus(tick);
    });
  }

  #tick(): number {
    return this.#clock.ticks(this.#context.now());
  }

  #drive(edge: OutEdge): void {
    if (edge.pulse) this.#setLine(false);
    this.#setLine(edge.level);
  }

  #setLine(level: boolean): void {
    this.#line = level;
    this.#context.setIrq(0, level);
  }

  #arm(edge: OutEdge | null): void {
    this.#edge = edge;
    this.#context.setTimer(EDGE_TIMER, edge === null ? undefined : this.#clock.time(edge.tick));
  }
}
