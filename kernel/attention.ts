/**
 * How other threads make a vCPU stop and look at what has changed.
 *
 * @module
 */

/** A word that makes a vCPU's `run` return soon. */
export interface AttentionWord {
  readonly words: Int32Array;
  readonly index: number;
}

/** What is stored in it: more than any number of instructions that is granted, which generated code compares it with. */
export const ATTENTION_RAISED = 1 << 30;

/** Makes a vCPU look at its interrupts and requests. */
export function raiseAttention(word: AttentionWord): void {
  Atomics.store(word.words, word.index, ATTENTION_RAISED);
  Atomics.notify(word.words, word.index);
}
