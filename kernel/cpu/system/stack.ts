/**
 * Pushes and pops of far transfers: nothing changes until the pointer is committed.
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { CodeMode, Gpr, Segment, SegmentAttribute } from "../state.ts";
import type { Descriptor } from "./descriptor.ts";
import { stackFault } from "./fault.ts";
import { canonical } from "./mode.ts";

/** Bytes of one push. */
export type PushSize = 2 | 4 | 8;

/** A stack on which a transfer pushes or pops, in any mode and not necessarily the one that SS names. */
export class Stack {
  readonly #cpu: Cpu;
  readonly #base: bigint;
  readonly #limit: number;
  readonly #attributes: number;
  /** Width of the stack pointer in bits: 16, 32 or 64. */
  readonly #width: number;
  readonly #system: boolean;
  readonly #error: number;
  /** Offset of the top, as many bits as the stack pointer has. */
  pointer: bigint;

  private constructor(
    cpu: Cpu,
    base: bigint,
    limit: number,
    attributes: number,
    width: number,
    pointer: bigint,
    system: boolean,
    error: number,
  ) {
    this.#cpu = cpu;
    this.#base = base;
    this.#limit = limit;
    this.#attributes = attributes;
    this.#width = width;
    this.#system = system;
    this.#error = error;
    this.pointer = BigInt.asUintN(width, pointer);
  }

  /** The stack that SS and RSP name. `error` is the error code of #SS. */
  static current(cpu: Cpu, error: number): Stack {
    const pointer = cpu.gpr[Gpr.RSP];
    if (cpu.codeMode === CodeMode.Bits64) return Stack.long(cpu, pointer, false, error);
    const attributes = cpu.segmentAttributes(Segment.SS);
    const width = (attributes & SegmentAttribute.DB) !== 0 ? 32 : 16;
    const limit = cpu.segmentLimit(Segment.SS) >>> 0;
    return new Stack(cpu, cpu.segmentBase(Segment.SS), limit, attributes, width, pointer, false, error);
  }

  /** The stack of a more privileged level, outside 64-bit mode. */
  static inner(cpu: Cpu, segment: Descriptor, pointer: bigint, error: number): Stack {
    const { base, limit, attributes } = segment;
    return new Stack(cpu, base, limit, attributes, segment.isDefault32 ? 32 : 16, pointer, true, error);
  }

  /** A 64-bit stack. `system`: accesses are of supervisor level whatever CPL is. */
  static long(cpu: Cpu, pointer: bigint, system: boolean, error: number): Stack {
    return new Stack(cpu, 0n, 0, 0, 64, pointer, system, error);
  }

  /** @throws {GuestFault} #SS beyond the limit, #PF. */
  push(size: PushSize, value: bigint): void {
    const pointer = BigInt.asUintN(this.#width, this.pointer - BigInt(size));
    const address = this.#address(pointer, size);
    const memory = this.#cpu.memory;
    if (size === 8) {
      if (this.#system) memory.systemWrite64(address, value);
      else memory.write64(address, value);
    } else {
      const cut = Number(BigInt.asUintN(size * 8, value));
      if (this.#system) memory.systemWrite(address, size, cut);
      else memory.write(address, size, cut);
    }
    this.pointer = pointer;
  }

  /** @throws {GuestFault} #SS beyond the limit, #PF. */
  pop(size: PushSize): bigint {
    const address = this.#address(this.pointer, size);
    const memory = this.#cpu.memory;
    const value = size === 8
      ? BigInt.asUintN(64, memory.read64(address))
      : BigInt(memory.read(address, size) >>> 0);
    this.skip(size);
    return value;
  }

  /** Pops a selector. */
  popSelector(size: PushSize): number {
    return Number(this.pop(size) & 0xffffn);
  }

  /** Releases bytes without reading them. */
  skip(bytes: number): void {
    this.pointer = BigInt.asUintN(this.#width, this.pointer + BigInt(bytes));
  }

  /** Writes the pointer to SP, ESP or RSP. */
  commit(): void {
    setStackPointer(this.#cpu, this.#width, this.pointer);
  }

  #address(offset: bigint, size: number): bigint {
    if (this.#width === 64) {
      if (!canonical(offset) || !canonical(offset + BigInt(size - 1))) throw stackFault(this.#error);
      return offset;
    }
    const first = Number(offset);
    const last = first + size - 1;
    const expandDown = (this.#attributes & SegmentAttribute.DIRECTION_CONFORMING) !== 0;
    const upper = (this.#attributes & SegmentAttribute.DB) !== 0 ? 0xffffffff : 0xffff;
    const inside = expandDown ? first > this.#limit && last <= upper : last <= this.#limit;
    if (!inside) throw stackFault(this.#error);
    return BigInt.asUintN(32, this.#base + offset);
  }
}

/** Writes the low 16 bits of RSP, or 32 (the upper half becomes zero), or all of it. */
export function setStackPointer(cpu: Cpu, width: number, pointer: bigint): void {
  if (width === 16) {
    cpu.gpr[Gpr.RSP] = (cpu.gpr[Gpr.RSP] & ~0xffffn) | BigInt.asUintN(16, pointer);
  } else {
    cpu.gpr[Gpr.RSP] = BigInt.asUintN(width, pointer);
  }
}
