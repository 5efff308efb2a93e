/**
 * Writer for cpio archives in the "newc" format, which the Linux kernel unpacks as its initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst).
 *
 * An entry is 13 fields of 8 hexadecimal digits after the magic number, the name with a zero, padding to 4
 * bytes, the contents, padding to 4 bytes. The same entries give the same bytes: times, owners and devices
 * are zero, inode numbers count up.
 *
 * @module
 */

const MAGIC = "070701";
const TRAILER = "TRAILER!!!";

/** File types in a mode, from `<sys/stat.h>`. */
const S_IFCHR = 0o020000;
const S_IFDIR = 0o040000;
const S_IFBLK = 0o060000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();

interface Device {
  readonly major: number;
  readonly minor: number;
}

/** An archive under construction. Paths are relative to its root, without a leading slash. */
export class CpioArchive {
  readonly #parts: Uint8Array[] = [];
  readonly #names = new Set<string>();
  #length = 0;
  #inode = 0;

  /** Adds a directory, and those above it that are not there. */
  addDirectory(path: string, mode = 0o755): this {
    return this.#addUnder(path, S_IFDIR | mode, EMPTY);
  }

  /** Adds a plain file. */
  addFile(path: string, bytes: Uint8Array, mode = 0o644): this {
    return this.#addUnder(path, S_IFREG | mode, bytes);
  }

  /** Adds a symbolic link. */
  addSymlink(path: string, target: string): this {
    return this.#addUnder(path, S_IFLNK | 0o777, encoder.encode(target));
  }

  /** Adds a character or block device. */
  addDevice(path: string, kind: "char" | "block", device: Device, mode = 0o600): this {
    return this.#addUnder(path, (kind === "char" ? S_IFCHR : S_IFBLK) | mode, EMPTY, device);
  }

  /** The archive, with the trailer that ends it. */
  finish(): Uint8Array<ArrayBuffer> {
    const parts = [...this.#parts, ...entry(TRAILER, 0, 0, EMPTY)];
    const archive = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      archive.set(part, at);
      at += part.length;
    }
    return archive;
  }

  /** Bytes so far, without the trailer. */
  get length(): number {
    return this.#length;
  }

  #addUnder(path: string, mode: number, bytes: Uint8Array, device?: Device): this {
    const segments = path.split("/");
    if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
      throw new TypeError(`Path "${path}" is not relative to the root of the archive`);
    }
    if (this.#names.has(path)) throw new TypeError(`Path "${path}" is in the archive already`);
    for (let depth = 1; depth < segments.length; depth++) {
      const above = segments.slice(0, depth).join("/");
      if (!this.#names.has(above)) this.#add(above, S_IFDIR | 0o755, EMPTY);
    }
    this.#add(path, mode, bytes, device);
    return this;
  }

  #add(path: string, mode: number, bytes: Uint8Array, device?: Device): void {
    this.#names.add(path);
    for (const part of entry(path, ++this.#inode, mode, bytes, device)) {
      this.#parts.push(part);
      this.#length += part.length;
    }
  }
}

function entry(path: string, inode: number, mode: number, bytes: Uint8Array, device?: Device): Uint8Array[] {
  const name = encoder.encode(`${path}\0`);
  const links = (mode & 0o170000) === S_IFDIR ? 2 : 1;
  const { major, minor } = device ?? { major: 0, minor: 0 };
  const fields = [inode, mode, 0, 0, links, 0, bytes.length, 0, 0, major, minor, name.length, 0];
  const header = encoder.encode(
    MAGIC + fields.map((field) => field.toString(16).toUpperCase().padStart(8, "0")).join(""),
  );
  return [header, name, padding(header.length + name.length), bytes, padding(bytes.length)];
}

function padding(length: number): Uint8Array {
  return new Uint8Array(-length & 3);
}
