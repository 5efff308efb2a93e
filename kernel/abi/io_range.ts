/**
 * A range of ports or guest-physical addresses that a server answers for.
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 8 | first address |
 * | 8 | 8 | last address, inclusive |
 * | 16 | 4 | type, a number of {@link IoreqType} |
 * | 20 | 4 | bit 0: writes are posted, the guest does not wait for them |
 *
 * @module
 */

import { IoreqType } from "./ioreq.ts";
import { ProtocolError } from "./message.ts";

/** Bytes of an encoded range. */
export const IO_RANGE_SIZE = 24;

/** Registers in one address space, first and last address inclusive. */
export interface IoRange {
  readonly type: IoreqType;
  readonly first: number;
  readonly last: number;
  /** Writes do not wait for the device: a doorbell, a UART's data port. */
  readonly posted: boolean;
}

/** Encodes a range. */
export function encodeIoRange(range: IoRange): Uint8Array {
  const bytes = new Uint8Array(IO_RANGE_SIZE);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(range.first), true);
  view.setBigUint64(8, BigInt(range.last), true);
  view.setUint32(16, range.type, true);
  view.setUint32(20, range.posted ? 1 : 0, true);
  return bytes;
}

/** Reads a range. @throws {ProtocolError} if it is malformed. */
export function decodeIoRange(body: Uint8Array): IoRange {
  if (body.length !== IO_RANGE_SIZE) throw new ProtocolError(`I/O range has ${body.length} bytes`);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const first = Number(view.getBigUint64(0, true));
  const last = Number(view.getBigUint64(8, true));
  const type = view.getUint32(16, true);
  const flags = view.getUint32(20, true);
  if (type > IoreqType.Mmio || flags > 1) throw new ProtocolError("I/O range has unknown type or flags");
  const highest = type === IoreqType.Port ? 0xffff : 2 ** 52 - 1;
  if (first > last || last > highest) {
    throw new ProtocolError(`I/O range 0x${first.toString(16)} to 0x${last.toString(16)} is not possible`);
  }
  return { type, first, last, posted: flags === 1 };
}
