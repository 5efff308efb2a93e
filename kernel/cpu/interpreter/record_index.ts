/**
 * Which record stands for the instruction at a place in RAM memory.
 *
 * A hash table in typed arrays: neighbours in a page are neighbours in the table. Nothing is ever taken out of it but
 * all at once; who finds a record asks whether it is still good.
 *
 * @module
 */

import { RECORD_SIZE } from "./record.ts";

/** Slots at first; there are always at least twice as many as records. */
const SLOTS = 1 << 14;
/** Records are aligned: the low bits of a slot hold how the code is decoded. */
const MODE_MASK = RECORD_SIZE - 1;

/** Records by place and by how the code there is decoded, a number from 0 to 7. */
export class RecordIndex {
  #places = new Uint32Array(SLOTS);
  #records = new Int32Array(SLOTS);
  #count = 0;

  /** The record that was set last; 0 if none was. */
  get(host: number, mode: number): number {
    const found = this.#records[this.#slot(host, mode)]!;
    return found & ~MODE_MASK;
  }

  set(host: number, mode: number, record: number): void {
    const slot = this.#slot(host, mode);
    if (this.#records[slot] === 0 && ++this.#count * 2 > this.#records.length) {
      this.#grow();
      this.set(host, mode, record);
      return;
    }
    this.#places[slot] = host;
    this.#records[slot] = record | mode;
  }

  clear(): void {
    this.#places = new Uint32Array(SLOTS);
    this.#records = new Int32Array(SLOTS);
    this.#count = 0;
  }

  /** Where a place stands, or where there is room for it. */
  #slot(host: number, mode: number): number {
    const places = this.#places;
    const records = this.#records;
    const mask = records.length - 1;
    let slot = ((Math.imul(host >>> 12, 0x9e3779b1) >>> 6) + (host & 0xfff)) & mask;
    for (;;) {
      const record = records[slot]!;
      if (record === 0 || places[slot] === host && (record & MODE_MASK) === mode) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const places = this.#places;
    const records = this.#records;
    this.#places = new Uint32Array(places.length * 2);
    this.#records = new Int32Array(places.length * 2);
    this.#count = 0;
    for (let slot = 0; slot < records.length; slot++) {
      const record = records[slot]!;
      if (record !== 0) this.set(places[slot]!, record & MODE_MASK, record & ~MODE_MASK);
    }
  }
}
