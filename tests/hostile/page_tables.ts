/**
 * Page tables of 64-bit mode, written from outside the guest.
 *
 * @module
 */

const PAGE = 4096;
/** Entry bits (Intel SDM, vol. 3, 4.5). */
export const PRESENT = 1n;
export const WRITABLE = 2n;
const LARGE = 0x80n;
const ADDRESS = 0xf_ffff_ffff_f000n;
/** Levels: 4 the PML4, 1 page tables. */
const TOP = 4;
const ENTRIES = 512;

/** The tables below one CR3. */
export class PageTables {
  #next: number;

  /** Tables are taken from `start` to `end`, the first of them for CR3. The first GiB is mapped to itself. */
  constructor(private readonly ram: DataView, readonly start: number, private readonly end: number) {
    this.#next = start + PAGE;
    const directory = this.#tableFor(0n, 2);
    for (let index = 0; index < ENTRIES; index++) {
      this.#put(directory + index * 8, BigInt(index) << 21n | LARGE | WRITABLE | PRESENT);
    }
  }

  /** Maps one 4 KiB page. */
  map(linear: bigint, physical: number, flags = WRITABLE | PRESENT): void {
    this.#put(this.entry(linear), BigInt(physical) | flags);
  }

  /** Address of a page's entry in its page table, which is made if there is none. */
  entry(linear: bigint): number {
    return this.#tableFor(linear, 1) + indexAt(linear, 1) * 8;
  }

  /** Maps all 512 GiB around `linear` (a slot of the PML4) to one and the same `pages`, over and over. */
  wrap(linear: bigint, pages: readonly number[]): void {
    const table = this.#take();
    for (let index = 0; index < ENTRIES; index++) {
      this.#put(table + index * 8, BigInt(pages[index % pages.length]!) | WRITABLE | PRESENT);
    }
    let below = table;
    for (let level = 2; level < TOP; level++) {
      const above = this.#take();
      for (let index = 0; index < ENTRIES; index++) this.#put(above + index * 8, pointer(below));
      below = above;
    }
    this.#put(this.start + indexAt(linear, TOP) * 8, pointer(below));
  }

  /** Makes the PML4's slot around `linear` the same as that around `other`. */
  repeat(linear: bigint, other: bigint): void {
    this.#put(this.start + indexAt(linear, TOP) * 8, this.#get(this.start + indexAt(other, TOP) * 8));
  }

  #tableFor(linear: bigint, level: number): number {
    let table = this.start;
    for (let above = TOP; above > level; above--) {
      const at = table + indexAt(linear, above) * 8;
      if ((this.#get(at) & PRESENT) === 0n) this.#put(at, pointer(this.#take()));
      table = Number(this.#get(at) & ADDRESS);
    }
    return table;
  }

  #take(): number {
    if (this.#next === this.end) throw new RangeError("No room for another page table");
    const table = this.#next;
    this.#next += PAGE;
    return table;
  }

  #get(at: number): bigint {
    return this.ram.getBigUint64(at, true);
  }
  #put(at: number, entry: bigint): void {
    this.ram.setBigUint64(at, entry, true);
  }
}

function indexAt(linear: bigint, level: number): number {
  return Number((linear >> BigInt(12 + 9 * (level - 1))) & 511n);
}

function pointer(table: number): bigint {
  return BigInt(table) | WRITABLE | PRESENT;
}
