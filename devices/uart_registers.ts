/**
 * Registers of the 16550A: their numbers, their bits, and what they hold.
 *
 * @module
 */

import type { SavedFields } from "./saved_fields.ts";

// Registers (16550A data sheet, "Register Addresses"). RBR, THR and DLL are 0; DLM is 1; FCR is 2.
export const IER = 1;
export const IIR = 2;
export const LCR = 3;
export const MCR = 4;
export const LSR = 5;
export const MSR = 6;

export const IER_RECEIVED_DATA = 0x01;
export const IER_TRANSMITTER_EMPTY = 0x02;
export const IER_LINE_STATUS = 0x04;
export const IER_MODEM_STATUS = 0x08;

export const IIR_MODEM_STATUS = 0x00;
export const IIR_NONE = 0x01;
export const IIR_TRANSMITTER_EMPTY = 0x02;
export const IIR_RECEIVED_DATA = 0x04;
export const IIR_LINE_STATUS = 0x06;
export const IIR_CHARACTER_TIMEOUT = 0x0c;
export const IIR_FIFO_ENABLED = 0xc0;

export const FCR_ENABLE = 0x01;
export const FCR_CLEAR_RECEIVER = 0x02;
/** Bytes in the FIFO at which it interrupts, by bits 7 and 6 of FCR. */
export const TRIGGER_LEVELS: readonly number[] = [1, 4, 8, 14];

export const LCR_DLAB = 0x80;

export const MCR_DTR = 0x01;
export const MCR_RTS = 0x02;
export const MCR_OUT1 = 0x04;
export const MCR_OUT2 = 0x08;
export const MCR_LOOP = 0x10;
export const MCR_WRITABLE = 0x1f;

export const LSR_DATA_READY = 0x01;
export const LSR_OVERRUN = 0x02;
export const LSR_TRANSMITTER_EMPTY = 0x60;

export const MSR_TRAILING_RI = 0x04;
export const MSR_CTS = 0x10;
export const MSR_DSR = 0x20;
export const MSR_RI = 0x40;
export const MSR_DCD = 0x80;

/** Input clock in hertz; the baud rate is a sixteenth of it, divided by the divisor. */
export const CLOCK = 1843200;
/** 9600 baud. The data sheet leaves the divisor undefined at power-on. */
export const POWER_ON_DIVISOR = 12;

/** What the port holds, apart from its receiver. */
export interface UartRegisters {
  ier: number;
  fifoEnabled: boolean;
  /** Bytes in the FIFO at which it interrupts. */
  trigger: number;
  lcr: number;
  mcr: number;
  overrun: boolean;
  msrDelta: number;
  scratch: number;
  divisor: number;
  /** The transmitter-empty interrupt is pending. */
  transmitterPending: boolean;
  /** The last access transmitted a byte. */
  transmitting: boolean;
  /** The character time-out has struck. */
  timedOut: boolean;
  /** Guest time at which a byte last moved into or out of the FIFO. */
  lastMove: number;
  /** Deadline that the timer is armed for. */
  deadline: number | null;
}

/** Registers at power-on. */
export function powerOnRegisters(): UartRegisters {
  return {
    ier: 0,
    fifoEnabled: false,
    trigger: 1,
    lcr: 0,
    mcr: 0,
    overrun: false,
    msrDelta: 0,
    scratch: 0,
    divisor: POWER_ON_DIVISOR,
    transmitterPending: false,
    transmitting: false,
    timedOut: false,
    lastMove: 0,
    deadline: null,
  };
}

/** Registers as they were saved. @throws {TypeError} */
export function restoreRegisters(saved: SavedFields): UartRegisters {
  return {
    ier: saved.integer("ier", 0, 0x0f),
    fifoEnabled: saved.flag("fifoEnabled"),
    trigger: saved.integer("trigger", 1, 14),
    lcr: saved.byte("lcr"),
    mcr: saved.integer("mcr", 0, MCR_WRITABLE),
    overrun: saved.flag("overrun"),
    msrDelta: saved.integer("msrDelta", 0, 0x0f),
    scratch: saved.byte("scratch"),
    divisor: saved.integer("divisor", 0, 0xffff),
    transmitterPending: saved.flag("transmitterPending"),
    transmitting: saved.flag("transmitting"),
    timedOut: saved.flag("timedOut"),
    lastMove: saved.time("lastMove"),
    deadline: saved.optionalTime("deadline"),
  };
}
