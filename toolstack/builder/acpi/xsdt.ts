/**
 * Extended system description table: the addresses of the other tables (ACPI 6.5, 5.2.8).
 *
 * @module
 */

import { encodeTable } from "./table.ts";

/** Encodes an XSDT. */
export function encodeXsdt(tables: readonly number[]): Uint8Array {
  const body = new Uint8Array(tables.length * 8);
  const view = new DataView(body.buffer);
  tables.forEach((address, index) => view.setBigUint64(index * 8, BigInt(address), true));
  return encodeTable("XSDT", 1, body);
}
