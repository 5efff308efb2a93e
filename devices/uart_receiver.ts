/**
 * Receive side of a 16550A: its FIFO, and behind it the bytes that are still on the line.
 *
 * The toolstack sends faster than any baud rate, so what the FIFO cannot take waits; the line moves on
 * as the guest reads, and nothing overruns.
 *
 * @module
 */

import type { StateFields } from "../kernel/abi/state.ts";
import type { SavedFields } from "./saved_fields.ts";

/** Bytes of the FIFO while it is enabled. */
export const FIFO_SIZE = 16;

/** Most bytes that wait on the line: it bounds what a stopped guest can make this process hold. */
export const LINE_LIMIT = 1 << 20;

/** FIFO or single receive buffer register, and the line. */
export class UartReceiver {
  #fifo: number[] = [];
  #capacity = 1;
  /** Chunks that wait on the line; the first `#taken` bytes of the first are in the FIFO already. */
  #line: Uint8Array[] = [];
  #taken = 0;
  #waiting = 0;

  /** Bytes that can be read. */
  get level(): number {
    return this.#fifo.length;
  }

  /** Bytes that wait on the line. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Puts bytes on the line. Gives the number of bytes that did not fit and are lost. */
  send(bytes: Uint8Array): number {
    const chunk = bytes.slice(0, LINE_LIMIT - this.#waiting);
    if (chunk.length > 0) this.#line.push(chunk);
    this.#waiting += chunk.length;
    return bytes.length - chunk.length;
  }

  /** Moves what fits from the line into the FIFO. Gives whether anything moved. */
  fill(): boolean {
    let moved = false;
    while (this.#waiting > 0 && this.#fifo.length < this.#capacity) {
      const chunk = this.#line[0];
      this.#fifo.push(chunk[this.#taken++]);
      this.#waiting--;
      moved = true;
      if (this.#taken === chunk.length) {
        this.#line.shift();
        this.#taken = 0;
      }
    }
    return moved;
  }

  /** Receives a byte that cannot wait, as in loopback. Gives false if a byte was lost: overrun. */
  receive(byte: number): boolean {
    if (this.#fifo.length < this.#capacity) {
      this.#fifo.push(byte);
      return true;
    }
    // Without the FIFO the newer byte replaces the older; with it the newer is lost in the shift register.
    if (this.#capacity === 1) this.#fifo[0] = byte;
    return false;
  }

  /** Takes the oldest byte. */
  read(): number | undefined {
    return this.#fifo.shift();
  }

  /** Empties the FIFO; the line keeps its bytes. */
  clear(): void {
    this.#fifo = [];
  }

  /** Switches the FIFO, which empties it. */
  setFifo(enabled: boolean): void {
    this.#capacity = enabled ? FIFO_SIZE : 1;
    this.clear();
  }

  /** The whole state. */
  save(): StateFields {
    const line = new Uint8Array(this.#waiting);
    let at = 0;
    this.#line.forEach((chunk, index) => {
      const rest = index === 0 ? chunk.subarray(this.#taken) : chunk;
      line.set(rest, at);
      at += rest.length;
    });
    return { fifo: new Uint8Array(this.#fifo), fifoEnabled: this.#capacity > 1, line };
  }

  /** A receiver in the state that {@link save} gave. @throws {TypeError} */
  static restore(fields: SavedFields): UartReceiver {
    const receiver = new UartReceiver();
    receiver.setFifo(fields.flag("fifoEnabled"));
    receiver.#fifo = [...fields.bytes("fifo", receiver.#capacity)];
    receiver.send(fields.bytes("line", LINE_LIMIT));
    return receiver;
  }
}
