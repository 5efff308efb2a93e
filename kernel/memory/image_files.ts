/**
 * The files that are put into RAM as they are: a kernel's segments, an initrd.
 *
 * @module
 */

/** Bytes that are read at a time. */
const READ_SIZE = 1 << 20;

/** Reads files, which stay open: what has been loaded once can be loaded again when a file's name is gone. */
export class ImageFiles {
  readonly #files = new Map<string, Deno.FsFile>();

  /**
   * Hands `length` bytes of the file `path` from `offset` on to `take`, in order; they are good during the call. Blocks,
   * which takes half a second for each GiB: to wait for each part takes three times as long while processes start.
   *
   * @throws {Error} if the file cannot be read or is too short
   */
  read(path: string, offset: number, length: number, take: (bytes: Uint8Array) => void): void {
    const file = this.#files.get(path) ?? this.#open(path);
    file.seekSync(offset, Deno.SeekMode.Start);
    const buffer = new Uint8Array(Math.min(length, READ_SIZE));
    for (let done = 0; done < length;) {
      const count = file.readSync(buffer.subarray(0, length - done));
      if (count === null) throw new Error(`File "${path}" is truncated: get it again`);
      take(buffer.subarray(0, count));
      done += count;
    }
  }

  #open(path: string): Deno.FsFile {
    const file = Deno.openSync(path);
    this.#files.set(path, file);
    return file;
  }
}
