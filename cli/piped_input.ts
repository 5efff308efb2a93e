/**
 * Input that is not typed: lines from a file or a pipe, given to the guest when it reads them.
 *
 * A guest throws away what arrives before its serial driver is up, and some programs what arrives before they ask.
 * So a line is sent once the console shows a prompt, or else once it has been quiet for a while.
 *
 * @module
 */

/** Time in milliseconds for which a prompt must stand to be taken for one: output may have been cut there. */
const PROMPT_TIME = 100;
/** Quiet time in milliseconds after which a guest that shows no prompt is taken to read. */
const QUIET_TIME = 300;
/** The same before the first prompt: a guest that starts is quiet at times. */
const FIRST_QUIET_TIME = 5000;

/** Longest piece that is sent at once: Linux's terminal takes lines of up to 4095 bytes. */
const MAX_PIECE = 1024;

/** Most lines that are sent at once to a guest that shows no prompts. */
const MAX_BURST = 256;

const NEWLINE = 0x0a;

// Control sequences that may follow a prompt: a shell asks the terminal for the cursor, or sets colours.
// deno-lint-ignore no-control-regex
const CONTROL_SEQUENCES = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[()][0-9A-B]|[=>])/g;
const PROMPT = /[#$%>:?] ?$/;

/** Whether the console's last line, which has no end yet, looks as if somebody were asked for input. */
export function isPrompt(line: string): boolean {
  return PROMPT.test(line.replaceAll(CONTROL_SEQUENCES, ""));
}

/** Sends lines at the guest's pace. */
export class PipedInput {
  readonly #send: (bytes: Uint8Array) => Promise<void>;
  readonly #sleep: (milliseconds: number) => Promise<void>;
  readonly #decoder = new TextDecoder("latin1");
  #line = "";
  /** Counts what the guest wrote. */
  #outputs = 0;

  constructor(
    send: (bytes: Uint8Array) => Promise<void>,
    sleep: (milliseconds: number) => Promise<void> = (milliseconds) =>
      new Promise((resolve) => setTimeout(resolve, milliseconds)),
  ) {
    this.#send = send;
    this.#sleep = sleep;
  }

  /** The guest wrote bytes to its console. */
  output(bytes: Uint8Array): void {
    this.#outputs++;
    const text = this.#line + this.#decoder.decode(bytes);
    this.#line = text.slice(Math.max(text.lastIndexOf("\n") + 1, text.length - MAX_PIECE));
  }

  /** Sends all of `input`. The end of input means nothing to the guest. */
  async feed(input: AsyncIterable<Uint8Array>): Promise<void> {
    let quietTime = FIRST_QUIET_TIME;
    let burst = 0;
    let left = 0;
    for await (const piece of pieces(input)) {
      if (left === 0) {
        // A guest that reads without prompts, a file perhaps, gets more and more at once.
        const prompted = await this.#ready(quietTime);
        burst = prompted ? 1 : Math.min(Math.max(1, burst * 2), MAX_BURST);
        left = burst;
        quietTime = QUIET_TIME;
      }
      left--;
      this.#line = "";
      await this.#send(piece);
    }
  }

  /** Waits until the guest seems to read. Gives whether it showed a prompt. */
  async #ready(quietTime: number): Promise<boolean> {
    for (;;) {
      const outputs = this.#outputs;
      if (isPrompt(this.#line)) {
        await this.#sleep(PROMPT_TIME);
        if (outputs === this.#outputs) return true;
        continue;
      }
      for (let time = 0; time < quietTime && outputs === this.#outputs; time += PROMPT_TIME) {
        await this.#sleep(PROMPT_TIME);
      }
      if (outputs === this.#outputs) return false;
    }
  }
}

/** Cuts a stream after each newline, and lines that are too long where they become so. */
async function* pieces(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let line: number[] = [];
  for await (const bytes of input) {
    for (const byte of bytes) {
      line.push(byte);
      if (byte !== NEWLINE && line.length < MAX_PIECE) continue;
      yield Uint8Array.from(line);
      line = [];
    }
  }
  if (line.length > 0) yield Uint8Array.from(line);
}
