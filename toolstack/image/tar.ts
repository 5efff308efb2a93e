/**
 * Reader for tar archives: ustar (POSIX.1-1988), GNU long names and pax paths.
 *
 * @module
 */

const BLOCK = 512;

/** `typeflag` of an entry. */
const REGULAR = new Set(["0", "\0", "7"]);
const GNU_LONG_NAME = "L";
const PAX_HEADER = "x";

/** Longest name or pax header that is read; real ones have a few hundred bytes. */
const MAX_METADATA = 1 << 20;

/**
 * Finds the first plain file that `wanted` accepts and gives it. Paths come without a leading `./` or `/`.
 * What follows it in the stream is not read.
 *
 * @throws {RangeError} if the archive is malformed or ends too early
 */
export async function findInTar(
  stream: ReadableStream<Uint8Array>,
  wanted: (path: string) => boolean,
): Promise<{ path: string; bytes: Uint8Array<ArrayBuffer> } | undefined> {
  const source = new BlockSource(stream);
  try {
    let longName: string | undefined;
    for (;;) {
      const header = await source.take(BLOCK);
      if (header === undefined || header.every((byte) => byte === 0)) return undefined;
      checkSum(header);
      const size = octal(header, 124, 12);
      const type = String.fromCharCode(header[156]!);
      const padded = Math.ceil(size / BLOCK) * BLOCK;
      if (type === GNU_LONG_NAME || type === PAX_HEADER) {
        if (size > MAX_METADATA) throw new RangeError("Tar name is too long");
        const bytes = await source.take(padded);
        if (bytes === undefined) throw new RangeError("Tar archive is truncated");
        const text = new TextDecoder().decode(bytes.subarray(0, size));
        longName = type === GNU_LONG_NAME ? text.replace(/\0.*$/s, "") : paxPath(text) ?? longName;
        continue;
      }
      const path = (longName ?? ustarName(header)).replace(/^(?:\.?\/)+/, "");
      longName = undefined;
      if (REGULAR.has(type) && wanted(path)) {
        const bytes = await source.take(padded);
        if (bytes === undefined) throw new RangeError("Tar archive is truncated");
        return { path, bytes: bytes.subarray(0, size) };
      }
      await source.skip(padded);
    }
  } finally {
    await source.cancel();
  }
}

function ustarName(header: Uint8Array): string {
  const name = field(header, 0, 100);
  const prefix = field(header, 257, 5) === "ustar" ? field(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** The `path` record of a pax header; a record is "length keyword=value\n". */
function paxPath(text: string): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(text)?.[1];
}

function field(header: Uint8Array, at: number, length: number): string {
  const bytes = header.subarray(at, at + length);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function octal(header: Uint8Array, at: number, length: number): number {
  const text = field(header, at, length).trim();
  if (!/^[0-7]+$/.test(text)) throw new RangeError(`Tar header has the number "${text}"`);
  return parseInt(text, 8);
}

/** The sum counts the eight bytes of its own field as spaces. */
function checkSum(header: Uint8Array): void {
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += header[at]!;
  if (sum !== octal(header, 148, 8)) throw new RangeError("Tar header has another checksum");
}

/** Gives the bytes of a stream in pieces of the wanted size. */
class BlockSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next `length` bytes, or `undefined` where the stream ends before them. */
  async take(length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      if (!await this.#fill()) return undefined;
      const part = this.#rest.subarray(0, length - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return bytes;
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0;) {
      if (!await this.#fill()) throw new RangeError("Tar archive is truncated");
      const part = Math.min(left, this.#rest.length);
      this.#rest = this.#rest.subarray(part);
      left -= part;
    }
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return false;
      this.#rest = value;
    }
    return true;
  }
}
