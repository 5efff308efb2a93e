/**
 * Page tables and segments for an entry in long mode.
 *
 * @module
 */

import { GDT_BASE, PAGE_TABLES_BASE, type Segment } from "./boot_image.ts";

const PAGE = 4096;
const PRESENT_WRITABLE = 0x3n;
const PAGE_SIZE_BIT = 0x80n;
const LARGE_PAGE = 1n << 21n;
const GIBIBYTES = 4;

/** Descriptors that Linux's 64-bit boot protocol asks for: code at 0x10, data at 0x18. */
const GDT = [0n, 0n, 0x00af_9a00_0000_ffffn, 0x00cf_9200_0000_ffffn];

/** Bytes of the GDT less one. */
export const GDT_LIMIT = GDT.length * 8 - 1;

/**
 * Tables that map the first 4 GiB to themselves in pages of 2 MiB, which every x86-64 CPU has: a PML4, a page
 * directory pointer table and four page directories.
 */
export function identityPageTables(): Segment {
  const entries = new BigUint64Array((2 + GIBIBYTES) * PAGE / 8);
  const tableEntry = (table: number) => BigInt(PAGE_TABLES_BASE + table * PAGE) | PRESENT_WRITABLE;
  entries[0] = tableEntry(1);
  for (let directory = 0; directory < GIBIBYTES; directory++) {
    entries[512 + directory] = tableEntry(2 + directory);
  }
  for (let page = 0; page < GIBIBYTES * 512; page++) {
    entries[1024 + page] = BigInt(page) * LARGE_PAGE | PAGE_SIZE_BIT | PRESENT_WRITABLE;
  }
  return { gpa: PAGE_TABLES_BASE, bytes: new Uint8Array(entries.buffer) };
}

/** The GDT. */
export function bootGdt(): Segment {
  return { gpa: GDT_BASE, bytes: new Uint8Array(new BigUint64Array(GDT).buffer) };
}
