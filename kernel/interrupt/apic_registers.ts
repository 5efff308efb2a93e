/**
 * Register offsets and fields of the local APIC, and which of them x2APIC mode has.
 *
 * References are to the Intel SDM, volume 3A, chapter "Advanced Programmable Interrupt Controller":
 * table "Local APIC Register Address Map" and table "Local APIC Register Address Map Supported by x2APIC".
 *
 * @module
 */

import { ICR_X2APIC_DEFINED } from "./interrupt_command.ts";

/** Offsets in the 4 KiB page; register `offset` is MSR `0x800 + offset / 16` in x2APIC mode. */
export const ID = 0x020;
export const VERSION = 0x030;
export const TPR = 0x080;
export const APR = 0x090;
export const PPR = 0x0a0;
export const EOI = 0x0b0;
export const RRD = 0x0c0;
export const LDR = 0x0d0;
export const DFR = 0x0e0;
export const SVR = 0x0f0;
export const ISR = 0x100;
export const TMR = 0x180;
export const IRR = 0x200;
export const ESR = 0x280;
export const ICR_LOW = 0x300;
export const ICR_HIGH = 0x310;
export const LVT_TIMER = 0x320;
export const LVT_ERROR = 0x370;
export const TIMER_INITIAL_COUNT = 0x380;
export const TIMER_CURRENT_COUNT = 0x390;
export const TIMER_DIVIDE = 0x3e0;
export const SELF_IPI = 0x3f0;

/**
 * Version register: an integrated APIC (0x14) whose highest LVT entry is 5.
 *
 * The six entries are timer, thermal, performance, LINT0, LINT1 and error. There is no CMCI entry, as the
 * machine-check banks of this processor report no corrected errors, and no EOI-broadcast suppression
 * (bit 24): every EOI of a level-triggered interrupt goes to the I/O APIC.
 */
export const VERSION_VALUE = 0x0005_0014;

export const SVR_VECTOR = 0xff;
/** "APIC software enable/disable". */
export const SVR_ENABLED = 0x100;
/** Focus processor checking (bit 9) can be set and, as on every processor since the Pentium 4, does nothing. */
export const SVR_WRITABLE = 0x3ff;
/** Value after power-up, reset and INIT. */
export const SVR_RESET = 0xff;

/** Model in bits 31:28, the others read as ones. */
export const DFR_RESET = 0xffff_ffff;
export const DFR_ONES = 0x0fff_ffff;

export const ESR_SEND_ILLEGAL_VECTOR = 0x20;
export const ESR_RECEIVE_ILLEGAL_VECTOR = 0x40;
export const ESR_ILLEGAL_REGISTER_ADDRESS = 0x80;

/** Bits of the divide configuration register. */
export const DIVIDE_WRITABLE = 0x0b;

/** IA32_APIC_BASE. */
export const APIC_BASE_BSP = 0x100n;
export const APIC_BASE_EXTD = 0x400n;
export const APIC_BASE_EN = 0x800n;
export const APIC_BASE_RESET = 0xfee0_0000n;

/** First MSR of x2APIC mode. */
export const X2APIC_MSR_FIRST = 0x800;
/** Last MSR that the architecture keeps for x2APIC mode. */
export const X2APIC_MSR_LAST = 0x8ff;

/** Whether the register at `offset` exists and ignores what is written to its page. */
export function isReadOnly(offset: number): boolean {
  if (offset >= ISR && offset < ESR) return (offset & 0x0f) === 0;
  switch (offset) {
    case ID:
    case VERSION:
    case APR:
    case PPR:
    case RRD:
    case TIMER_CURRENT_COUNT:
      return true;
    default:
      return false;
  }
}

/** Whether RDMSR of the register at `offset` is allowed in x2APIC mode. */
export function isX2apicReadable(offset: number): boolean {
  if (offset >= ISR && offset <= ESR) return true;
  if (offset >= LVT_TIMER && offset <= TIMER_CURRENT_COUNT) return true;
  switch (offset) {
    case ID:
    case VERSION:
    case TPR:
    case PPR:
    case LDR:
    case SVR:
    case ICR_LOW:
    case TIMER_DIVIDE:
      return true;
    default:
      return false;
  }
}

/**
 * Bits of the low doubleword that WRMSR to the register at `offset` may set in x2APIC mode, or -1 where
 * the register cannot be written. Only ICR has a high doubleword. LVT entries are not in here.
 */
export function x2apicWritable(offset: number): number {
  switch (offset) {
    case TPR:
    case SELF_IPI:
      return 0xff;
    case EOI:
    case ESR:
      return 0;
    case SVR:
      return SVR_WRITABLE;
    case ICR_LOW:
      return ICR_X2APIC_DEFINED;
    case TIMER_INITIAL_COUNT:
      return 0xffff_ffff;
    case TIMER_DIVIDE:
      return DIVIDE_WRITABLE;
    default:
      return -1;
  }
}
