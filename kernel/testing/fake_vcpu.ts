/**
 * A vCPU for tests of everything around it: it executes a script that lies in guest RAM.
 *
 * @module
 */

import type { BootEntry } from "../abi/control.ts";
import type { StateFields } from "../abi/state.ts";
import { type Vcpu, type VcpuBus, VcpuExit, VcpuFailure } from "../vcpu.ts";

/** Steps of a script. Each takes {@link STEP_SIZE} bytes: op, size, zero u16, address u32, value u64. */
export enum Op {
  /** Stays here, using up time. */
  Spin = 0,
  Out = 1,
  /** Puts what it reads into the log. */
  In = 2,
  ReadMmio = 3,
  WriteMmio = 4,
  Halt = 5,
  /** IF becomes the value. */
  SetIf = 6,
  /** Goes on at step number `value`. */
  Jump = 7,
  /** Writes `value` elements from {@link DATA}. */
  OutString = 8,
  InString = 9,
  /** Triple fault. */
  Shutdown = 10,
  Throw = 11,
  /** Halts until `value` interrupts have been taken. */
  AwaitInterrupts = 12,
  /** Spins until `value` interrupts have been taken. */
  SpinForInterrupts = 13,
  /** Puts guest time into the log. */
  Time = 14,
  /** Goes back to step `address` until it has been there `value` times. */
  Repeat = 15,
  /** Puts a byte of RAM into the log. */
  LoadByte = 16,
  /** Fails as a vCPU that cannot be relied on. */
  Fail = 17,
}

/** One step. */
export interface Step {
  readonly op: Op;
  readonly size?: number;
  readonly address?: number;
  readonly value?: number;
}

export const STEP_SIZE = 16;
/** Where scripts lie. */
export const SCRIPT = 0x1000;
/** Log: count u32, then u64 values from 8 bytes on. */
export const LOG = 0x2_0000;
/** Vectors of the interrupts that were taken: count u32, then bytes from 8 bytes on. */
export const VECTORS = 0x4_0000;
/** Memory of string accesses. */
export const DATA = 0x6_0000;
/** Ranges given to `memoryModified`: count u32. */
export const MODIFIED = 0x8_0000;

/** Encodes a script. */
export function encodeScript(steps: readonly Step[]): Uint8Array {
  const bytes = new Uint8Array(steps.length * STEP_SIZE);
  const view = new DataView(bytes.buffer);
  steps.forEach(({ op, size = 1, address = 0, value = 0 }, index) => {
    const at = index * STEP_SIZE;
    view.setUint8(at, op);
    view.setUint8(at + 1, size);
    view.setUint32(at + 4, address, true);
    view.setBigUint64(at + 8, BigInt(value), true);
  });
  return bytes;
}

/** Instructions that a step counts as; spinning counts 1000 at once. */
const SPIN = 1000;

/** Makes a scripted vCPU. */
export function createFakeVcpu(options: { ram: WebAssembly.Memory; ramSize: number; bus: VcpuBus }): Vcpu {
  return new FakeVcpu(options.ram, options.bus);
}

class FakeVcpu implements Vcpu {
  readonly attention = { words: new Int32Array(new SharedArrayBuffer(4)), index: 0 };
  instructions = 0n;
  interruptWindow = false;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #bus: VcpuBus;
  #ip = 0;
  #interruptFlag = false;
  #halted = false;
  #taken = 0;
  #repeats = 0;

  constructor(ram: WebAssembly.Memory, bus: VcpuBus) {
    this.#view = new DataView(ram.buffer);
    this.#bytes = new Uint8Array(ram.buffer);
    this.#bus = bus;
  }

  get interruptible(): boolean {
    return this.#interruptFlag;
  }

  get statistics(): { readonly [name: string]: number } {
    return { taken: this.#taken };
  }

  run(instructions: number): VcpuExit {
    const end = this.instructions + BigInt(instructions);
    while (this.instructions < end) {
      if (Atomics.load(this.attention.words, 0) !== 0) return VcpuExit.Attention;
      if (this.interruptWindow && this.interruptible) return VcpuExit.Attention;
      const exit = this.#step();
      if (exit !== undefined) return exit;
    }
    return VcpuExit.Budget;
  }

  interrupt(vector: number): void {
    if (!this.interruptible) throw new Error("Interrupt while IF is clear");
    this.#halted = false;
    this.#taken++;
    this.#append(VECTORS, 1, BigInt(vector));
    // End of interrupt, as a handler would.
    this.#bus.writePort(0xa0, 1, 0x20);
    this.#bus.writePort(0x20, 1, 0x20);
    this.#bus.writeMmio(0xfee0_00b0, 4, 0n);
  }

  nonMaskableInterrupt(): void {
    this.#halted = false;
    this.#append(VECTORS, 1, 2n);
  }

  reset(): void {
    this.#ip = 0;
    this.#interruptFlag = false;
    this.#halted = false;
    this.#taken = 0;
    this.#repeats = 0;
  }

  enter(entry: BootEntry): void {
    if (entry.kind !== "pvh") throw new TypeError(`Entry "${entry.kind}" is not possible`);
    this.#ip = entry.eip;
  }

  registers(): string {
    return `IP ${this.#ip}`;
  }

  save(): StateFields {
    return {
      ip: this.#ip,
      interruptFlag: this.#interruptFlag,
      halted: this.#halted,
      taken: this.#taken,
      repeats: this.#repeats,
    };
  }

  restore(fields: StateFields): void {
    this.#ip = Number(fields.ip);
    this.#interruptFlag = Boolean(fields.interruptFlag);
    this.#halted = Boolean(fields.halted);
    this.#taken = Number(fields.taken);
    this.#repeats = Number(fields.repeats);
  }

  memoryModified(): void {
    this.#view.setUint32(MODIFIED, this.#view.getUint32(MODIFIED, true) + 1, true);
  }

  #step(): VcpuExit | undefined {
    if (this.#halted) return VcpuExit.Halt;
    const at = this.#ip;
    const op: Op = this.#view.getUint8(at);
    const size = this.#view.getUint8(at + 1);
    const address = this.#view.getUint32(at + 4, true);
    const value = Number(this.#view.getBigUint64(at + 8, true));
    this.instructions++;
    this.#ip += STEP_SIZE;
    switch (op) {
      case Op.Spin:
        return this.#spin();
      case Op.Out:
        this.#bus.writePort(address, size, value);
        break;
      case Op.In:
        this.#append(LOG, 8, BigInt(this.#bus.readPort(address, size)));
        break;
      case Op.ReadMmio:
        this.#append(LOG, 8, this.#bus.readMmio(address, size));
        break;
      case Op.WriteMmio:
        this.#bus.writeMmio(address, size, BigInt(value));
        break;
      case Op.Halt:
        this.#halted = true;
        return VcpuExit.Halt;
      case Op.SetIf:
        this.#interruptFlag = value !== 0;
        break;
      case Op.Jump:
        this.#ip = SCRIPT + value * STEP_SIZE;
        break;
      case Op.OutString:
        this.#bus.writePortString(address, size, this.#bytes.slice(DATA, DATA + value * size));
        break;
      case Op.InString: {
        const bytes = new Uint8Array(value * size);
        this.#bus.readPortString(address, size, bytes);
        this.#bytes.set(bytes, DATA);
        break;
      }
      case Op.Shutdown:
        this.#ip = at;
        return VcpuExit.Shutdown;
      case Op.Throw:
        throw new Error("Scripted failure\nwith a second line");
      case Op.Fail:
        throw new VcpuFailure("Scripted failure", "first line\nsecond line");
      case Op.AwaitInterrupts:
        if (this.#taken >= value) break;
        this.#ip = at;
        this.#halted = true;
        return VcpuExit.Halt;
      case Op.SpinForInterrupts:
        return this.#taken >= value ? undefined : this.#spin();
      case Op.Time:
        this.#append(LOG, 8, BigInt(this.#bus.now()));
        break;
      case Op.Repeat:
        if (++this.#repeats < value) this.#ip = SCRIPT + address * STEP_SIZE;
        else this.#repeats = 0;
        break;
      case Op.LoadByte:
        this.#append(LOG, 8, BigInt(this.#view.getUint8(address)));
        break;
    }
    return undefined;
  }

  #spin(): undefined {
    this.instructions += BigInt(SPIN);
    this.#ip -= STEP_SIZE;
  }

  #append(list: number, size: 1 | 8, value: bigint): void {
    const count = this.#view.getUint32(list, true);
    const at = list + 8 + count * size;
    if (size === 1) this.#view.setUint8(at, Number(value));
    else this.#view.setBigUint64(at, value, true);
    Atomics.store(new Int32Array(this.#bytes.buffer), list / 4, count + 1);
  }
}
