/**
 * Guest memory as a server reaches it: through the file that RAM is shared through, where it may.
 *
 * @module
 */

import { ramOffset } from "../kernel/abi/ram_layout.ts";

/** Guest memory. */
export interface GuestMemory {
  /** @throws {RangeError} outside RAM */
  read(gpa: number, length: number): Uint8Array;
  /** @throws {RangeError} outside RAM */
  write(gpa: number, bytes: Uint8Array): void;
}

/** Guest memory in a file. The kernel has to be told of what was written. */
export class FileMemory implements GuestMemory {
  readonly #file: Deno.FsFile;
  readonly #size: number;

  /** @throws {Error} if the file cannot be opened for reading and writing */
  constructor(path: string) {
    this.#file = Deno.openSync(path, { read: true, write: true });
    this.#size = this.#file.statSync().size;
  }

  read(gpa: number, length: number): Uint8Array {
    this.#seek(gpa, length);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const part = this.#file.readSync(bytes.subarray(done));
      if (part === null) throw outside(gpa, length);
      done += part;
    }
    return bytes;
  }

  write(gpa: number, bytes: Uint8Array): void {
    this.#seek(gpa, bytes.length);
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
  }

  #seek(gpa: number, length: number): void {
    const offset = ramOffset(this.#size, gpa, length);
    if (offset < 0) throw outside(gpa, length);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
  }
}

function outside(gpa: number, length: number): RangeError {
  return new RangeError(`Addresses 0x${gpa.toString(16)}, ${length} bytes, are not RAM`);
}
