/**
 * Saved state: a versioned record of named fields, never positional.
 *
 * On the wire it is UTF-8 JSON `{"device": ..., "version": ..., "fields": {...}}`; byte arrays are
 * carried as `{"$bytes": "<base64>"}` and big integers as `{"$int": "<decimal>"}`.
 *
 * @module
 */

import { ProtocolError } from "./message.ts";

/** What a field of a state may hold. */
export type StateValue =
  | number
  | bigint
  | boolean
  | string
  | null
  | Uint8Array
  | readonly StateValue[]
  | { readonly [name: string]: StateValue };

/** Named fields of a device's state. */
export type StateFields = { readonly [name: string]: StateValue };

/** A device's saved state. */
export interface State {
  /** Name of the device that saved it. */
  readonly device: string;
  /** Version of the layout of `fields`, from the device's manifest. */
  readonly version: number;
  readonly fields: StateFields;
}

/** Encodes a state for the wire. */
export function encodeState(state: State): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(state, (_name, value) => {
    if (typeof value === "bigint") return { $int: value.toString() };
    if (value instanceof Uint8Array) return { $bytes: value.toBase64() };
    return value;
  }));
}

/** Reads a state. @throws {ProtocolError} if it is not one. */
export function decodeState(body: Uint8Array): State {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body), (_name, value) => {
      if (typeof value !== "object" || value === null) return value;
      if (typeof value.$int === "string") return BigInt(value.$int);
      if (typeof value.$bytes === "string") return Uint8Array.fromBase64(value.$bytes);
      return value;
    });
  } catch (error) {
    throw new ProtocolError(`State is not readable: ${error instanceof Error ? error.message : error}`);
  }
  if (
    typeof value !== "object" || value === null || !("device" in value) || !("version" in value) ||
    !("fields" in value) || typeof value.device !== "string" || typeof value.version !== "number" ||
    typeof value.fields !== "object" || value.fields === null
  ) throw new ProtocolError("State has no device, version or fields");
  return value as State;
}
