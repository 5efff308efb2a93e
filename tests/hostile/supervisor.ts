/**
 * A second thread beside the one that runs a vCPU, as the kernel process has one.
 *
 * @module
 */

import type { Vcpu, VcpuExit } from "../../kernel/vcpu.ts";
import { Command, type Supervised, Word } from "./supervisor_words.ts";

/** Watches over one vCPU's runs. */
export class Supervisor implements Disposable {
  readonly #worker: Worker;
  readonly #control: Int32Array;
  readonly #vcpu: Vcpu;

  private constructor(worker: Worker, control: Int32Array, vcpu: Vcpu) {
    this.#worker = worker;
    this.#control = control;
    this.#vcpu = vcpu;
  }

  /** Starts the thread. */
  static async start(vcpu: Vcpu): Promise<Supervisor> {
    const control = new Int32Array(new SharedArrayBuffer(Word.Count * 4));
    const worker = new Worker(new URL("./supervisor_worker.ts", import.meta.url), { type: "module" });
    const ready = new Promise((resolve) => worker.onmessage = resolve);
    const { words, index } = vcpu.attention;
    const supervised: Supervised = {
      control: control.buffer as SharedArrayBuffer,
      attention: words.buffer,
      index,
    };
    worker.postMessage(supervised);
    await ready;
    return new Supervisor(worker, control, vcpu);
  }

  /** Runs the vCPU. @throws {Error} if it exceeds all patience. */
  watch(budget: number): VcpuExit {
    const exit = this.#during(Command.Watch, budget);
    if (Atomics.exchange(this.#control, Word.Intervened, 0) !== 0) {
      throw new Error(`vCPU does not return although its budget was ${budget}:\n${this.#vcpu.registers()}`);
    }
    return exit;
  }

  /** Runs the vCPU, and asks for its attention in between. */
  ask(budget: number): VcpuExit {
    return this.#during(Command.Ask, budget);
  }

  #during(command: Command, budget: number): VcpuExit {
    this.#set(command);
    try {
      return this.#vcpu.run(budget);
    } finally {
      this.#set(Command.Idle);
    }
  }

  #set(command: Command): void {
    Atomics.store(this.#control, Word.Command, command);
    Atomics.notify(this.#control, Word.Command);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
