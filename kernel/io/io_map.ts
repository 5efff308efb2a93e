/**
 * Which server answers for which ports and addresses: a table in shared memory.
 *
 * Whoever receives a server's messages changes it, under a lock. The vCPU threads read it through
 * {@link IoMapReader}, which keeps a copy of its own until the version changes.
 *
 * @module
 */

import type { IoRange } from "../abi/io_range.ts";
import { IoreqType } from "../abi/ioreq.ts";
import { Lock } from "../channel/lock.ts";
import { PIC_PORTS } from "../interrupt/pic.ts";

/** Most ranges of all servers together. */
export const MAX_RANGES = 512;

const LOCK = 0;
/** Odd while the table is being changed. */
const VERSION = 1;
const COUNT = 2;
const HEADER = 64;
/** A range takes four numbers: first, last, type, and slot * 2 + posted. */
const FIELDS = 4;
/** How many ports there are. */
export const PORTS = 0x1_0000;
/** Behind the ranges: for each port the value that is published there, plus one. */
const PUBLISHED = HEADER + MAX_RANGES * FIELDS * 8;

/** Addresses that interrupt controllers answer for wherever their base registers point ("Memory map", SDM 3A 11.4.1). */
const KERNEL_MMIO: readonly { readonly first: number; readonly last: number }[] = [
  { first: 0xfec0_0000, last: 0xfec0_0fff },
  { first: 0xfee0_0000, last: 0xfeef_ffff },
];

/** A range and the slot of the server that it belongs to. */
export interface MappedRange extends IoRange {
  readonly slot: number;
}

/** What a map does not allow: a line for people. */
export type MapRefusal = string | undefined;

/** Memory for a map. */
export function makeIoMap(): SharedArrayBuffer {
  return new SharedArrayBuffer(PUBLISHED + PORTS * 2);
}

/** Whether two ranges share an address. */
function overlap(a: IoRange, b: IoRange): boolean {
  return a.type === b.type && a.first <= b.last && b.first <= a.last;
}

/** A range as people write it. */
export function formatRange(range: IoRange): string {
  const kind = range.type === IoreqType.Port ? "ports" : "addresses";
  return `${kind} 0x${range.first.toString(16)} to 0x${range.last.toString(16)}`;
}

/** Why no server can ever have `range`, or `undefined`. `ramEnds` are where the parts of RAM end. */
export function reservedBy(range: IoRange, ram: readonly { first: number; last: number }[]): MapRefusal {
  if (range.type === IoreqType.Port) {
    const taken = PIC_PORTS.some((port) => port >= range.first && port <= range.last);
    return taken ? `${formatRange(range)} hold ports of the 8259A pair` : undefined;
  }
  const holds = ({ first, last }: { first: number; last: number }) =>
    first <= last && range.first <= last && first <= range.last;
  if (KERNEL_MMIO.some(holds)) return `${formatRange(range)} hold registers of interrupt controllers`;
  return ram.some(holds) ? `${formatRange(range)} hold RAM` : undefined;
}

class Table {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly numbers: Float64Array<SharedArrayBuffer>;
  readonly published: Uint16Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, HEADER / 4);
    this.numbers = new Float64Array(memory, HEADER, MAX_RANGES * FIELDS);
    this.published = new Uint16Array(memory, PUBLISHED);
  }

  get(index: number): MappedRange {
    const [first, last, type, owner] = this.numbers.subarray(index * FIELDS, (index + 1) * FIELDS);
    return { type, first, last, posted: (owner & 1) !== 0, slot: owner >> 1 };
  }

  set(index: number, range: MappedRange): void {
    this.numbers.set(
      [range.first, range.last, range.type, range.slot * 2 + (range.posted ? 1 : 0)],
      index * FIELDS,
    );
  }

  all(): MappedRange[] {
    return Array.from({ length: Atomics.load(this.words, COUNT) }, (_, index) => this.get(index));
  }
}

/** The map, for those who change it: any thread. */
export class IoMap {
  readonly #table: Table;
  readonly #lock: Lock;

  constructor(memory: SharedArrayBuffer) {
    this.#table = new Table(memory);
    this.#lock = new Lock(this.#table.words, LOCK);
  }

  /**
   * Adds a range. Ranges of the server in slot `replaces` give way to it. Gives why not, if it overlaps another
   * server's range or one of its own.
   */
  add(range: MappedRange, replaces: number | undefined): MapRefusal {
    return this.#change((ranges) => {
      const staying = ranges.filter((other) => other.slot !== replaces || !overlap(range, other));
      const other = staying.find((other) => overlap(range, other));
      if (other !== undefined) return `${formatRange(range)} overlap ${formatRange(other)}, which are taken`;
      if (staying.length >= MAX_RANGES) return `${MAX_RANGES} I/O ranges are mapped already`;
      ranges.splice(0, ranges.length, ...staying, range);
      return undefined;
    });
  }

  /** Removes a range. Gives why not, if its server has not mapped it. */
  remove(range: MappedRange): MapRefusal {
    return this.#change((ranges) => {
      const index = ranges.findIndex((other) =>
        other.slot === range.slot && other.type === range.type && other.first === range.first &&
        other.last === range.last
      );
      if (index < 0) return `${formatRange(range)} are not mapped`;
      ranges.splice(index, 1);
      return undefined;
    });
  }

  /**
   * Has reads of the byte at `port` give `value`, 0 to 255, or ask the server in `slot` again. Gives why not, if it has not
   * mapped the port.
   */
  publish(slot: number, port: number, value: number | undefined): MapRefusal {
    return this.#locked(() => {
      const range = { type: IoreqType.Port, first: port, last: port, posted: false };
      const mapped = this.#table.all().some((other) => other.slot === slot && overlap(range, other));
      if (!mapped) return `${formatRange(range)} are not mapped`;
      Atomics.store(this.#table.published, port, value === undefined ? 0 : value + 1);
      return undefined;
    });
  }

  /** Has all reads ask the server in `slot` again. */
  withdraw(slot: number): void {
    this.#locked(() => this.#withdraw(this.#table.all().filter((range) => range.slot === slot)));
  }

  #withdraw(ranges: readonly IoRange[]): void {
    for (const { type, first, last } of ranges) {
      if (type === IoreqType.Port) this.#table.published.fill(0, first, last + 1);
    }
  }

  /** Removes all ranges of the server in `slot`. */
  removeSlot(slot: number): void {
    this.#change((ranges) => {
      ranges.splice(0, ranges.length, ...ranges.filter((range) => range.slot !== slot));
      return undefined;
    });
  }

  #change(edit: (ranges: MappedRange[]) => MapRefusal): MapRefusal {
    return this.#locked(() => {
      const before = this.#table.all();
      const ranges = [...before];
      const refusal = edit(ranges);
      if (refusal !== undefined) return refusal;
      this.#withdraw(before.filter((range) => !ranges.includes(range)));
      const { words } = this.#table;
      Atomics.add(words, VERSION, 1);
      ranges.forEach((range, index) => this.#table.set(index, range));
      Atomics.store(words, COUNT, ranges.length);
      Atomics.add(words, VERSION, 1);
      return undefined;
    });
  }

  #locked<T>(action: () => T): T {
    this.#lock.acquire();
    try {
      return action();
    } finally {
      this.#lock.release();
    }
  }
}

/** The map, as a vCPU thread looks things up in it. */
export class IoMapReader {
  readonly #table: Table;
  #version = -1;
  /** Index of the range of each port, plus one. */
  readonly #ports = new Uint16Array(PORTS);
  #ranges: MappedRange[] = [];
  #mmio: MappedRange[] = [];

  constructor(memory: SharedArrayBuffer) {
    this.#table = new Table(memory);
  }

  /** Range that holds `port`. */
  port(port: number): MappedRange | undefined {
    this.#refresh();
    return this.#ranges[this.#ports[port] - 1];
  }

  /** What a read of the `size` bytes at `port`, 1, 2 or 4, gives without a server being asked, if all are known. */
  published(port: number, size: number): number | undefined {
    let value = 0;
    for (let byte = size - 1; byte >= 0; byte--) {
      const published = Atomics.load(this.#table.published, (port + byte) % PORTS);
      if (published === 0) return undefined;
      value = value * 256 + published - 1;
    }
    return value;
  }

  /** Range that holds guest-physical address `gpa`. */
  mmio(gpa: number): MappedRange | undefined {
    this.#refresh();
    return this.#mmio.find((range) => gpa >= range.first && gpa <= range.last);
  }

  #refresh(): void {
    const { words } = this.#table;
    while (Atomics.load(words, VERSION) !== this.#version) {
      const version = Atomics.load(words, VERSION);
      if ((version & 1) !== 0) continue;
      const ranges = this.#table.all();
      if (Atomics.load(words, VERSION) !== version) continue;
      this.#ranges = ranges;
      this.#mmio = ranges.filter((range) => range.type === IoreqType.Mmio);
      this.#ports.fill(0);
      ranges.forEach((range, index) => {
        if (range.type === IoreqType.Port) this.#ports.fill(index + 1, range.first, range.last + 1);
      });
      this.#version = version;
    }
  }
}
