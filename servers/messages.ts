/**
 * Encodes what a server sends.
 *
 * @module
 */

import {
  encodeMessage,
  type LogLevel,
  MessageType,
  NOT_PUBLISHED,
  type PowerRequest,
  PROTOCOL_MAGIC,
  PROTOCOL_VERSION,
} from "../kernel/abi/message.ts";

const encoder = new TextEncoder();
/** Longest line for the log that the kernel takes, in bytes. */
const MAX_LOG_LINE = 4096;

type Fields = (view: DataView) => void;

function encode(
  type: MessageType,
  id: number,
  length: number,
  fields: Fields,
  rest?: Uint8Array,
): Uint8Array {
  const body = new Uint8Array(length + (rest?.length ?? 0));
  fields(new DataView(body.buffer));
  if (rest !== undefined) body.set(rest, length);
  return encodeMessage(type, id, body);
}

/** First message. */
export function hello(name: string): Uint8Array {
  return encode(MessageType.Hello, 0, 8, (view) => {
    view.setUint32(0, PROTOCOL_MAGIC, true);
    view.setUint32(4, PROTOCOL_VERSION, true);
  }, encoder.encode(name));
}

export function setIrqLevel(gsi: number, level: boolean): Uint8Array {
  return encode(MessageType.SetIrqLevel, 0, 8, (view) => {
    view.setUint32(0, gsi, true);
    view.setUint32(4, level ? 1 : 0, true);
  });
}

export function injectMsi(address: number, data: number): Uint8Array {
  return encode(MessageType.InjectMsi, 0, 16, (view) => {
    view.setBigUint64(0, BigInt(address), true);
    view.setUint32(8, data, true);
  });
}

/** `deadline` is a guest time in ns; `undefined` disarms. */
export function setTimer(id: number, deadline: number | undefined): Uint8Array {
  return encode(MessageType.SetTimer, 0, 16, (view) => {
    view.setUint32(0, id, true);
    view.setFloat64(8, deadline ?? NaN, true);
  });
}

export function power(request: PowerRequest): Uint8Array {
  return encode(MessageType.Power, 0, 8, (view) => view.setUint32(0, request, true));
}

export function log(level: LogLevel, text: string): Uint8Array {
  let line = encoder.encode(text.replace(/\s*\n\s*/g, " "));
  // A character that is cut in two would not be UTF-8.
  if (line.length > MAX_LOG_LINE) line = encoder.encode(text.slice(0, MAX_LOG_LINE / 4));
  return encode(MessageType.Log, 0, 8, (view) => view.setUint32(0, level, true), line);
}

export function copyFromGuest(id: number, gpa: number, length: number): Uint8Array {
  return encode(MessageType.CopyFromGuest, id, 16, (view) => {
    view.setBigUint64(0, BigInt(gpa), true);
    view.setUint32(8, length, true);
  });
}

export function copyToGuest(id: number, gpa: number, bytes: Uint8Array): Uint8Array {
  return encode(MessageType.CopyToGuest, id, 8, (view) => view.setBigUint64(0, BigInt(gpa), true), bytes);
}

/** `value`: 0 to 255; `undefined`: the server is asked. */
export function publishPort(port: number, value: number | undefined): Uint8Array {
  return encode(MessageType.PublishPort, 0, 8, (view) => {
    view.setUint32(0, port, true);
    view.setUint32(4, value ?? NOT_PUBLISHED, true);
  });
}

export function modifiedMemory(gpa: number, length: number): Uint8Array {
  return encode(MessageType.ModifiedMemory, 0, 16, (view) => {
    view.setBigUint64(0, BigInt(gpa), true);
    view.setBigUint64(8, BigInt(length), true);
  });
}
