/**
 * Upkeep of the software TLBs and the jump cache from TypeScript.
 *
 * @module
 */

import {
  FETCH_TLB,
  FETCHED_PAGES,
  FETCHED_PAGES_COUNT,
  JUMP_CACHE,
  JUMP_CACHE_SIZE,
  JUMP_GROUP_SIZE,
  LARGE_REGIONS,
  LARGE_REGIONS_COUNT,
  MOST_PRIVATE,
  PRIVATE_ENTRIES,
  READ_TLB,
  RETURN_CACHE,
  RETURN_CACHE_SIZE,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  WRITABLE_PAGES,
  WRITE_TLB,
} from "./layout.ts";
import { PRIVATE_COUNT } from "./state.ts";

/** The TLBs and the jump cache of one vCPU, in its engine memory. */
export class Tlb {
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  /** Shared memory is filled element by element: with the largest there are. */
  readonly #quads: BigInt64Array;

  constructor(engine: WebAssembly.Memory) {
    this.#bytes = new Uint8Array(engine.buffer);
    this.#words = new Int32Array(engine.buffer);
    this.#quads = new BigInt64Array(engine.buffer);
  }

  /** Forgets every translation and every jump. */
  flushAll(): void {
    this.#flushTranslations();
    this.#fill(0n, LARGE_REGIONS, LARGE_REGIONS + 2 * LARGE_REGIONS_COUNT);
    this.flushAllJumps();
  }

  /** Forgets the translations that go with the address space though their tags do not say which. */
  flushPrivate(): void {
    const count = this.#words[PRIVATE_COUNT >> 2]!;
    if (count > MOST_PRIVATE) return this.#flushTranslations();
    for (let n = 0; n < count; n++) this.#quads[this.#words[(PRIVATE_ENTRIES >> 2) + n]! >> 3] = -1n;
    this.#words[PRIVATE_COUNT >> 2] = 0;
  }

  #flushTranslations(): void {
    this.#fill(-1n, READ_TLB, FETCH_TLB + TLB_ENTRIES * TLB_ENTRY_SIZE);
    this.#words[PRIVATE_COUNT >> 2] = 0;
  }

  /** Forgets every jump. */
  flushAllJumps(): void {
    this.#fill(-1n, JUMP_CACHE, JUMP_CACHE + JUMP_CACHE_SIZE);
    this.#flushReturns();
  }

  /** Forgets the translation of one linear address, in every context, with all that is left of a large page there. */
  flushPage(address: bigint): void {
    const page = Number(BigInt.asIntN(32, address >> 12n));
    const entry = (page & (TLB_ENTRIES - 1)) * TLB_ENTRY_SIZE;
    for (const table of [READ_TLB, WRITE_TLB, FETCH_TLB]) this.#quads[(table + entry) / 8] = -1n;
    const large = this.#bytes[LARGE_REGIONS + ((page >> 9) & (LARGE_REGIONS_COUNT - 1))]!;
    if (large !== 0) this.#flushRegion(page, large);
    const giant = this
      .#bytes[LARGE_REGIONS + LARGE_REGIONS_COUNT + ((page >> 18) & (LARGE_REGIONS_COUNT - 1))]!;
    if (giant !== 0) this.#flushRegion(page, giant);
    if (this.#bytes[FETCHED_PAGES + (page & (FETCHED_PAGES_COUNT - 1))] === 0) return;
    this.#flushJumps(page);
    // An instruction that begins in the page before may end in this one.
    this.#flushJumps(page - 1);
    this.#flushReturns();
  }

  /** Takes every entry that leads to page `page` of RAM memory out of the write TLB. */
  purgeWrites(page: number): void {
    if (this.#bytes[WRITABLE_PAGES + page] === 0) return;
    this.#bytes[WRITABLE_PAGES + page] = 0;
    const words = this.#words;
    const end = (WRITE_TLB + TLB_ENTRIES * TLB_ENTRY_SIZE) >> 2;
    for (let at = WRITE_TLB >> 2; at < end; at += 4) {
      if (((words[at]! & ~0xfff) + words[at + 2]!) >>> 12 === page) words.fill(-1, at, at + 2);
    }
  }

  /** Forgets the 2^shift pages around `page`. */
  #flushRegion(page: number, shift: number): void {
    const words = this.#words;
    const end = (FETCH_TLB + TLB_ENTRIES * TLB_ENTRY_SIZE) >> 2;
    for (let at = READ_TLB >> 2; at < end; at += 4) {
      const entry = (words[at]! >>> 12) | (words[at + 1]! << 20);
      if ((entry ^ page) >> shift === 0) words.fill(-1, at, at + 2);
    }
    this.flushAllJumps();
  }

  #flushReturns(): void {
    this.#fill(-1n, RETURN_CACHE, RETURN_CACHE + RETURN_CACHE_SIZE);
  }

  #fill(value: bigint, from: number, to: number): void {
    this.#quads.fill(value, from / 8, to / 8);
  }

  #flushJumps(page: number): void {
    const start = JUMP_CACHE + ((page * JUMP_GROUP_SIZE) & (JUMP_CACHE_SIZE - 1));
    this.#fill(-1n, start, start + JUMP_GROUP_SIZE);
  }
}
