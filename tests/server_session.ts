/**
 * The kernel's side of a server's channel, in a test: one request at a time.
 *
 * @module
 */

import { encodeIoreq, IOREQ_SIZE } from "../kernel/abi/ioreq.ts";
import { decodeIoRange, type IoRange } from "../kernel/abi/io_range.ts";
import {
  encodeMessage,
  type Message,
  MessageReader,
  MessageType,
  PROTOCOL_MAGIC,
  PROTOCOL_VERSION,
} from "../kernel/abi/message.ts";

/** A server's process, spoken to over its standard input and output. */
export class ServerSession {
  /** Ranges that the server mapped. */
  readonly ranges: IoRange[] = [];
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;
  readonly #reader = new MessageReader();
  #nextId = 1;

  constructor(process: Deno.ChildProcess) {
    this.#writer = process.stdin.getWriter();
    this.#output = process.stdout.getReader();
  }

  /** Greets the server and waits until it is ready. */
  async open(): Promise<void> {
    await this.#receive(MessageType.Hello);
    const welcome = new Uint8Array(16);
    const view = new DataView(welcome.buffer);
    view.setUint32(0, PROTOCOL_MAGIC, true);
    view.setUint32(4, PROTOCOL_VERSION, true);
    await this.#send(MessageType.Welcome, 0, welcome);
    await this.#receive(MessageType.Ready);
  }

  /** Sends a request whose body is the guest time and `more`; waits for an answer of type `answer`. */
  async request(
    type: MessageType,
    answer: MessageType,
    more: Uint8Array = new Uint8Array(0),
  ): Promise<Uint8Array> {
    const body = new Uint8Array(8 + more.length);
    new DataView(body.buffer).setFloat64(0, 1e9, true);
    body.set(more, 8);
    await this.#send(type, this.#nextId++, type === MessageType.Ping ? new Uint8Array(0) : body);
    return (await this.#receive(answer)).body.slice();
  }

  /** Reads a byte from a register. */
  async read(range: IoRange, address: number): Promise<void> {
    const view = new DataView(new ArrayBuffer(IOREQ_SIZE));
    const { type } = range;
    encodeIoreq(view, {
      type,
      address,
      read: true,
      posted: false,
      size: 1,
      count: 1,
      data: new Uint8Array(0),
      time: 1e9,
      vcpu: 0,
    });
    await this.#send(MessageType.Ioreq, this.#nextId++, new Uint8Array(view.buffer));
    await this.#receive(MessageType.IoreqReply);
  }

  /** Tells the server to end. */
  async close(): Promise<void> {
    await this.#send(MessageType.Shutdown, 0, new Uint8Array(0));
    await this.#writer.close();
    await this.#output.cancel();
  }

  async #send(type: MessageType, id: number, body: Uint8Array): Promise<void> {
    await this.#writer.write(encodeMessage(type, id, body));
  }

  /** Skips what the server sends until a message of type `type`. */
  async #receive(type: MessageType): Promise<Message> {
    for (;;) {
      for (let message = this.#reader.next(); message !== undefined; message = this.#reader.next()) {
        if (message.type === MessageType.MapIoRange) {
          this.ranges.push(decodeIoRange(message.body));
          // The range is acknowledged where the server waits for that.
          if (message.id !== 0) await this.#send(MessageType.Accepted, message.id, new Uint8Array(0));
        }
        if (message.type === type) return message;
      }
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`Server ended before it sent ${MessageType[type]}`);
      this.#reader.push(value);
    }
  }
}
