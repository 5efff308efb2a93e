/**
 * The record that carries one access of the guest to a device, modelled on `struct ioreq` of
 * Xen's `public/hvm/ioreq.h`.
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 8 | address: port number or guest-physical address |
 * | 8 | 8 | data: what is written; zero in a read |
 * | 16 | 8 | guest time of the access, f64, nanoseconds |
 * | 24 | 4 | count: elements of a string access, 1 to 4096; the data of further elements follows the record |
 * | 28 | 1 | size of an element: 1, 2, 4 or 8 bytes (8 only for MMIO) |
 * | 29 | 1 | type, a number of {@link IoreqType} |
 * | 30 | 1 | bit 0 direction (1 = read), bit 1 posted (no reply) |
 * | 31 | 1 | number of the vCPU |
 *
 * The reply is {@link MessageType.IoreqReply} with the id of the request and `count` elements of
 * `size` bytes (a read), or no body (an ordered write).
 *
 * @module
 */

import { ProtocolError } from "./message.ts";

/** Bytes of an ioreq, without the data of further elements. */
export const IOREQ_SIZE = 32;

/** Most elements in one ioreq. */
export const IOREQ_MAX_COUNT = 4096;

/** Address space of an access. */
export enum IoreqType {
  Port = 0,
  Mmio = 1,
}

/** One access of the guest. */
export interface Ioreq {
  readonly type: IoreqType;
  readonly read: boolean;
  readonly posted: boolean;
  /** Port number, or guest-physical address below 2^53. */
  readonly address: number;
  /** Bytes of one element: 1, 2, 4 or 8. */
  readonly size: number;
  /** Elements, 1 to {@link IOREQ_MAX_COUNT}. All of them go to the same address. */
  readonly count: number;
  /** `count * size` bytes that are written; empty in a read. */
  readonly data: Uint8Array;
  /** Guest time in nanoseconds. */
  readonly time: number;
  readonly vcpu: number;
}

/** Bytes that {@link encodeIoreq} writes for `request`. */
export function ioreqLength(request: Ioreq): number {
  return IOREQ_SIZE + (request.read || request.count === 1 ? 0 : request.data.length);
}

/** Writes `request` into `view`, from its start on. */
export function encodeIoreq(view: DataView, request: Ioreq): void {
  view.setBigUint64(0, BigInt(request.address), true);
  view.setBigUint64(8, 0n, true);
  view.setFloat64(16, request.time, true);
  view.setUint32(24, request.count, true);
  view.setUint8(28, request.size);
  view.setUint8(29, request.type);
  view.setUint8(30, (request.read ? 1 : 0) | (request.posted ? 2 : 0));
  view.setUint8(31, request.vcpu);
  if (request.read) return;
  const at = request.count === 1 ? 8 : IOREQ_SIZE;
  new Uint8Array(view.buffer, view.byteOffset + at, request.data.length).set(request.data);
}

/** Reads an ioreq. @throws {ProtocolError} if a field is out of range. */
export function decodeIoreq(body: Uint8Array): Ioreq {
  if (body.length < IOREQ_SIZE) throw new ProtocolError(`Ioreq has ${body.length} bytes`);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const address = Number(view.getBigUint64(0, true));
  const count = view.getUint32(24, true);
  const size = view.getUint8(28);
  const type = view.getUint8(29);
  const direction = view.getUint8(30);
  const read = (direction & 1) !== 0;
  if (type > IoreqType.Mmio) throw new ProtocolError(`Ioreq type ${type} does not exist`);
  if (size !== 1 && size !== 2 && size !== 4 && (size !== 8 || type !== IoreqType.Mmio)) {
    throw new ProtocolError(`Ioreq size ${size} is not allowed`);
  }
  if (count < 1 || count > IOREQ_MAX_COUNT) throw new ProtocolError(`Ioreq count ${count} is not allowed`);
  if (direction > 3 || !Number.isSafeInteger(address)) throw new ProtocolError("Ioreq is malformed");
  const expected = IOREQ_SIZE + (read || count === 1 ? 0 : count * size);
  if (body.length !== expected) throw new ProtocolError(`Ioreq has ${body.length} bytes, not ${expected}`);
  const data = read
    ? new Uint8Array(0)
    : count === 1
    ? body.subarray(8, 8 + size)
    : body.subarray(IOREQ_SIZE, IOREQ_SIZE + count * size);
  return {
    type,
    read,
    posted: (direction & 2) !== 0,
    address,
    size,
    count,
    data,
    time: view.getFloat64(16, true),
    vcpu: view.getUint8(31),
  };
}
