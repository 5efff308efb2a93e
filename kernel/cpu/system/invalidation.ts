/**
 * INVLPG, INVPCID, INVD, WBINVD (SDM volume 3, 4.10.4).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { CR, Cr4 } from "../state.ts";
import { generalProtection, requirePrivilege } from "./fault.ts";
import { canonical } from "./mode.ts";

/** What the register operand of INVPCID asks for. */
enum InvpcidType {
  IndividualAddress,
  SingleContext,
  AllIncludingGlobal,
  AllButGlobal,
}

/** a = linear address. INVLPG. */
export function invlpg(cpu: Cpu, a: bigint): void {
  requirePrivilege(cpu);
  const address = BigInt.asUintN(64, a);
  if (canonical(address)) cpu.invalidatePage(address);
}

/** a = linear address of the descriptor, b = type. INVPCID. */
export function invpcid(cpu: Cpu, a: bigint, b: bigint): void {
  requirePrivilege(cpu);
  const type = Number(BigInt.asUintN(64, b));
  if (type > InvpcidType.AllButGlobal) throw generalProtection(0);
  const descriptor = BigInt.asUintN(64, a);
  const context = BigInt.asUintN(64, cpu.memory.read64(descriptor));
  const address = BigInt.asUintN(64, cpu.memory.read64(descriptor + 8n));
  if (context > 0xfffn) throw generalProtection(0);
  const pcid = Number(context);
  const enabled = (cpu.get32(CR + 4 * 8) & Cr4.PCIDE) !== 0;
  if (type <= InvpcidType.SingleContext && !enabled && pcid !== 0) throw generalProtection(0);
  switch (type as InvpcidType) {
    case InvpcidType.IndividualAddress: {
      if (!canonical(address)) throw generalProtection(0);
      const current = enabled ? cpu.get32(CR + 3 * 8) & 0xfff : 0;
      if (pcid === current) cpu.invalidatePage(address);
      else cpu.invalidateContext(pcid, false);
      return;
    }
    case InvpcidType.SingleContext:
      return cpu.invalidateContext(pcid, false);
    case InvpcidType.AllIncludingGlobal:
      return cpu.invalidateContext(undefined, true);
    case InvpcidType.AllButGlobal:
      return cpu.invalidateContext(undefined, false);
  }
}

/** No operands. INVD and WBINVD: there is no cache to write back. */
export function wbinvd(cpu: Cpu): void {
  requirePrivilege(cpu);
}
