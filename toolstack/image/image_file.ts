/**
 * The files that a domain is built from.
 *
 * @module
 */

import { ConfigurationError } from "../configuration_error.ts";

/** Largest kernel or initrd, in bytes: no domain has memory for a larger one. */
const MAX_FILE = 3584 * 2 ** 20;

/** Bytes that are not waited for: other work in between, such as starting processes, takes much longer than to read them. */
const SHORT_READ = 1 << 16;

/** A file. What has been read of it is kept: a domain is reset as it was built, even if the file is gone then. */
export interface ImageFile {
  /** What errors call it: its path. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Where the kernel process can read it, absolute and without links; absent: it cannot be granted that. */
  readonly path?: string;
  /** Gives some of its bytes, fewer at its end, which must not be changed. @throws {ConfigurationError} if they cannot be read */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A file that is in memory. */
export class MemoryFile implements ImageFile {
  readonly name: string;
  readonly size: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, name: string = `${bytes.length} bytes`) {
    this.name = name;
    this.size = bytes.length;
    this.#bytes = bytes;
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.#bytes.subarray(offset, offset + length));
  }
}

/**
 * Finds a file; `what` names its role, as in `Kernel`.
 *
 * @throws {ConfigurationError} if it is missing, no plain file, empty, or not readable
 */
export async function findImageFile(what: string, path: string): Promise<ImageFile> {
  const info = await explained(what, path, () => Deno.stat(path));
  if (info.isDirectory) throw new ConfigurationError(`${what} "${path}" is a directory: name a file in it`);
  if (!info.isFile) throw new ConfigurationError(`${what} "${path}" is not a plain file: name another`);
  if (info.size === 0) throw new ConfigurationError(`${what} "${path}" is empty: get the file again`);
  if (info.size > MAX_FILE) {
    throw new ConfigurationError(`${what} "${path}" is too large for any domain: name another file`);
  }
  // Whoever reads it later has no words for why that cannot be done.
  await explained(what, path, async () => (await Deno.open(path)).close());
  return new HostFile(what, path, info.size, await grantablePath(path));
}

class HostFile implements ImageFile {
  readonly name: string;
  readonly size: number;
  readonly path?: string;
  readonly #what: string;
  readonly #read = new Map<string, Promise<Uint8Array>>();

  constructor(what: string, name: string, size: number, path: string | undefined) {
    this.#what = what;
    this.name = name;
    this.size = size;
    if (path !== undefined) this.path = path;
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    const key = `${offset} ${length}`;
    const bytes = this.#read.get(key) ?? this.#readNow(offset, Math.min(length, this.size - offset));
    this.#read.set(key, bytes);
    return bytes;
  }

  async #readNow(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const count = await explained(this.#what, this.name, async () => {
      using file = Deno.openSync(this.name);
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let done = 0;;) {
        const rest = bytes.subarray(done);
        if (rest.length === 0) return done;
        const count = rest.length <= SHORT_READ ? file.readSync(rest) : await file.read(rest);
        if (count === null) return done;
        done += count;
      }
    });
    if (count === length) return bytes;
    throw new ConfigurationError(`${this.#what} "${this.name}" is truncated: get the file again`);
  }
}

/** The path that leads to the same file without links, if a permission can name it. */
async function grantablePath(path: string): Promise<string | undefined> {
  try {
    const real = await Deno.realPath(path);
    // A comma would make two names of it.
    return real.includes(",") ? undefined : real;
  } catch {
    // Finding it may take permissions that reading the file does not.
    return undefined;
  }
}

/** Does something with a file, and says in one line why that cannot be done. */
async function explained<T>(what: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw new ConfigurationError(`${what} "${path}" does not exist: check the path`, { cause: error });
    }
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
      throw new ConfigurationError(`${what} "${path}" cannot be read: allow reading it`, { cause: error });
    }
    throw error;
  }
}
