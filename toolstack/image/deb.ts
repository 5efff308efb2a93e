/**
 * Files in a Debian package (deb(5)): an `ar` archive whose member `data.tar.*` holds them.
 *
 * @module
 */

import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { readAr } from "./ar.ts";
import { findInTar } from "./tar.ts";
import { xzStream } from "./xz.ts";

/** Finds the first plain file in a package whose path, without a leading slash, is wanted. */
export function findInDeb(
  deb: Uint8Array,
  wanted: (path: string) => boolean,
): Promise<{ path: string; bytes: Uint8Array<ArrayBuffer> } | undefined> {
  const data = readAr(deb).find(({ name }) => name.startsWith("data.tar"));
  if (data === undefined) throw new RangeError("Debian package has no data");
  return findInTar(decompress(data.name, data.bytes), wanted);
}

function decompress(name: string, bytes: Uint8Array): ReadableStream<Uint8Array> {
  switch (name) {
    case "data.tar":
      return ReadableStream.from([bytes]);
    case "data.tar.gz":
      return ReadableStream.from([new Uint8Array(gunzipSync(bytes))]);
    case "data.tar.zst":
      return ReadableStream.from([new Uint8Array(zstdDecompressSync(bytes))]);
    case "data.tar.xz":
      return xzStream(ReadableStream.from([bytes]));
    default:
      throw new RangeError(`Debian package is compressed as "${name}"`);
  }
}
