/**
 * The interrupt command register, with which a processor sends interprocessor interrupts.
 *
 * By the Intel SDM, volume 3A, section "Interrupt Command Register (ICR)".
 *
 * @module
 */

import { DeliveryMode, type InterruptMessage, type Shorthand, TriggerMode } from "./delivery.ts";

/** Bits of the low doubleword. */
const VECTOR = 0xff;
const DELIVERY_MODE_SHIFT = 8;
const DESTINATION_LOGICAL = 0x800;
const LEVEL_ASSERT = 0x4000;
const LEVEL_TRIGGER = 0x8000;
const SHORTHAND_SHIFT = 18;

/** All but the delivery status (bit 12): messages arrive at once, so it always reads as idle. */
export const ICR_WRITABLE = 0x000c_cfff;
/** What x2APIC mode lets a guest write: it has no delivery status, but guests write back what they read once. */
export const ICR_X2APIC_DEFINED = 0x000c_dfff;

/** The command that SELF IPI stands for, without its vector: fixed, with shorthand "self". */
export const SELF_IPI_COMMAND = 0x4_0000;

/** Delivery mode of the low doubleword. */
export function commandMode(command: number): number {
  return (command >>> DELIVERY_MODE_SHIFT) & 7;
}

/** Whether a mode can be sent: not remote read, which integrated APICs do not have, and not ExtINT. */
export function isSendable(mode: number): mode is DeliveryMode {
  return mode !== 3 && mode !== DeliveryMode.ExtInt;
}

/** Vector of the low doubleword. */
export function commandVector(command: number): number {
  return command & VECTOR;
}

/** Destination shorthand of the low doubleword. */
export function commandShorthand(command: number): Shorthand {
  return (command >>> SHORTHAND_SHIFT) & 3;
}

/** The message that a command sends. Interprocessor interrupts are edge-triggered whatever bit 15 says. */
export function commandMessage(command: number, destination: number, mode: DeliveryMode): InterruptMessage {
  const deassert = (command & (LEVEL_ASSERT | LEVEL_TRIGGER)) === LEVEL_TRIGGER;
  return {
    destination,
    logical: (command & DESTINATION_LOGICAL) !== 0,
    deliveryMode: mode,
    vector: commandVector(command),
    level: !(mode === DeliveryMode.Init && deassert),
    trigger: TriggerMode.Edge,
  };
}
