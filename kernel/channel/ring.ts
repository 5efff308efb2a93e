/**
 * A stream of bytes from one thread to another, through shared memory.
 *
 * Each side may be in code that is not trusted: positions are only ever used modulo the capacity, and their
 * distance is checked.
 *
 * @module
 */

import { ProtocolError } from "../abi/message.ts";

// Words of the header. Positions count bytes since the start, modulo 2^32.
const WRITTEN = 0;
const READ = 1;
const CLOSED = 2;
/** Counts what a sleeping reader is to look at: bytes, the end of the stream, {@link Ring.wake}. */
const READER_EVENTS = 3;
/** Counts what a writer that waits for room is to look at. */
const WRITER_EVENTS = 4;
/** Where the data starts: its own cache line. */
const DATA = 64;

/** Bytes that a ring holds. A power of two. */
export const RING_CAPACITY = 1 << 16;

/** Memory for a ring. */
export function makeRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(DATA + RING_CAPACITY);
}

/** One end of a ring. Each direction of use belongs to one thread at a time. */
export class Ring {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #data: Uint8Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, DATA / 4);
    this.#data = new Uint8Array(memory, DATA, RING_CAPACITY);
  }

  /** Bytes that can be read. @throws {ProtocolError} if the positions are impossible */
  get available(): number {
    const bytes = this.#unread;
    if (bytes > RING_CAPACITY) throw new ProtocolError("Ring positions are impossible");
    return bytes;
  }

  /**
   * Whether there may be bytes to read. Another thread may be taking them out meanwhile: what {@link available} says is
   * meaningful only to the thread whose turn it is to read.
   */
  get mayHaveBytes(): boolean {
    return Atomics.load(this.#words, WRITTEN) !== Atomics.load(this.#words, READ);
  }

  /** Bytes that can be written: none if the positions are impossible. */
  get room(): number {
    return Math.max(0, RING_CAPACITY - this.#unread);
  }

  /** Whether one side has ended the stream. */
  get closed(): boolean {
    return Atomics.load(this.#words, CLOSED) !== 0;
  }

  /** Ends the stream and wakes both sides. What was written can still be read. */
  close(): void {
    Atomics.store(this.#words, CLOSED, 1);
    this.#signal(READER_EVENTS);
    this.#signal(WRITER_EVENTS);
  }

  /** Writes all of `bytes` if there is room for it. */
  tryWrite(bytes: Uint8Array): boolean {
    if (bytes.length > this.room) return false;
    this.#put(bytes);
    return true;
  }

  /** Writes `bytes`, waiting for room as often as needed. Gives false if the stream was closed instead. */
  write(bytes: Uint8Array): boolean {
    for (let done = 0; done < bytes.length;) {
      const events = Atomics.load(this.#words, WRITER_EVENTS);
      const { room } = this;
      if (this.closed) return false;
      if (room === 0) {
        Atomics.wait(this.#words, WRITER_EVENTS, events);
      } else {
        const part = bytes.subarray(done, done + room);
        this.#put(part);
        done += part.length;
      }
    }
    return true;
  }

  /** Takes everything that can be read. The bytes are a copy. @throws {ProtocolError} if the positions are impossible */
  read(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.available);
    const position = Atomics.load(this.#words, READ);
    const at = position & (RING_CAPACITY - 1);
    const first = Math.min(bytes.length, RING_CAPACITY - at);
    bytes.set(this.#data.subarray(at, at + first));
    bytes.set(this.#data.subarray(0, bytes.length - first), first);
    Atomics.store(this.#words, READ, (position + bytes.length) | 0);
    this.#signal(WRITER_EVENTS);
    return bytes;
  }

  /** What {@link waitForRoom} compares: taken before trying to write. */
  get roomEvents(): number {
    return Atomics.load(this.#words, WRITER_EVENTS);
  }

  /** Sleeps until something was read after `events` was taken, or the stream was closed. */
  waitForRoom(events: number): void {
    Atomics.wait(this.#words, WRITER_EVENTS, events);
  }

  /** What {@link wait} compares: taken before looking whether there is something to do. */
  get events(): number {
    return Atomics.load(this.#words, READER_EVENTS);
  }

  /** Sleeps until something happens after `events` was taken: bytes, the end of the stream, a wake-up. */
  wait(events: number): void {
    Atomics.wait(this.#words, READER_EVENTS, events);
  }

  /** Makes a sleeping reader look. */
  wake(): void {
    this.#signal(READER_EVENTS);
  }

  get #unread(): number {
    return (Atomics.load(this.#words, WRITTEN) - Atomics.load(this.#words, READ)) >>> 0;
  }

  #put(bytes: Uint8Array): void {
    const position = Atomics.load(this.#words, WRITTEN);
    const at = position & (RING_CAPACITY - 1);
    const first = Math.min(bytes.length, RING_CAPACITY - at);
    this.#data.set(bytes.subarray(0, first), at);
    this.#data.set(bytes.subarray(first), 0);
    Atomics.store(this.#words, WRITTEN, (position + bytes.length) | 0);
    this.#signal(READER_EVENTS);
  }

  #signal(events: number): void {
    Atomics.add(this.#words, events, 1);
    Atomics.notify(this.#words, events);
  }
}
