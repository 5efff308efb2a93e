/**
 * The answer to a server's request to map or unmap an I/O range.
 *
 * @module
 */

import { encodeMessage, MessageType } from "../abi/message.ts";
import type { MapRefusal } from "../io/io_map.ts";

/** Encodes the answer. */
export function answerToMap(id: number, refusal: MapRefusal): Uint8Array {
  if (refusal === undefined) return encodeMessage(MessageType.Accepted, id, new Uint8Array(0));
  return encodeMessage(MessageType.Denied, id, new TextEncoder().encode(refusal));
}
