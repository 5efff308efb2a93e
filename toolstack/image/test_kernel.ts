/** Small made-up kernels for tests. */

/** What differs from a kernel that boots. */
export interface TestKernelOptions {
  readonly payload?: Uint8Array;
  readonly version?: number;
  readonly loadflags?: number;
  readonly xloadflags?: number;
  readonly initSize?: number;
}

/** Protected-mode code before the payload in {@link makeBzImage}. */
export const PAYLOAD_OFFSET = 0x400;

/** Makes a bzImage with a setup header of protocol 2.15 and one setup sector. */
export function makeBzImage(options: TestKernelOptions = {}): Uint8Array<ArrayBuffer> {
  const payload = options.payload ?? new Uint8Array(0);
  const setup = 1024;
  const paragraphs = Math.ceil((PAYLOAD_OFFSET + payload.length) / 16);
  const file = new Uint8Array(setup + paragraphs * 16);
  const view = new DataView(file.buffer);
  view.setUint8(0x1f1, 1);
  view.setUint32(0x1f4, paragraphs, true);
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint16(0x200, 0x6aeb, true);
  view.setUint32(0x202, 0x53726448, true);
  view.setUint16(0x206, options.version ?? 0x20f, true);
  view.setUint8(0x211, options.loadflags ?? 1);
  view.setUint32(0x22c, 0x7fff_ffff, true);
  view.setUint16(0x236, options.xloadflags ?? 1, true);
  view.setUint32(0x238, 2047, true);
  view.setUint32(0x248, PAYLOAD_OFFSET, true);
  view.setUint32(0x24c, payload.length, true);
  view.setBigUint64(0x258, 0x100_0000n, true);
  view.setUint32(0x260, options.initSize ?? 0x10_0000, true);
  file.fill(0x90, setup, setup + PAYLOAD_OFFSET);
  file.set(payload, setup + PAYLOAD_OFFSET);
  return file;
}

/** What differs from a vmlinux with a PVH entry. */
export interface TestElfOptions {
  readonly entry?: number | undefined;
  readonly address?: number;
  readonly memorySize?: number;
  readonly machine?: number;
}

/** Contents of the loaded segment in {@link makeElf}. */
export const ELF_CODE = new Uint8Array(64).fill(0xf4);

/** Makes an ELF64 file with one loaded segment and a PVH note (none if `entry` is given as `undefined`). */
export function makeElf(options: TestElfOptions = {}): Uint8Array<ArrayBuffer> {
  const address = options.address ?? 0x100_0000;
  const entry = "entry" in options ? options.entry : address + 16;
  const notes = [note("Linux", 0x101, 4, 0), ...(entry === undefined ? [] : [note("Xen", 18, 8, entry)])];
  const noteBytes = Uint8Array.from(notes.flat());
  const file = new Uint8Array(0x200 + ELF_CODE.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, options.machine ?? 62, true);
  view.setBigUint64(24, BigInt(address), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  const programHeader = (
    at: number,
    fields: [type: number, offset: number, address: number, file: number, memory: number],
  ) => {
    const [type, offset, physical, fileSize, memorySize] = fields;
    view.setUint32(at, type, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 16, 0xffff_ffff_8000_0000n + BigInt(physical), true);
    view.setBigUint64(at + 24, BigInt(physical), true);
    view.setBigUint64(at + 32, BigInt(fileSize), true);
    view.setBigUint64(at + 40, BigInt(memorySize), true);
    view.setBigUint64(at + 48, 4n, true);
  };
  programHeader(64, [1, 0x200, address, ELF_CODE.length, options.memorySize ?? 0x1000]);
  programHeader(120, [4, 0x100, address, noteBytes.length, noteBytes.length]);
  file.set(noteBytes, 0x100);
  file.set(ELF_CODE, 0x200);
  return file;
}

function note(name: string, type: number, size: number, value: number): number[] {
  const bytes = new Uint8Array(12 + Math.ceil((name.length + 1) / 4) * 4 + size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, name.length + 1, true);
  view.setUint32(4, size, true);
  view.setUint32(8, type, true);
  bytes.set(new TextEncoder().encode(name), 12);
  view.setUint32(bytes.length - size, value, true);
  return [...bytes];
}

/** Puts the unpacked size after compressed bytes, as the kernel's build does. */
export function withTrailer(compressed: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(compressed.length + 4);
  bytes.set(compressed);
  new DataView(bytes.buffer).setUint32(compressed.length, size, true);
  return bytes;
}
