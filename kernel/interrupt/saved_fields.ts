/**
 * Reading the fields of a saved state, each checked for its type and range.
 *
 * @module
 */

import type { StateFields, StateValue } from "../abi/state.ts";

/** An integer from 0 to `last`. @throws {TypeError} if the field is anything else. */
export function integerField(fields: StateFields, name: string, last: number): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0 || value > last) {
    throw new TypeError(`Saved field "${name}" is not an integer from 0 to ${last}`);
  }
  return value;
}

/** A boolean. @throws {TypeError} if the field is anything else. */
export function booleanField(fields: StateFields, name: string): boolean {
  const value = fields[name];
  if (typeof value !== "boolean") throw new TypeError(`Saved field "${name}" is not a boolean`);
  return value;
}

/** An unsigned 64-bit integer. @throws {TypeError} if the field is anything else. */
export function quadwordField(fields: StateFields, name: string): bigint {
  const value = fields[name];
  if (typeof value !== "bigint" || value !== BigInt.asUintN(64, value)) {
    throw new TypeError(`Saved field "${name}" is not an unsigned 64-bit integer`);
  }
  return value;
}

/** A guest time in nanoseconds, or `Infinity` where `null` was saved. @throws {TypeError} */
export function timeField(fields: StateFields, name: string): number {
  const value = fields[name];
  if (value === null) return Infinity;
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new TypeError(`Saved field "${name}" is not a time`);
  }
  return value;
}

/** `length` unsigned 32-bit integers. @throws {TypeError} if the field is anything else. */
export function wordsField(fields: StateFields, name: string, length: number): Uint32Array {
  const value = fields[name];
  if (!isList(value) || value.length !== length || !value.every(isWord)) {
    throw new TypeError(`Saved field "${name}" is not ${length} unsigned 32-bit integers`);
  }
  return Uint32Array.from(value as readonly number[]);
}

/** A record of named fields. @throws {TypeError} if the field is anything else. */
export function recordField(fields: StateFields, name: string): StateFields {
  const value = fields[name];
  if (!isRecord(value)) throw new TypeError(`Saved field "${name}" is not a record`);
  return value;
}

/** `length` records of named fields. @throws {TypeError} if the field is anything else. */
export function recordsField(fields: StateFields, name: string, length: number): readonly StateFields[] {
  const value = fields[name];
  if (!isList(value) || value.length !== length || !value.every(isRecord)) {
    throw new TypeError(`Saved field "${name}" is not ${length} records`);
  }
  return value as readonly StateFields[];
}

function isList(value: StateValue | undefined): value is readonly StateValue[] {
  return Array.isArray(value);
}

function isWord(value: StateValue): boolean {
  return typeof value === "number" && value === value >>> 0;
}

function isRecord(value: StateValue | undefined): value is StateFields {
  return typeof value === "object" && value !== null && !isList(value) && !(value instanceof Uint8Array);
}
