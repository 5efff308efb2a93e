/**
 * Guest RAM: one shared WebAssembly memory, laid out as `abi/ram_layout.ts` says.
 *
 * @module
 */

import { ADDRESSABLE_PAGES, guardedMemory } from "./guarded_memory.ts";
import { HIGH_RAM_START, LOW_RAM_END, ramOffset } from "../abi/ram_layout.ts";

export { HIGH_RAM_START, LOW_RAM_END };

/** RAM comes in units of this many bytes, the guest's large pages. */
export const RAM_UNIT = 2 * 2 ** 20;

const WASM_PAGE = 2 ** 16;
/** Bytes behind RAM in the memory, which the vCPUs use for accesses that are not plain ones. */
export const BOUNCE_SIZE = WASM_PAGE;
/** Most RAM, in bytes: a memory of 2^32 bytes has lengths that do not fit 32 bits. */
export const MAX_RAM = ADDRESSABLE_PAGES * WASM_PAGE - RAM_UNIT;

/** A part of RAM by guest-physical address, both inclusive. */
export interface RamPart {
  readonly first: number;
  readonly last: number;
}

/** The parts that `size` bytes of RAM are in. */
export function ramParts(size: number): RamPart[] {
  const low = { first: 0, last: Math.min(size, LOW_RAM_END) - 1 };
  if (size <= LOW_RAM_END) return [low];
  return [low, { first: HIGH_RAM_START, last: HIGH_RAM_START + size - LOW_RAM_END - 1 }];
}

/** Guest RAM, as any thread sees it. */
export class GuestRam {
  readonly memory: WebAssembly.Memory;
  /** Size in bytes. */
  readonly size: number;
  readonly #bytes: Uint8Array<ArrayBufferLike>;

  /** RAM in `memory`, whose first `size` bytes it is. */
  constructor(memory: WebAssembly.Memory, size: number) {
    this.memory = memory;
    this.size = size;
    this.#bytes = new Uint8Array(memory.buffer, 0, size);
  }

  /**
   * Makes RAM of `size` bytes, all zero.
   * @throws {RangeError} if `size` is not a multiple of {@link RAM_UNIT} from 1 to {@link MAX_RAM}, or the host has not that much
   */
  static allocate(size: number): GuestRam {
    if (!Number.isInteger(size) || size <= 0 || size % RAM_UNIT !== 0) {
      throw new RangeError(`Cannot have ${size} bytes of RAM: it comes in units of 2 MiB`);
    }
    if (size > MAX_RAM) {
      throw new RangeError(`Cannot have ${size / 2 ** 20} MiB of RAM: ${MAX_RAM / 2 ** 20} MiB is the most`);
    }
    const pages = (size + BOUNCE_SIZE) / WASM_PAGE;
    try {
      return new GuestRam(guardedMemory(pages), size);
    } catch (error) {
      throw new RangeError(
        `Cannot allocate ${size / 2 ** 20} MiB of RAM: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  /** Copies `length` bytes from `gpa` on. @throws {RangeError} if they are not RAM */
  read(gpa: number, length: number): Uint8Array<ArrayBuffer> {
    const offset = this.#offset(gpa, length);
    const bytes = new Uint8Array(length);
    bytes.set(this.#bytes.subarray(offset, offset + length));
    return bytes;
  }

  /** Writes `bytes` from `gpa` on. @throws {RangeError} if that is not RAM */
  write(gpa: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#offset(gpa, bytes.length));
  }

  #offset(gpa: number, length: number): number {
    const offset = ramOffset(this.size, gpa, length);
    if (offset < 0) throw new RangeError(`Addresses 0x${gpa.toString(16)}, ${length} bytes, are not RAM`);
    return offset;
  }
}
