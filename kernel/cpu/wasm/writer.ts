/**
 * A growing byte buffer with WebAssembly's variable-length integers.
 *
 * @module
 */

/** Collects the bytes of a module or of a function's body. */
export class Writer {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** `capacity`: bytes that there is room for at first. */
  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
  }

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
    const { length } = values;
    if (this.#length + length > this.#bytes.length) this.#grow(length);
    // Most are one to three bytes, for which `set` is slow.
    if (length > 16) this.#bytes.set(values, this.#length);
    else for (let index = 0; index < length; index++) this.#bytes[this.#length + index] = values[index]!;
    this.#length += length;
  }

  /** Appends an unsigned LEB128 of up to 32 bits. */
  unsigned(value: number): void {
    while (value > 0x7f) {
      this.byte((value & 0x7f) | 0x80);
      value >>>= 7;
    }
    this.byte(value);
  }

  /** Appends a signed LEB128. */
  signed(value: number | bigint): void {
    this.bytes(signedBytes(value));
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

/** A signed LEB128. */
export function signedBytes(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (typeof rest === "bigint" && rest !== BigInt.asIntN(32, rest)) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  // Most are small: numbers are much faster.
  for (let low = Number(rest);; low >>= 7) {
    if (low >= -64 && low < 64) {
      bytes.push(low & 0x7f);
      return bytes;
    }
    bytes.push((low & 0x7f) | 0x80);
  }
}
