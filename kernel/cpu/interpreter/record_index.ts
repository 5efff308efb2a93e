/**
 * Which record stands for the instruction at a place in RAM memory.
 *
 * A hash table of fixed size in the engine's memory, which the host gives page by page as it is touched: what is known of
 * a code page lies together in two of its own, and nothing is ever moved. Nothing is taken out but all at once; who
 * finds a record asks whether it is still good.
 *
 * @module
 */

import { RECORD_HOMES, RECORD_SIZE, RECORD_SLOT_COUNT, RECORD_SLOTS, RECORDS } from "../layout.ts";
import { OFFSET_FIELD, Record } from "./record.ts";

const FIRST = RECORD_SLOTS >> 2;
/** There are a third more slots than records: some are always free, and each record has a number below theirs. */
const SLOT_MASK = RECORD_SLOT_COUNT - 1;

/** A slot: the number of a record, above it how the code is decoded, and then some bits of what the page is. */
const NUMBER = SLOT_MASK;
const MODE_SHIFT = Math.log2(RECORD_SLOT_COUNT);
const TAG = ~0 << (MODE_SHIFT + 3);

/** Home of a record: the number of its page, and above it what {@link CodeCache} knows of it. */
const HOME_PAGE = (1 << 20) - 1;

/** Number of a record, and the other way round. */
export function numberOf(record: number): number {
  return (record - RECORDS) / RECORD_SIZE;
}

export function recordOf(number: number): number {
  return RECORDS + number * RECORD_SIZE;
}

/** Where the home of a record stands in the engine's memory, in words. */
export function homeOf(number: number): number {
  return (RECORD_HOMES >> 2) + number;
}

/** Where the place stands in the first word of a record. */
const PLACE_SHIFT = Record.PLACE * 8;

/** How many slots in a row a place may have. */
const NEIGHBOURS = 8;

/** Numbers of records, which are not 0, by place and by how the code there is decoded, a number from 0 to 7. */
export class RecordIndex {
  /** `words`: the engine's memory. */
  constructor(private readonly words: Int32Array) {}

  /** Where the instruction of a record begins that has a home. */
  placeOf(number: number): number {
    const place = this.words[recordOf(number) >> 2]! >>> PLACE_SHIFT;
    return (this.words[homeOf(number)]! & HOME_PAGE) * 4096 + (place & OFFSET_FIELD);
  }

  /** The record that was set last; 0 if none was. */
  get(host: number, mode: number): number {
    return this.words[this.#slot(host, mode)]! & NUMBER;
  }

  /** A record, of which it is known where it lies, stands for its instruction from now on. */
  set(host: number, mode: number, number: number): void {
    this.words[this.#slot(host, mode)] = number | mode << MODE_SHIFT | hash(host) & TAG;
  }

  clear(): void {
    this.words.fill(0, FIRST, FIRST + RECORD_SLOT_COUNT);
  }

  /** Where a place stands, or where there is room for it. */
  #slot(host: number, mode: number): number {
    const { words } = this;
    let page = hash(host);
    const meant = mode << MODE_SHIFT | page & TAG;
    const offset = (host & 0xfff) >> 1;
    for (;;) {
      // Where code is dense, or pages of it have come to lie over each other, there is room elsewhere.
      const start = (page >>> 8) + offset;
      for (let slot = start; slot < start + NEIGHBOURS; slot++) {
        const at = FIRST + (slot & SLOT_MASK);
        const found = words[at]!;
        if (found === 0) return at;
        if (((found ^ meant) & ~NUMBER) === 0 && this.placeOf(found & NUMBER) === host) return at;
      }
      page = (Math.imul(page, 0x41c64e6d) + 12345) | 0;
    }
  }
}

function hash(host: number): number {
  return Math.imul(host >>> 12, 0x9e3779b1);
}
