/**
 * MOV to and from control registers, CLTS, LMSW, SMSW (SDM volume 3, 2.5).
 *
 * @module
 */

import type { Cpu, PagingChange } from "../cpu.ts";
import { CodeMode, CR, Cr0, Cr4, EFER, Efer, Segment, SegmentAttribute } from "../state.ts";
import { PHYSICAL_ADDRESS_BITS } from "./cpuid.ts";
import { generalProtection, requirePrivilege, undefinedOpcode } from "./fault.ts";
import { loadPageDirectoryPointers, paePaging } from "./page_directory_pointers.ts";

const CR2 = CR + 2 * 8;
const CR3 = CR + 3 * 8;
const CR4 = CR + 4 * 8;

/** Bits of CR0 that exist; the others read as zero. */
const CR0_BITS = Cr0.PE | Cr0.MP | Cr0.EM | Cr0.TS | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.AM | Cr0.NW | Cr0.CD |
  Cr0.PG;
/** Bits of CR0 that change how addresses are translated or accesses are checked. */
const CR0_PAGING = Cr0.PE | Cr0.WP | Cr0.AM | Cr0.PG;
/** Bits of CR4 for features that CPUID names; the others are reserved. */
const CR4_BITS = Cr4.TSD | Cr4.DE | Cr4.PSE | Cr4.PAE | Cr4.MCE | Cr4.PGE | Cr4.PCE | Cr4.OSFXSR |
  Cr4.OSXMMEXCPT |
  Cr4.UMIP | Cr4.FSGSBASE | Cr4.PCIDE | Cr4.OSXSAVE | Cr4.SMEP | Cr4.SMAP;
const CR4_PAGING = Cr4.PSE | Cr4.PAE | Cr4.PGE | Cr4.PCIDE | Cr4.SMEP | Cr4.SMAP;
/** Bits whose change loads the page-directory pointers where PAE paging is in use then (SDM volume 3, 4.4.1). */
const CR0_POINTERS = Cr0.CD | Cr0.NW | Cr0.PG;
const CR4_POINTERS = Cr4.PAE | Cr4.PGE | Cr4.PSE | Cr4.SMEP;
/** Bits of CR3 that no physical address has; bit 63 is separate. */
const CR3_RESERVED = ((1n << 63n) - 1n) & ~((1n << BigInt(PHYSICAL_ADDRESS_BITS)) - 1n);
const CR3_NO_FLUSH = 1n << 63n;

const MODE_CHANGE: PagingChange = { kind: "mode" };
const CR3_CHANGE: PagingChange = { kind: "cr3", keep: false };
const CR3_CHANGE_KEEP: PagingChange = { kind: "cr3", keep: true };

/** a = number of the control register; gives its value. MOV from CR. */
export function moveFromControl(cpu: Cpu, a: bigint): bigint {
  const register = Number(a);
  if (register === 1 || (register > 4 && register !== 8)) throw undefinedOpcode();
  requirePrivilege(cpu);
  return register === 8 ? BigInt(cpu.cr8) : cpu.get64(CR + register * 8);
}

/** a = value (outside 64-bit mode its lower 32 bits), b = number of the control register. MOV to CR. */
export function moveToControl(cpu: Cpu, a: bigint, b: bigint): void {
  const value = BigInt.asUintN(cpu.codeMode === CodeMode.Bits64 ? 64 : 32, a);
  switch (Number(b)) {
    case 0:
      requirePrivilege(cpu);
      if (value >> 32n !== 0n) throw generalProtection(0);
      return writeCr0(cpu, Number(value));
    case 2:
      requirePrivilege(cpu);
      return cpu.set64(CR2, value);
    case 3:
      requirePrivilege(cpu);
      return writeCr3(cpu, value);
    case 4:
      requirePrivilege(cpu);
      if (value >> 32n !== 0n) throw generalProtection(0);
      return writeCr4(cpu, Number(value));
    case 8:
      requirePrivilege(cpu);
      if (value >> 4n !== 0n) throw generalProtection(0);
      cpu.cr8 = Number(value);
      return;
    default:
      throw undefinedOpcode();
  }
}

function writeCr0(cpu: Cpu, value: number): void {
  const old = cpu.get32(CR);
  const next = (value & CR0_BITS) | Cr0.ET;
  const paging = (next & Cr0.PG) !== 0;
  if (paging && (next & Cr0.PE) === 0) throw generalProtection(0);
  if ((next & Cr0.NW) !== 0 && (next & Cr0.CD) === 0) throw generalProtection(0);
  const changed = old ^ next;
  if ((changed & Cr0.PG) !== 0) {
    if (paging) enablePaging(cpu);
    else disablePaging(cpu);
  }
  if (paging && (changed & CR0_POINTERS) !== 0 && (cpu.get32(CR4) & Cr4.PAE) !== 0 && !cpu.longMode) {
    loadPageDirectoryPointers(cpu, cpu.get64(CR3));
  }
  cpu.set64(CR, BigInt(next >>> 0));
  if ((changed & Cr0.PE) !== 0) cpu.cpl = 0;
  if ((changed & CR0_PAGING) !== 0) cpu.pagingChanged(MODE_CHANGE);
}

/** CR0.PG becomes set: with EFER.LME that activates long mode. */
function enablePaging(cpu: Cpu): void {
  const efer = cpu.get32(EFER);
  if ((efer & Efer.LME) === 0) return;
  if ((cpu.get32(CR4) & Cr4.PAE) === 0) throw generalProtection(0);
  if ((cpu.segmentAttributes(Segment.CS) & SegmentAttribute.LONG) !== 0) throw generalProtection(0);
  cpu.set64(EFER, BigInt(efer | Efer.LMA));
}

/** CR0.PG becomes clear, which leaves long mode. */
function disablePaging(cpu: Cpu): void {
  if (cpu.codeMode === CodeMode.Bits64) throw generalProtection(0);
  if ((cpu.get32(CR4) & Cr4.PCIDE) !== 0) throw generalProtection(0);
  cpu.set64(EFER, BigInt(cpu.get32(EFER) & ~Efer.LMA));
}

function writeCr3(cpu: Cpu, value: bigint): void {
  let keep = false;
  let next = value;
  if ((cpu.get32(CR4) & Cr4.PCIDE) !== 0 && (value & CR3_NO_FLUSH) !== 0n) {
    keep = true;
    next &= ~CR3_NO_FLUSH;
  }
  if (cpu.longMode && (next & (CR3_RESERVED | CR3_NO_FLUSH)) !== 0n) throw generalProtection(0);
  if (paePaging(cpu)) loadPageDirectoryPointers(cpu, next);
  cpu.set64(CR3, next);
  cpu.pagingChanged(keep ? CR3_CHANGE_KEEP : CR3_CHANGE);
}

function writeCr4(cpu: Cpu, value: number): void {
  if ((value & ~CR4_BITS) !== 0) throw generalProtection(0);
  const changed = cpu.get32(CR4) ^ value;
  if ((changed & Cr4.PAE) !== 0 && cpu.longMode) throw generalProtection(0);
  if ((changed & value & Cr4.PCIDE) !== 0) {
    if (!cpu.longMode || (cpu.get32(CR3) & 0xfff) !== 0) throw generalProtection(0);
  }
  const paging = (cpu.get32(CR) & Cr0.PG) !== 0;
  if (paging && (changed & CR4_POINTERS) !== 0 && (value & Cr4.PAE) !== 0 && !cpu.longMode) {
    loadPageDirectoryPointers(cpu, cpu.get64(CR3));
  }
  cpu.set64(CR4, BigInt(value));
  if ((changed & Cr4.DE) !== 0) cpu.debugRegistersChanged();
  if ((changed & CR4_PAGING) !== 0) cpu.pagingChanged(MODE_CHANGE);
}

/** No operands. CLTS. */
export function clts(cpu: Cpu): void {
  requirePrivilege(cpu);
  cpu.set64(CR, BigInt((cpu.get32(CR) & ~Cr0.TS) >>> 0));
}

/** a = the machine status word. LMSW: loads PE, MP, EM and TS, and cannot clear PE. */
export function lmsw(cpu: Cpu, a: bigint): void {
  requirePrivilege(cpu);
  const old = cpu.get32(CR);
  writeCr0(cpu, (old & ~0xe) | Number(a & 0xfn));
}

/** Gives CR0, of which the destination takes as many bits as it has. SMSW. */
export function smsw(cpu: Cpu): bigint {
  requireUserAllowed(cpu);
  return cpu.get64(CR);
}

/** @throws {GuestFault} #GP(0) where CR4.UMIP keeps an instruction from user programs. */
export function requireUserAllowed(cpu: Cpu): void {
  if (cpu.cpl !== 0 && (cpu.get32(CR4) & Cr4.UMIP) !== 0) throw generalProtection(0);
}
