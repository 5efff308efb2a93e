/**
 * RAM in a file, so that other processes can read and write it: the file is mapped over the WebAssembly memory.
 *
 * @module
 */

import type { GuestRam } from "./ram.ts";

// x86-64 Linux.
const LIBRARY = "/lib/x86_64-linux-gnu/libc.so.6";
const O_RDWR = 2;
const O_CLOEXEC = 0o2000000;
const PROT_READ_WRITE = 3;
const MAP_SHARED_FIXED = 0x11;

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "isize" },
} as const;

/**
 * Makes the file `path`, which nobody but this user can open, and maps it over `ram`.
 * @throws {Error} if that is not possible: then RAM is not to be used any more, and there is no file
 */
export function shareThroughFile(ram: GuestRam, path: string): void {
  try {
    using file = Deno.openSync(path, { createNew: true, read: true, write: true, mode: 0o600 });
    file.truncateSync(ram.size);
    try {
      map(ram, path);
      check(ram, file);
    } catch (error) {
      Deno.removeSync(path);
      throw error;
    }
  } catch (error) {
    throw new Error(`Cannot share RAM through "${path}": ${error instanceof Error ? error.message : error}`);
  }
}

function map(ram: GuestRam, path: string): void {
  const library = Deno.dlopen(LIBRARY, SYMBOLS);
  const { open, close, mmap } = library.symbols;
  const descriptor = open(new TextEncoder().encode(`${path}\0`), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) throw new Error("the C library cannot open it");
  const address = Deno.UnsafePointer.of(new Uint8Array(ram.memory.buffer));
  const mapped = mmap(address, BigInt(ram.size), PROT_READ_WRITE, MAP_SHARED_FIXED, descriptor, 0n);
  close(descriptor);
  if (mapped !== Deno.UnsafePointer.value(address)) throw new Error("mmap failed");
  // The library stays open: unloading it would gain nothing.
}

/** A byte written on either side has to be seen on the other. */
function check(ram: GuestRam, file: Deno.FsFile): void {
  const byte = new Uint8Array(1);
  ram.write(0, Uint8Array.of(0x5a));
  file.seekSync(0, Deno.SeekMode.Start);
  file.readSync(byte);
  const outward = byte[0] === 0x5a;
  file.seekSync(0, Deno.SeekMode.Start);
  file.writeSync(Uint8Array.of(0xa5));
  const inward = ram.read(0, 1)[0] === 0xa5;
  ram.write(0, Uint8Array.of(0));
  if (!outward || !inward) throw new Error("the file and the memory are not one");
}
