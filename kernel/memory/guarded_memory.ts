/**
 * Memories of generated code.
 *
 * @module
 */

/** As many pages as 32-bit addresses reach. */
export const ADDRESSABLE_PAGES = 65536;

/**
 * A shared WebAssembly memory of `pages` pages of 64 KiB that keeps all the addresses that 32 bits can name for itself:
 * what lies behind its end is not mapped. So the processor checks bounds, and generated code of a process without other
 * WebAssembly need not.
 *
 * @throws {RangeError} if the host has not that much
 */
export function guardedMemory(pages: number): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: pages, maximum: ADDRESSABLE_PAGES, shared: true });
}
