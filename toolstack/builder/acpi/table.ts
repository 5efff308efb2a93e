/**
 * What all ACPI tables have in common (ACPI 6.5, 5.2.6).
 *
 * @module
 */

/** Bytes of a table's header. */
export const HEADER_SIZE = 36;

const CHECKSUM = 9;
const OEM_ID = "ATOLL";
const OEM_TABLE_ID = "ATOLL";
const CREATOR_ID = "ATOL";

/** Writes `text` in ASCII, with `fill` up to `length` bytes. */
export function writeText(bytes: Uint8Array, at: number, text: string, length: number, fill = 0): void {
  for (let index = 0; index < length; index++) {
    bytes[at + index] = index < text.length ? text.charCodeAt(index) : fill;
  }
}

/** Makes all bytes add up to zero by setting the one at `checksum`. */
export function setChecksum(bytes: Uint8Array, checksum: number): void {
  bytes[checksum] = 0;
  bytes[checksum] = -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/** Makes a table of a header and `body`. */
export function encodeTable(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE + body.length);
  const view = new DataView(bytes.buffer);
  writeText(bytes, 0, signature, 4);
  view.setUint32(4, bytes.length, true);
  view.setUint8(8, revision);
  writeText(bytes, 10, OEM_ID, 6);
  writeText(bytes, 16, OEM_TABLE_ID, 8);
  view.setUint32(24, 1, true);
  writeText(bytes, 28, CREATOR_ID, 4);
  view.setUint32(32, 1, true);
  bytes.set(body, HEADER_SIZE);
  setChecksum(bytes, CHECKSUM);
  return bytes;
}
