/**
 * One server's conversation with the kernel.
 *
 * @module
 */

import type { Device, DeviceFactory, Manifest } from "../devices/device.ts";
import { encodeIoRange } from "../kernel/abi/io_range.ts";
import { decodeIoreq, type Ioreq } from "../kernel/abi/ioreq.ts";
import {
  encodeMessage,
  type LogLevel,
  type Message,
  MessageType,
  PROTOCOL_MAGIC,
  PROTOCOL_VERSION,
  ProtocolError,
} from "../kernel/abi/message.ts";
import { decodeState, encodeState } from "../kernel/abi/state.ts";
import type { ServerChannel } from "../kernel/channel/server_channel.ts";
import { ServerContext } from "./context.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { copyFromGuest, copyToGuest, hello, log, modifiedMemory } from "./messages.ts";

const EMPTY = new Uint8Array(0);
/** Most guest memory in one message, in bytes. */
const COPY_PART = 1 << 19;

/** A message that is kept while another one is awaited. */
interface KeptMessage extends Message {
  readonly body: Uint8Array;
}

/** The conversation. */
export class Session {
  readonly #channel: ServerChannel;
  readonly #manifest: Manifest;
  readonly #factory: DeviceFactory;
  readonly #context: ServerContext;
  #device: Device | undefined;
  /** Messages that came while an answer was awaited. */
  readonly #kept: KeptMessage[] = [];
  #lastId = 0;
  #ended = false;

  /** `file` is guest memory that the server reaches by itself; without it, the kernel copies. */
  constructor(
    channel: ServerChannel,
    manifest: Manifest,
    factory: DeviceFactory,
    file: GuestMemory | undefined,
  ) {
    this.#channel = channel;
    this.#manifest = manifest;
    this.#factory = factory;
    this.#context = new ServerContext(manifest, this.#memory(file), (message) => channel.send(message));
  }

  /** Serves until the kernel ends the server or is gone. @throws {ProtocolError} if the kernel does not follow the contract */
  run(): void {
    this.#channel.send(hello(this.#manifest.name));
    this.#channel.flush();
    if (!this.#welcome()) return;
    this.#device = this.#factory(this.#context);
    for (const range of this.#manifest.ranges) this.#ask(MessageType.MapIoRange, encodeIoRange(range));
    this.#channel.send(encodeMessage(MessageType.Ready, 0, EMPTY));
    while (!this.#ended && this.#channel.flush()) {
      const message = this.#kept.shift() ?? this.#channel.receive();
      if (message === undefined || message.type === MessageType.Shutdown) return;
      this.#handle(message);
    }
  }

  /** Writes a line to the log, at once. */
  log(level: LogLevel, text: string): void {
    this.#channel.send(log(level, text));
    this.#channel.flush();
  }

  #welcome(): boolean {
    const message = this.#channel.receive();
    if (message === undefined) return false;
    const view = viewOf(message.body);
    if (
      message.type !== MessageType.Welcome || view.getUint32(0, true) !== PROTOCOL_MAGIC ||
      view.getUint32(4, true) !== PROTOCOL_VERSION
    ) throw new ProtocolError("Kernel does not speak this version of the protocol");
    this.#context.begin(view.getFloat64(8, true));
    return true;
  }

  #handle({ type, id, body }: Message): void {
    switch (type) {
      case MessageType.Ioreq:
        return this.#access(id, decodeIoreq(body));
      case MessageType.Ping:
        return this.#reply(MessageType.Done, id, EMPTY);
      case MessageType.Timer: {
        const view = viewOf(body);
        const timer = view.getUint32(0, true);
        const time = view.getFloat64(8, true);
        return this.#at(time, (device) => this.#context.takeTimer(timer, time) && device.timer?.(timer));
      }
      case MessageType.HostInput:
        // A model may keep it, and the body is only there until the next message.
        return this.#timed(body, (device, bytes) => device.input?.(bytes.slice()));
      case MessageType.Pause:
      case MessageType.Resume:
        this.#context.setRunning(type === MessageType.Resume);
        this.#timed(body, () => {});
        return this.#reply(MessageType.Done, id, EMPTY);
      case MessageType.Reset:
        this.#timed(body, (device) => device.reset());
        return this.#reply(MessageType.Done, id, EMPTY);
      case MessageType.Save:
        return this.#timed(body, (device) => this.#save(id, device));
      case MessageType.Restore:
        this.#context.forgetTime();
        return this.#timed(body, (device, bytes) => this.#restore(id, device, bytes));
      default:
        throw new ProtocolError(`Kernel sends ${MessageType[type]}, which is not expected`);
    }
  }

  #reply(type: MessageType, id: number, body: Uint8Array): void {
    this.#channel.send(encodeMessage(type, id, body));
  }

  /** Calls `act` with what comes after the guest time in `body`. */
  #timed(body: Uint8Array, act: (device: Device, rest: Uint8Array) => void): void {
    this.#at(viewOf(body).getFloat64(0, true), (device) => act(device, body.subarray(8)));
  }

  #at(time: number, act: (device: Device) => void): void {
    this.#context.begin(time);
    if (this.#device !== undefined) act(this.#device);
    this.#context.end();
  }

  #access(id: number, request: Ioreq): void {
    const range = this.#manifest.ranges.findIndex(({ type, first, last }) =>
      type === request.type && first <= request.address && request.address <= last
    );
    if (range < 0) throw new ProtocolError(`Kernel asks for address 0x${request.address.toString(16)}`);
    const offset = request.address - this.#manifest.ranges[range].first;
    this.#at(request.time, (device) => {
      if (!request.read) {
        writeElements(device, range, offset, request);
        if (!request.posted) this.#reply(MessageType.IoreqReply, id, EMPTY);
      } else {
        this.#reply(MessageType.IoreqReply, id, readElements(device, range, offset, request));
      }
    });
  }

  #save(id: number, device: Device): void {
    const { name, stateVersion } = this.#manifest;
    this.#reply(
      MessageType.State,
      id,
      encodeState({ device: name, version: stateVersion, fields: device.save() }),
    );
  }

  #restore(id: number, device: Device, bytes: Uint8Array): void {
    const { name, stateVersion } = this.#manifest;
    try {
      const state = decodeState(bytes);
      if (state.device !== name || state.version !== stateVersion) {
        throw new TypeError(
          `State is that of "${state.device}", version ${state.version}, not of "${name}", version ${stateVersion}`,
        );
      }
      device.restore(state.fields);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return this.#reply(MessageType.Refused, id, new TextEncoder().encode(reason));
    }
    this.#reply(MessageType.Done, id, EMPTY);
  }

  /** Sends a request to the kernel and waits for its answer. @throws {RangeError} if it is denied */
  #ask(type: MessageType, body: Uint8Array): Uint8Array {
    const id = ++this.#lastId;
    this.#channel.send(encodeMessage(type, id, body));
    return this.#await(id);
  }

  #await(id: number): Uint8Array {
    this.#channel.flush();
    for (;;) {
      const message = this.#channel.receive();
      if (message === undefined) {
        this.#ended = true;
        throw new RangeError("Kernel has ended");
      }
      switch (message.type) {
        case MessageType.Denied:
          throw new RangeError(new TextDecoder().decode(message.body));
        case MessageType.Accepted:
        case MessageType.GuestData:
          if (message.id !== id) throw new ProtocolError(`Kernel answers request ${message.id}, not ${id}`);
          return message.body.slice();
        default:
          this.#kept.push({ ...message, body: message.body.slice() });
      }
    }
  }

  /** Guest memory through `file`, or else through the kernel. */
  #memory(file: GuestMemory | undefined): GuestMemory {
    if (file !== undefined) {
      return {
        read: (gpa, length) => file.read(gpa, length),
        write: (gpa, bytes) => {
          file.write(gpa, bytes);
          this.#channel.send(modifiedMemory(gpa, bytes.length));
        },
      };
    }
    return {
      read: (gpa, length) => {
        const bytes = new Uint8Array(length);
        for (let at = 0; at < length; at += COPY_PART) {
          this.#channel.send(copyFromGuest(++this.#lastId, gpa + at, Math.min(COPY_PART, length - at)));
          bytes.set(this.#await(this.#lastId), at);
        }
        return bytes;
      },
      write: (gpa, bytes) => {
        for (let at = 0; at < bytes.length; at += COPY_PART) {
          this.#channel.send(copyToGuest(++this.#lastId, gpa + at, bytes.subarray(at, at + COPY_PART)));
          this.#await(this.#lastId);
        }
      },
    };
  }
}

function viewOf(body: Uint8Array): DataView {
  return new DataView(body.buffer, body.byteOffset, body.length);
}

/** Registers have at most 32 bits: a wider element is two accesses, the lower one first. */
function readElements(device: Device, range: number, offset: number, { size, count }: Ioreq): Uint8Array {
  const bytes = new Uint8Array(size * count);
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; at += size) {
    if (size === 1) view.setUint8(at, device.read(range, offset, 1));
    else if (size === 2) view.setUint16(at, device.read(range, offset, 2), true);
    else {for (let half = 0; half < size; half += 4) {
        view.setUint32(at + half, device.read(range, offset + half, 4), true);
      }}
  }
  return bytes;
}

function writeElements(device: Device, range: number, offset: number, { size, data }: Ioreq): void {
  const view = viewOf(data);
  for (let at = 0; at < data.length; at += size) {
    if (size === 1) device.write(range, offset, 1, view.getUint8(at));
    else if (size === 2) device.write(range, offset, 2, view.getUint16(at, true));
    else {for (let half = 0; half < size; half += 4) {
        device.write(range, offset + half, 4, view.getUint32(at + half, true));
      }}
  }
}
