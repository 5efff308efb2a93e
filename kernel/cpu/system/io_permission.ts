/**
 * IN, OUT, INS and OUTS with their permission (SDM volume 1, 19.5).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { Flag, RFLAGS, Segment, SegmentAttribute } from "../state.ts";
import { generalProtection } from "./fault.ts";
import { ioPrivilege, realMode, wrapLinear } from "./mode.ts";
import { wideTss } from "./task_state.ts";

type PortSize = 1 | 2 | 4;

/** Offset of the I/O map base in a 32- or 64-bit TSS. */
const TSS_IO_MAP_BASE = 102;

/** Whether the TSS's bitmap lets the current program use all `size` ports from `port` on. */
function permittedByBitmap(cpu: Cpu, port: number, size: PortSize): boolean {
  const unusable = (cpu.segmentAttributes(Segment.TR) & SegmentAttribute.UNUSABLE) !== 0;
  const limit = cpu.segmentLimit(Segment.TR) >>> 0;
  if (unusable || !wideTss(cpu) || limit < TSS_IO_MAP_BASE + 1) return false;
  const base = cpu.segmentBase(Segment.TR);
  const map = cpu.memory.systemRead(wrapLinear(cpu, base + BigInt(TSS_IO_MAP_BASE)), 2) & 0xffff;
  const at = map + (port >>> 3);
  // The CPU always reads two bytes, so the map ends with a byte of ones.
  if (at + 1 > limit) return false;
  const word = cpu.memory.systemRead(wrapLinear(cpu, base + BigInt(at)), 2);
  return ((word >>> (port & 7)) & ((1 << size) - 1)) === 0;
}

function checkPermission(cpu: Cpu, port: number, size: PortSize): void {
  if (cpu.cpl === 0 || realMode(cpu)) return;
  const virtual8086 = (cpu.get32(RFLAGS) & Flag.VM) !== 0;
  if (!virtual8086 && cpu.cpl <= ioPrivilege(cpu)) return;
  if (!permittedByBitmap(cpu, port, size)) throw generalProtection(0);
}

/** a = port, b = size in bytes (1, 2 or 4). The check alone. */
export function checkPort(cpu: Cpu, a: bigint, b: bigint): void {
  checkPermission(cpu, Number(a & 0xffffn), Number(b) as PortSize);
}

/** a = port, b = size in bytes (1, 2 or 4); gives what was read. IN. */
export function portIn(cpu: Cpu, a: bigint, b: bigint): bigint {
  const port = Number(a & 0xffffn);
  const size = Number(b) as PortSize;
  checkPermission(cpu, port, size);
  return BigInt(cpu.readPort(port, size) >>> 0);
}

/** a = port | size in bytes (1, 2 or 4) << 16, b = the value. OUT. */
export function portOut(cpu: Cpu, a: bigint, b: bigint): void {
  const operands = Number(a);
  const port = operands & 0xffff;
  const size = (operands >>> 16) as PortSize;
  checkPermission(cpu, port, size);
  cpu.writePort(port, size, Number(BigInt.asUintN(size * 8, b)));
}

/** a = port | size in bytes << 16, b = linear address that is written. One element of INS. */
export function ins(cpu: Cpu, a: bigint, b: bigint): void {
  const operands = Number(a);
  const port = operands & 0xffff;
  const size = (operands >>> 16) as PortSize;
  const address = BigInt.asUintN(64, b);
  checkPermission(cpu, port, size);
  // A device must not see a read whose result is lost to a fault.
  cpu.memory.requireAligned(address, size, size, true);
  cpu.memory.probeWrite(address, size, false);
  cpu.memory.write(address, size, cpu.readPort(port, size));
}

/** a = port | size in bytes << 16, b = linear address that is read. One element of OUTS. */
export function outs(cpu: Cpu, a: bigint, b: bigint): void {
  const operands = Number(a);
  const port = operands & 0xffff;
  const size = (operands >>> 16) as PortSize;
  checkPermission(cpu, port, size);
  cpu.writePort(port, size, cpu.memory.read(BigInt.asUintN(64, b), size));
}
