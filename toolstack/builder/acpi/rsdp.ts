/**
 * Root system description pointer (ACPI 6.5, 5.2.5.3).
 *
 * @module
 */

import { setChecksum, writeText } from "./table.ts";

/** Bytes of an RSDP of revision 2. */
export const RSDP_SIZE = 36;

/** The first checksum covers what revision 1 had. */
const REVISION_1_SIZE = 20;

/** Encodes an RSDP for the XSDT at `xsdt`. */
export function encodeRsdp(xsdt: number): Uint8Array {
  const bytes = new Uint8Array(RSDP_SIZE);
  const view = new DataView(bytes.buffer);
  writeText(bytes, 0, "RSD PTR ", 8);
  writeText(bytes, 9, "ATOLL", 6);
  view.setUint8(15, 2);
  view.setUint32(20, RSDP_SIZE, true);
  view.setBigUint64(24, BigInt(xsdt), true);
  setChecksum(bytes.subarray(0, REVISION_1_SIZE), 8);
  setChecksum(bytes, 32);
  return bytes;
}
