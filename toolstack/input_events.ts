/**
 * Keyboard and mouse events for a domain.
 *
 * @module
 */

import { parsePs2Input } from "../devices/ps2_input.ts";

/** Something that a person does at the keyboard or with the mouse. */
export type InputEvent =
  /** A key goes down or up; it is named as `KeyboardEvent.code` names it: `KeyA`, `Enter`, `ShiftLeft`. */
  | { readonly key: string; readonly down: boolean }
  /** The mouse moves: counts to the right and down, and notches of the wheel down. What is absent is 0. */
  | { readonly move: { readonly dx?: number; readonly dy?: number; readonly wheel?: number } }
  | { readonly button: "left" | "right" | "middle" | "side" | "extra"; readonly down: boolean };

/**
 * Bytes of `events` for the server of keyboard and mouse.
 *
 * @throws {TypeError} if a key or a button does not exist, or a count is not an integer from -32767 to 32767
 */
export function encodeInputEvents(events: readonly InputEvent[]): Uint8Array {
  const bytes = new TextEncoder().encode(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  try {
    parsePs2Input(bytes);
  } catch (error) {
    throw new TypeError(error instanceof Error ? error.message : String(error));
  }
  return bytes;
}

/** Presses `keys` in order and releases them in reverse, as in Ctrl-Alt-Delete. */
export function chord(keys: readonly string[]): InputEvent[] {
  return [
    ...keys.map((key) => ({ key, down: true })),
    ...keys.toReversed().map((key) => ({ key, down: false })),
  ];
}
