/**
 * The `ar` archive format, as Debian packages use it (deb(5)).
 *
 * @module
 */

const MAGIC = "!<arch>\n";
const HEADER_SIZE = 60;
const NAME_SIZE = 16;
const SIZE_OFFSET = 48;
const SIZE_SIZE = 10;
/** Ends a header. */
const TERMINATOR = "`\n";

/** A file in an archive. */
export interface ArMember {
  /** At most 16 characters. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Reads an archive. The bytes are views of it. @throws {RangeError} if it is malformed. */
export function readAr(archive: Uint8Array): ArMember[] {
  const text = (at: number, length: number) =>
    new TextDecoder("latin1").decode(archive.subarray(at, at + length));
  if (text(0, MAGIC.length) !== MAGIC) throw new RangeError("Archive is not an ar archive");
  const members: ArMember[] = [];
  for (let at = MAGIC.length; at < archive.length;) {
    if (text(at + HEADER_SIZE - 2, 2) !== TERMINATOR) throw new RangeError(`No ar header at ${at}`);
    const name = text(at, NAME_SIZE).trimEnd().replace(/\/$/, "");
    const digits = text(at + SIZE_OFFSET, SIZE_SIZE).trim();
    const start = at + HEADER_SIZE;
    const end = start + Number(digits);
    if (!/^\d+$/.test(digits) || end > archive.length) {
      throw new RangeError(`Ar member "${name}" is truncated`);
    }
    members.push({ name, bytes: archive.subarray(start, end) });
    // Members start at even offsets.
    at = end + (end & 1);
  }
  return members;
}

/** Writes an archive whose times and owners are zero. */
export function writeAr(members: readonly ArMember[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [encoder.encode(MAGIC)];
  for (const { name, bytes } of members) {
    if (name.length > NAME_SIZE) throw new RangeError(`Ar member name "${name}" is too long`);
    const fields = [[name, NAME_SIZE], ["0", 12], ["0", 6], ["0", 6], ["100644", 8], [
      bytes.length,
      SIZE_SIZE,
    ]];
    const header = fields.map(([value, width]) => String(value).padEnd(Number(width))).join("");
    parts.push(encoder.encode(header + TERMINATOR), bytes, encoder.encode("\n".repeat(bytes.length & 1)));
  }
  const archive = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}
