/**
 * INT n, INT3, INT1, INTO, BOUND, UD (SDM volume 2).
 *
 * @module
 */

import { type Cpu, GuestFault } from "../cpu.ts";
import { CodeMode, Flag, Vector } from "../state.ts";
import { generalProtection, undefinedOpcode } from "./fault.ts";
import { PRIVILEGED_SOFTWARE, SOFTWARE } from "./interrupt_source.ts";
import { deliverInterrupt } from "./interrupts.ts";
import { ioPrivilege, virtual8086 } from "./mode.ts";

/** a = vector. INT n. */
export function int(cpu: Cpu, a: bigint): void {
  if (virtual8086(cpu) && ioPrivilege(cpu) < 3) throw generalProtection(0);
  deliverInterrupt(cpu, Number(a & 0xffn), SOFTWARE);
}

/** No operands. INT3; other than INT 3, virtual-8086 mode allows it whatever IOPL is. */
export function int3(cpu: Cpu): void {
  deliverInterrupt(cpu, Vector.BP, SOFTWARE);
}

/** No operands. INT1. */
export function int1(cpu: Cpu): void {
  deliverInterrupt(cpu, Vector.DB, PRIVILEGED_SOFTWARE);
}

/** No operands. INTO. */
export function into(cpu: Cpu): void {
  if (cpu.codeMode === CodeMode.Bits64) throw undefinedOpcode();
  if ((cpu.rflags & Flag.OF) !== 0) deliverInterrupt(cpu, Vector.OF, SOFTWARE);
}

/** a = index | operand size in bytes (2 or 4) << 32, b = linear address of the lower and the upper bound. BOUND. */
export function bound(cpu: Cpu, a: bigint, b: bigint): void {
  const size = Number(a >> 32n) as 2 | 4;
  const address = BigInt.asUintN(64, b);
  const signed = (value: number) => size === 2 ? (value << 16) >> 16 : value | 0;
  const index = signed(Number(BigInt.asUintN(32, a)));
  const lower = signed(cpu.memory.read(address, size));
  const upper = signed(cpu.memory.read(address + BigInt(size), size));
  if (index < lower || index > upper) throw new GuestFault(Vector.BR);
}

/** No operands. UD0, UD1, UD2, and instructions of features that CPUID does not name (MONITOR, MWAIT). */
export function ud(_cpu: Cpu): void {
  throw undefinedOpcode();
}
