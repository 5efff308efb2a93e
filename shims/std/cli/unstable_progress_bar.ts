/** Stand-in for `@std/cli/unstable-progress-bar`, for hosts that cannot reach JSR. */

/** Options of {@link ProgressBar}. */
export interface ProgressBarOptions {
  /** Where the bar is drawn. Default: standard error. */
  writable?: WritableStream<Uint8Array>;
  /** Value at the start. Default 0. */
  value?: number;
  /** Value at the end. Default 1. */
  max?: number;
  /** Columns of the bar. Default 50. */
  barLength?: number;
  fillChar?: string;
  emptyChar?: string;
  /** Removes the line when the bar is stopped. */
  clear?: boolean;
  /** Leaves the stream open when the bar is stopped. Default true. */
  keepOpen?: boolean;
  /** Makes the whole line from the state. */
  formatter?: (formatter: ProgressBarFormatter) => string;
}

/** What a formatter gets. */
export interface ProgressBarFormatter {
  readonly styledTime: string;
  readonly progressBar: string;
  readonly time: number;
  readonly value: number;
  readonly max: number;
  styledData(fractions?: number): string;
}

const encoder = new TextEncoder();

/** A line that shows how far something is; set {@link value} as it proceeds. */
export class ProgressBar {
  value: number;
  max: number;
  readonly #options: ProgressBarOptions;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #start = performance.now();
  readonly #interval: ReturnType<typeof setInterval>;
  #pending: Promise<void> = Promise.resolve();

  constructor(options: ProgressBarOptions = {}) {
    this.#options = options;
    this.value = options.value ?? 0;
    this.max = options.max ?? 1;
    this.#writer = (options.writable ?? Deno.stderr.writable).getWriter();
    this.#draw();
    this.#interval = setInterval(() => this.#draw(), 200);
  }

  /** Draws the last state and ends the line. */
  async stop(): Promise<void> {
    clearInterval(this.#interval);
    if (this.#options.clear) this.#write("\r\x1b[K");
    else {
      this.#draw();
      this.#write("\n");
    }
    await this.#pending;
    if (this.#options.keepOpen ?? true) this.#writer.releaseLock();
    else await this.#writer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #draw(): void {
    const { barLength = 50, fillChar = "#", emptyChar = "-" } = this.#options;
    const { value, max } = this;
    const time = performance.now() - this.#start;
    const filled = Math.min(barLength, Math.round(max === 0 ? barLength : (value / max) * barLength));
    const seconds = Math.floor(time / 1000);
    const state: ProgressBarFormatter = {
      time,
      value,
      max,
      styledTime: `[${String(Math.floor(seconds / 60)).padStart(2, "0")}:${
        String(seconds % 60).padStart(2, "0")
      }]`,
      progressBar: `[${fillChar.repeat(filled)}${emptyChar.repeat(barLength - filled)}]`,
      styledData: (fractions = 2) => {
        const unit = max < 1024 ? 1 : max < 1024 ** 2 ? 1024 : 1024 ** 2;
        const name = max < 1024 ? "B" : max < 1024 ** 2 ? "KiB" : "MiB";
        return `[${(value / unit).toFixed(fractions)}/${(max / unit).toFixed(fractions)} ${name}]`;
      },
    };
    const formatter = this.#options.formatter ??
      ((state) => `${state.styledTime} ${state.progressBar} ${state.styledData()}`);
    this.#write(`\r\x1b[K${formatter(state)}`);
  }

  #write(text: string): void {
    this.#pending = this.#pending.then(() => this.#writer.write(encoder.encode(text))).catch(() => {});
  }
}
