/**
 * Tells a guest that asks for it how large the terminal is.
 *
 * @module
 */

import type { Domain } from "../toolstack/domain.ts";

/** Writes `ROWS COLUMNS` as a line to the domain's second serial port, if it has one, whenever the terminal's size changes. */
export class SizeReports implements Disposable {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #report = () => {
    const { rows, columns } = Deno.consoleSize();
    // Once the domain has ended, its size matters no more.
    this.#writer?.write(new TextEncoder().encode(`${rows} ${columns}\n`)).catch(() => {});
  };

  constructor(domain: Domain) {
    this.#writer = domain.secondSerialPort?.writable.getWriter();
    if (this.#writer !== undefined) Deno.addSignalListener("SIGWINCH", this.#report);
  }

  [Symbol.dispose](): void {
    if (this.#writer !== undefined) Deno.removeSignalListener("SIGWINCH", this.#report);
  }
}
