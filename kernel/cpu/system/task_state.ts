/**
 * The parts of the TSS that a privilege change reads (SDM volume 3, 8.2 and 8.7).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { Segment } from "../state.ts";
import { invalidTss, selectorError } from "./fault.ts";
import { wrapLinear } from "./mode.ts";

/** A stack pointer of a 16- or 32-bit TSS. */
export interface InnerStackPointer {
  readonly selector: number;
  readonly pointer: bigint;
}

/** Whether TR refers to a TSS of the 32-bit (in long mode: 64-bit) format. */
export function wideTss(cpu: Cpu): boolean {
  return (cpu.segmentAttributes(Segment.TR) & 8) !== 0;
}

/** SSn:ESPn. @throws {GuestFault} #TS(TR) beyond the limit. */
export function innerStackPointer(cpu: Cpu, level: number, external: number): InnerStackPointer {
  const wide = wideTss(cpu);
  const offset = wide ? level * 8 + 4 : level * 4 + 2;
  const last = offset + (wide ? 5 : 3);
  const limit = cpu.segmentLimit(Segment.TR) >>> 0;
  if (last > limit) throw invalidTss(selectorError(cpu.segmentSelector(Segment.TR), external));
  const address = wrapLinear(cpu, cpu.segmentBase(Segment.TR) + BigInt(offset));
  const pointer = cpu.memory.systemRead(address, wide ? 4 : 2) >>> 0;
  const selector = cpu.memory.systemRead(address + (wide ? 4n : 2n), 2) & 0xffff;
  return { selector, pointer: BigInt(pointer) };
}

/**
 * A stack pointer of a 64-bit TSS: RSP0 to RSP2 for `ist` 0, else IST1 to IST7.
 *
 * @throws {GuestFault} #TS(TR) beyond the limit.
 */
export function longStackPointer(cpu: Cpu, level: number, ist: number, external: number): bigint {
  const offset = ist === 0 ? level * 8 + 4 : ist * 8 + 28;
  const limit = cpu.segmentLimit(Segment.TR) >>> 0;
  if (offset + 7 > limit) throw invalidTss(selectorError(cpu.segmentSelector(Segment.TR), external));
  return BigInt.asUintN(64, cpu.memory.systemRead64(cpu.segmentBase(Segment.TR) + BigInt(offset)));
}
