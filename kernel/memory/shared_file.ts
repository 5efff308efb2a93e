/**
 * RAM in a file, so that other processes can read and write it: the file is mapped over the WebAssembly memory.
 *
 * Everything goes through the C library, which takes a permission that includes the one for files.
 *
 * @module
 */

import type { GuestRam } from "./ram.ts";

// x86-64 Linux.
const LIBRARY = "/lib/x86_64-linux-gnu/libc.so.6";
const O_RDWR = 0x2;
const O_CREAT = 0x40;
const O_EXCL = 0x80;
const O_CLOEXEC = 0x8_0000;
const OWNER_ONLY = 0o600;
const PROT_READ = 0x1;
const PROT_WRITE = 0x2;
const MAP_SHARED = 0x1;
const MAP_FIXED = 0x10;

function openLibrary() {
  return Deno.dlopen(LIBRARY, {
    open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    ftruncate: { parameters: ["i32", "i64"], result: "i32" },
    pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
    pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
    mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "isize" },
    unlink: { parameters: ["buffer"], result: "i32" },
  }).symbols;
}

/** The file that RAM is shared through. */
export class SharedFile {
  readonly #library = openLibrary();
  readonly #path: Uint8Array<ArrayBuffer>;

  /**
   * Makes the file `path`, which nobody but this user can open, and maps it over `ram`.
   * @throws {Error} if that is not possible: then RAM is not to be used any more, and there is no file
   */
  constructor(ram: GuestRam, path: string) {
    this.#path = new TextEncoder().encode(`${path}\0`);
    const { open, close } = this.#library;
    const descriptor = open(this.#path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, OWNER_ONLY);
    if (descriptor < 0) {
      throw new Error(`Cannot make "${path}" for RAM: it exists, or its folder cannot be written`);
    }
    try {
      this.#map(ram, descriptor);
      this.#check(ram, descriptor);
    } catch (error) {
      this.remove();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot share RAM through "${path}": ${reason}`);
    } finally {
      close(descriptor);
    }
  }

  /** Removes the file. What has it open or mapped keeps it. */
  remove(): void {
    this.#library.unlink(this.#path);
  }

  #map(ram: GuestRam, descriptor: number): void {
    const { ftruncate, mmap } = this.#library;
    if (ftruncate(descriptor, BigInt(ram.size)) < 0) throw new Error("it cannot have the size of RAM");
    const address = Deno.UnsafePointer.of(new Uint8Array(ram.memory.buffer));
    const [access, how] = [PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED];
    const mapped = mmap(address, BigInt(ram.size), access, how, descriptor, 0n);
    if (mapped !== Deno.UnsafePointer.value(address)) throw new Error("it cannot be mapped");
  }

  /** A byte written on either side has to be seen on the other. */
  #check(ram: GuestRam, descriptor: number): void {
    const { pread, pwrite } = this.#library;
    const byte = Uint8Array.of(0);
    ram.write(0, Uint8Array.of(0x5a));
    pread(descriptor, byte, 1n, 0n);
    const outward = byte[0] === 0x5a;
    pwrite(descriptor, Uint8Array.of(0xa5), 1n, 0n);
    const inward = ram.read(0, 1)[0] === 0xa5;
    ram.write(0, Uint8Array.of(0));
    if (!outward || !inward) throw new Error("the file and the memory are not one");
  }
}
