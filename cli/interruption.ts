/**
 * Signals that end the command.
 *
 * @module
 */

/** Signals and the exit codes that a shell gives for them. */
const EXIT_CODES: readonly (readonly [Deno.Signal, number])[] = [
  ["SIGHUP", 129],
  ["SIGINT", 130],
  ["SIGTERM", 143],
];

/** Takes note of the first signal; a second one ends this process at once. */
export class Interruption implements Disposable {
  /** Exit code for the first signal, once there is one. */
  readonly signalled: Promise<number>;
  readonly #listeners: readonly (readonly [Deno.Signal, () => void])[];

  constructor() {
    const { promise, resolve } = Promise.withResolvers<number>();
    let signals = 0;
    this.signalled = promise;
    this.#listeners = EXIT_CODES.map(([signal, code]) => [signal, () => {
      // Even so nothing of the domain is left: its janitor sees that this process is gone.
      if (++signals > 1) Deno.exit(code);
      resolve(code);
    }]);
    for (const [signal, listener] of this.#listeners) Deno.addSignalListener(signal, listener);
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}
