/**
 * Sizes of a domain's memory.
 *
 * @module
 */

import { ConfigurationError } from "./configuration_error.ts";

/** Bytes in a mebibyte. */
export const MIB = 1 << 20;

/** Least memory of a domain in bytes. */
export const MIN_MEMORY = 16 * MIB;

/** Most memory of a domain in bytes: a 32-bit WebAssembly memory holds it and 512 MiB of the engine's own. */
export const MAX_MEMORY = 3584 * MIB;

const UNITS: Readonly<Record<string, number>> = {
  "": MIB,
  m: MIB,
  mb: MIB,
  mib: MIB,
  g: 1024 * MIB,
  gb: 1024 * MIB,
  gib: 1024 * MIB,
};

/**
 * Reads a size such as `512MiB`, `512M`, `1GiB` or `1.5G`; a number alone counts MiB.
 *
 * @returns bytes, a multiple of 4096
 * @throws {ConfigurationError} if it is not a size, or outside {@link MIN_MEMORY} to {@link MAX_MEMORY}
 */
export function parseMemorySize(text: string | number): number {
  const match = /^\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*([a-z]*)\s*$/i.exec(String(text));
  const unit = UNITS[match?.[2]?.toLowerCase() ?? ""];
  if (!match || unit === undefined) {
    throw new ConfigurationError(`Memory size "${text}" is not a size: write it as 512MiB or 1GiB`);
  }
  const bytes = Math.floor(Number(match[1]) * unit / 4096) * 4096;
  checkMemorySize(bytes, String(text));
  return bytes;
}

/**
 * Checks a size in bytes; `text` is what the user wrote.
 *
 * @throws {ConfigurationError} if it is no whole number of pages, or outside the limits
 */
export function checkMemorySize(bytes: number, text = `${bytes / MIB}MiB`): void {
  if (!Number.isFinite(bytes) || bytes <= 0) {
    throw new ConfigurationError(`Memory size "${text}" is not above zero: give at least 16MiB`);
  }
  if (bytes < MIN_MEMORY) {
    throw new ConfigurationError(`Memory size "${text}" is too small: give at least 16MiB`);
  }
  if (bytes > MAX_MEMORY) {
    throw new ConfigurationError(`Memory size "${text}" is too large: give at most ${MAX_MEMORY / MIB}MiB`);
  }
  if (bytes % 4096 !== 0) {
    throw new ConfigurationError(`Memory size "${text}" is not a multiple of 4096 bytes: round it`);
  }
}
