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
   * Hands `length` bytes of the file `path` from `offset` on to `take`, in order; they are good during the call. One
   * call after the other, for files have a position.
   *
   * @throws {Error} if the file cannot be read or is too short
   */
  async read(path: string, offset: number, length: number, take: (bytes: Uint8Array) => void): Promise<void> {
    const file = this.#files.get(path) ?? await this.#open(path);
    await file.seek(offset, Deno.SeekMode.Start);
    const buffer = new Uint8Array(Math.min(length, READ_SIZE));
    for (let done = 0; done < length;) {
      const count = await file.read(buffer.subarray(0, Math.min(length - done, READ_SIZE)));
      if (count === null) throw new Error(`File "${path}" is truncated: get it again`);
      take(buffer.subarray(0, count));
      done += count;
    }
  }

  async #open(path: string): Promise<Deno.FsFile> {
    const file = await Deno.open(path);
    this.#files.set(path, file);
    return file;
  }
}
