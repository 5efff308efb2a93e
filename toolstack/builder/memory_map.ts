/**
 * The guest-physical address space.
 *
 * | from | to | what |
 * |---|---|---|
 * | 0 | 640 KiB | RAM |
 * | 640 KiB | 896 KiB | VGA memory and option ROMs |
 * | 896 KiB | 960 KiB | ACPI tables |
 * | 960 KiB | 964 KiB | FACS |
 * | 964 KiB | 1 MiB | reserved, where a PC's firmware is |
 * | 1 MiB | 3 GiB at most | RAM |
 * | 3 GiB | 4 GiB | PCI, I/O APIC, local APIC |
 * | 4 GiB | | the RAM that is left |
 *
 * All below 1 MiB is backed by memory; the map says what a guest may use as RAM.
 *
 * @module
 */

/** Where RAM below 4 GiB ends at the latest. */
export const LOW_RAM_LIMIT = 0xc000_0000;

/** Where RAM goes on that has no place below {@link LOW_RAM_LIMIT}. */
export const HIGH_RAM_BASE = 0x1_0000_0000;

/** End of conventional memory. */
export const CONVENTIONAL_END = 0xa_0000;

/** ACPI tables but the FACS. The RSDP is the first of them, where guests search for it too. */
export const ACPI_TABLES_BASE = 0xe_0000;
export const ACPI_TABLES_SIZE = 0x1_0000;

/** The FACS, which a guest must not take for RAM even after it has read the tables. */
export const FACS_BASE = 0xf_0000;
const FACS_AREA_SIZE = 0x1000;

const EXTENDED_BASE = 0x10_0000;

/** Types of a range, from the ACPI specification, 15.1. */
export enum E820Type {
  Ram = 1,
  Reserved = 2,
  AcpiReclaimable = 3,
  AcpiNvs = 4,
}

/** A range of the map that a guest is given. */
export interface E820Entry {
  readonly base: number;
  readonly length: number;
  readonly type: E820Type;
}

/** RAM as the hypervisor backs it: `offset` counts from the start of the domain's memory. */
export interface RamRange {
  readonly gpa: number;
  readonly length: number;
  readonly offset: number;
}

/** End of the RAM that lies below 4 GiB, for a domain with `memorySize` bytes. */
export function lowRamEnd(memorySize: number): number {
  return Math.min(memorySize, LOW_RAM_LIMIT);
}

/** Where the bytes of a domain's memory lie. */
export function ramRanges(memorySize: number): RamRange[] {
  const low = lowRamEnd(memorySize);
  const ranges = [{ gpa: 0, length: low, offset: 0 }];
  if (memorySize > low) ranges.push({ gpa: HIGH_RAM_BASE, length: memorySize - low, offset: low });
  return ranges;
}

/** The memory map that a guest is given. */
export function memoryMap(memorySize: number): E820Entry[] {
  const facsEnd = FACS_BASE + FACS_AREA_SIZE;
  const map: E820Entry[] = [
    { base: 0, length: CONVENTIONAL_END, type: E820Type.Ram },
    { base: ACPI_TABLES_BASE, length: ACPI_TABLES_SIZE, type: E820Type.AcpiReclaimable },
    { base: FACS_BASE, length: FACS_AREA_SIZE, type: E820Type.AcpiNvs },
    { base: facsEnd, length: EXTENDED_BASE - facsEnd, type: E820Type.Reserved },
    { base: EXTENDED_BASE, length: lowRamEnd(memorySize) - EXTENDED_BASE, type: E820Type.Ram },
  ];
  const high = memorySize - lowRamEnd(memorySize);
  if (high > 0) map.push({ base: HIGH_RAM_BASE, length: high, type: E820Type.Ram });
  return map;
}
