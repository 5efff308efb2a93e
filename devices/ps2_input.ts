/**
 * What the toolstack sends to keyboard and mouse: lines of JSON.
 *
 * - `{"key": "KeyA", "down": true}`, the key by its `KeyboardEvent.code`
 * - `{"move": {"dx": 1, "dy": 2, "wheel": 0}}`, in counts to the right and down, and in notches down;
 *   what is absent is 0
 * - `{"button": "left", "down": true}`, or `right`, `middle`, `side`, `extra`
 *
 * @module
 */

import { isRecord, type JsonRecord, parseJsonLines, shorten } from "./json_lines.ts";
import { MOUSE_BUTTONS } from "./ps2_mouse.ts";
import { keyCodes } from "./scan_codes.ts";

/** One thing that a person did. */
export type Ps2Input =
  | { readonly kind: "key"; readonly name: string; readonly down: boolean }
  | { readonly kind: "move"; readonly dx: number; readonly dy: number; readonly wheel: number }
  | { readonly kind: "button"; readonly bits: number; readonly down: boolean };

/** Most counts of one movement. */
const MOST_COUNTS = 0x7fff;

/** Reads all lines of an input. @throws {SyntaxError} if one is malformed. */
export function parsePs2Input(bytes: Uint8Array): Ps2Input[] {
  return parseJsonLines(bytes).map((line) =>
    parseKey(line) ?? parseMove(line) ?? parseButton(line) ??
      refuse(`"${shorten(JSON.stringify(line))}" is neither key, move nor button`)
  );
}

function parseKey({ key, down }: JsonRecord): Ps2Input | undefined {
  if (typeof key !== "string" || typeof down !== "boolean") return undefined;
  if (keyCodes(key) === undefined) refuse(`key "${shorten(key)}" does not exist`);
  return { kind: "key", name: key, down };
}

function parseMove({ move }: JsonRecord): Ps2Input | undefined {
  if (!isRecord(move)) return undefined;
  return { kind: "move", dx: counts(move, "dx"), dy: counts(move, "dy"), wheel: counts(move, "wheel") };
}

function counts(move: JsonRecord, name: string): number {
  const value = move[name] ?? 0;
  if (typeof value !== "number" || !Number.isInteger(value) || Math.abs(value) > MOST_COUNTS) {
    return refuse(`"${name}" is not an integer from -${MOST_COUNTS} to ${MOST_COUNTS}`);
  }
  return value;
}

function parseButton({ button, down }: JsonRecord): Ps2Input | undefined {
  if (typeof button !== "string" || typeof down !== "boolean") return undefined;
  const bits = MOUSE_BUTTONS.get(button);
  if (bits === undefined) return refuse(`button "${shorten(button)}" does not exist`);
  return { kind: "button", bits, down };
}

function refuse(reason: string): never {
  throw new SyntaxError(`Input ${reason}`);
}
