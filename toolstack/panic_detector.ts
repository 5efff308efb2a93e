/**
 * Notices on the console that a Linux guest panicked.
 *
 * @module
 */

/** Longest line that is looked at; the rest of a longer one is passed over. */
const LINE_LIMIT = 1024;

// At the start of a line, after the time or a prompt: not where a user's command names it.
const PANIC = /(?:^|\] |[#$%>] )(Kernel panic - not syncing\b.*)/;
const HALTED = /---\[ end Kernel panic\b/;
const ORDERLY = /\breboot: (?:Restarting system|Power down|System halted)/;

/**
 * Reads along on the console.
 *
 * Linux prints the reason of a panic first. Then it resets the machine at once, does so after some seconds,
 * or prints a last line and stands still, as its parameter `panic=` says.
 */
export class PanicDetector {
  readonly #decoder = new TextDecoder("latin1");
  #line = "";
  #reason: string | undefined;
  #halted = false;

  /** The line that gives the reason, if the guest has panicked. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Whether the guest has panicked and will do nothing more. */
  get halted(): boolean {
    return this.#halted;
  }

  /** The guest wrote bytes to its console. */
  push(bytes: Uint8Array): void {
    const lines = (this.#line + this.#decoder.decode(bytes)).split("\n");
    this.#line = lines.pop()!.slice(0, LINE_LIMIT);
    for (const line of lines) this.#look(line.trimEnd());
  }

  /** The domain starts afresh. */
  reset(): void {
    this.#line = "";
    this.#reason = undefined;
    this.#halted = false;
  }

  #look(line: string): void {
    if (this.#reason === undefined) this.#reason = PANIC.exec(line)?.[1];
    else if (HALTED.test(line)) this.#halted = true;
    // A guest that resets itself in good order did not panic: somebody printed such a line.
    else if (ORDERLY.test(line)) this.#reason = undefined;
  }
}
