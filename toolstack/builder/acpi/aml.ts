/**
 * Encoder for the part of the ACPI Machine Language that describes devices (ACPI 6.5, chapter 20).
 *
 * @module
 */

const ZERO_OP = 0x00;
const ONE_OP = 0x01;
const NAME_OP = 0x08;
const BYTE_PREFIX = 0x0a;
const WORD_PREFIX = 0x0b;
const DWORD_PREFIX = 0x0c;
const SCOPE_OP = 0x10;
const BUFFER_OP = 0x11;
const PACKAGE_OP = 0x12;
const EXT_PREFIX = 0x5b;
const DEVICE_OP = 0x82;
const ROOT_CHAR = 0x5c;

/** Encoded AML. */
export type Aml = readonly number[];

/** An integer up to 32 bits, in the shortest form. */
export function integer(value: number): Aml {
  if (value === 0) return [ZERO_OP];
  if (value === 1) return [ONE_OP];
  if (value <= 0xff) return [BYTE_PREFIX, value];
  if (value <= 0xffff) return [WORD_PREFIX, value & 0xff, value >> 8];
  return [DWORD_PREFIX, value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

/** `Package () { ... }` */
export function packageOf(...elements: readonly Aml[]): Aml {
  return [PACKAGE_OP, ...withLength([elements.length, ...elements.flat()])];
}

/** `Name (name, value)` */
export function name(path: string, value: Aml): Aml {
  return [NAME_OP, ...nameString(path), ...value];
}

/** `Scope (path) { ... }` */
export function scope(path: string, ...terms: readonly Aml[]): Aml {
  return [SCOPE_OP, ...withLength([...nameString(path), ...terms.flat()])];
}

/** `Device (path) { ... }` */
export function device(path: string, ...terms: readonly Aml[]): Aml {
  return [EXT_PREFIX, DEVICE_OP, ...withLength([...nameString(path), ...terms.flat()])];
}

/** `ResourceTemplate () { ... }`: the descriptors and an end tag whose checksum is not used (6.4.2.9). */
export function resourceTemplate(...descriptors: readonly Aml[]): Aml {
  const bytes = [...descriptors.flat(), 0x79, 0];
  return [BUFFER_OP, ...withLength([...integer(bytes.length), ...bytes])];
}

/** `IO (Decode16, first, first, 1, length)`, 6.4.2.5 */
export function ioPorts(first: number, length: number): Aml {
  return [0x47, 1, first & 0xff, first >> 8, first & 0xff, first >> 8, 1, length];
}

/** `IRQNoFlags () { interrupt }`: edge-triggered, active high, 6.4.2.1 */
export function irq(interrupt: number): Aml {
  const mask = 1 << interrupt;
  return [0x22, mask & 0xff, mask >> 8];
}

/** `EisaId ("PNP0501")`: three letters of 5 bits and four hexadecimal digits, big-endian, 19.3.4. */
export function eisaId(id: string): Aml {
  const letters = [...id.slice(0, 3)].reduce((bits, letter) => bits << 5 | (letter.charCodeAt(0) - 0x40), 0);
  const product = parseInt(id.slice(3), 16);
  return [DWORD_PREFIX, letters >> 8, letters & 0xff, product >> 8, product & 0xff];
}

/** One segment of up to four characters, padded with underscores; `\` before it is the root. */
function nameString(path: string): Aml {
  const isAbsolute = path.startsWith("\\");
  const segment = isAbsolute ? path.slice(1) : path;
  if (!/^[A-Z_][A-Z0-9_]{0,3}$/.test(segment)) throw new TypeError(`AML name "${path}" is not one segment`);
  const characters = [...new TextEncoder().encode(segment.padEnd(4, "_"))];
  return isAbsolute ? [ROOT_CHAR, ...characters] : characters;
}

/** Puts a PkgLength, which counts itself, before `content`, 20.2.4. */
function withLength(content: readonly number[]): Aml {
  if (content.length + 1 < 1 << 6) return [content.length + 1, ...content];
  const following = content.length + 2 < 1 << 12 ? 1 : content.length + 3 < 1 << 20 ? 2 : 3;
  const length = content.length + 1 + following;
  const bytes = [following << 6 | (length & 0xf)];
  for (let index = 0; index < following; index++) bytes.push((length >>> (4 + index * 8)) & 0xff);
  return [...bytes, ...content];
}
