/**
 * A 256-bit register of a local APIC, such as IRR: a set of interrupt vectors.
 *
 * @module
 */

/** A set of vectors that knows its highest one without a search. */
export class VectorSet {
  /** Eight registers of 32 bits, lowest vectors first. */
  readonly #words = new Uint32Array(8);
  #highest = 0;

  /** Highest vector, or 0 if there is none: vectors below 16 are never members. */
  get highest(): number {
    return this.#highest;
  }

  has(vector: number): boolean {
    return (this.#words[vector >>> 5] & (1 << (vector & 31))) !== 0;
  }

  add(vector: number): void {
    this.#words[vector >>> 5] |= 1 << (vector & 31);
    if (vector > this.#highest) this.#highest = vector;
  }

  delete(vector: number): void {
    this.#words[vector >>> 5] &= ~(1 << (vector & 31));
    if (vector === this.#highest) this.#highest = this.#findHighest(vector >>> 5);
  }

  clear(): void {
    this.#words.fill(0);
    this.#highest = 0;
  }

  /** Register `index` (0 to 7): bit n is vector 32 * index + n. */
  word(index: number): number {
    return this.#words[index];
  }

  save(): readonly number[] {
    return Array.from(this.#words);
  }

  /** Takes over eight registers. Vectors below 16 are dropped. */
  restore(words: Uint32Array): void {
    this.#words.set(words);
    this.#words[0] &= 0xffff_0000;
    this.#highest = this.#findHighest(7);
  }

  #findHighest(from: number): number {
    for (let index = from; index >= 0; index--) {
      const word = this.#words[index];
      if (word !== 0) return 32 * index + 31 - Math.clz32(word);
    }
    return 0;
  }
}
