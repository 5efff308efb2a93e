/**
 * The setup header of a bzImage, from the Linux kernel's boot protocol
 * (Documentation/arch/x86/boot.rst). Offsets count from the start of the file.
 *
 * @module
 */

import { ConfigurationError } from "../configuration_error.ts";
import type { ImageFile } from "./image_file.ts";

const SETUP_SECTS = 0x1f1;
const SYSSIZE = 0x1f4;
const BOOT_FLAG = 0x1fe;
const JUMP = 0x200;
const HEADER = 0x202;
const VERSION = 0x206;
const LOADFLAGS = 0x211;
const INITRD_ADDR_MAX = 0x22c;
const XLOADFLAGS = 0x236;
const CMDLINE_SIZE = 0x238;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const PREF_ADDRESS = 0x258;
const INIT_SIZE = 0x260;

/** Bytes of a file that tell whether it is a bzImage. */
const HEAD_SIZE = 1024;

const BOOT_FLAG_VALUE = 0xaa55;
/** "HdrS" in ASCII, little-endian. */
const HEADER_MAGIC = 0x53726448;
const SECTOR = 512;

/** `loadflags`: the protected-mode code is loaded at 1 MiB or above. */
const LOADED_HIGH = 1 << 0;

/** `xloadflags`: the kernel has the 64-bit entry point at 0x200. */
const XLF_KERNEL_64 = 1 << 0;

/** First version that has everything read here: `init_size` came with 2.10, `xloadflags` with 2.12. */
const MIN_VERSION = 0x020c;

/** A parsed bzImage. The byte arrays are views of the file. */
export interface BzImage {
  /** From offset 0x1f1 to the end of the header: what a zero page takes over. */
  readonly setupHeader: Uint8Array;
  /** What is loaded into memory. Its entry points are at 0 (32-bit) and 0x200 (64-bit). */
  readonly protectedMode: Uint8Array;
  /** The compressed kernel, with the trailing size that the build appends. Empty if there is none. */
  readonly payload: Uint8Array;
  /** Whether the 64-bit entry point is there. */
  readonly has64BitEntry: boolean;
  /** Highest address that the last byte of an initrd may have. */
  readonly initrdAddressMax: number;
  /** Longest command line in bytes, without the zero that ends it. */
  readonly commandLineMax: number;
  /** Address that the kernel prefers to be loaded at. */
  readonly preferredAddress: number;
  /** Bytes from the load address on that the kernel needs until it has read the memory map. */
  readonly initSize: number;
}

/** Whether a file has the signatures of a kernel with a setup header. @throws {ConfigurationError} if it cannot be read */
export async function isBzImage(file: ImageFile): Promise<boolean> {
  return hasSignatures(await file.read(0, HEAD_SIZE));
}

function hasSignatures(file: Uint8Array): boolean {
  if (file.length < HEADER + 4) return false;
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  return view.getUint16(BOOT_FLAG, true) === BOOT_FLAG_VALUE &&
    view.getUint32(HEADER, true) === HEADER_MAGIC;
}

/**
 * Reads the setup header; `name` is what errors call the file.
 *
 * @throws {ConfigurationError} if it is no bzImage, too old, or truncated
 */
export function parseBzImage(file: Uint8Array, name: string): BzImage {
  if (!hasSignatures(file)) {
    throw new ConfigurationError(`Kernel "${name}" is not a Linux kernel: name a bzImage (vmlinuz) file`);
  }
  if (file.length < INIT_SIZE + 4) throw truncated(name);
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const version = view.getUint16(VERSION, true);
  if (version < MIN_VERSION) {
    const text = `${version >> 8}.${String(version & 0xff).padStart(2, "0")}`;
    throw new ConfigurationError(
      `Kernel "${name}" has boot protocol ${text}: use a 64-bit kernel of version 3.8 or later`,
    );
  }
  if ((view.getUint8(LOADFLAGS) & LOADED_HIGH) === 0) {
    throw new ConfigurationError(`Kernel "${name}" is a zImage: use a bzImage`);
  }
  // A zero stands for 4, from the time when the field did not exist.
  const setupBytes = ((view.getUint8(SETUP_SECTS) || 4) + 1) * SECTOR;
  // `syssize` counts paragraphs of 16 bytes, rounded up.
  const codeEnd = setupBytes + view.getUint32(SYSSIZE, true) * 16;
  if (codeEnd - 15 > file.length) throw truncated(name);
  const protectedMode = file.subarray(setupBytes, Math.min(codeEnd, file.length));
  const payloadOffset = view.getUint32(PAYLOAD_OFFSET, true);
  const payloadEnd = payloadOffset + view.getUint32(PAYLOAD_LENGTH, true);
  if (payloadEnd > protectedMode.length) throw truncated(name);
  // The byte at 0x201 is the operand of a short jump, which ends where the header does.
  const headerEnd = Math.min(HEADER + view.getUint8(JUMP + 1), setupBytes);
  return {
    setupHeader: file.subarray(SETUP_SECTS, headerEnd),
    protectedMode,
    payload: protectedMode.subarray(payloadOffset, payloadEnd),
    has64BitEntry: (view.getUint16(XLOADFLAGS, true) & XLF_KERNEL_64) !== 0,
    initrdAddressMax: view.getUint32(INITRD_ADDR_MAX, true),
    commandLineMax: view.getUint32(CMDLINE_SIZE, true),
    preferredAddress: Number(view.getBigUint64(PREF_ADDRESS, true)),
    initSize: view.getUint32(INIT_SIZE, true),
  };
}

function truncated(name: string): ConfigurationError {
  return new ConfigurationError(`Kernel "${name}" is truncated: get the file again`);
}
