/**
 * Segment and gate descriptors of the GDT and LDT (SDM volume 3, 3.4.5, 3.5 and 6.11).
 *
 * @module
 */

import { type Cpu, GuestFault } from "../cpu.ts";
import { GDTR, Segment, SegmentAttribute, type Vector } from "../state.ts";
import { generalProtection, selectorError } from "./fault.ts";
import { wrapLinear } from "./mode.ts";
import { join } from "./register_halves.ts";

/** Types of system descriptors (SDM volume 3, table 3-2). In long mode only LDT, TSS and the wide gates exist. */
export enum SystemType {
  Tss16Available = 1,
  Ldt = 2,
  Tss16Busy = 3,
  CallGate16 = 4,
  TaskGate = 5,
  InterruptGate16 = 6,
  TrapGate16 = 7,
  TssAvailable = 9,
  TssBusy = 11,
  CallGate = 12,
  InterruptGate = 14,
  TrapGate = 15,
}

/** A selector that names no descriptor. */
export function isNull(selector: number): boolean {
  return (selector & 0xfffc) === 0;
}

/** A descriptor as it was read from its table. */
export class Descriptor {
  constructor(
    /** The selector that named it, RPL included. */
    readonly selector: number,
    /** Linear address in its table. */
    readonly address: bigint,
    readonly low: number,
    readonly high: number,
    /** Bits 95 to 64, of 16-byte descriptors only. */
    readonly upper = 0,
  ) {}

  /** As `SEGMENT_ATTRIBUTES` holds them. */
  get attributes(): number {
    return ((this.high >>> 8) & 0xff) | ((this.high >>> 12) & 0xf00);
  }

  get type(): number {
    return (this.high >>> 8) & 0xf;
  }

  get dpl(): number {
    return (this.high >>> 13) & 3;
  }

  get present(): boolean {
    return (this.high & 0x8000) !== 0;
  }

  /** Code or data. */
  get isSegment(): boolean {
    return (this.high & 0x1000) !== 0;
  }

  get isCode(): boolean {
    return (this.high & 0x1800) === 0x1800;
  }

  get isConforming(): boolean {
    return (this.high & 0x1c00) === 0x1c00;
  }

  get isWritableData(): boolean {
    return (this.high & 0x1a00) === 0x1200;
  }

  /** Data, or code that may be read. */
  get isReadable(): boolean {
    return this.isSegment && (this.high & 0x0a00) !== 0x0800;
  }

  /** The L flag: 64-bit code, if long mode is active. */
  get isLong(): boolean {
    return (this.high & 0x200000) !== 0;
  }

  /** The D/B flag. */
  get isDefault32(): boolean {
    return (this.high & 0x400000) !== 0;
  }

  get base(): bigint {
    const low = (this.low >>> 16) | ((this.high & 0xff) << 16) | (this.high & 0xff000000);
    return low === 0 && this.upper === 0 ? 0n : join(low, this.upper);
  }

  /** The last valid offset, 0 to 2^32 - 1. */
  get limit(): number {
    const limit = (this.low & 0xffff) | (this.high & 0xf0000);
    return (this.high & 0x800000) !== 0 ? ((limit << 12) | 0xfff) >>> 0 : limit;
  }

  /** Selector that a gate leads to. */
  get gateSelector(): number {
    return this.low >>> 16;
  }

  /** Offset that a gate leads to; a 16-bit gate's has 16 bits. */
  get gateOffset(): bigint {
    const narrow = (this.type & 8) === 0;
    return join((this.low & 0xffff) | (narrow ? 0 : this.high & 0xffff0000), this.upper);
  }

  /** Parameters that a call gate copies, in units of its operand size. */
  get gateParameters(): number {
    return this.high & 0x1f;
  }

  /** Sets the accessed bit in the table, and thus may fault. */
  markAccessed(cpu: Cpu): void {
    if ((this.high & 0x100) !== 0) return;
    cpu.memory.systemWrite(this.address + 5n, 1, ((this.high >>> 8) & 0xff) | SegmentAttribute.ACCESSED);
  }
}

/** Reads the descriptor that a selector names; `undefined` beyond the limit of its table. */
export function findDescriptor(cpu: Cpu, selector: number): Descriptor | undefined {
  const index = selector & 0xfff8;
  let base: bigint;
  let limit: number;
  if ((selector & 4) !== 0) {
    if ((cpu.segmentAttributes(Segment.LDTR) & SegmentAttribute.UNUSABLE) !== 0) return undefined;
    base = cpu.segmentBase(Segment.LDTR);
    limit = cpu.segmentLimit(Segment.LDTR) >>> 0;
  } else {
    base = cpu.get64(GDTR);
    limit = cpu.get32(GDTR + 8) & 0xffff;
  }
  if (index + 7 > limit) return undefined;
  const address = wrapLinear(cpu, base + BigInt(index));
  const low = cpu.memory.systemRead(address, 4);
  return new Descriptor(selector, address, low, cpu.memory.systemRead(address + 4n, 4));
}

/**
 * Reads the descriptor that a selector names.
 *
 * @throws {GuestFault} `vector` with the selector as error code, beyond the limit of its table.
 */
export function fetchDescriptor(cpu: Cpu, selector: number, vector: Vector, external: number): Descriptor {
  const descriptor = findDescriptor(cpu, selector);
  if (descriptor === undefined) throw new GuestFault(vector, selectorError(selector, external));
  return descriptor;
}

/** In long mode, adds the upper half that a system descriptor has there. @throws {GuestFault} #GP(selector). */
export function widenDescriptor(cpu: Cpu, descriptor: Descriptor): Descriptor {
  if (!cpu.longMode) return descriptor;
  const { selector, address, low, high } = descriptor;
  const limit = (selector & 4) !== 0 ? cpu.segmentLimit(Segment.LDTR) >>> 0 : cpu.get32(GDTR + 8) & 0xffff;
  if ((selector & 0xfff8) + 15 > limit) throw generalProtection(selectorError(selector, 0));
  const upper = cpu.memory.systemRead(address + 8n, 4);
  if ((cpu.memory.systemRead(address + 12n, 4) & 0x1f00) !== 0) {
    throw generalProtection(selectorError(selector, 0));
  }
  return new Descriptor(selector, address, low, high, upper);
}
