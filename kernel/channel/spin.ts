/**
 * Waiting for another thread without giving up the processor, for a moment.
 *
 * @module
 */

/** With one processor, the thread that is waited for could not run meanwhile. */
const CAN_SPIN = navigator.hardwareConcurrency > 1;

/** Checks between two looks at the clock, which costs as much as some of them. */
const CHECKS = 32;

/** Calls `ready` for up to `milliseconds` until it says true. */
export function spinUntil(ready: () => boolean, milliseconds: number): boolean {
  if (ready()) return true;
  if (!CAN_SPIN) return false;
  const end = performance.now() + milliseconds;
  do {
    for (let check = 0; check < CHECKS; check++) {
      if (ready()) return true;
    }
  } while (performance.now() < end);
  return false;
}
