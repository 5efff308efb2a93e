/**
 * One server, as the main thread sees it: the handshake, requests and their answers, and the messages that
 * are not for the vCPU threads. Every message is checked; the first one that is not allowed ends the server.
 *
 * @module
 */

import {
  encodeMessage,
  LogLevel,
  type Message,
  MessageType,
  PowerRequest,
  PROTOCOL_MAGIC,
  PROTOCOL_VERSION,
  ProtocolError,
} from "./abi/message.ts";
import { fixedBody } from "./channel/inbound.ts";
import type { KernelChannel } from "./channel/kernel_channel.ts";
import { FENCE_ID } from "./channel/request_queue.ts";
import { TIMERS_PER_SERVER } from "./timers.ts";

/** Ticks of {@link ServerLink.tick}, which come once a second, that a server gets to answer. */
export const ANSWER_TICKS = 5;
/** Ticks that a server gets from its start until it is ready. */
const START_TICKS = 15;
/** Longest line for the log, in bytes. */
const MAX_LOG_LINE = 4096;
/** Longest name that is shown, in bytes. */
const MAX_NAME = 65;
/** Largest copy of guest memory at once: what fits into a message. */
const MAX_COPY = (1 << 20) - 64;

const EMPTY = new Uint8Array(0);

/** What a link's messages do. */
export interface ServerLinkHandlers {
  output(bytes: Uint8Array): void;
  log(level: LogLevel, text: string): void;
  power(request: PowerRequest): void;
  /** Arms timer `id` for guest time `deadline` (ns), or disarms it with NaN. */
  setTimer(id: number, deadline: number): void;
  /** @throws {RangeError} outside RAM */
  readMemory(gpa: number, length: number): Uint8Array;
  /** @throws {RangeError} outside RAM */
  writeMemory(gpa: number, bytes: Uint8Array): void;
  /** The server is to be given up; called once at most. */
  failed(reason: string): void;
}

interface Pending {
  readonly type: MessageType;
  readonly answer: PromiseWithResolvers<Uint8Array>;
  ticks: number;
}

/** One server. */
export class ServerLink {
  /** Settles once the server is ready, or is given up before. */
  readonly ready: Promise<void>;
  readonly #ready = Promise.withResolvers<void>();
  readonly #handlers: ServerLinkHandlers;
  readonly #name: string;
  readonly #dma: boolean;
  readonly #now: () => number;
  readonly #pending = new Map<number, Pending>();
  #channel: KernelChannel | undefined;
  #state: "connecting" | "welcomed" | "ready" | "ended" = "connecting";
  #startTicks = 0;
  #lastId = 0;
  #pinging = false;
  /** Last error that the server told of. */
  #lastError: string | undefined;

  /** `dma`: whether the server may read and write guest memory. `now` gives guest time in nanoseconds. */
  constructor(name: string, dma: boolean, now: () => number, handlers: ServerLinkHandlers) {
    this.#name = name;
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
    this.#dma = dma;
    this.#now = now;
    this.#handlers = handlers;
  }

  /** Sets the channel, which comes after the link since it needs its handlers. */
  set channel(channel: KernelChannel) {
    this.#channel = channel;
  }

  get isReady(): boolean {
    return this.#state === "ready";
  }

  /** Sends bytes from the toolstack. */
  input(bytes: Uint8Array): void {
    this.post(MessageType.HostInput, timed(this.#now(), bytes));
  }

  /** Sends a message that has no answer. */
  post(type: MessageType, body: Uint8Array = EMPTY): void {
    this.#send(type, 0, body);
  }

  /**
   * Sends a request that carries guest time, then `body`, and gives what the answer carries.
   * @throws {Error} if the server refuses, or is given up meanwhile
   */
  request(type: MessageType, body: Uint8Array = EMPTY): Promise<Uint8Array> {
    if (this.#state === "ended") return Promise.reject(new Error("Server has ended"));
    this.#lastId = this.#lastId + 1 === FENCE_ID ? 1 : this.#lastId + 1;
    const id = this.#lastId;
    const answer = Promise.withResolvers<Uint8Array>();
    this.#pending.set(id, { type, answer, ticks: 0 });
    this.#send(type, id, type === MessageType.Ping ? EMPTY : timed(this.#now(), body));
    return answer.promise;
  }

  /** To be called once a second: gives up a server that does not answer. */
  tick(): void {
    if (this.#state === "ended") return;
    if (this.#state !== "ready") {
      if (++this.#startTicks >= START_TICKS) this.fail(`Server is not ready within ${START_TICKS} s`);
      return;
    }
    for (const pending of this.#pending.values()) {
      if (++pending.ticks < ANSWER_TICKS) continue;
      return this.fail(`Server does not answer ${MessageType[pending.type]} within ${ANSWER_TICKS} s`);
    }
    if (this.#pinging) return;
    this.#pinging = true;
    this.request(MessageType.Ping).then(() => this.#pinging = false, () => {});
  }

  /** Carries out a message. @throws {ProtocolError} if it is not allowed */
  message(message: Message): void {
    const { type, id, body } = message;
    if (this.#state === "connecting" && type !== MessageType.Hello && type !== MessageType.Log) {
      throw new ProtocolError(`Message ${MessageType[type]} comes before Hello`);
    }
    switch (type) {
      case MessageType.Hello:
        return this.#hello(body);
      case MessageType.Ready:
        return this.#becomeReady(body);
      case MessageType.SetTimer:
        return this.#setTimer(fixedBody(body, 16, "SetTimer"));
      case MessageType.HostOutput:
        return this.#handlers.output(body);
      case MessageType.Power:
        return this.#power(fixedBody(body, 8, "Power"));
      case MessageType.Log:
        return this.#log(body);
      case MessageType.Done:
      case MessageType.State:
      case MessageType.Refused:
        return this.#answer(type, id, body);
      case MessageType.CopyFromGuest:
        return this.#copyFromGuest(id, fixedBody(body, 16, "CopyFromGuest"));
      case MessageType.CopyToGuest:
        return this.#copyToGuest(id, body);
      default:
        throw new ProtocolError(`Message ${MessageType[type]} is not one that a server sends here`);
    }
  }

  /** The server has closed its end of the channel. */
  ended(): void {
    this.fail(this.#lastError ?? "Server has ended");
  }

  /** Gives the server up. */
  fail(reason: string): void {
    if (!this.end(reason)) return;
    this.#handlers.failed(reason);
  }

  /** Ends the link: what waits for an answer gets none. Gives false if it has ended already. */
  end(reason: string): boolean {
    if (this.#state === "ended") return false;
    this.#state = "ended";
    this.#ready.reject(new Error(reason));
    for (const { answer } of this.#pending.values()) {
      answer.promise.catch(() => {});
      answer.reject(new Error(reason));
    }
    this.#pending.clear();
    this.#channel?.close();
    return true;
  }

  #send(type: MessageType, id: number, body: Uint8Array): void {
    if (this.#state === "ended") return;
    try {
      this.#channel?.send(encodeMessage(type, id, body));
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    }
  }

  #hello(body: Uint8Array): void {
    if (this.#state !== "connecting") throw new ProtocolError("Server says Hello twice");
    const view = new DataView(body.buffer, body.byteOffset, body.length);
    if (body.length < 8 || view.getUint32(0, true) !== PROTOCOL_MAGIC) {
      throw new ProtocolError("Server does not begin with Hello");
    }
    const version = view.getUint32(4, true);
    if (version !== PROTOCOL_VERSION) {
      throw new ProtocolError(`Server speaks version ${version} of the protocol, not ${PROTOCOL_VERSION}`);
    }
    const name = decodeText(body.subarray(8, 8 + MAX_NAME));
    if (name !== this.#name) throw new ProtocolError(`Server says that it is "${name}"`);
    this.#state = "welcomed";
    const welcome = new Uint8Array(16);
    const fields = new DataView(welcome.buffer);
    fields.setUint32(0, PROTOCOL_MAGIC, true);
    fields.setUint32(4, PROTOCOL_VERSION, true);
    fields.setFloat64(8, this.#now(), true);
    this.#send(MessageType.Welcome, 0, welcome);
  }

  #becomeReady(body: Uint8Array): void {
    if (body.length !== 0 || this.#state !== "welcomed") throw new ProtocolError("Ready is not expected");
    this.#state = "ready";
    this.#ready.resolve();
  }

  #setTimer(view: DataView): void {
    const id = view.getUint32(0, true);
    const deadline = view.getFloat64(8, true);
    if (id >= TIMERS_PER_SERVER) throw new ProtocolError(`Timer ${id} does not exist`);
    if (deadline === Infinity || deadline === -Infinity) {
      throw new ProtocolError(`Timer ${id} has no deadline`);
    }
    this.#handlers.setTimer(id, deadline);
  }

  #power(view: DataView): void {
    const request = view.getUint32(0, true);
    if (PowerRequest[request] === undefined) {
      throw new ProtocolError(`Power request ${request} does not exist`);
    }
    this.#handlers.power(request);
  }

  #log(body: Uint8Array): void {
    if (body.length < 8 || body.length > MAX_LOG_LINE + 8) {
      throw new ProtocolError(`Message Log has a body of ${body.length} bytes`);
    }
    const level = new DataView(body.buffer, body.byteOffset).getUint32(0, true);
    if (LogLevel[level] === undefined) throw new ProtocolError(`Log level ${level} does not exist`);
    // One line, and nothing that moves a terminal's cursor.
    const text = decodeText(body.subarray(8)).replace(/[\p{Cc}]+/gu, " ");
    if (level === LogLevel.Error) this.#lastError = text;
    this.#handlers.log(level, text);
  }

  #answer(type: MessageType, id: number, body: Uint8Array): void {
    if (id === FENCE_ID && type === MessageType.Done) return this.#channel?.fenceAnswered();
    const pending = this.#pending.get(id);
    if (pending === undefined) throw new ProtocolError(`Server answers request ${id}, which was not made`);
    const expected = type === MessageType.State
      ? pending.type === MessageType.Save
      : type === MessageType.Refused
      ? pending.type === MessageType.Restore
      : pending.type !== MessageType.Save && body.length === 0;
    if (!expected) {
      throw new ProtocolError(`Server answers ${MessageType[pending.type]} with ${MessageType[type]}`);
    }
    this.#pending.delete(id);
    if (type === MessageType.Refused) pending.answer.reject(new Error(decodeText(body)));
    else pending.answer.resolve(body.slice());
  }

  #copyFromGuest(id: number, view: DataView): void {
    this.#requireDma();
    const gpa = Number(view.getBigUint64(0, true));
    const length = view.getUint32(8, true);
    if (length > MAX_COPY) throw new ProtocolError(`Copy of ${length} bytes is too long`);
    this.#grant(id, MessageType.GuestData, () => this.#handlers.readMemory(gpa, length));
  }

  #copyToGuest(id: number, body: Uint8Array): void {
    this.#requireDma();
    if (body.length < 8) throw new ProtocolError(`Message CopyToGuest has a body of ${body.length} bytes`);
    const gpa = Number(new DataView(body.buffer, body.byteOffset).getBigUint64(0, true));
    this.#grant(id, MessageType.Accepted, () => {
      this.#handlers.writeMemory(gpa, body.subarray(8));
      return EMPTY;
    });
  }

  #requireDma(): void {
    if (!this.#dma) throw new ProtocolError("Server without DMA asks for guest memory");
  }

  #grant(id: number, type: MessageType, act: () => Uint8Array): void {
    let body;
    try {
      body = act();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return this.#send(MessageType.Denied, id, new TextEncoder().encode(error.message));
    }
    this.#send(type, id, body);
  }
}

function timed(time: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + body.length);
  new DataView(bytes.buffer).setFloat64(0, time, true);
  bytes.set(body, 8);
  return bytes;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ProtocolError("Text is not UTF-8");
  }
}
