/**
 * Firmware ACPI control structure (ACPI 6.5, 5.2.10). It has no checksum, and guests write to it.
 *
 * @module
 */

import { writeText } from "./table.ts";

const SIZE = 64;
const VERSION = 2;

/** Encodes a FACS. */
export function encodeFacs(): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  writeText(bytes, 0, "FACS", 4);
  new DataView(bytes.buffer).setUint32(4, SIZE, true);
  bytes[32] = VERSION;
  return bytes;
}
