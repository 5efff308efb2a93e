/**
 * Division of 128 bits by 64, which WebAssembly has no instruction for.
 *
 * @module
 */

import { type Cpu, GuestFault } from "./cpu.ts";
import { Gpr, Vector } from "./state.ts";

const WORD = 1n << 64n;

/** a = divisor, not zero. DIV of RDX:RAX. @throws {GuestFault} #DE if the quotient does not fit. */
export function divide128(cpu: Cpu, a: bigint): void {
  const divisor = BigInt.asUintN(64, a);
  const number = cpu.gpr[Gpr.RDX]! * WORD + cpu.gpr[Gpr.RAX]!;
  const quotient = number / divisor;
  if (quotient >= WORD) throw new GuestFault(Vector.DE);
  cpu.gpr[Gpr.RAX] = quotient;
  cpu.gpr[Gpr.RDX] = number % divisor;
}

/** a = divisor, not zero. IDIV of RDX:RAX. @throws {GuestFault} #DE if the quotient does not fit. */
export function divide128Signed(cpu: Cpu, a: bigint): void {
  const divisor = BigInt.asIntN(64, a);
  const number = BigInt.asIntN(64, cpu.gpr[Gpr.RDX]!) * WORD + cpu.gpr[Gpr.RAX]!;
  const quotient = number / divisor;
  if (BigInt.asIntN(64, quotient) !== quotient) throw new GuestFault(Vector.DE);
  cpu.gpr[Gpr.RAX] = quotient;
  cpu.gpr[Gpr.RDX] = number % divisor;
}
