/**
 * Input that is not typed: lines from a file or a pipe, given to the guest when it reads them.
 *
 * A guest throws away what arrives before its serial driver is up, and some programs what arrives before they ask.
 * So a line is sent once the console shows a prompt, or else once the guest has been quiet for a while because it has
 * nothing to do: a guest that is busy may be starting still.
 *
 * @module
 */

/** Time in milliseconds for which a prompt must stand to be taken for one: output may have been cut there. */
const PROMPT_TIME = 100;
/** The same for the first prompt: a guest that starts may be cut short for longer. */
const FIRST_PROMPT_TIME = 500;
/** Quiet time in milliseconds after which a guest that shows no prompt is taken to read. */
const QUIET_TIME = 300;
/** The same before the first prompt: a guest that starts is quiet at times. */
const FIRST_QUIET_TIME = 3000;

/** Time in milliseconds between two looks at the console. */
const STEP = 50;

/** Part of its time for which a guest that waits for input is idle. */
const IDLE_SHARE = 0.8;
/** Quiet times after which a guest that is not idle is taken to read nevertheless: boot loaders look again and again. */
const BUSY_WINDOWS = 10;

/** What a guest has done so far, in nanoseconds of guest time. */
export interface GuestActivity {
  readonly guestTime: number;
  readonly idle: number;
}

/** Longest piece that is sent at once: Linux's terminal takes lines of up to 4095 bytes. */
const MAX_PIECE = 1024;

/** Most lines that are sent at once to a guest that shows no prompts. */
const MAX_BURST = 256;

const NEWLINE = 0x0a;

// Control sequences that may follow a prompt: a shell asks the terminal for the cursor, or sets colours.
// deno-lint-ignore no-control-regex
const CONTROL_SEQUENCES = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[()][0-9A-B]|[=>])/g;
const PROMPT = /[#$%:?] $|> ?$/;
// A line of Linux's log that has not arrived in whole.
const KERNEL_LOG = /^\[ *\d+\.\d+\]/;

/** Whether the console's last line, which has no end yet, looks as if somebody were asked for input. */
export function isPrompt(line: string): boolean {
  return PROMPT.test(line.replaceAll(CONTROL_SEQUENCES, "")) && !KERNEL_LOG.test(line);
}

/** Sends lines at the guest's pace. */
export class PipedInput {
  readonly #send: (bytes: Uint8Array) => Promise<void>;
  readonly #activity: () => Promise<GuestActivity>;
  readonly #sleep: (milliseconds: number) => Promise<void>;
  readonly #decoder = new TextDecoder("latin1");
  #line = "";
  /** Counts what the guest wrote. */
  #outputs = 0;

  constructor(
    send: (bytes: Uint8Array) => Promise<void>,
    activity: () => Promise<GuestActivity>,
    sleep: (milliseconds: number) => Promise<void> = (milliseconds) =>
      new Promise((resolve) => setTimeout(resolve, milliseconds)),
  ) {
    this.#send = send;
    this.#activity = activity;
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
    let promptTime = FIRST_PROMPT_TIME;
    let quietTime = FIRST_QUIET_TIME;
    let burst = 0;
    let left = 0;
    for await (const piece of pieces(input)) {
      if (left === 0) {
        // A guest that reads without prompts, a file perhaps, gets more and more at once.
        const prompted = await this.#ready(promptTime, quietTime);
        burst = prompted ? 1 : Math.min(Math.max(1, burst * 2), MAX_BURST);
        left = burst;
        [promptTime, quietTime] = [PROMPT_TIME, QUIET_TIME];
      }
      left--;
      this.#line = "";
      await this.#send(piece);
    }
  }

  /** Waits until the guest seems to read. Gives whether it showed a prompt. */
  async #ready(promptTime: number, quietTime: number): Promise<boolean> {
    for (;;) {
      const outputs = this.#outputs;
      if (isPrompt(this.#line)) {
        if (await this.#quiet(promptTime)) return true;
        continue;
      }
      for (let windows = 0; windows < BUSY_WINDOWS && outputs === this.#outputs; windows++) {
        const before = await this.#activity();
        if (!await this.#quiet(quietTime)) break;
        const after = await this.#activity();
        if (after.idle - before.idle >= IDLE_SHARE * (after.guestTime - before.guestTime)) return false;
      }
      if (outputs === this.#outputs) return false;
    }
  }

  /** Waits for `time` milliseconds, or until the guest writes something: gives whether it did not. */
  async #quiet(time: number): Promise<boolean> {
    const outputs = this.#outputs;
    for (let passed = 0; passed < time && outputs === this.#outputs; passed += STEP) await this.#sleep(STEP);
    return outputs === this.#outputs;
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
