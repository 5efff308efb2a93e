/**
 * What hangs on either port of the i8042.
 *
 * @module
 */

import type { StateFields } from "../kernel/abi/state.ts";
import type { SavedFields } from "./saved_fields.ts";

/** Acknowledge, the answer to most bytes from the host. */
export const ACKNOWLEDGE = 0xfa;
/** The host sent what does not exist and is to send it again. */
export const RESEND = 0xfe;
/** The basic assurance test after a reset passed. */
export const SELF_TEST_PASSED = 0xaa;

/** A keyboard or mouse with the PS/2 protocol. */
export interface Ps2Device {
  /** Takes a byte that the host sent. */
  receive(byte: number): void;
  /** Gives the next byte for the host, if there is one. */
  send(): number | undefined;
  /** The timer given as {@link Ps2Timer} is due. */
  timer(): void;
  /** Power-on state. */
  reset(): void;
  /** The whole state. */
  save(): StateFields;
  /** Checks a saved state and gives the function that takes it over. @throws {TypeError} */
  restore(fields: SavedFields): () => void;
}

/** Guest time in nanoseconds and one timer, as `DeviceContext` has them. */
export interface Ps2Timer {
  now(): number;
  set(deadline: number | undefined): void;
}
