/**
 * Guest memory for tests: linear address = offset in an array, modulo its size.
 *
 * @module
 */

import { GuestFault, type LinearMemory } from "../cpu.ts";
import { Vector } from "../state.ts";

/** Bytes of memory: a power of two. */
const MEMORY_SIZE = 1 << 20;

/** Guest memory in which single pages can be made absent. */
export class TestMemory implements LinearMemory {
  readonly view: DataView = new DataView(new ArrayBuffer(MEMORY_SIZE));
  /** Page numbers (offset / 4096) whose access is a page fault. */
  readonly absent = new Set<number>();
  /** Bytes written with supervisor rights whatever CPL is. */
  systemWrites = 0;

  #at(address: bigint, length: number, write: boolean): number {
    const offset = Number(BigInt.asUintN(20, address));
    for (let page = offset >>> 12; page <= (offset + length - 1) >>> 12; page++) {
      if (this.absent.has(page)) throw new GuestFault(Vector.PF, write ? 2 : 0, address);
    }
    return offset;
  }

  read(address: bigint, size: 1 | 2 | 4): number {
    const at = this.#at(address, size, false);
    if (size === 1) return this.view.getUint8(at);
    return size === 2 ? this.view.getUint16(at, true) : this.view.getUint32(at, true);
  }

  read64(address: bigint): bigint {
    return this.view.getBigUint64(this.#at(address, 8, false), true);
  }

  write(address: bigint, size: 1 | 2 | 4, value: number): void {
    const at = this.#at(address, size, true);
    if (size === 1) this.view.setUint8(at, value);
    else if (size === 2) this.view.setUint16(at, value, true);
    else this.view.setUint32(at, value, true);
  }

  write64(address: bigint, value: bigint): void {
    this.view.setBigUint64(this.#at(address, 8, true), value, true);
  }

  readBytes(address: bigint, bytes: Uint8Array): void {
    bytes.set(new Uint8Array(this.view.buffer, this.#at(address, bytes.length, false), bytes.length));
  }

  writeBytes(address: bigint, bytes: Uint8Array): void {
    new Uint8Array(this.view.buffer).set(bytes, this.#at(address, bytes.length, true));
  }

  systemRead(address: bigint, size: 1 | 2 | 4): number {
    return this.read(address, size);
  }

  systemRead64(address: bigint): bigint {
    return this.read64(address);
  }

  systemWrite(address: bigint, size: 1 | 2 | 4, value: number): void {
    this.write(address, size, value);
    this.systemWrites += size;
  }

  systemWrite64(address: bigint, value: bigint): void {
    this.write64(address, value);
    this.systemWrites += 8;
  }

  requireAligned(): void {}

  probeWrite(address: bigint, length: number, _system: boolean): void {
    this.#at(address, length, true);
  }
}
