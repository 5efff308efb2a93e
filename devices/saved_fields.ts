/**
 * Reads the fields of a saved state, checking each one.
 *
 * A model first takes every field it needs and only then changes itself, so that a state that is
 * refused leaves the device as it was.
 *
 * @module
 */

import type { StateFields, StateValue } from "../kernel/abi/state.ts";

/** The fields of a state. Every method throws a {@link TypeError} that names the field. */
export class SavedFields {
  readonly #fields: StateFields;
  readonly #path: string;

  constructor(fields: StateFields, path: string = "") {
    this.#fields = fields;
    this.#path = path;
  }

  /** An integer from `lowest` to `highest`. */
  integer(name: string, lowest: number, highest: number): number {
    const value = this.#fields[name];
    if (typeof value !== "number" || !Number.isInteger(value) || value < lowest || value > highest) {
      return this.#refuse(name, `an integer from ${lowest} to ${highest}`);
    }
    return value;
  }

  /** An integer as {@link integer} takes it, or `null`. */
  optionalInteger(name: string, lowest: number, highest: number): number | null {
    return this.#fields[name] === null ? null : this.integer(name, lowest, highest);
  }

  /** An unsigned byte. */
  byte(name: string): number {
    return this.integer(name, 0, 0xff);
  }

  /** A guest time in nanoseconds, or a count of clock ticks: any finite number. */
  time(name: string): number {
    const value = this.#fields[name];
    if (typeof value !== "number" || !Number.isFinite(value)) return this.#refuse(name, "a finite number");
    return value;
  }

  /** A time as {@link time} takes it, or `null`. */
  optionalTime(name: string): number | null {
    return this.#fields[name] === null ? null : this.time(name);
  }

  /** A truth value. */
  flag(name: string): boolean {
    const value = this.#fields[name];
    return typeof value === "boolean" ? value : this.#refuse(name, "true or false");
  }

  /** At most `most` bytes, as a copy. */
  bytes(name: string, most: number): Uint8Array<ArrayBuffer> {
    const value = this.#fields[name];
    if (!(value instanceof Uint8Array) || value.length > most) {
      return this.#refuse(name, `at most ${most} bytes`);
    }
    return new Uint8Array(value);
  }

  /** A string, or `null`. */
  optionalString(name: string): string | null {
    const value = this.#fields[name];
    return value === null || typeof value === "string" ? value : this.#refuse(name, "a string");
  }

  /** A list of at most `most` integers from `lowest` to `highest`. */
  integers(name: string, most: number, lowest: number, highest: number): number[] {
    const expected = `at most ${most} integers from ${lowest} to ${highest}`;
    const value = this.#fields[name];
    if (!Array.isArray(value) || value.length > most) return this.#refuse(name, expected);
    return value.map((item: StateValue) =>
      typeof item === "number" && Number.isInteger(item) && item >= lowest && item <= highest
        ? item
        : this.#refuse(name, expected)
    );
  }

  /** A list of at most `most` strings. */
  strings(name: string, most: number): string[] {
    const value = this.#fields[name];
    if (!Array.isArray(value) || value.length > most) return this.#refuse(name, `at most ${most} strings`);
    return value.map((item: StateValue) => typeof item === "string" ? item : this.#refuse(name, "strings"));
  }

  /** A record of further fields. */
  record(name: string): SavedFields {
    const value = this.#fields[name];
    if (
      typeof value !== "object" || value === null || value instanceof Uint8Array || Array.isArray(value)
    ) return this.#refuse(name, "a record");
    return new SavedFields(value as StateFields, `${this.#path}${name}.`);
  }

  #refuse(name: string, expected: string): never {
    throw new TypeError(`Cannot restore field "${this.#path}${name}": it is not ${expected}`);
  }
}
