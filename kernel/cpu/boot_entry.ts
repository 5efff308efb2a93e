/**
 * Registers for a guest's first instruction, by boot protocol.
 *
 * @module
 */

import type { BootEntry } from "../abi/control.ts";
import type { SoftwareCpu } from "./software_cpu.ts";
import { CR, Cr0, Cr4, EFER, Efer, GDTR, Gpr, Segment, SegmentAttribute } from "./state.ts";

const FLAT_CODE = 0x9b | SegmentAttribute.DB | SegmentAttribute.GRANULARITY;
const FLAT_DATA = 0x93 | SegmentAttribute.DB | SegmentAttribute.GRANULARITY;
const LONG_CODE = 0x9b | SegmentAttribute.LONG | SegmentAttribute.GRANULARITY;
const DATA_SEGMENTS = [Segment.ES, Segment.SS, Segment.DS, Segment.FS, Segment.GS] as const;

/** Selectors that Linux's 64-bit boot protocol asks for. */
const BOOT_CS = 0x10;
const BOOT_DS = 0x18;

/** Sets the registers that `entry` asks for, on top of the state after RESET. */
export function enterGuest(cpu: SoftwareCpu, entry: BootEntry): void {
  switch (entry.kind) {
    case "reset":
      return;
    case "pvh":
      enterProtected(cpu, entry.eip, entry.ebx);
      return;
    case "long":
      enterLong(cpu, entry);
  }
}

/** PVH: 32-bit protected mode, no paging, flat segments, EBX -> hvm_start_info (Xen's pvh.pandoc). */
function enterProtected(cpu: SoftwareCpu, eip: number, ebx: number): void {
  cpu.set64(CR, BigInt(Cr0.PE | Cr0.ET));
  flatSegments(cpu, 0);
  cpu.setSegment(Segment.CS, 0, 0n, 0xffffffff, FLAT_CODE);
  cpu.setSegment(Segment.TR, 0, 0n, 0x67, 0x8b);
  cpu.gpr[Gpr.RBX] = BigInt(ebx >>> 0);
  cpu.rip = BigInt(eip >>> 0);
  cpu.pagingChanged({ kind: "mode" });
}

/** The 64-bit boot protocol: identity-mapped, RSI -> boot_params (Linux's Documentation/arch/x86/boot.rst). */
function enterLong(cpu: SoftwareCpu, entry: Extract<BootEntry, { kind: "long" }>): void {
  cpu.set64(CR + 3 * 8, BigInt(entry.cr3));
  cpu.set64(CR + 4 * 8, BigInt(Cr4.PAE));
  cpu.set64(EFER, BigInt(Efer.LME | Efer.LMA));
  cpu.set64(CR, BigInt(Cr0.PE | Cr0.ET) | BigInt(Cr0.PG));
  cpu.set64(GDTR, BigInt(entry.gdt));
  cpu.set64(GDTR + 8, BigInt(entry.gdtLimit));
  flatSegments(cpu, BOOT_DS);
  cpu.setSegment(Segment.CS, BOOT_CS, 0n, 0xffffffff, LONG_CODE);
  cpu.setSegment(Segment.TR, 0, 0n, 0x67, 0x8b);
  cpu.gpr[Gpr.RSI] = BigInt(entry.rsi);
  cpu.gpr[Gpr.RSP] = BigInt(entry.rsp);
  cpu.rip = BigInt(entry.rip);
  cpu.pagingChanged({ kind: "mode" });
}

function flatSegments(cpu: SoftwareCpu, selector: number): void {
  for (const segment of DATA_SEGMENTS) cpu.setSegment(segment, selector, 0n, 0xffffffff, FLAT_DATA);
}
