/**
 * Reads the bodies of control requests.
 *
 * The toolstack is trusted with the domain, but a mistake of its should give an error that says so.
 *
 * @module
 */

import {
  type AttachServer,
  type BootEntry,
  CONTROL_VERSION,
  type DetachServer,
  type DomainOptions,
  type DomainState,
  type LoadFile,
} from "./abi/control.ts";
import { IoreqType } from "./abi/ioreq.ts";
import { INTERRUPT_COUNT } from "./io/interrupt_lines.ts";
import { reservedBy } from "./io/io_map.ts";
import type { RamPart } from "./memory/ram.ts";

const NAME = /^[A-Za-z0-9_.:-]{1,64}$/;

type Fields = { readonly [name: string]: unknown };

/** Reads a body as a JSON object. @throws {TypeError} if it is none */
export function parseFields(body: Uint8Array): Fields {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new TypeError("Request is not JSON");
  }
  return asFields(value, "Request");
}

/** @throws {TypeError} if it is malformed */
export function parseDomainOptions(body: Uint8Array): DomainOptions {
  const fields = parseFields(body);
  const version = integer(fields, "version");
  if (version !== CONTROL_VERSION) {
    throw new TypeError(`Control protocol has version ${CONTROL_VERSION}, not ${version}`);
  }
  return {
    version,
    memory: integer(fields, "memory"),
    vcpus: integer(fields, "vcpus"),
    logLevel: integer(fields, "logLevel"),
    ...fields.ramFile === undefined ? {} : { ramFile: text(fields, "ramFile") },
    ...fields.traceFile === undefined ? {} : { traceFile: text(fields, "traceFile") },
    ...fields.cpuCheck === true ? { cpuCheck: true } : {},
  };
}

/** @throws {TypeError} if it is malformed, or asks for what no server can have */
export function parseAttachServer(body: Uint8Array, ram: readonly RamPart[]): AttachServer {
  const fields = parseFields(body);
  const interrupts = list(fields, "interrupts").map((gsi) => {
    if (!isIndex(gsi) || gsi >= INTERRUPT_COUNT) throw new TypeError(`Interrupt ${gsi} does not exist`);
    return gsi;
  });
  const ranges = list(fields, "ranges").map((value) => parseRange(asFields(value, "Range"), ram));
  if (typeof fields.dma !== "boolean") throw new TypeError(`Field "dma" is not a boolean`);
  const { name } = parseDetachServer(body);
  return {
    name,
    interrupts,
    dma: fields.dma,
    ranges,
    transport: parseTransport(asFields(fields.transport, "Transport")),
  };
}

/** @throws {TypeError} if it is malformed */
export function parseDetachServer(body: Uint8Array): DetachServer {
  const name = text(parseFields(body), "name");
  if (!NAME.test(name)) throw new TypeError(`Server cannot have the name "${name}"`);
  return { name };
}

/** @throws {TypeError} if it is malformed */
export function parseLoadFile(body: Uint8Array): LoadFile {
  const fields = parseFields(body);
  return {
    path: text(fields, "path"),
    offset: integer(fields, "offset"),
    length: integer(fields, "length"),
    gpa: integer(fields, "gpa"),
  };
}

/** @throws {TypeError} if it is malformed */
export function parseBootEntry(body: Uint8Array): BootEntry {
  const fields = parseFields(body);
  switch (fields.kind) {
    case "reset":
      return { kind: "reset" };
    case "pvh":
      return { kind: "pvh", eip: integer(fields, "eip"), ebx: integer(fields, "ebx") };
    case "long":
      return {
        kind: "long",
        rip: decimal(fields, "rip"),
        rsi: decimal(fields, "rsi"),
        rsp: decimal(fields, "rsp"),
        cr3: decimal(fields, "cr3"),
        gdt: decimal(fields, "gdt"),
        gdtLimit: integer(fields, "gdtLimit"),
      };
    default:
      throw new TypeError(`Entry "${fields.kind}" does not exist`);
  }
}

/** Version of the state of a domain. */
export const DOMAIN_STATE_VERSION = 1;

/** @throws {TypeError} if it is malformed */
export function parseDomainState(body: Uint8Array): DomainState {
  const fields = parseFields(body);
  const version = integer(fields, "version");
  if (version !== DOMAIN_STATE_VERSION) {
    throw new TypeError(`Saved state has version ${version}, not ${DOMAIN_STATE_VERSION}`);
  }
  const parts = asFields(fields.parts, "Parts");
  for (const name of Object.keys(parts)) text(parts, name);
  return { version, time: integer(fields, "time"), parts: parts as DomainState["parts"] };
}

/** Splits a body into a name, whose length its first byte is, and the rest. @throws {TypeError} if it is malformed */
export function parseNamed(body: Uint8Array): { name: string; bytes: Uint8Array } {
  const end = 1 + (body[0] ?? Infinity);
  if (end > body.length) throw new TypeError("Request has no server's name");
  return { name: new TextDecoder().decode(body.subarray(1, end)), bytes: body.subarray(end) };
}

/** Reads an address and the bytes after it. @throws {TypeError} if it is malformed */
export function parseAddressed(body: Uint8Array): { gpa: number; bytes: Uint8Array } {
  if (body.length < 8) throw new TypeError("Request has no address");
  const gpa = Number(new DataView(body.buffer, body.byteOffset).getBigUint64(0, true));
  return { gpa, bytes: body.subarray(8) };
}

function parseRange(fields: Fields, ram: readonly RamPart[]): AttachServer["ranges"][number] {
  const range = {
    type: integer(fields, "type"),
    first: integer(fields, "first"),
    last: integer(fields, "last"),
    posted: fields.posted === true,
  };
  const highest = range.type === IoreqType.Port ? 0xffff : Number.MAX_SAFE_INTEGER;
  if (range.type > IoreqType.Mmio || range.first > range.last || range.last > highest) {
    throw new TypeError(`I/O range ${range.first} to ${range.last} of type ${range.type} is not possible`);
  }
  const reason = reservedBy(range, ram);
  if (reason !== undefined) throw new TypeError(`I/O range cannot be granted: ${reason}`);
  return range;
}

function parseTransport(fields: Fields): AttachServer["transport"] {
  switch (fields.kind) {
    case "fifo":
      return { kind: "fifo", requests: text(fields, "requests"), replies: text(fields, "replies") };
    case "worker":
      return { kind: "worker", url: text(fields, "url"), options: text(fields, "options") };
    default:
      throw new TypeError(`Transport "${fields.kind}" does not exist`);
  }
}

function asFields(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${what} is not an object`);
  }
  return value as Fields;
}

function isIndex(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function integer(fields: Fields, name: string): number {
  const value = fields[name];
  if (!isIndex(value)) throw new TypeError(`Field "${name}" is not a whole number`);
  return value;
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new TypeError(`Field "${name}" is not a string`);
  return value;
}

function decimal(fields: Fields, name: string): string {
  const value = text(fields, name);
  if (!/^[0-9]{1,20}$/.test(value)) throw new TypeError(`Field "${name}" is not a decimal number`);
  return value;
}

function list(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new TypeError(`Field "${name}" is not a list`);
  return value;
}
