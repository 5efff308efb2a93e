/**
 * What the test's thread and the supervisor's share.
 *
 * @module
 */

/** What the supervisor's thread is given. */
export interface Supervised {
  readonly control: SharedArrayBuffer;
  /** Memory with the vCPU's attention word, and the word's number. */
  readonly attention: ArrayBufferLike;
  readonly index: number;
}

/** Words of the control block. */
export enum Word {
  Command,
  /** Nonzero: a run had to be ended, because it did not end by itself. */
  Intervened,
  Count,
}

/** What the supervisor does. */
export enum Command {
  Idle,
  /** Ends a run that takes longer than {@link PATIENCE}: a test then fails instead of hanging. */
  Watch,
  /** Asks for attention after {@link LATER}. */
  Ask,
}

/** Milliseconds. Nothing that is asserted depends on them. */
export const LATER = 5;
export const PATIENCE = 10_000;
