/**
 * What one vCPU got from its bus, and did to it, for another one to get and do likewise.
 *
 * @module
 */

import { hostRandom } from "../system/random.ts";
import type { VcpuBus } from "../../vcpu.ts";

/** An access, for people and for comparison, and what it gave. String accesses are one for each element. */
interface Access {
  readonly what: string;
  readonly result: number | bigint | boolean | undefined;
  /** What else follows from it. */
  effect?: () => void;
}

/** The accesses of the one that the other has not made yet. */
export class BusLog {
  #accesses: Access[] = [];
  #next = 0;

  /** Whether the other has made all of them. */
  get empty(): boolean {
    return this.#next === this.#accesses.length;
  }

  /** Notes an access. */
  add<T extends Access["result"]>(what: string, result: T): T {
    this.#accesses.push({ what, result });
    return result;
  }

  /** From the last access follows something else that the other is to see. */
  follows(effect: () => void): void {
    const last = this.#accesses.at(-1);
    if (last === undefined) return effect();
    const before = last.effect;
    last.effect = () => {
      before?.();
      effect();
    };
  }

  /** What an access gave. @throws {BusDifference} if it is another that comes next */
  take(what: string): Access["result"] {
    const access = this.#accesses[this.#next];
    if (access?.what !== what) throw new BusDifference(access?.what ?? "nothing", what);
    this.#next++;
    access.effect?.();
    return access.result;
  }

  /** The access that comes next. */
  get pending(): string {
    return this.#accesses[this.#next]?.what ?? "nothing";
  }

  /** Forgets what both have done. */
  clear(): void {
    if (this.#accesses.length > 0) this.#accesses = [];
    this.#next = 0;
  }
}

/** The two do not do the same to their buses. */
export class BusDifference extends Error {
  constructor(readonly first: string, readonly second: string) {
    super(`Bus: ${first} against ${second}`);
  }
}

const hex = (value: number | bigint) => `0x${value.toString(16)}`;
const bytes = (size: number) => size === 1 ? "1 byte" : `${size} bytes`;

const readOfPort = (port: number, size: number) => `reads port ${hex(port)}, ${bytes(size)}`;
const writeOfPort = (port: number, size: number, value: number) =>
  `writes ${hex(value >>> 0)} to port ${hex(port)}, ${bytes(size)}`;
const readOfMmio = (gpa: number, size: number) => `reads address ${hex(gpa)}, ${bytes(size)}`;
const writeOfMmio = (gpa: number, size: number, value: bigint) =>
  `writes ${hex(value)} to address ${hex(gpa)}, ${bytes(size)}`;
const readOfMsr = (msr: number) => `reads MSR ${hex(msr)}`;
const writeOfMsr = (msr: number, value: bigint) => `writes ${hex(value)} to MSR ${hex(msr)}`;
const READ_OF_TIME = "reads the time";
const READ_OF_CR8 = "reads CR8";
const writeOfCr8 = (value: number) => `writes ${hex(value)} to CR8`;
const READ_OF_RANDOM = "takes random bits";

/** The real bus, with a note of each access. */
export class RecordingBus implements VcpuBus {
  constructor(private readonly bus: VcpuBus, private readonly log: BusLog) {}

  readPort(port: number, size: number): number {
    return this.log.add(readOfPort(port, size), this.bus.readPort(port, size));
  }
  writePort(port: number, size: number, value: number): void {
    this.log.add(writeOfPort(port, size, value), undefined);
    this.bus.writePort(port, size, value);
  }
  readPortString(port: number, size: number, bytes: Uint8Array): void {
    this.bus.readPortString(port, size, bytes);
    for (let at = 0; at < bytes.length; at += size) {
      this.log.add(readOfPort(port, size), readElement(bytes, at, size));
    }
  }
  writePortString(port: number, size: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += size) {
      this.log.add(writeOfPort(port, size, readElement(bytes, at, size)), undefined);
    }
    this.bus.writePortString(port, size, bytes);
  }
  readMmio(gpa: number, size: number): bigint {
    return this.log.add(readOfMmio(gpa, size), this.bus.readMmio(gpa, size));
  }
  writeMmio(gpa: number, size: number, value: bigint): void {
    this.log.add(writeOfMmio(gpa, size, value), undefined);
    this.bus.writeMmio(gpa, size, value);
  }
  now(): number {
    return this.log.add(READ_OF_TIME, this.bus.now());
  }
  readApicMsr(msr: number): bigint | undefined {
    return this.log.add(readOfMsr(msr), this.bus.readApicMsr(msr));
  }
  writeApicMsr(msr: number, value: bigint): boolean {
    return this.log.add(writeOfMsr(msr, value), this.bus.writeApicMsr(msr, value));
  }
  get cr8(): number {
    return this.log.add(READ_OF_CR8, this.bus.cr8);
  }
  set cr8(value: number) {
    this.log.add(writeOfCr8(value), undefined);
    this.bus.cr8 = value;
  }
  random(): bigint {
    return this.log.add(READ_OF_RANDOM, this.bus.random === undefined ? hostRandom() : this.bus.random());
  }
}

/** A bus of which the same is asked as has been noted, and that gives the same. */
export class ReplayingBus implements VcpuBus {
  constructor(private readonly log: BusLog) {}

  readPort(port: number, size: number): number {
    return Number(this.log.take(readOfPort(port, size)));
  }
  writePort(port: number, size: number, value: number): void {
    this.log.take(writeOfPort(port, size, value));
  }
  readPortString(port: number, size: number, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += size) {
      const value = this.readPort(port, size);
      if (size === 1) view.setUint8(at, value);
      else if (size === 2) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
    }
  }
  writePortString(port: number, size: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += size) this.writePort(port, size, readElement(bytes, at, size));
  }
  readMmio(gpa: number, size: number): bigint {
    return this.log.take(readOfMmio(gpa, size)) as bigint;
  }
  writeMmio(gpa: number, size: number, value: bigint): void {
    this.log.take(writeOfMmio(gpa, size, value));
  }
  now(): number {
    return this.log.take(READ_OF_TIME) as number;
  }
  readApicMsr(msr: number): bigint | undefined {
    return this.log.take(readOfMsr(msr)) as bigint | undefined;
  }
  writeApicMsr(msr: number, value: bigint): boolean {
    return this.log.take(writeOfMsr(msr, value)) as boolean;
  }
  get cr8(): number {
    return this.log.take(READ_OF_CR8) as number;
  }
  set cr8(value: number) {
    this.log.take(writeOfCr8(value));
  }
  random(): bigint {
    return this.log.take(READ_OF_RANDOM) as bigint;
  }
}

/** A little-endian element of `size` 1, 2 or 4 bytes. */
function readElement(bytes: Uint8Array, at: number, size: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
}
