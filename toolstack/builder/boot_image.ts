/**
 * What the domain builder makes: memory contents, and where a vCPU starts.
 *
 * @module
 */

import type { ImageFile } from "../image/image_file.ts";

/** Bytes to be put at a guest-physical address. RAM that no segment covers is zero at the start. */
export interface Segment {
  readonly gpa: number;
  readonly bytes: Uint8Array;
}

/** Bytes of a file to be put at a guest-physical address, as they are. */
export interface FilePart {
  readonly gpa: number;
  readonly file: ImageFile;
  readonly offset: number;
  readonly length: number;
}

/**
 * Entry by PVH: 32-bit protected mode without paging, flat segments (CS with execute/read, the others with
 * read/write, base 0, limit 4 GiB), a 32-bit TSS, interrupts off, EBX as given.
 */
export interface PvhEntry {
  readonly kind: "pvh";
  readonly eip: number;
  /** Address of the start info. */
  readonly ebx: number;
}

/**
 * Entry in long mode with paging: the GDT as given, CS 0x10, the data segments 0x18, interrupts off, RSI as
 * given. The first 4 GiB are identity-mapped.
 */
export interface LongModeEntry {
  readonly kind: "long";
  readonly rip: bigint;
  /** Address of the zero page. */
  readonly rsi: bigint;
  readonly cr3: bigint;
  readonly gdtBase: bigint;
  /** Bytes of the GDT less one, as in GDTR. */
  readonly gdtLimit: number;
}

/** A domain's memory at its start, and the state of its first vCPU. */
export interface BootImage {
  /** What was made. Segments and parts of files do not overlap. */
  readonly segments: readonly Segment[];
  readonly parts: readonly FilePart[];
  /** What the parts' file holds, if it was unpacked for this image: of no use once that is loaded. */
  readonly unpacked?: Uint8Array;
  readonly entry: PvhEntry | LongModeEntry;
}

/** Legacy devices of which a guest learns through ACPI. */
export interface PlatformDevices {
  /** 8254 timer. */
  readonly pit: boolean;
  /** MC146818 real-time clock. */
  readonly rtc: boolean;
  /** i8042 controller with keyboard and mouse. */
  readonly i8042: boolean;
  /** 16550 at the first serial port. */
  readonly uart: boolean;
  /** 16550 at the second serial port. */
  readonly uart1: boolean;
}

/** What a Linux domain is built from. */
export interface LinuxConfiguration {
  /** A bzImage or vmlinux file. */
  readonly kernel: ImageFile;
  /** What a bzImage holds, if that is known already. */
  readonly unpackedKernel?: ImageFile;
  readonly initrd?: ImageFile;
  readonly commandLine: string;
  /** Bytes of RAM, from 16 MiB to 3584 MiB, a multiple of 4096. */
  readonly memorySize: number;
  /** 1 to {@link MAX_VCPUS}. */
  readonly vcpus: number;
  readonly devices: PlatformDevices;
}

/** Most vCPUs: a local APIC's id has 8 bits, and 255 addresses all of them. */
export const MAX_VCPUS = 255;

/** Fixed places below 640 KiB of what a guest reads once at its start. */
export const START_INFO_BASE = 0x6000;
export const ZERO_PAGE_BASE = 0x7000;
export const GDT_BASE = 0x8000;
export const PAGE_TABLES_BASE = 0x9000;
export const COMMAND_LINE_BASE = 0x2_0000;
