/**
 * Input that the toolstack sends as lines of JSON, one object each.
 *
 * @module
 */

/** A line's object, with nothing known about its fields. */
export type JsonRecord = { readonly [name: string]: unknown };

/** Reads lines of JSON; empty lines are skipped. @throws {SyntaxError} if one is not UTF-8 JSON of an object. */
export function parseJsonLines(bytes: Uint8Array): JsonRecord[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new SyntaxError("Input is not UTF-8");
  }
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const value: unknown = JSON.parse(line);
    if (!isRecord(value)) throw new SyntaxError(`Input "${shorten(line)}" is not an object`);
    return value;
  });
}

/** Whether a value is an object with named fields. */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Enough of a text to recognize it in a log. */
export function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}...`;
}
