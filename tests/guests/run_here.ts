/**
 * Runs a guest on the software CPU, with a machine around it that is just large enough: debug console, interrupt
 * controllers, one serial port, and QEMU's way of ending.
 *
 * @module
 */

import type { DeviceContext } from "../../devices/device.ts";
import { Uart } from "../../devices/uart.ts";
import { raiseAttention } from "../../kernel/attention.ts";
import { createSoftwareVcpu, type SoftwareVcpuOptions } from "../../kernel/cpu/software_vcpu.ts";
import { PHYSICAL_ADDRESS_BITS } from "../../kernel/cpu/system/cpuid.ts";
import { Signal } from "../../kernel/interrupt/delivery.ts";
import { InterruptController } from "../../kernel/interrupt/interrupt_controller.ts";
import { PIC_PORTS } from "../../kernel/interrupt/pic.ts";
import type { Vcpu, VcpuBus } from "../../kernel/vcpu.ts";
import { VcpuLoop } from "../../kernel/vcpu_loop.ts";
import type { Program } from "./assembler/assembler.ts";

/** What became of a guest. */
export interface GuestRun {
  /** What it wrote to the debug console. */
  readonly output: string;
  /** Value that it wrote to the exit port; `undefined` if it ended in a shutdown or not at all. */
  readonly exit: number | undefined;
}

/** QEMU's debug console, and the port of its isa-debug-exit. */
export const CONSOLE_PORT = 0xe9;
export const EXIT_PORT = 0xf4;
/** A write of n to this port here, and to no port of QEMU's, sets RAM behind the CPU's back, as DMA does. */
const DMA_PORT = 0xf8;

const RAM_SIZE = 64 << 20;
/** Room for the engine's bounce buffers behind RAM. */
const SPARE = 1 << 16;
const PAGE = 65536;
const TSC_FREQUENCY = 1_000_000_000;
const COM1 = 0x3f8;
const COM1_IRQ = 4;
/** After this long, in ms, a guest counts as stuck. */
const TIME_LIMIT = 60_000;

/** Makes a vCPU. */
export type MakeVcpu = (options: SoftwareVcpuOptions) => Vcpu;

/** Runs a guest to its end; code that is entered `compileThreshold` times is compiled, unless that is 0. */
export function runHere(
  program: Program,
  compileThreshold = 0,
  make: MakeVcpu = createSoftwareVcpu,
): GuestRun {
  return new Machine(program, compileThreshold, make).run();
}

/** Interrupt controllers that let nobody sleep beyond the time limit. */
class LimitedInterrupts extends InterruptController {
  end = 0;

  override nextDeadline(vcpu: number): number | undefined {
    return super.nextDeadline(vcpu) ?? this.end;
  }
}

class Machine implements VcpuBus {
  readonly #ram: Uint8Array;
  readonly #vcpu: Vcpu;
  readonly #interrupts: LimitedInterrupts;
  readonly #loop: VcpuLoop;
  readonly #uart: Uart;
  #output: number[] = [];
  #exit: number | undefined;
  #ended = false;

  constructor(program: Program, compileThreshold: number, make: MakeVcpu) {
    const pages = (RAM_SIZE + SPARE) / PAGE;
    const ram = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.#ram = new Uint8Array(ram.buffer);
    this.#ram.set(program.bytes, program.origin);
    const now = () => this.now();
    this.#interrupts = new LimitedInterrupts({
      clocks: [{ now, tscFrequency: TSC_FREQUENCY, tsc: () => BigInt(Math.floor(now())) }],
      physicalAddressBits: PHYSICAL_ADDRESS_BITS,
      signal: (_vcpu, signal) => {
        if (signal === Signal.Nmi) this.#loop.nonMaskableInterrupt();
        this.#attention();
      },
    });
    this.#uart = new Uart(this.#serialContext());
    this.#vcpu = make({ ram, ramSize: RAM_SIZE, bus: this, index: 0, compileThreshold });
    this.#loop = new VcpuLoop({
      index: 0,
      vcpu: this.#vcpu,
      interrupts: this.#interrupts,
      now,
      takeEvents: () => {},
      takeRequests: () => {},
      shutdown: () => {
        this.#ended = true;
      },
    });
    this.#vcpu.enter({ kind: "pvh", eip: program.origin, ebx: 0 });
  }

  run(): GuestRun {
    const end = performance.now() + TIME_LIMIT;
    this.#interrupts.end = end * 1e6;
    this.#loop.running = true;
    while (!this.#ended) {
      if (performance.now() > end) {
        this.#print(`\n[stuck]\n${this.#vcpu.registers()}`);
        break;
      }
      this.#loop.step();
    }
    return { output: new TextDecoder().decode(Uint8Array.from(this.#output)), exit: this.#exit };
  }

  #print(text: string): void {
    this.#output.push(...new TextEncoder().encode(text));
  }

  #attention(): void {
    raiseAttention(this.#vcpu.attention);
  }

  #serialContext(): DeviceContext {
    const nothing = () => {
      throw new RangeError("A serial port has no such effect");
    };
    return {
      now: () => this.now(),
      setIrq: (_index, level) => {
        this.#interrupts.setLine(COM1_IRQ, level);
        this.#attention();
      },
      setTimer: () => {},
      publish: () => {},
      output: () => {},
      log: () => {},
      power: nothing,
      injectMsi: nothing,
      readMemory: nothing,
      writeMemory: nothing,
    };
  }

  readPort(port: number, size: number): number {
    const ones = size === 4 ? 0xffffffff : (1 << size * 8) - 1;
    if (port === CONSOLE_PORT) return CONSOLE_PORT;
    if (PIC_PORTS.includes(port)) return this.#interrupts.readPort(port);
    if (port >= COM1 && port < COM1 + 8) {
      return this.#uart.read(port === COM1 ? 0 : 1, Math.max(port - COM1 - 1, 0), size);
    }
    return ones;
  }

  writePort(port: number, size: number, value: number): void {
    if (port === CONSOLE_PORT) this.#output.push(value & 0xff);
    else if (port === EXIT_PORT) {
      this.#exit = value;
      this.#ended = true;
      this.#attention();
    } else if (port === DMA_PORT) this.#dma(value);
    else if (PIC_PORTS.includes(port)) this.#interrupts.writePort(port, value & 0xff);
    else if (port >= COM1 && port < COM1 + 8) {
      this.#uart.write(port === COM1 ? 0 : 1, Math.max(port - COM1 - 1, 0), size, value);
    }
    this.#attention();
  }

  /** Writes the byte in bits 31-24 to the physical address in bits 23-0. */
  #dma(value: number): void {
    const gpa = value & 0xffffff;
    this.#ram[gpa] = value >>> 24;
    this.#vcpu.memoryModified(gpa, 1);
  }

  readPortString(port: number, size: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += size) bytes[at] = this.readPort(port, size);
  }
  writePortString(port: number, size: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += size) this.writePort(port, size, bytes[at]!);
  }
  readMmio(gpa: number, size: number): bigint {
    if (this.#interrupts.ownsMemory(0, gpa)) return BigInt(this.#interrupts.readMemory(0, gpa, size) >>> 0);
    return (1n << BigInt(size * 8)) - 1n;
  }
  writeMmio(gpa: number, size: number, value: bigint): void {
    if (!this.#interrupts.ownsMemory(0, gpa)) return;
    this.#interrupts.writeMemory(0, gpa, size, Number(value));
    this.#attention();
  }
  now(): number {
    return performance.now() * 1e6;
  }
  readApicMsr(msr: number): bigint | undefined {
    if (!this.#interrupts.ownsMsr(msr)) return undefined;
    try {
      return this.#interrupts.readMsr(0, msr);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }
  writeApicMsr(msr: number, value: bigint): boolean {
    if (!this.#interrupts.ownsMsr(msr)) return false;
    try {
      this.#interrupts.writeMsr(0, msr, value);
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
    this.#attention();
    return true;
  }
  get cr8(): number {
    return this.#interrupts.localApics[0]!.cr8;
  }
  set cr8(value: number) {
    this.#interrupts.localApics[0]!.cr8 = value;
    this.#attention();
  }
}
