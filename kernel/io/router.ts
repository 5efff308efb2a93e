/**
 * The machine around a vCPU: routes its accesses to the interrupt controllers, which are on its thread, or to the
 * server that has mapped the address. Where nobody is, reads give all ones and writes do nothing.
 *
 * An access that goes on where a device's range ends is made byte by byte. One that begins where nobody is reaches
 * nobody: a chipset, too, takes a doubleword at 0xCF8 for PCI's, and not a part of it for the register at 0xCF9.
 *
 * @module
 */

import { IOREQ_MAX_COUNT, IoreqType } from "../abi/ioreq.ts";
import type { InterruptController } from "../interrupt/interrupt_controller.ts";
import { PIC_PORTS } from "../interrupt/pic.ts";
import type { VcpuBus } from "../vcpu.ts";
import { type IoMapReader, type MappedRange, PORTS } from "./io_map.ts";
import { type IoreqClient, IoreqOutcome } from "./ioreq_client.ts";

const NOTHING = new Uint8Array(0);

/** What a router is made of. */
export interface RouterOptions {
  readonly vcpu: number;
  readonly interrupts: InterruptController;
  readonly map: IoMapReader;
  readonly client: IoreqClient;
  /** Guest time in nanoseconds. */
  now(): number;
  /** A server has answered: its interrupt lines may have changed. */
  answered(): void;
  /** A register of an interrupt controller was written: something may be pending or due. */
  interruptsChanged(): void;
}

/** One vCPU's accesses. */
export class Router implements VcpuBus {
  readonly #options: RouterOptions;
  readonly #interrupts: InterruptController;
  readonly #vcpu: number;
  readonly #element = new Uint8Array(8);
  readonly #elementView = new DataView(this.#element.buffer);

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#interrupts = options.interrupts;
    this.#vcpu = options.vcpu;
  }

  readPort(port: number, size: number): number {
    const published = this.#options.map.published(port, size);
    if (published !== undefined) return published;
    const bytes = this.#element.subarray(0, size);
    this.#elementView.setUint32(0, 0, true);
    this.#readElement(IoreqType.Port, port, bytes);
    return this.#elementView.getUint32(0, true);
  }

  writePort(port: number, size: number, value: number): void {
    this.#elementView.setUint32(0, value, true);
    this.#writeElement(IoreqType.Port, port, this.#element.subarray(0, size));
  }

  readPortString(port: number, size: number, bytes: Uint8Array): void {
    for (const part of cut(bytes, IOREQ_MAX_COUNT * size)) {
      if (this.#accessServer(IoreqType.Port, port, size, NOTHING, part)) continue;
      for (const element of cut(part, size)) this.#readElement(IoreqType.Port, port, element);
    }
  }

  writePortString(port: number, size: number, bytes: Uint8Array): void {
    for (const part of cut(bytes, IOREQ_MAX_COUNT * size)) {
      if (this.#accessServer(IoreqType.Port, port, size, part, NOTHING)) continue;
      for (const element of cut(part, size)) this.#writeElement(IoreqType.Port, port, element);
    }
  }

  readMmio(gpa: number, size: number): bigint {
    this.#elementView.setBigUint64(0, 0n, true);
    this.#readElement(IoreqType.Mmio, gpa, this.#element.subarray(0, size));
    return this.#elementView.getBigUint64(0, true);
  }

  writeMmio(gpa: number, size: number, value: bigint): void {
    this.#elementView.setBigUint64(0, value, true);
    this.#writeElement(IoreqType.Mmio, gpa, this.#element.subarray(0, size));
  }

  now(): number {
    return this.#options.now();
  }

  readApicMsr(msr: number): bigint | undefined {
    if (!this.#interrupts.ownsMsr(msr)) return undefined;
    try {
      return this.#interrupts.readMsr(this.#vcpu, msr);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  writeApicMsr(msr: number, value: bigint): boolean {
    if (!this.#interrupts.ownsMsr(msr)) return false;
    try {
      this.#interrupts.writeMsr(this.#vcpu, msr, value);
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
    this.#options.interruptsChanged();
    return true;
  }

  get cr8(): number {
    return this.#interrupts.localApics[this.#vcpu].cr8;
  }

  set cr8(value: number) {
    this.#interrupts.localApics[this.#vcpu].cr8 = value;
    this.#options.interruptsChanged();
  }

  #readElement(type: IoreqType, address: number, bytes: Uint8Array): void {
    if (this.#accessServer(type, address, bytes.length, NOTHING, bytes)) return;
    if (this.#accessInterrupts(type, address, NOTHING, bytes)) return;
    if (bytes.length === 1 || !this.#isAnybody(type, address)) {
      bytes.fill(0xff);
      return;
    }
    bytes.forEach((_, at) =>
      this.#readElement(type, byteAddress(type, address, at), bytes.subarray(at, at + 1))
    );
  }

  #writeElement(type: IoreqType, address: number, bytes: Uint8Array): void {
    if (this.#accessServer(type, address, bytes.length, bytes, NOTHING)) return;
    if (this.#accessInterrupts(type, address, bytes, NOTHING)) return;
    if (bytes.length === 1 || !this.#isAnybody(type, address)) return;
    bytes.forEach((_, at) =>
      this.#writeElement(type, byteAddress(type, address, at), bytes.subarray(at, at + 1))
    );
  }

  /** Writes `data`, or reads `into`, if one server answers for the whole of each element. */
  #accessServer(type: IoreqType, address: number, size: number, data: Uint8Array, into: Uint8Array): boolean {
    for (;;) {
      const range = this.#lookUp(type, address);
      if (range === undefined || range.last < address + size - 1) return false;
      const read = data.length === 0;
      const posted = range.posted && !read;
      const count = (data.length + into.length) / size;
      const { vcpu, client } = this.#options;
      const time = this.#options.now();
      const request = { type, read, posted, address, size, count, data, time, vcpu };
      const outcome = client.access(range.slot, request, into);
      if (outcome === IoreqOutcome.Done) {
        this.#options.answered();
        return true;
      }
      if (outcome === IoreqOutcome.Gone && this.#lookUp(type, address)?.slot === range.slot) {
        into.fill(0xff);
        return true;
      }
    }
  }

  /** Writes `data`, or reads `into`, if that is a register of an interrupt controller. */
  #accessInterrupts(type: IoreqType, address: number, data: Uint8Array, into: Uint8Array): boolean {
    const size = data.length + into.length;
    if (type === IoreqType.Port) {
      if (size !== 1 || !PIC_PORTS.includes(address)) return false;
      if (data.length === 0) into[0] = this.#interrupts.readPort(address);
      else this.#interrupts.writePort(address, data[0]);
    } else {
      const owns = (gpa: number) => this.#interrupts.ownsMemory(this.#vcpu, gpa);
      if (!owns(address) || !owns(address + size - 1)) return false;
      // Registers have 32 bits.
      for (let at = 0; at < size; at += 4) {
        this.#accessRegister(address + at, data.subarray(at, at + 4), into.subarray(at, at + 4));
      }
    }
    this.#options.interruptsChanged();
    return true;
  }

  #accessRegister(gpa: number, data: Uint8Array, into: Uint8Array): void {
    const size = data.length + into.length;
    if (data.length > 0) {
      const value = data.reduce((sum, byte, at) => (sum | byte << (8 * at)) >>> 0, 0);
      this.#interrupts.writeMemory(this.#vcpu, gpa, size, value);
    } else {
      const value = this.#interrupts.readMemory(this.#vcpu, gpa, size);
      for (let at = 0; at < size; at++) into[at] = value >>> (8 * at);
    }
  }

  #isAnybody(type: IoreqType, address: number): boolean {
    if (this.#lookUp(type, address) !== undefined) return true;
    return type === IoreqType.Port
      ? PIC_PORTS.includes(address)
      : this.#interrupts.ownsMemory(this.#vcpu, address);
  }

  #lookUp(type: IoreqType, address: number): MappedRange | undefined {
    return type === IoreqType.Port ? this.#options.map.port(address) : this.#options.map.mmio(address);
  }
}

/** Parts of `bytes` that have `length` bytes, but for the last one. */
function* cut(bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** Address of a byte of an access; ports wrap around. */
function byteAddress(type: IoreqType, address: number, offset: number): number {
  return type === IoreqType.Port ? (address + offset) % PORTS : address + offset;
}
