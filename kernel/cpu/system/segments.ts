/**
 * Loads of the data and stack segment registers (SDM volume 2, MOV; volume 3, 5.6).
 *
 * @module
 */

import { type Cpu, GuestFault } from "../cpu.ts";
import { CodeMode, Segment, SegmentAttribute, Vector } from "../state.ts";
import { type Descriptor, fetchDescriptor, isNull } from "./descriptor.ts";
import { generalProtection, notPresent, selectorError, stackFault } from "./fault.ts";
import { realMode, virtual8086 } from "./mode.ts";

/** Access byte of a present, writable, accessed data segment, without its DPL. */
export const DATA_ACCESS = 0x93;
/** Access byte of a present, readable, accessed code segment, without its DPL. */
export const CODE_ACCESS = 0x9b;

/**
 * Loads a segment register as real mode does. The limit and the D/B flag stay what they were, which is how
 * boot loaders reach all of memory from there.
 */
export function setRealSegment(cpu: Cpu, segment: Segment, selector: number): void {
  const old = cpu.segmentAttributes(segment);
  const unusable = (old & SegmentAttribute.UNUSABLE) !== 0;
  const kept = SegmentAttribute.DB | SegmentAttribute.GRANULARITY;
  const limit = unusable ? 0xffff : cpu.segmentLimit(segment) >>> 0;
  const attributes = (unusable ? 0 : old & kept) | DATA_ACCESS;
  cpu.setSegment(segment, selector, BigInt(selector << 4), limit, attributes);
}

/** Loads a segment register as virtual-8086 mode does. */
export function setVirtual8086Segment(cpu: Cpu, segment: Segment, selector: number): void {
  cpu.setSegment(segment, selector, BigInt(selector << 4), 0xffff, DATA_ACCESS | (3 << 5));
}

/** Loads a null selector: the segment is unusable. The stack segment keeps its privilege level. */
export function setNullSegment(cpu: Cpu, segment: Segment, selector: number, dpl: number): void {
  const attributes = SegmentAttribute.UNUSABLE | (dpl << SegmentAttribute.DPL_SHIFT);
  cpu.setSegment(segment, selector, 0n, 0, attributes);
}

/** Loads a segment register from a descriptor that has been checked and marked as accessed. */
export function setSegment(cpu: Cpu, segment: Segment, selector: number, descriptor: Descriptor): void {
  const attributes = descriptor.attributes | SegmentAttribute.ACCESSED;
  cpu.setSegment(segment, selector, descriptor.base, descriptor.limit, attributes);
}

/**
 * Reads and checks a stack segment for privilege level `privilege`, and marks it as accessed.
 *
 * @param vector #GP where an instruction names the segment, #TS where a TSS does.
 * @throws {GuestFault} `vector`, or #SS if the segment is not present.
 */
export function fetchStackSegment(
  cpu: Cpu,
  selector: number,
  privilege: number,
  vector: Vector.GP | Vector.TS,
  external: number,
): Descriptor {
  if (isNull(selector)) throw new GuestFault(vector, external);
  const descriptor = fetchDescriptor(cpu, selector, vector, external);
  const error = selectorError(selector, external);
  if ((selector & 3) !== privilege || !descriptor.isWritableData || descriptor.dpl !== privilege) {
    throw new GuestFault(vector, error);
  }
  if (!descriptor.present) throw stackFault(error);
  descriptor.markAccessed(cpu);
  return descriptor;
}

/**
 * Reads and checks a segment for DS, ES, FS or GS, and marks it as accessed. The selector is not null.
 *
 * @throws {GuestFault} `vector`, or #NP if the segment is not present.
 */
export function fetchDataSegment(
  cpu: Cpu,
  selector: number,
  vector: Vector.GP | Vector.TS,
  external: number,
): Descriptor {
  const descriptor = fetchDescriptor(cpu, selector, vector, external);
  const error = selectorError(selector, external);
  if (!descriptor.isReadable) throw new GuestFault(vector, error);
  const privilege = Math.max(cpu.cpl, selector & 3);
  if (!descriptor.isConforming && privilege > descriptor.dpl) throw new GuestFault(vector, error);
  if (!descriptor.present) throw notPresent(error);
  descriptor.markAccessed(cpu);
  return descriptor;
}

/**
 * Loads ES, SS, DS, FS or GS in any mode, with all checks.
 *
 * @throws {GuestFault} #GP, #NP or #SS.
 */
export function loadSegment(cpu: Cpu, segment: Segment, selector: number): void {
  if (realMode(cpu)) return setRealSegment(cpu, segment, selector);
  if (virtual8086(cpu)) return setVirtual8086Segment(cpu, segment, selector);
  if (segment === Segment.SS) return loadStackSegment(cpu, selector);
  if (isNull(selector)) return setNullSegment(cpu, segment, selector, 0);
  setSegment(cpu, segment, selector, fetchDataSegment(cpu, selector, Vector.GP, 0));
}

function loadStackSegment(cpu: Cpu, selector: number): void {
  const cpl = cpu.cpl;
  if (isNull(selector)) {
    const allowed = cpu.codeMode === CodeMode.Bits64 && cpl < 3 && (selector & 3) === cpl;
    if (!allowed) throw generalProtection(0);
    return setNullSegment(cpu, Segment.SS, selector, cpl);
  }
  setSegment(cpu, Segment.SS, selector, fetchStackSegment(cpu, selector, cpl, Vector.GP, 0));
}

const DATA_SEGMENTS: readonly Segment[] = [Segment.ES, Segment.DS, Segment.FS, Segment.GS];

/** After a return to a less privileged level: segments that it may not use become null (SDM volume 2, RET). */
export function dropPrivilegedSegments(cpu: Cpu): void {
  const cpl = cpu.cpl;
  for (let i = 0; i < 4; i++) {
    const segment = DATA_SEGMENTS[i];
    const attributes = cpu.segmentAttributes(segment);
    if ((attributes & SegmentAttribute.UNUSABLE) !== 0) continue;
    const conformingCode = SegmentAttribute.EXECUTABLE | SegmentAttribute.DIRECTION_CONFORMING;
    if ((attributes & conformingCode) === conformingCode) continue;
    if (((attributes >>> SegmentAttribute.DPL_SHIFT) & 3) < cpl) setNullSegment(cpu, segment, 0, 0);
  }
}

/** a = selector, b = number of the segment register. MOV and POP to a segment register. */
export function moveToSegment(cpu: Cpu, a: bigint, b: bigint): void {
  const segment: Segment = Number(b);
  loadSegment(cpu, segment, Number(a & 0xffffn));
  if (segment === Segment.SS) cpu.shadowInterrupts(true);
}

/** a = selector, b = number of the segment register. LDS, LES, LFS, LGS, LSS: unlike MOV, LSS casts no shadow. */
export function loadFarPointer(cpu: Cpu, a: bigint, b: bigint): void {
  loadSegment(cpu, Number(b), Number(a & 0xffffn));
}
