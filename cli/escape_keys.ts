/**
 * The keys with which the user talks to the command instead of the guest: Ctrl-A and another one.
 *
 * @module
 */

const CTRL_A = 0x01;

/** What was typed. */
export type TerminalInput =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "quit" | "size" | "counters" | "help" };

/** What Ctrl-A H shows. */
export const ESCAPE_HELP = [
  "Ctrl-A X       end the domain and quit",
  "Ctrl-A S       type a command that tells the guest the size of this terminal",
  "Ctrl-A C       show counters of the CPU",
  "Ctrl-A Ctrl-A  send Ctrl-A",
  "Ctrl-A H       this help",
];

/** What each key asks for. */
const KINDS: ReadonlyMap<string, "quit" | "size" | "counters" | "help"> = new Map([
  ["x", "quit"],
  ["s", "size"],
  ["c", "counters"],
  ["h", "help"],
  ["?", "help"],
]);

/** Takes the escape keys out of what is typed. */
export class EscapeKeys {
  #escaped = false;

  /** What `typed` comes to; an escape may be spread over two calls. */
  parse(typed: Uint8Array): TerminalInput[] {
    const inputs: TerminalInput[] = [];
    let bytes: number[] = [];
    const flush = () => {
      if (bytes.length > 0) inputs.push({ kind: "bytes", bytes: Uint8Array.from(bytes) });
      bytes = [];
    };
    for (const byte of typed) {
      if (!this.#escaped) {
        if (byte === CTRL_A) this.#escaped = true;
        else bytes.push(byte);
        continue;
      }
      this.#escaped = false;
      const key = String.fromCharCode(byte).toLowerCase();
      const kind = KINDS.get(key);
      if (kind !== undefined) {
        flush();
        inputs.push({ kind });
      } else if (byte === CTRL_A) bytes.push(CTRL_A);
    }
    flush();
    return inputs;
  }
}
