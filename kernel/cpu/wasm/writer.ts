/**
 * A growing byte buffer with WebAssembly's variable-length integers.
 *
 * @module
 */

/** Collects the bytes of a module or of a function's body. */
export class Writer {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Appends one byte. */
  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  /** Appends bytes. */
  bytes(values: ArrayLike<number>): void {
    if (this.#length + values.length > this.#bytes.length) this.#grow(values.length);
    this.#bytes.set(values, this.#length);
    this.#length += values.length;
  }

  /** Appends an unsigned LEB128 of up to 32 bits. */
  unsigned(value: number): void {
    do {
      const more = value > 0x7f;
      this.byte((value % 128) | (more ? 0x80 : 0));
      value = Math.floor(value / 128);
    } while (value > 0);
  }

  /** Appends a signed LEB128. */
  signed(value: number | bigint): void {
    let rest = BigInt(value);
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      const last = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0);
      this.byte(last ? low : low | 0x80);
      if (last) return;
    }
  }

  /** Appends a length and that many bytes of UTF-8. */
  name(text: string): void {
    const encoded = new TextEncoder().encode(text);
    this.unsigned(encoded.length);
    this.bytes(encoded);
  }

  /** Appends the length of `other`, then its bytes. */
  sized(other: Writer): void {
    this.unsigned(other.length);
    this.bytes(other.view());
  }

  /** What has been written; a view that the next write may invalidate. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(more: number): void {
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
