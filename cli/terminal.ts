/**
 * The user's terminal as the guest's console.
 *
 * @module
 */

import { EscapeKeys, type TerminalInput } from "./escape_keys.ts";

/** Standard input in raw mode until it is disposed of. */
export class RawTerminal implements Disposable {
  readonly #keys = new EscapeKeys();
  readonly #restore = () => this[Symbol.dispose]();
  #raw = true;

  constructor() {
    Deno.stdin.setRaw(true);
    // Whatever ends this process, the user gets the terminal back.
    globalThis.addEventListener("unload", this.#restore);
  }

  /** What is typed, until the terminal is closed. */
  async *inputs(): AsyncGenerator<TerminalInput> {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const length = await Deno.stdin.read(buffer);
      if (length === null) return;
      yield* this.#keys.parse(buffer.subarray(0, length));
    }
  }

  /** The command that makes a guest's terminal as large as this one, to be typed to its shell. */
  sizeCommand(): Uint8Array {
    const { rows, columns } = Deno.consoleSize();
    return new TextEncoder().encode(`stty rows ${rows} cols ${columns}\r`);
  }

  /** Puts the terminal back as it was. */
  [Symbol.dispose](): void {
    if (!this.#raw) return;
    this.#raw = false;
    globalThis.removeEventListener("unload", this.#restore);
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // The terminal is gone.
    }
  }
}
