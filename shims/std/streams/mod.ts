/** Stand-in for `@std/streams` over the Web's stream classes, for hosts that cannot reach JSR. */

/** All bytes of a stream. */
export function toArrayBuffer(stream: ReadableStream<Uint8Array>): Promise<ArrayBuffer> {
  return new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer();
}

/** All bytes of a stream as UTF-8 text, or all its strings. */
export async function toText(stream: ReadableStream): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Stream of what an iterable gives. */
export function readableStreamFromIterable<T>(iterable: Iterable<T> | AsyncIterable<T>): ReadableStream<T> {
  return ReadableStream.from(iterable);
}

/** Options of {@link TextLineStream}. */
export interface TextLineStreamOptions {
  /** A carriage return alone ends a line too. */
  allowCR?: boolean;
}

/** Cuts text into lines at `\n` and `\r\n`, which are left out. */
export class TextLineStream extends TransformStream<string, string> {
  #rest = "";

  constructor(options: TextLineStreamOptions = {}) {
    const allowCR = options.allowCR ?? false;
    super({
      transform: (chunk, controller) => this.#push(chunk, allowCR, controller),
      flush: (controller) => {
        if (this.#rest.length === 0) return;
        if (allowCR && this.#rest.endsWith("\r")) controller.enqueue(this.#rest.slice(0, -1));
        else controller.enqueue(this.#rest);
      },
    });
  }

  #push(chunk: string, allowCR: boolean, controller: TransformStreamDefaultController<string>): void {
    const text = this.#rest + chunk;
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      if (text[at] === "\n") {
        controller.enqueue(text.slice(start, at > start && text[at - 1] === "\r" ? at - 1 : at));
        start = at + 1;
      } else if (allowCR && text[at] === "\r" && at + 1 < text.length && text[at + 1] !== "\n") {
        controller.enqueue(text.slice(start, at));
        start = at + 1;
      }
    }
    this.#rest = text.slice(start);
  }
}
