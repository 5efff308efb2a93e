/**
 * A vCPU that executes code in software.
 *
 * @module
 */

import type { BootEntry } from "../abi/control.ts";
import type { StateFields } from "../abi/state.ts";
import { type Vcpu, type VcpuBus, VcpuExit } from "../vcpu.ts";
import { enterGuest } from "./boot_entry.ts";
import { GuestFault } from "./cpu.ts";
import { CpuEngine } from "./engine.ts";
import { describeRegisters } from "./register_dump.ts";
import { resetRegisters } from "./reset.ts";
import { restoreVcpu, saveVcpu } from "./saved_vcpu.ts";
import {
  ATTENTION,
  BUDGET,
  FAULT_ADDRESS,
  FAULT_ERROR,
  FAULT_VECTOR,
  Flag,
  HALTED,
  INTERRUPT_WAITING,
  RFLAGS,
  SHADOW_RIP,
  Vector,
} from "./state.ts";
import { interrupt, raise, raiseDebugTrap } from "./system/mod.ts";
import { InstructionTrace } from "./trace.ts";

/** DR6.BS: single step. */
const DR6_BS = 1 << 14;
/** No address: interrupts are not held off anywhere. */
const NO_SHADOW = 0xffff_ffff_ffff_ffffn;

/** What a software vCPU is made for. */
export interface SoftwareVcpuOptions {
  /** RAM memory: guest RAM, and behind it at least 64 KiB for the engine. */
  readonly ram: WebAssembly.Memory;
  /** Bytes of guest RAM. */
  readonly ramSize: number;
  readonly bus: VcpuBus;
  /** Number of the vCPU, from 0. */
  readonly index: number;
  /** File that every executed instruction is written to. */
  readonly traceFile?: string;
}

/** Makes a vCPU in its power-on state. */
export function createSoftwareVcpu(options: SoftwareVcpuOptions): Vcpu {
  return new SoftwareVcpu(options);
}

class SoftwareVcpu implements Vcpu {
  readonly #engine: CpuEngine;
  readonly #trace: InstructionTrace | undefined;
  readonly attention: Vcpu["attention"];
  #executed = 0n;

  constructor(options: SoftwareVcpuOptions) {
    this.#engine = new CpuEngine(options);
    this.attention = { words: new Int32Array(this.#engine.memory.buffer), index: ATTENTION >> 2 };
    this.#trace = options.traceFile === undefined
      ? undefined
      : new InstructionTrace(options.traceFile, this.#engine.cpu);
    this.#engine.cpu.stepping = this.#trace !== undefined;
    this.reset();
  }

  run(instructions: number): VcpuExit {
    const { cpu } = this.#engine;
    const words = this.attention.words;
    let left = instructions;
    for (;;) {
      if (cpu.shutdownReason !== undefined) return VcpuExit.Shutdown;
      if (words[HALTED >> 2] !== 0) return VcpuExit.Halt;
      if (Atomics.load(words, this.attention.index) !== 0) return VcpuExit.Attention;
      if (this.interruptWindow && this.interruptible) return VcpuExit.Attention;
      if (left < 0) return VcpuExit.Budget;
      const executed = this.#runOnce(left);
      left -= executed;
      this.#executed += BigInt(executed);
    }
  }

  /** Runs until something has to be looked at. Gives the instructions that were executed. */
  #runOnce(budget: number): number {
    const { cpu, code } = this.#engine;
    const words = this.attention.words;
    if (code.full) code.flush();
    // The instruction behind STI or a load of SS, and every one under TF, runs alone.
    const trap = (words[RFLAGS >> 2]! & Flag.TF) !== 0;
    const shadowed = cpu.rip === cpu.get64(SHADOW_RIP) && this.interruptWindow;
    const alone = trap || shadowed || this.#trace !== undefined;
    this.#trace?.before();
    if (alone !== cpu.stepping) {
      cpu.stepping = alone;
      cpu.contextChanged();
    }
    const granted = alone ? 0 : budget;
    words[BUDGET >> 2] = granted;
    this.#engine.run();
    const executed = granted - (words[BUDGET >> 2]! + cpu.takeHeldBudget());
    if (shadowed) cpu.set64(SHADOW_RIP, NO_SHADOW);
    const vector = words[FAULT_VECTOR >> 2]!;
    if (vector >= 0) {
      words[FAULT_VECTOR >> 2] = -1;
      const address = vector === Vector.PF ? cpu.get64(FAULT_ADDRESS) : undefined;
      raise(cpu, new GuestFault(vector, words[FAULT_ERROR >> 2]!, address));
    } else if (trap) raiseDebugTrap(cpu, DR6_BS);
    return Math.max(executed, alone ? 1 : 0);
  }

  get interruptible(): boolean {
    const { cpu } = this.#engine;
    return (cpu.get32(RFLAGS) & Flag.IF) !== 0 && cpu.rip !== cpu.get64(SHADOW_RIP);
  }

  get interruptWindow(): boolean {
    return this.attention.words[INTERRUPT_WAITING >> 2] !== 0;
  }
  set interruptWindow(wanted: boolean) {
    this.attention.words[INTERRUPT_WAITING >> 2] = wanted ? 1 : 0;
  }

  interrupt(vector: number): void {
    this.#wake();
    interrupt(this.#engine.cpu, vector);
  }

  nonMaskableInterrupt(): void {
    this.#wake();
    interrupt(this.#engine.cpu, Vector.NMI);
  }

  #wake(): void {
    this.#engine.cpu.set32(HALTED, 0);
  }

  reset(): void {
    const { cpu, code } = this.#engine;
    resetRegisters(cpu);
    cpu.set64(SHADOW_RIP, NO_SHADOW);
    cpu.shutdownReason = undefined;
    code.flush();
    cpu.pagingChanged({ kind: "mode" });
  }

  enter(entry: BootEntry): void {
    enterGuest(this.#engine.cpu, entry);
  }

  registers(): string {
    const { cpu } = this.#engine;
    const reason = cpu.shutdownReason === undefined ? "" : `${cpu.shutdownReason}\n`;
    return reason + describeRegisters(cpu);
  }

  get instructions(): bigint {
    return this.#executed;
  }

  get statistics(): { readonly [name: string]: number } {
    const { code, handlers } = this.#engine;
    return {
      instructionsDecoded: code.decoded,
      codeFlushes: code.flushes,
      codeInvalidations: code.invalidations,
      handlers: handlers.count,
    };
  }

  save(): StateFields {
    return saveVcpu(this.#engine.cpu, this.#executed);
  }

  restore(fields: StateFields): void {
    this.reset();
    this.#executed = restoreVcpu(this.#engine.cpu, fields);
  }

  memoryModified(gpa: number, length: number): void {
    for (let done = 0; done < length;) {
      const host = this.#engine.cpu.ramOffset(gpa + done);
      const count = Math.min(length - done, 4096 - ((gpa + done) & 0xfff));
      if (host >= 0) this.#engine.code.written(host, count);
      done += count;
    }
  }
}
