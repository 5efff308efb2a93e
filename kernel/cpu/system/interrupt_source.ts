/**
 * What makes the CPU enter an interrupt handler.
 *
 * @module
 */

import { Flag } from "../state.ts";

/** Why an interrupt is delivered. */
export interface InterruptSource {
  readonly kind:
    /** Maskable or not, from outside. */
    | "hardware"
    /** A fault or trap of the CPU. */
    | "exception"
    /** INT n, INT3, INTO: the gate's DPL is checked. */
    | "software"
    /** INT1: the gate's DPL is not checked. */
    | "privileged-software";
  /** Error code to push. */
  readonly error?: number | undefined;
}

/** An interrupt from outside. */
export const HARDWARE: InterruptSource = { kind: "hardware" };
/** INT n, INT3, INTO. */
export const SOFTWARE: InterruptSource = { kind: "software" };
/** INT1. */
export const PRIVILEGED_SOFTWARE: InterruptSource = { kind: "privileged-software" };

/** RFLAGS bits that every delivery clears, besides IF. */
export const CLEARED_FLAGS = Flag.TF | Flag.NT | Flag.RF | Flag.VM;
