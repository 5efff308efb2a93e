/**
 * A domain's console: the bytes of its first serial port, as a pair of streams.
 *
 * @module
 */

/** Output that is kept while nobody reads. */
const KEPT_BYTES = 16 << 20;

/** Most bytes that are sent to the serial port at once. */
const CHUNK = 64 << 10;

/** The two directions of a serial port. */
export interface SerialConsole {
  /**
   * What the guest writes. Up to 16 MiB wait for a reader, then the oldest are lost. Ends when the domain
   * ends.
   */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What the guest reads. Closing it changes nothing for the guest. */
  readonly writable: WritableStream<Uint8Array>;
}

/** Both ends of a {@link SerialConsole}: the user's streams and the domain's side. */
export class ConsolePipe implements SerialConsole {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array>;
  readonly #waiting: Uint8Array<ArrayBuffer>[] = [];
  #waitingBytes = 0;
  #ended = false;
  #arrived = Promise.withResolvers<void>();

  /** `send` takes bytes to the serial port. */
  constructor(send: (bytes: Uint8Array) => Promise<void>) {
    this.readable = new ReadableStream({
      pull: async (controller) => {
        while (this.#waiting.length === 0 && !this.#ended) await this.#arrived.promise;
        const bytes = this.#waiting.shift();
        if (bytes === undefined) return controller.close();
        this.#waitingBytes -= bytes.length;
        controller.enqueue(bytes);
      },
    }, { highWaterMark: 0 });
    this.writable = new WritableStream({
      write: async (bytes) => {
        if (this.#ended) throw new Error("Domain has ended");
        for (let at = 0; at < bytes.length; at += CHUNK) await send(bytes.subarray(at, at + CHUNK));
      },
    });
  }

  /** The guest wrote bytes. */
  push(bytes: Uint8Array): void {
    this.#waiting.push(new Uint8Array(bytes));
    this.#waitingBytes += bytes.length;
    while (this.#waitingBytes > KEPT_BYTES) this.#waitingBytes -= this.#waiting.shift()!.length;
    this.#wake();
  }

  /** Nothing more will come. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }
}
