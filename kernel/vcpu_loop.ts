/**
 * What a vCPU's thread does: run the vCPU, deliver interrupts to it, sleep while it is halted, and do what the
 * main thread asks.
 *
 * @module
 */

import type { InterruptController } from "./interrupt/interrupt_controller.ts";
import { type Vcpu, VcpuExit } from "./vcpu.ts";

/** Fewest and most instructions that are granted at once. */
const MIN_BUDGET = 20_000;
const MAX_BUDGET = 500_000;

const NANOSECONDS = 1_000_000;
/** Weight of the latest measurement in the estimate of the vCPU's speed. */
const SPEED_WEIGHT = 0.25;
/** Runs shorter than this, in nanoseconds, say nothing about speed. */
const SHORTEST_MEASUREMENT = 20_000;

/** What a run loop is made of. */
export interface VcpuLoopOptions {
  readonly index: number;
  readonly vcpu: Vcpu;
  readonly interrupts: InterruptController;
  /** Guest time in nanoseconds. */
  now(): number;
  /** Takes over what the servers have sent: interrupts, written memory. */
  takeEvents(): void;
  /** Does what the main thread asks. May change {@link VcpuLoop.running}. */
  takeRequests(): void;
  /** The vCPU has shut down. */
  shutdown(): void;
}

/** The run loop of one vCPU. */
export class VcpuLoop {
  /** Whether the vCPU executes instructions. */
  running = false;
  /** Nanoseconds of guest time in HLT. */
  idle = 0;
  /** Guest time up to which the vCPU has been granted instructions. */
  horizon = Infinity;
  readonly #options: VcpuLoopOptions;
  #halted = false;
  #nmi = false;
  /** Instructions for each nanosecond. */
  #speed = 0.1;

  constructor(options: VcpuLoopOptions) {
    this.#options = options;
  }

  /** A non-maskable interrupt is to be delivered. */
  nonMaskableInterrupt(): void {
    this.#nmi = true;
  }

  /** The vCPU's state has been replaced: it may not be halted any more. */
  stateChanged(): void {
    this.#halted = false;
  }

  /** Runs for good. */
  run(): never {
    for (;;) this.step();
  }

  /** One round: whatever there is to do, then instructions or sleep. */
  step(): void {
    const { vcpu, interrupts, index } = this.#options;
    const { words, index: word } = vcpu.attention;
    // Whoever raises it from here on has to be looked at in the next round.
    Atomics.store(words, word, 0);
    this.#options.takeRequests();
    if (!this.running) {
      Atomics.wait(words, word, 0);
      return;
    }
    this.#options.takeEvents();
    interrupts.expire(index, this.#options.now());
    this.#deliver();
    if (this.#halted) this.#sleep();
    else this.#execute();
  }

  #deliver(): void {
    const { vcpu, interrupts, index } = this.#options;
    if (this.#nmi) {
      this.#nmi = false;
      vcpu.nonMaskableInterrupt();
      this.#halted = false;
    }
    const pending = interrupts.pending(index);
    if (pending && vcpu.interruptible) {
      vcpu.interrupt(interrupts.acknowledge(index));
      this.#halted = false;
      vcpu.interruptWindow = interrupts.pending(index);
    } else {
      vcpu.interruptWindow = pending;
    }
  }

  #execute(): void {
    const { vcpu, interrupts, index } = this.#options;
    const before = vcpu.instructions;
    const start = this.#options.now();
    const left = (interrupts.nextDeadline(index) ?? Infinity) - start;
    const budget = Math.min(Math.max(Math.floor(left * this.#speed), MIN_BUDGET), MAX_BUDGET);
    this.horizon = start + budget / this.#speed;
    const exit = vcpu.run(budget);
    const time = this.#options.now() - start;
    if (time >= SHORTEST_MEASUREMENT) {
      const speed = Number(vcpu.instructions - before) / time;
      this.#speed += (Math.max(speed, 0.001) - this.#speed) * SPEED_WEIGHT;
    }
    if (exit === VcpuExit.Halt) this.#halted = true;
    if (exit === VcpuExit.Shutdown) {
      this.running = false;
      this.#options.shutdown();
    }
  }

  #sleep(): void {
    const { vcpu, interrupts, index } = this.#options;
    const { words, index: word } = vcpu.attention;
    const start = this.#options.now();
    const deadline = interrupts.nextDeadline(index);
    if (deadline === undefined) Atomics.wait(words, word, 0);
    else if (deadline > start) Atomics.wait(words, word, 0, (deadline - start) / NANOSECONDS);
    this.idle += this.#options.now() - start;
  }
}
