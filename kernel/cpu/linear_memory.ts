/**
 * Guest memory by linear address, for the parts of the CPU that are written in TypeScript.
 *
 * @module
 */

import { ALIGNMENT_MASK } from "./alignment.ts";
import { GuestFault, type LinearMemory } from "./cpu.ts";
import { Access } from "./mmu.ts";
import { Vector } from "./state.ts";

/** What linear memory is built on. */
export interface PhysicalAccess {
  /** Translates; gives the guest-physical address, or -1n with a fault left in the state. */
  translate(linear: bigint, access: number): bigint;
  /** Takes the fault that `translate` left. */
  takeFault(): GuestFault;
  /** Offset in RAM memory of a guest-physical address, or -1. */
  ramOffset(gpa: number): number;
  /** Guest RAM, from offset 0 of RAM memory. */
  readonly ram: DataView;
  /** The same. */
  readonly ramBytes: Uint8Array;
  readMmio(gpa: number, size: number): bigint;
  writeMmio(gpa: number, size: number, value: bigint): void;
  /** RAM is about to be written: decoded code is dropped. */
  written(host: number, length: number): void;
  /** Whether data breakpoints are enabled. */
  readonly watching: boolean;
  /** Notes an access for data breakpoints. @throws {GuestFault} if the instruction is to be executed again, alone. */
  watch(linear: bigint, size: number, write: boolean): void;
  /** Whether accesses that are not the system's have to be aligned. */
  readonly alignmentChecked: boolean;
  /** What linear addresses are cut to. */
  readonly linearMask: bigint;
}

/** Accesses of one vCPU. */
export class TranslatedMemory implements LinearMemory {
  constructor(private readonly physical: PhysicalAccess) {}

  read(address: bigint, size: 1 | 2 | 4): number {
    return Number(this.#read(address, size, 0));
  }
  read64(address: bigint): bigint {
    return this.#read(address, 8, 0);
  }
  write(address: bigint, size: 1 | 2 | 4, value: number): void {
    this.#write(address, size, BigInt(value >>> 0), 0);
  }
  write64(address: bigint, value: bigint): void {
    this.#write(address, 8, value, 0);
  }
  systemRead(address: bigint, size: 1 | 2 | 4): number {
    return Number(this.#read(address, size, Access.SYSTEM));
  }
  systemRead64(address: bigint): bigint {
    return this.#read(address, 8, Access.SYSTEM);
  }
  systemWrite(address: bigint, size: 1 | 2 | 4, value: number): void {
    this.#write(address, size, BigInt(value >>> 0), Access.SYSTEM);
  }
  systemWrite64(address: bigint, value: bigint): void {
    this.#write(address, 8, value, Access.SYSTEM);
  }

  readBytes(address: bigint, bytes: Uint8Array): void {
    const { physical } = this;
    if (physical.watching) this.#watch(address, bytes.length, 0);
    for (const { offset, gpa, count } of this.#pieces(address, bytes.length, 0)) {
      const host = physical.ramOffset(gpa);
      if (host >= 0) {
        bytes.set(physical.ramBytes.subarray(host, host + count), offset);
        continue;
      }
      for (let at = 0; at < count; at++) bytes[offset + at] = Number(physical.readMmio(gpa + at, 1));
    }
  }

  writeBytes(address: bigint, bytes: Uint8Array): void {
    const { physical } = this;
    if (physical.watching) this.#watch(address, bytes.length, Access.WRITE);
    for (const { offset, gpa, count } of this.#pieces(address, bytes.length, Access.WRITE)) {
      const host = physical.ramOffset(gpa);
      if (host >= 0) {
        physical.written(host, count);
        physical.ramBytes.set(bytes.subarray(offset, offset + count), host);
        continue;
      }
      for (let at = 0; at < count; at++) physical.writeMmio(gpa + at, 1, BigInt(bytes[offset + at]!));
    }
  }

  probeWrite(address: bigint, length: number, system: boolean): void {
    const access = Access.WRITE | (system ? Access.SYSTEM : 0);
    if (this.physical.watching) this.#watch(address, length, access);
    this.#pieces(address, length, access);
  }

  requireAligned(address: bigint, size: number, alignment: number, write: boolean): void {
    if (!this.physical.alignmentChecked || (address & BigInt(alignment - 1)) === 0n) return;
    // A page fault comes first. Until that is known, no page is marked as accessed.
    const access = Access.PROBE | (write ? Access.WRITE : 0);
    for (const byte of [address, address + BigInt(size - 1)]) {
      const linear = BigInt.asIntN(64, byte & this.physical.linearMask);
      if (this.physical.translate(linear, access) < 0n) return;
    }
    throw new GuestFault(Vector.AC, 0);
  }

  /** {@link requireAligned} for an access of 1, 2, 4 or 8 bytes. */
  #checkAlignment(address: bigint, size: number, access: number): void {
    if ((access & Access.SYSTEM) !== 0) return;
    this.requireAligned(address, size, Math.min(size, ALIGNMENT_MASK + 1), (access & Access.WRITE) !== 0);
  }

  #watch(address: bigint, size: number, access: number): void {
    this.physical.watch(address & this.physical.linearMask, size, (access & Access.WRITE) !== 0);
  }

  #translate(address: bigint, access: number): number {
    const gpa = this.physical.translate(BigInt.asIntN(64, address & this.physical.linearMask), access);
    if (gpa < 0n) throw this.physical.takeFault();
    return Number(gpa);
  }

  #read(address: bigint, size: number, access: number): bigint {
    this.#checkAlignment(address, size, access);
    if (this.physical.watching) this.#watch(address, size, access);
    const gpa = this.#translate(address, access);
    if ((gpa & 0xfff) + size > 0x1000) return this.#gather(address, size, access);
    const host = this.physical.ramOffset(gpa);
    if (host < 0) return this.physical.readMmio(gpa, size);
    const { ram } = this.physical;
    switch (size) {
      case 1:
        return BigInt(ram.getUint8(host));
      case 2:
        return BigInt(ram.getUint16(host, true));
      case 4:
        return BigInt(ram.getUint32(host, true));
      default:
        return ram.getBigUint64(host, true);
    }
  }

  #write(address: bigint, size: number, value: bigint, system: number): void {
    this.#checkAlignment(address, size, Access.WRITE | system);
    if (this.physical.watching) this.#watch(address, size, Access.WRITE | system);
    const gpa = this.#translate(address, Access.WRITE | system);
    if ((gpa & 0xfff) + size > 0x1000) return this.#scatter(address, size, value, system);
    const host = this.physical.ramOffset(gpa);
    if (host < 0) return this.physical.writeMmio(gpa, size, value);
    this.physical.written(host, size);
    const { ram } = this.physical;
    if (size === 8) ram.setBigUint64(host, value, true);
    else if (size === 4) ram.setUint32(host, Number(value), true);
    else if (size === 2) ram.setUint16(host, Number(value), true);
    else ram.setUint8(host, Number(value));
  }

  #gather(address: bigint, size: number, access: number): bigint {
    this.#translate((address | 0xfffn) + 1n, access);
    let value = 0n;
    for (let index = size - 1; index >= 0; index--) {
      value = (value << 8n) | this.#read(address + BigInt(index), 1, access);
    }
    return value;
  }

  #scatter(address: bigint, size: number, value: bigint, system: number): void {
    this.#translate((address | 0xfffn) + 1n, Access.WRITE | system);
    for (let index = 0; index < size; index++) {
      this.#write(address + BigInt(index), 1, (value >> BigInt(8 * index)) & 0xffn, system);
    }
  }

  /** The parts of a range that lie in one page each, all translated before any is used. */
  #pieces(address: bigint, length: number, access: number): { offset: number; gpa: number; count: number }[] {
    const pieces = [];
    for (let offset = 0; offset < length;) {
      const gpa = this.#translate(address + BigInt(offset), access);
      const count = Math.min(length - offset, 0x1000 - (gpa & 0xfff));
      pieces.push({ offset, gpa, count });
      offset += count;
    }
    return pieces;
  }
}
