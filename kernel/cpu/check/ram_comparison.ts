/**
 * Compares guest RAM with a copy of it.
 *
 * @module
 */

import { HIGH_RAM_START, LOW_RAM_END, ramOffset } from "../../abi/ram_layout.ts";
import { TLB_ENTRIES, TLB_ENTRY_SIZE, WRITE_TLB } from "../layout.ts";
import type { SoftwareCpu } from "../software_cpu.ts";

const PAGE = 4096;
const WORDS_PER_PAGE = PAGE / 4;

/** Eight bytes that are not the same in both. */
export interface RamDifference {
  /** Guest-physical address. */
  readonly gpa: number;
  /** Values in hexadecimal. */
  readonly values: readonly [string, string];
}

/** RAM, and its copy. */
export class RamComparison {
  readonly #bytes: readonly [Uint8Array, Uint8Array];
  readonly #words: readonly [Int32Array, Int32Array];
  readonly #pages: number;

  /** The first `size` bytes of two memories. */
  constructor(ram: WebAssembly.Memory, copy: WebAssembly.Memory, size: number) {
    this.#bytes = [new Uint8Array(ram.buffer, 0, size), new Uint8Array(copy.buffer, 0, size)];
    this.#words = [new Int32Array(ram.buffer, 0, size >> 2), new Int32Array(copy.buffer, 0, size >> 2)];
    this.#pages = size / PAGE;
  }

  /** Makes the copy what RAM is. */
  copyAll(): void {
    // Pages that are zero in both are not touched, so that the host need not give them.
    for (let page = 0; page < this.#pages; page++) if (!this.#same(page)) this.#copy(page * PAGE, PAGE);
  }

  /**
   * Takes `length` bytes from the guest-physical address `gpa` on, as far as they are RAM; what it gives puts them into
   * the copy.
   */
  take(gpa: number, length: number): () => void {
    const parts: { readonly start: number; readonly bytes: Uint8Array }[] = [];
    for (let done = 0; done < length;) {
      const count = Math.min(length - done, PAGE - (gpa + done) % PAGE);
      const start = ramOffset(this.#bytes[0].length, gpa + done, count);
      if (start >= 0) parts.push({ start, bytes: this.#bytes[0].slice(start, start + count) });
      done += count;
    }
    return () => parts.forEach(({ start, bytes }) => this.#bytes[1].set(bytes, start));
  }

  /** The pages that `cpu` can write at once, because it has written them not long ago. */
  writtenPages(cpu: SoftwareCpu): number[] {
    const pages = new Set<number>();
    for (let entry = WRITE_TLB; entry < WRITE_TLB + TLB_ENTRIES * TLB_ENTRY_SIZE; entry += TLB_ENTRY_SIZE) {
      const tag = cpu.view.getInt32(entry, true);
      if (tag === -1 && cpu.view.getInt32(entry + 4, true) === -1) continue;
      // What is added to the linear page gives the page in RAM.
      const page = ((tag & -PAGE) + cpu.view.getInt32(entry + 8, true)) >>> 12;
      if (page < this.#pages) pages.add(page);
    }
    return [...pages];
  }

  /** Whether `pages`, or all, are the same in both. */
  same(pages?: readonly number[]): boolean {
    if (pages !== undefined) return pages.every((page) => this.#same(page));
    for (let page = 0; page < this.#pages; page++) if (!this.#same(page)) return false;
    return true;
  }

  /** The first `most` places that differ. */
  differences(most: number): RamDifference[] {
    const differences: RamDifference[] = [];
    for (let page = 0; page < this.#pages; page++) {
      if (this.#same(page)) continue;
      for (let at = page * PAGE; at < (page + 1) * PAGE; at += 8) {
        const values = this.#bytes.map((bytes) => bytes.slice(at, at + 8).reverse().toHex());
        if (values[0] === values[1]) continue;
        differences.push({ gpa: gpaOf(at), values: [values[0]!, values[1]!] });
        if (differences.length === most) return differences;
      }
    }
    return differences;
  }

  #copy(start: number, length: number): void {
    this.#bytes[1].set(this.#bytes[0].subarray(start, start + length), start);
  }

  #same(page: number): boolean {
    const [ram, copy] = this.#words;
    for (let word = page * WORDS_PER_PAGE; word < (page + 1) * WORDS_PER_PAGE; word++) {
      if (ram[word] !== copy[word]) return false;
    }
    return true;
  }
}

function gpaOf(offset: number): number {
  return offset < LOW_RAM_END ? offset : offset - LOW_RAM_END + HIGH_RAM_START;
}
