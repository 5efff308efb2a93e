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
import type { CompileServiceFactory } from "./compiler/compile_service.ts";
import { CpuEngine } from "./engine.ts";
import { describeRegisters } from "./register_dump.ts";
import { resetRegisters } from "./reset.ts";
import { restoreVcpu, saveVcpu } from "./saved_vcpu.ts";
import {
  ATTENTION,
  BUDGET,
  CODE_DROPPED,
  COMPILED_ENTRIES,
  COMPILED_INSTRUCTIONS,
  COMPILED_RETURNS,
  COMPILED_UNKNOWN,
  EXECUTE_ALONE,
  FAULT_ADDRESS,
  FAULT_ERROR,
  FAULT_VECTOR,
  Flag,
  HALTED,
  INTERRUPT_WAITING,
  LEAVE_LOOP,
  MOST_GRANTED,
  NMI_BLOCKED,
  NMI_PENDING,
  RFLAGS,
  Segment,
  SHADOW_RIP,
  TLB_MISSES,
  Vector,
} from "./state.ts";
import { interrupt, raise, raiseDebugTrap } from "./system/mod.ts";
import type { SoftwareCpu } from "./software_cpu.ts";
import { InstructionTrace, type TraceOptions } from "./trace.ts";

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
  /** How often code is entered before it is compiled; 0, the default: never. */
  readonly compileThreshold?: number;
  /** Who compiles it: by default this thread, at once. */
  readonly compileService?: CompileServiceFactory;
  /** For how many instructions a reading of the clock is good; 0, the default: for none. See `time_stamps.ts`. */
  readonly timeWindow?: number;
  /** Has every executed instruction written to a file. */
  readonly trace?: TraceOptions;
  /** Whether {@link Vcpu.run} executes one instruction at a time, and repeated ones element by element. */
  readonly stepping?: boolean;
}

/** A vCPU whose registers can be looked at. */
export interface SoftwareVcpu extends Vcpu {
  readonly cpu: SoftwareCpu;
}

/** Makes a vCPU in its power-on state. */
export function createSoftwareVcpu(options: SoftwareVcpuOptions): SoftwareVcpu {
  return new EngineVcpu(options);
}

class EngineVcpu implements SoftwareVcpu {
  readonly #engine: CpuEngine;
  readonly #trace: InstructionTrace | undefined;
  readonly #stepping: boolean;
  readonly attention: Vcpu["attention"];
  #executed = 0n;
  /** The next instruction has met a data breakpoint. */
  #executeAlone = false;

  constructor(options: SoftwareVcpuOptions) {
    this.#engine = new CpuEngine(options);
    this.attention = { words: new Int32Array(this.#engine.memory.buffer), index: ATTENTION >> 2 };
    this.#trace = options.trace === undefined
      ? undefined
      : new InstructionTrace(options.trace, this.#engine.cpu);
    this.#stepping = options.stepping === true || this.#trace !== undefined;
    this.#engine.cpu.stepping = this.#stepping;
    this.reset();
  }

  get cpu(): SoftwareCpu {
    return this.#engine.cpu;
  }

  run(instructions: number): VcpuExit {
    let exit: VcpuExit | undefined;
    try {
      return exit = this.#execute(instructions);
    } finally {
      if (exit !== VcpuExit.Budget) this.#trace?.flush();
    }
  }

  #execute(instructions: number): VcpuExit {
    const { cpu } = this.#engine;
    const words = this.attention.words;
    let left = instructions;
    for (;;) {
      if (words[NMI_PENDING >> 2] !== 0) this.#takeNonMaskableInterrupt();
      const shutdown = cpu.shutdownReason !== undefined;
      if (shutdown || words[HALTED >> 2] !== 0) return shutdown ? VcpuExit.Shutdown : VcpuExit.Halt;
      if ((Atomics.load(words, this.attention.index) & ~LEAVE_LOOP) !== 0) return VcpuExit.Attention;
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
    const { breakpoints } = cpu;
    const words = this.attention.words;
    if (code.full) code.flush();
    const shadowed = this.#shadowed;
    if (this.#debugException(shadowed)) return 1;
    const start = cpu.rip;
    const single = (words[RFLAGS >> 2]! & Flag.TF) !== 0;
    const awaited = this.interruptWindow || words[NMI_PENDING >> 2] !== 0;
    const alone = single || shadowed && awaited || breakpoints.stepping || breakpoints.hits !== 0 ||
      this.#executeAlone || this.#stepping;
    this.#executeAlone = false;
    this.#trace?.before();
    if (alone !== cpu.stepping) {
      cpu.stepping = alone;
      cpu.contextChanged();
    }
    // RF lasts for one instruction, or one element of a repeated one.
    const resume = breakpoints.stepping && (words[RFLAGS >> 2]! & Flag.RF) !== 0;
    if (resume) words[RFLAGS >> 2]! &= ~Flag.RF;
    cpu.singleStep = single;
    cpu.stackLoaded = false;
    cpu.fetchFaulted = false;
    Atomics.and(words, ATTENTION >> 2, ~LEAVE_LOOP);
    words[CODE_DROPPED >> 2] = 0;
    const granted = alone ? 0 : Math.min(budget, MOST_GRANTED);
    words[BUDGET >> 2] = granted;
    cpu.timePassed();
    cpu.executing = true;
    this.#engine.run();
    cpu.executing = false;
    const executed = granted - words[BUDGET >> 2]!;
    if (shadowed && alone) cpu.set64(SHADOW_RIP, NO_SHADOW);
    const vector = words[FAULT_VECTOR >> 2]!;
    words[FAULT_VECTOR >> 2] = -1;
    if (vector === EXECUTE_ALONE) {
      breakpoints.hits = 0;
      this.#executeAlone = true;
    } else if (vector >= 0 && !(alone && cpu.fetchFaulted && cpu.instructionRip !== start)) {
      breakpoints.hits = 0;
      const address = vector === Vector.PF ? cpu.get64(FAULT_ADDRESS) : undefined;
      raise(cpu, new GuestFault(vector, words[FAULT_ERROR >> 2]!, address));
    } else if (cpu.singleStep || breakpoints.hits !== 0) {
      // The trap of an instruction that has been executed goes before a fault in fetching the next one.
      this.#debugTrap();
    }
    if (resume && cpu.rip === start) words[RFLAGS >> 2]! |= Flag.RF;
    // A fault counts, so that faults without end use up the budget.
    return Math.max(executed, alone || vector >= 0 ? 1 : 0);
  }

  /** Whether the next instruction is the one behind STI or a load of SS. */
  get #shadowed(): boolean {
    const { cpu } = this.#engine;
    return cpu.rip === cpu.get64(SHADOW_RIP);
  }

  /** Delivers the debug exception that comes before the next instruction, if there is one. */
  #debugException(shadowed: boolean): boolean {
    const { cpu } = this.#engine;
    const { breakpoints } = cpu;
    if (!breakpoints.stepping && breakpoints.hits === 0) return false;
    if (shadowed && cpu.stackLoaded) return false;
    if (breakpoints.hits !== 0) {
      this.#debugTrap();
      return true;
    }
    if ((cpu.get32(RFLAGS) & Flag.RF) !== 0) return false;
    const bits = breakpoints.instruction((cpu.segmentBase(Segment.CS) + cpu.rip) & cpu.linearMask);
    if (bits === 0) return false;
    raiseDebugTrap(cpu, bits);
    return true;
  }

  /** Delivers the debug trap of the instruction that has been executed, unless that has loaded SS. */
  #debugTrap(): void {
    const { cpu } = this.#engine;
    const { breakpoints } = cpu;
    if (cpu.stackLoaded && this.#shadowed) return;
    const causes = breakpoints.hits | (cpu.singleStep ? DR6_BS : 0);
    breakpoints.hits = 0;
    cpu.singleStep = false;
    // Also behind a HLT.
    this.#wake();
    raiseDebugTrap(cpu, causes);
  }

  get interruptible(): boolean {
    const { cpu } = this.#engine;
    return (cpu.get32(RFLAGS) & Flag.IF) !== 0 && !this.#shadowed;
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

  pausing(): void {
    this.#trace?.flush();
  }

  nonMaskableInterrupt(): void {
    this.#engine.cpu.set32(NMI_PENDING, 1);
  }

  #takeNonMaskableInterrupt(): void {
    const { cpu } = this.#engine;
    if (cpu.get32(NMI_BLOCKED) !== 0 || this.#shadowed) return;
    cpu.set32(NMI_PENDING, 0);
    cpu.set32(NMI_BLOCKED, 1);
    this.#wake();
    interrupt(cpu, Vector.NMI);
  }

  #wake(): void {
    this.#engine.cpu.set32(HALTED, 0);
  }

  reset(): void {
    const { cpu, code } = this.#engine;
    resetRegisters(cpu);
    cpu.set64(SHADOW_RIP, NO_SHADOW);
    cpu.shutdownReason = undefined;
    cpu.debugRegistersChanged();
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
    const { code, cpu, handlers, regions, calls } = this.#engine;
    const count = (address: number) => Number(cpu.get64(address));
    const compiled = count(COMPILED_INSTRUCTIONS);
    const entries = count(COMPILED_ENTRIES);
    const returns = count(COMPILED_RETURNS);
    const unknown = count(COMPILED_UNKNOWN);
    return {
      "calls.system": calls.system,
      "calls.x87": calls.x87,
      "calls.float": calls.float,
      "mmu.readMisses": count(TLB_MISSES),
      "mmu.writeMisses": count(TLB_MISSES + 8),
      "mmu.fetchMisses": count(TLB_MISSES + 16),
      "tier0.instructions": Number(this.#executed) - compiled,
      "tier0.instructionsDecoded": code.decoded,
      "tier0.flushes": code.flushes,
      "tier0.invalidations": code.invalidations,
      "tier0.handlers": handlers.count,
      "tier0.lookups": this.#engine.lookups,
      "tier1.instructions": compiled,
      "tier1.entries": entries,
      "tier1.exits.asked": returns,
      "tier1.exits.notCompiled": entries - returns - unknown,
      "tier1.exits.unknownAddress": unknown,
      "tier1.exits.unlinked": this.#engine.links,
      "tier1.requests": regions?.requests ?? 0,
      "tier1.putOff": regions?.putOff ?? 0,
      "tier1.regions": regions?.compiled ?? 0,
      "tier1.regionsDropped": regions?.dropped ?? 0,
      "tier1.codeBytes": regions?.codeBytes ?? 0,
      "tier1.compileTime": regions?.compileTime ?? 0,
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
