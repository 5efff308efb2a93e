/**
 * The registers of a local APIC, as a guest reads and writes them.
 *
 * By the Intel SDM, volume 3A, chapter "Advanced Programmable Interrupt Controller". Which of them an
 * access may reach in which mode is the affair of `local_apic.ts`.
 *
 * @module
 */

import type { StateFields } from "../abi/state.ts";
import * as register from "./apic_registers.ts";
import {
  BROADCAST,
  DeliveryMode,
  destination8,
  FIRST_LEGAL_VECTOR,
  type InterruptMessage,
  type Shorthand,
} from "./delivery.ts";
import {
  commandMessage,
  commandMode,
  commandShorthand,
  commandVector,
  ICR_WRITABLE,
  isSendable,
  SELF_IPI_COMMAND,
} from "./interrupt_command.ts";
import type { InterruptQueue } from "./interrupt_queue.ts";
import type { LocalSources } from "./local_sources.ts";
import { lvtEntryAt } from "./local_vector_table.ts";
import { matchesLogical, matchesX2apicLogical, x2apicLogicalId } from "./logical_destination.ts";
import { integerField } from "./saved_fields.ts";

/** What writes to registers set off. */
export interface RegisterPageEvents {
  /** The guest sends an interprocessor interrupt. */
  sendIpi(shorthand: Shorthand, message: InterruptMessage): void;
  /** The guest writes EOI. */
  endOfInterrupt(): void;
}

/** Register page of one local APIC. It holds what its queue and its local sources do not. */
export class RegisterPage {
  /** Whether ID, LDR and ICR have their x2APIC form. */
  x2apic = false;
  readonly #id: number;
  readonly #queue: InterruptQueue;
  readonly #sources: LocalSources;
  readonly #events: RegisterPageEvents;
  #ldr = 0;
  #dfr = register.DFR_RESET;
  #svr = register.SVR_RESET;
  #icrLow = 0;
  #icrHigh = 0;

  constructor(id: number, queue: InterruptQueue, sources: LocalSources, events: RegisterPageEvents) {
    this.#id = id;
    this.#queue = queue;
    this.#sources = sources;
    this.#events = events;
  }

  /** SVR's software enable bit. */
  get enabled(): boolean {
    return (this.#svr & register.SVR_ENABLED) !== 0;
  }

  /** Vector that an acknowledge with nothing to deliver gives. */
  get spuriousVector(): number {
    return this.#svr & register.SVR_VECTOR;
  }

  /** Whether a destination names this local APIC. */
  matches(destination: number, logical: boolean): boolean {
    if (destination === BROADCAST) return true;
    if (!logical) return destination === this.#id;
    return this.x2apic
      ? matchesX2apicLogical(destination, x2apicLogicalId(this.#id))
      : matchesLogical(destination, this.#ldr, this.#dfr);
  }

  /** Reads the register at `offset`. */
  read(offset: number): number {
    switch (offset) {
      case register.ID:
        return this.x2apic ? this.#id : (this.#id << 24) >>> 0;
      case register.VERSION:
        return register.VERSION_VALUE;
      case register.TPR:
        return this.#queue.tpr;
      case register.APR:
        return this.#queue.apr;
      case register.PPR:
        return this.#queue.ppr;
      case register.EOI:
      case register.RRD:
        return 0;
      case register.LDR:
        return this.x2apic ? x2apicLogicalId(this.#id) : this.#ldr;
      case register.DFR:
        return this.#dfr;
      case register.SVR:
        return this.#svr;
      case register.ESR:
        return this.#sources.esr;
      case register.ICR_LOW:
        return this.#icrLow;
      case register.ICR_HIGH:
        return this.#icrHigh;
      case register.TIMER_INITIAL_COUNT:
        return this.#sources.timer.initialCount;
      case register.TIMER_CURRENT_COUNT:
        return this.#sources.timer.currentCount;
      case register.TIMER_DIVIDE:
        return this.#sources.timer.divideConfiguration;
    }
    const index = (offset >> 4) & 7;
    switch (offset & ~0x70) {
      case register.ISR:
        return this.#queue.isr.word(index);
      case register.TMR:
        return this.#queue.tmr.word(index);
      case register.IRR:
        return this.#queue.irr.word(index);
    }
    const entry = lvtEntryAt(offset);
    if (entry !== undefined) return this.#sources.readEntry(entry);
    this.#sources.reportError(register.ESR_ILLEGAL_REGISTER_ADDRESS);
    return 0;
  }

  /** Writes the register at `offset`; `value` is unsigned. */
  write(offset: number, value: number): void {
    switch (offset) {
      case register.EOI:
        this.#events.endOfInterrupt();
        return;
      case register.TPR:
        this.#queue.tpr = value & 0xff;
        return;
      case register.ICR_LOW:
        this.#icrLow = value & ICR_WRITABLE;
        this.#send(this.#icrLow);
        return;
      case register.ICR_HIGH:
        this.#icrHigh = (value & 0xff00_0000) >>> 0;
        return;
      case register.TIMER_INITIAL_COUNT:
        this.#sources.startCountdown(value);
        return;
      case register.TIMER_DIVIDE:
        this.#sources.timer.divideConfiguration = value;
        return;
      case register.LDR:
        this.#ldr = (value & 0xff00_0000) >>> 0;
        return;
      case register.DFR:
        this.#dfr = (value | register.DFR_ONES) >>> 0;
        return;
      case register.SVR:
        this.#svr = value & register.SVR_WRITABLE;
        if (!this.enabled) this.#sources.maskAll();
        return;
      case register.ESR:
        this.#sources.latchErrors();
        return;
    }
    const entry = lvtEntryAt(offset);
    if (entry !== undefined) this.#sources.writeEntry(entry, value, this.enabled);
    else if (!register.isReadOnly(offset)) {
      this.#sources.reportError(register.ESR_ILLEGAL_REGISTER_ADDRESS);
    }
  }

  /** Writes both doublewords of the ICR, which sends. */
  writeIcr(low: number, high: number): void {
    this.#icrHigh = high;
    this.write(register.ICR_LOW, low);
  }

  /** Writes SELF IPI. */
  sendToSelf(vector: number): void {
    this.#send(SELF_IPI_COMMAND | vector);
  }

  /** Enters x2APIC mode: the destination that xAPIC mode wrote does not carry over. */
  enterX2apic(): void {
    this.#icrHigh = 0;
  }

  /** State after power-up, reset and INIT. */
  reset(): void {
    this.#ldr = 0;
    this.#dfr = register.DFR_RESET;
    this.#svr = register.SVR_RESET;
    this.#icrLow = 0;
    this.#icrHigh = 0;
  }

  save(): StateFields {
    return {
      ldr: this.#ldr,
      dfr: this.#dfr,
      svr: this.#svr,
      icrLow: this.#icrLow,
      icrHigh: this.#icrHigh,
    };
  }

  /** Takes over what {@link save} gave. @throws {TypeError} if a field is missing or out of range */
  restore(fields: StateFields): void {
    this.#ldr = integerField(fields, "ldr", 0xffff_ffff);
    this.#dfr = integerField(fields, "dfr", 0xffff_ffff);
    this.#svr = integerField(fields, "svr", register.SVR_WRITABLE);
    this.#icrLow = integerField(fields, "icrLow", 0xffff_ffff);
    this.#icrHigh = integerField(fields, "icrHigh", 0xffff_ffff);
  }

  /** Sends what a command of the ICR says. */
  #send(command: number): void {
    const mode = commandMode(command);
    if (mode <= DeliveryMode.LowestPriority && commandVector(command) < FIRST_LEGAL_VECTOR) {
      this.#sources.reportError(register.ESR_SEND_ILLEGAL_VECTOR);
    } else if (isSendable(mode)) {
      const destination = this.x2apic ? this.#icrHigh : destination8(this.#icrHigh >>> 24);
      this.#events.sendIpi(commandShorthand(command), commandMessage(command, destination, mode));
    }
  }
}
