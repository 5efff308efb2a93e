/**
 * The local vector table: what a local APIC does with its own interrupt sources.
 *
 * Fields by the Intel SDM, volume 3A, figure "Local Vector Table (LVT)".
 *
 * @module
 */

import { LVT_ERROR, LVT_TIMER } from "./apic_registers.ts";

/** Entries, in the order of their registers from offset 0x320 on. */
export enum LvtEntry {
  Timer = 0,
  Thermal = 1,
  Performance = 2,
  Lint0 = 3,
  Lint1 = 4,
  Error = 5,
}

/** Entry whose register is at `offset`, if any. */
export function lvtEntryAt(offset: number): LvtEntry | undefined {
  if (offset < LVT_TIMER || offset > LVT_ERROR || (offset & 0x0f) !== 0) return undefined;
  return (offset - LVT_TIMER) >> 4;
}

/** Number of entries. */
export const LVT_ENTRIES = 6;

export const LVT_VECTOR = 0xff;
export const LVT_DELIVERY_MODE_SHIFT = 8;
export const LVT_DELIVERY_MODE = 0x700;
export const LVT_REMOTE_IRR = 0x4000;
export const LVT_LEVEL_TRIGGER = 0x8000;
export const LVT_MASKED = 0x1_0000;
export const LVT_TIMER_MODE_SHIFT = 17;

/** Delivery status (bit 12) and remote IRR (bit 14) are read-only: a write may carry them, and changes nothing. */
const READ_ONLY = 0x5000;

/** Bits of each entry that a write changes. */
const WRITABLE = Uint32Array.of(
  0x7_00ff, // vector, mask, timer mode
  0x1_07ff, // vector, delivery mode, mask
  0x1_07ff,
  0x1_a7ff, // vector, delivery mode, polarity, trigger, mask
  0x1_a7ff,
  0x1_00ff, // vector, mask
);

/** The entries of one local APIC. */
export class LocalVectorTable {
  readonly #entries = new Uint32Array(LVT_ENTRIES);

  constructor() {
    this.reset();
  }

  read(entry: LvtEntry): number {
    return this.#entries[entry];
  }

  /** Writes an entry. A software-disabled local APIC does not let the mask be cleared. */
  write(entry: LvtEntry, value: number, enabled: boolean): void {
    const kept = this.#entries[entry] & LVT_REMOTE_IRR;
    const written = value & WRITABLE[entry];
    this.#entries[entry] = written | (enabled ? 0 : LVT_MASKED);
    if ((written & LVT_LEVEL_TRIGGER) !== 0) this.#entries[entry] |= kept;
  }

  /** Whether a write of `value` would set a reserved bit, which x2APIC mode answers with #GP. */
  isReserved(entry: LvtEntry, value: number): boolean {
    return (value & ~(WRITABLE[entry] | READ_ONLY)) !== 0;
  }

  setMasked(entry: LvtEntry): void {
    this.#entries[entry] |= LVT_MASKED;
  }

  setRemoteIrr(entry: LvtEntry, value: boolean): void {
    if (value) this.#entries[entry] |= LVT_REMOTE_IRR;
    else this.#entries[entry] &= ~LVT_REMOTE_IRR;
  }

  /** What clearing the software enable bit of SVR does: masks every entry. */
  maskAll(): void {
    for (let entry = 0; entry < LVT_ENTRIES; entry++) this.#entries[entry] |= LVT_MASKED;
  }

  /** State after power-up, reset and INIT: all fields zero, masked. */
  reset(): void {
    this.#entries.fill(LVT_MASKED);
  }

  save(): readonly number[] {
    return Array.from(this.#entries);
  }

  restore(entries: Uint32Array): void {
    for (let entry = 0; entry < LVT_ENTRIES; entry++) {
      this.#entries[entry] = entries[entry] & (WRITABLE[entry] | LVT_REMOTE_IRR);
    }
  }
}
