/**
 * The framing that every message between the kernel and a server has.
 *
 * A message is a 16-byte little-endian header and a body. Nothing else ever travels: a channel
 * is a sequence of messages in each direction.
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 4 | length of the whole message in bytes, header included |
 * | 4 | 2 | type, a number of {@link MessageType} |
 * | 6 | 2 | zero |
 * | 8 | 4 | id: a request's number, which its reply repeats; 0 where no reply is expected |
 * | 12 | 4 | zero |
 *
 * @module
 */

/** Version of the contract; the handshake refuses any other. */
export const PROTOCOL_VERSION = 1;

/** First word of `hello` and `welcome`: "ATOL" in ASCII, little-endian. */
export const PROTOCOL_MAGIC = 0x4c4f5441;

/** Bytes of a message header. */
export const HEADER_SIZE = 16;

/** Largest message, header included. It bounds what a server can make the kernel hold. */
export const MAX_MESSAGE = 1 << 20;

/** Message types. Below 0x80 the kernel sends them, from 0x80 on a server does. */
export enum MessageType {
  /** Kernel's answer to `hello`: magic u32, version u32, guest time f64. */
  Welcome = 0x01,
  /** An access by the guest, see `ioreq.ts`. */
  Ioreq = 0x02,
  /** A timer that the server armed is due: timer u32, zero u32, guest time f64. */
  Timer = 0x03,
  /** Bytes from the toolstack for this server: guest time f64, then the bytes. */
  HostInput = 0x04,
  /** Guest time has stopped: guest time f64. Answered by `Done`. */
  Pause = 0x05,
  /** Guest time runs again: guest time f64. Answered by `Done`. */
  Resume = 0x06,
  /** Asks for the device's state: guest time f64. Answered by `State`. */
  Save = 0x07,
  /** Guest time f64, then a state as `State` carried it. Answered by `Done`, or by `Refused`. */
  Restore = 0x08,
  /** Put the device in its power-on state: guest time f64. Answered by `Done`. */
  Reset = 0x09,
  /** The server ends, with exit code 0: no body, no answer. */
  Shutdown = 0x0a,
  /** Heartbeat: no body. Answered by `Done`. */
  Ping = 0x0b,
  /** Answer to `CopyFromGuest`: the bytes. */
  GuestData = 0x0c,
  /** A request of the server's has been carried out: no body. */
  Accepted = 0x0d,
  /** A request of the server's was well-formed and cannot be granted: the reason in UTF-8. */
  Denied = 0x0e,

  /** First message of a server: magic u32, version u32, then its name in UTF-8. */
  Hello = 0x80,
  /** Start of a register range, see `io_range.ts`. */
  MapIoRange = 0x81,
  /** Removes a range that this server mapped: the same body. */
  UnmapIoRange = 0x82,
  /** The server has mapped its ranges and answers from now on: no body. */
  Ready = 0x83,
  /** Answer to a read or an ordered write, see `ioreq.ts`. */
  IoreqReply = 0x84,
  /** Drives an interrupt line: global system interrupt u32, level u32 (0 or 1). */
  SetIrqLevel = 0x85,
  /** Message-signalled interrupt: address u64, data u32, zero u32. */
  InjectMsi = 0x86,
  /** Arms or disarms a timer: timer u32 (0 to 15), zero u32, guest time f64 (NaN disarms). */
  SetTimer = 0x87,
  /** Bytes for the toolstack, such as what the guest wrote to its serial port: the bytes. */
  HostOutput = 0x88,
  /** Power request: a number of {@link PowerRequest} u32, zero u32. */
  Power = 0x89,
  /** A line for the log: level u32, zero u32, text in UTF-8. */
  Log = 0x8a,
  /** Answer to `Save`: the state, see `state.ts`. */
  State = 0x8b,
  /** Answer to `Pause`, `Resume`, `Restore`, `Reset`, `Ping`: no body. */
  Done = 0x8c,
  /** Answer to `Restore`: the reason in UTF-8. */
  Refused = 0x8d,
  /** Asks for guest memory: gpa u64, length u32, zero u32. Answered by `GuestData` or `Denied`. */
  CopyFromGuest = 0x8e,
  /** Writes guest memory: gpa u64, then the bytes. Answered by `Accepted` or `Denied`. */
  CopyToGuest = 0x8f,
  /** Guest memory was written through the shared file: gpa u64, length u64. */
  ModifiedMemory = 0x90,
  /**
   * What reads of a byte at a port give until the server says otherwise, without it being asked: port u32, value u32 (0 to
   * 255), or {@link NOT_PUBLISHED}. The port has to be in a range that the server has mapped.
   */
  PublishPort = 0x91,
}

/** In the place of a value in {@link MessageType.PublishPort}: the server is asked again. */
export const NOT_PUBLISHED = 0xffff_ffff;

/** What a device can ask of the whole machine. */
export enum PowerRequest {
  /** Soft-off, ACPI S5. */
  Off = 0,
  /** Reset of the whole machine. */
  Reset = 1,
}

/** Levels of {@link MessageType.Log}. */
export enum LogLevel {
  Error = 0,
  Warn = 1,
  Info = 2,
  Debug = 3,
}

/**
 * Whether the guest's next instruction may depend on a server's message of this type: then it is carried out by whoever
 * receives it, in the order of all of them.
 */
export function precedesGuest(type: MessageType): boolean {
  switch (type) {
    case MessageType.IoreqReply:
    case MessageType.SetIrqLevel:
    case MessageType.InjectMsi:
    case MessageType.ModifiedMemory:
    case MessageType.PublishPort:
    case MessageType.MapIoRange:
    case MessageType.UnmapIoRange:
      return true;
    default:
      return false;
  }
}

/** Raised for anything received that the contract does not allow; the sender is then ended. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

/** A received message. `body` is a view, valid until the next message is received. */
export interface Message {
  readonly type: MessageType;
  readonly id: number;
  readonly body: Uint8Array;
}

/** Encodes a message: header, then `body`. */
export function encodeMessage(type: MessageType, id: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_SIZE + body.length);
  writeHeader(new DataView(bytes.buffer), bytes.length, type, id);
  bytes.set(body, HEADER_SIZE);
  return bytes;
}

/** Writes the header of a message of `length` bytes at the start of `view`. */
export function writeHeader(view: DataView, length: number, type: MessageType, id: number): void {
  view.setUint32(0, length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, 0, true);
  view.setUint32(8, id, true);
  view.setUint32(12, 0, true);
}

/**
 * Cuts a byte stream into messages.
 *
 * Push what was read, then call {@link next} until it gives `undefined`.
 */
export class MessageReader {
  #buffer = new Uint8Array(4096);
  #start = 0;
  #end = 0;

  /** Adds bytes that arrived. They are copied. */
  push(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#buffer.length) this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Takes the next whole message. @throws {ProtocolError} if the header is malformed. */
  next(): Message | undefined {
    const available = this.#end - this.#start;
    if (available < HEADER_SIZE) return undefined;
    const view = new DataView(this.#buffer.buffer, this.#start, HEADER_SIZE);
    const length = view.getUint32(0, true);
    if (length < HEADER_SIZE || length > MAX_MESSAGE) {
      throw new ProtocolError(`Message length ${length} is outside ${HEADER_SIZE} to ${MAX_MESSAGE}`);
    }
    if (view.getUint16(6, true) !== 0 || view.getUint32(12, true) !== 0) {
      throw new ProtocolError("Reserved header fields are not zero");
    }
    if (available < length) return undefined;
    const type = view.getUint16(4, true);
    if (MessageType[type] === undefined) {
      throw new ProtocolError(`Message type 0x${type.toString(16)} does not exist`);
    }
    const body = this.#buffer.subarray(this.#start + HEADER_SIZE, this.#start + length);
    this.#start += length;
    return { type, id: view.getUint32(8, true), body };
  }

  #makeRoom(more: number): void {
    const held = this.#end - this.#start;
    const size = Math.max(this.#buffer.length, 2 ** Math.ceil(Math.log2(held + more)));
    const larger = new Uint8Array(size);
    larger.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = larger;
    this.#start = 0;
    this.#end = held;
  }
}
