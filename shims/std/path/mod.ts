/** Stand-in for `@std/path` over `node:path`, for hosts that cannot reach JSR. */

import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Joins path segments and normalizes the result. */
export function join(...paths: string[]): string {
  return path.join(...paths);
}

/** Everything up to the last segment of `value`. */
export function dirname(value: string | URL): string {
  return path.dirname(toPath(value));
}

/** Last segment of `value`, without `suffix`. */
export function basename(value: string | URL, suffix = ""): string {
  return path.basename(toPath(value), suffix);
}

/** Absolute path that the segments come to, from the right to the first absolute one. */
export function resolve(...segments: string[]): string {
  return path.resolve(...segments);
}

/** `value` without `.`, `..` and doubled separators. */
export function normalize(value: string | URL): string {
  return path.normalize(toPath(value));
}

/** Extension of the last segment with its dot, or an empty string. */
export function extname(value: string | URL): string {
  return path.extname(toPath(value));
}

/** Whether `value` starts at the root. */
export function isAbsolute(value: string): boolean {
  return path.isAbsolute(value);
}

/** Path that leads from `from` to `to`. */
export function relative(from: string, to: string): string {
  return path.relative(from, to);
}

/** Path of a `file:` URL. @throws {TypeError} for another protocol. */
export function fromFileUrl(url: string | URL): string {
  return fileURLToPath(url);
}

/** `file:` URL of an absolute path. @throws {TypeError} for a relative one. */
export function toFileUrl(value: string): URL {
  if (!path.isAbsolute(value)) throw new TypeError(`Path must be absolute: received "${value}"`);
  return pathToFileURL(value);
}

function toPath(value: string | URL): string {
  return value instanceof URL ? fileURLToPath(value) : value;
}
