/**
 * The page-directory-pointer-table entries of PAE paging, which the CPU holds in registers (SDM volume 3, 4.4.1).
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";
import { CR, Cr0, Cr4, PAGE_DIRECTORY_POINTERS } from "../state.ts";
import { PHYSICAL_ADDRESS_BITS } from "./cpuid.ts";
import { generalProtection } from "./fault.ts";

const CR4 = CR + 4 * 8;

const PRESENT = 1n;
/** Bits 1, 2 and 5 to 8, and those that no physical address has. */
const RESERVED = 0x1e6n | (((1n << 64n) - 1n) & ~((1n << BigInt(PHYSICAL_ADDRESS_BITS)) - 1n));
/** Bits 31 to 5 of CR3: where the table lies. */
const TABLE = 0xffffffe0n;

/** The four entries. */
export type PageDirectoryPointers = readonly bigint[];

/** Whether PAE paging is in use. */
export function paePaging(cpu: Cpu): boolean {
  return (cpu.get32(CR) & Cr0.PG) !== 0 && (cpu.get32(CR4) & Cr4.PAE) !== 0 && !cpu.longMode;
}

/** The entries of the table that a value of CR3 names. @throws {GuestFault} #GP(0) if one has a reserved bit set. */
export function readPageDirectoryPointers(cpu: Cpu, cr3: bigint): PageDirectoryPointers {
  const table = Number(cr3 & TABLE);
  const entries = [0, 8, 16, 24].map((offset) => cpu.readPhysical64(table + offset));
  if (entries.some((entry) => (entry & PRESENT) !== 0n && (entry & RESERVED) !== 0n)) {
    throw generalProtection(0);
  }
  return entries;
}

/** Translates with these entries from now on. */
export function usePageDirectoryPointers(cpu: Cpu, entries: PageDirectoryPointers): void {
  for (const [index, entry] of entries.entries()) cpu.set64(PAGE_DIRECTORY_POINTERS + index * 8, entry);
}

/** Loads the registers. @throws {GuestFault} as {@link readPageDirectoryPointers}, with nothing changed. */
export function loadPageDirectoryPointers(cpu: Cpu, cr3: bigint): void {
  usePageDirectoryPointers(cpu, readPageDirectoryPointers(cpu, cr3));
}
