/**
 * A vCPU in 64-bit mode with RAM, page tables and an IDT, and nothing else: what hostile guests run on.
 *
 * @module
 */

import { assertLessOrEqual } from "@std/assert";
import { raiseAttention } from "../../kernel/attention.ts";
import { createSoftwareVcpu } from "../../kernel/cpu/software_vcpu.ts";
import { Flag, Gpr } from "../../kernel/cpu/state.ts";
import type { StateFields } from "../../kernel/abi/state.ts";
import { type Vcpu, type VcpuBus, VcpuExit } from "../../kernel/vcpu.ts";
import { assemble } from "../guests/assembler/assembler.ts";
import { collectGarbage } from "./collect_garbage.ts";
import {
  COUNTER_LIMITS,
  ENGINE_MEMORY_LIMIT,
  type EngineConfiguration,
  OVERRUN,
  PROCESS_GROWTH_LIMIT,
} from "./configurations.ts";
import { PageTables } from "./page_tables.ts";
import { Supervisor } from "./supervisor.ts";

/** Physical and linear addresses, below the first GiB, which is mapped to itself. */
const TABLES = 0x1000;
const TABLES_END = 0x80000;
const GDT = 0x80000;
const IDT = 0x81000;
const TSS = 0x82000;
/** Tops of the stacks: the first one's, and the one that interrupt gates with `ownStack` switch to. */
export const STACK = 0x90000;
const OWN_STACK = 0x98000;
/** Where programs are loaded. */
export const CODE = 0x10_0000;
/** From here on RAM is free. */
export const DATA = 0x40_0000;
/** The first GiB that is not RAM: devices. Mapped to itself. */
export const DEVICE = 0x2000_0000;

const WASM_PAGE = 65536;
export const USUAL_RAM_SIZE = 16 << 20;
const CODE_SELECTOR = 0x10;
const CODE_DESCRIPTOR = 0x00af9b000000ffffn;
const DATA_DESCRIPTOR = 0x00cf93000000ffffn;
const TSS_LIMIT = 0x67;
const BUSY_TSS = 0x8b;
/** Offset of IST1 in a TSS. */
const IST1 = 0x24;
const INTERRUPT_GATE = 0x8e00n;

/** How often a busy host may keep a vCPU from its first instruction. */
const MOMENTS = 1000;

/** Budgets of a program's runs, one after the other and over again. */
const SLICES = [20_000, 0, 7, 1000, 1, 5000] as const;

/** General registers, RIP and RFLAGS at the start of a program, by name in lower case. */
export type Registers = { readonly [name: string]: bigint | number };

const GENERAL_REGISTERS = Object.values(Gpr).filter((name) => typeof name === "string");

/** A machine for one test. */
export class HostileMachine implements Disposable {
  readonly ram: Uint8Array;
  readonly view: DataView;
  tables!: PageTables;
  readonly vcpu: Vcpu;
  /** Called for each write to a port or to memory outside RAM, by the vCPU. */
  onWrite!: (address: number, value: bigint) => void;
  /** Runs that ended because attention was asked for, during {@link finish}. */
  attentions = 0;
  #supervisor: Supervisor | undefined;
  readonly #resident = Deno.memoryUsage().rss;

  private constructor(readonly configuration: EngineConfiguration, ramSize: number) {
    const pages = ramSize / WASM_PAGE + 1;
    const ram = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.ram = new Uint8Array(ram.buffer, 0, ramSize);
    this.view = new DataView(ram.buffer, 0, ramSize);
    this.vcpu = createSoftwareVcpu({ ...configuration.options, ram, ramSize, bus: this.#bus(), index: 0 });
    this.clear();
  }

  /** Makes RAM and what is around it what they were at first. The vCPU keeps its state and its caches. */
  clear(): void {
    this.ram.fill(0);
    this.vcpu.memoryModified(0, this.ram.length);
    this.vcpu.interruptWindow = false;
    this.onWrite = () => {};
    this.tables = new PageTables(this.view, TABLES, TABLES_END);
    this.view.setBigUint64(GDT + CODE_SELECTOR, CODE_DESCRIPTOR, true);
    this.view.setBigUint64(GDT + 0x18, DATA_DESCRIPTOR, true);
    this.view.setBigUint64(TSS + IST1, BigInt(OWN_STACK), true);
  }

  /** Makes a machine, with a second thread that looks after it. */
  static async make(configuration: EngineConfiguration, ramSize: number): Promise<HostileMachine> {
    const machine = new HostileMachine(configuration, ramSize);
    machine.#supervisor = await Supervisor.start(machine.vcpu);
    return machine;
  }

  #bus(): VcpuBus {
    const write = (address: number, _size: number, value: bigint | number) =>
      this.onWrite(address, BigInt(value));
    return {
      readPort: () => 0xff,
      writePort: write,
      readPortString: (_port, _size, bytes) => bytes.fill(0xff),
      writePortString: (port) => this.onWrite(port, 0n),
      readMmio: () => 0n,
      writeMmio: write,
      now: () => 0,
      readApicMsr: () => undefined,
      writeApicMsr: () => false,
      cr8: 0,
    };
  }

  /** `rounds`, or fewer where the configuration asks for less effort; at least one. */
  rounds(rounds: number): number {
    return Math.ceil(rounds * this.configuration.effort);
  }

  /** Whether hot code is compiled, which makes code that is executed a few times more expensive. */
  get compiles(): boolean {
    return this.configuration.options.compileThreshold !== undefined;
  }

  /** Puts a program into RAM. Gives its symbols. */
  load(source: string, at = CODE): ReadonlyMap<string, number> {
    const { bytes, symbols } = assemble(`bits 64\n${source}`, at);
    this.ram.set(bytes, at);
    return new Map([...symbols].map(([name, value]) => [name, Number(value)]));
  }

  /** Has an exception or interrupt handled at `address`, with interrupts disabled. */
  handle(vector: number, address: number, ownStack = false): void {
    const offset = BigInt(address);
    const low = offset & 0xffffn | BigInt(CODE_SELECTOR) << 16n | (offset >> 16n) << 48n;
    this.view.setBigUint64(IDT + vector * 16, low | (INTERRUPT_GATE | (ownStack ? 1n : 0n)) << 32n, true);
    this.view.setBigUint64(IDT + vector * 16 + 8, offset >> 32n, true);
  }

  /** Sets the registers for a program. RSP is `STACK`, RIP is `CODE` unless they are given; all others are zero. */
  start(registers: Registers = {}): void {
    const { vcpu } = this;
    vcpu.reset();
    vcpu.enter({
      kind: "long",
      rip: String(CODE),
      rsi: "0",
      rsp: String(STACK),
      cr3: String(this.tables.start),
      gdt: String(GDT),
      gdtLimit: 0x1f,
    });
    const saved = vcpu.save();
    const segments = [...saved["segments"] as readonly StateFields[]];
    segments[7] = { selector: 0x20, base: BigInt(TSS), limit: TSS_LIMIT, attributes: BUSY_TSS };
    vcpu.restore({ ...saved, idtrBase: BigInt(IDT), idtrLimit: 0xfffn, segments });
    const zero = Object.fromEntries(GENERAL_REGISTERS.map((name) => [name, 0]));
    this.set({ ...zero, rsp: STACK, ...registers });
  }

  /** Changes registers between two runs. */
  set(registers: Registers): void {
    const saved = this.vcpu.save();
    const gprs = [...saved["registers"] as readonly bigint[]];
    const fields: Record<string, StateFields[string]> = {};
    for (const [name, value] of Object.entries(registers)) {
      const number = Gpr[name.toUpperCase() as keyof typeof Gpr];
      if (number !== undefined) gprs[number] = BigInt.asUintN(64, BigInt(value));
      else if (name === "rflags") fields[name] = Number(value) | 2;
      else fields[name] = BigInt(value);
    }
    this.vcpu.restore({ ...saved, ...fields, registers: gprs });
  }

  /** A general register, or RIP. */
  get(name: string): bigint {
    const saved = this.vcpu.save();
    const number = Gpr[name.toUpperCase() as keyof typeof Gpr];
    return number === undefined ? saved[name] as bigint : (saved["registers"] as readonly bigint[])[number]!;
  }

  /** Whether interrupts are enabled. */
  get interruptsEnabled(): boolean {
    return (Number(this.vcpu.save()["rflags"]) & Flag.IF) !== 0;
  }

  /** Asks for attention: the run that is in progress ends soon, or the next one at once. */
  askAttention(): void {
    raiseAttention(this.vcpu.attention);
  }

  /** Runs once. @throws {Error} if it executes more than was granted, but for what cannot be helped. */
  run(budget: number): VcpuExit {
    const before = this.vcpu.instructions;
    const exit = this.#supervisor!.watch(budget);
    const executed = Number(this.vcpu.instructions - before);
    assertLessOrEqual(executed, budget + OVERRUN, `${executed} instructions instead of ${budget}`);
    this.#forgetAttention();
    return exit;
  }

  /**
   * Runs until another thread, which does so in a moment, asks for attention, or the budget is used up. If the moment has
   * come before the first instruction, the next one is waited for.
   */
  runUntilAsked(budget: number): VcpuExit {
    const before = this.vcpu.instructions;
    for (let moment = 1;; moment++) {
      const exit = this.#supervisor!.ask(budget);
      this.#forgetAttention();
      if (this.vcpu.instructions > before || moment === MOMENTS) return exit;
    }
  }

  #forgetAttention(): void {
    const { words, index } = this.vcpu.attention;
    Atomics.store(words, index, 0);
  }

  /** Runs a program to its HLT, in slices of many sizes. @throws {Error} if it takes more than `limit` instructions. */
  finish(limit = 50_000_000): void {
    const end = this.vcpu.instructions + BigInt(limit);
    for (let slice = 0;; slice++) {
      const exit = this.run(SLICES[slice % SLICES.length]!);
      if (exit === VcpuExit.Halt) break;
      if (exit === VcpuExit.Attention) this.attentions++;
      const stuck = this.vcpu.instructions > end;
      if (exit === VcpuExit.Shutdown || stuck) {
        throw new Error(`Guest ${stuck ? "does not end" : "has shut down"}:\n${this.vcpu.registers()}`);
      }
    }
    this.assertBounded();
  }

  /** Bytes by which the process has grown since this machine was made, with all others and with garbage. */
  get #growth(): number {
    return Deno.memoryUsage().rss - this.#resident;
  }

  /** @throws {Error} if the engine has grown beyond its bounds. */
  assertBounded(): void {
    assertLessOrEqual(this.vcpu.attention.words.buffer.byteLength, ENGINE_MEMORY_LIMIT, "Engine memory");
    const { statistics } = this.vcpu;
    for (const [counter, limit] of Object.entries(COUNTER_LIMITS)) {
      assertLessOrEqual(statistics[counter] ?? 0, limit, `Counter "${counter}"`);
    }
    // What is garbage is none of the engine's, whenever V8 collects it.
    if (this.#growth > PROCESS_GROWTH_LIMIT) collectGarbage();
    assertLessOrEqual(this.#growth, PROCESS_GROWTH_LIMIT, "Growth of the process");
  }

  [Symbol.dispose](): void {
    this.#supervisor?.[Symbol.dispose]();
  }
}
