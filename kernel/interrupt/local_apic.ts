/**
 * A local APIC, in xAPIC and x2APIC mode.
 *
 * By the Intel SDM, volume 3A, chapter "Advanced Programmable Interrupt Controller". The guest cannot
 * change the APIC ID. There is no bus to wait for: a message has arrived once the register write that sent
 * it is done.
 *
 * @module
 */

import type { StateFields } from "../abi/state.ts";
import * as register from "./apic_registers.ts";
import type { ApicClock } from "./apic_timer.ts";
import {
  DeliveryMode,
  FIRST_LEGAL_VECTOR,
  type InterruptMessage,
  type InterruptTarget,
  type Shorthand,
  Signal,
  TriggerMode,
} from "./delivery.ts";
import { InterruptQueue } from "./interrupt_queue.ts";
import { LocalSources } from "./local_sources.ts";
import { type LvtEntry, lvtEntryAt } from "./local_vector_table.ts";
import { RegisterPage } from "./register_page.ts";
import { integerField, quadwordField, recordField } from "./saved_fields.ts";

/** What a local APIC acts on beside its own registers. */
export interface LocalApicEvents {
  /** Something for the processor. `vector` counts for {@link Signal.Startup} alone. */
  signal(signal: Signal, vector: number): void;
  /** The guest sends an interprocessor interrupt. */
  sendIpi(shorthand: Shorthand, message: InterruptMessage): void;
  /** A level-triggered interrupt has ended: the EOI message for the I/O APIC. */
  endOfInterrupt(vector: number): void;
}

/** One processor's local APIC. */
export class LocalApic implements InterruptTarget {
  /** APIC ID, the same in both modes. */
  readonly id: number;
  readonly #bootProcessor: boolean;
  readonly #reservedBase: bigint;
  readonly #clock: ApicClock;
  readonly #events: LocalApicEvents;
  readonly #queue: InterruptQueue;
  readonly #sources: LocalSources;
  readonly #page: RegisterPage;
  #apicBase = 0n;
  /** Bit EN of IA32_APIC_BASE. */
  #present = true;
  /** Bit EXTD of IA32_APIC_BASE. */
  #x2apic = false;
  #pageAddress = -1;

  /**
   * @param id APIC ID, 0 to 254
   * @param bootProcessor whether this is the bootstrap processor's
   * @param physicalAddressBits width of a physical address, as CPUID reports it
   */
  constructor(
    id: number,
    bootProcessor: boolean,
    physicalAddressBits: number,
    clock: ApicClock,
    events: LocalApicEvents,
  ) {
    this.id = id;
    this.#bootProcessor = bootProcessor;
    const flags = register.APIC_BASE_BSP | register.APIC_BASE_EXTD | register.APIC_BASE_EN;
    this.#reservedBase = ~(((1n << BigInt(physicalAddressBits)) - 0x1000n) | flags);
    this.#clock = clock;
    this.#events = events;
    this.#queue = new InterruptQueue(() => events.signal(Signal.Interrupt, 0));
    this.#sources = new LocalSources(clock, {
      take: (mode, vector, level) => this.#take(mode, vector, level),
      extIntRaised: () => events.signal(Signal.Interrupt, 0),
    });
    this.#page = new RegisterPage(id, this.#queue, this.#sources, {
      sendIpi: (shorthand, message) => events.sendIpi(shorthand, message),
      endOfInterrupt: () => this.endOfInterrupt(),
    });
    this.reset();
  }

  /** IA32_APIC_BASE. */
  get apicBase(): bigint {
    return this.#apicBase;
  }

  /**
   * Moves the register page and changes the mode. Disabling loses what the registers hold.
   * @throws {RangeError} where WRMSR raises #GP: a reserved bit, or a forbidden change of mode
   */
  set apicBase(value: bigint) {
    const present = (value & register.APIC_BASE_EN) !== 0n;
    const x2apic = (value & register.APIC_BASE_EXTD) !== 0n;
    if ((value & this.#reservedBase) !== 0n) {
      throw new RangeError(`Cannot write IA32_APIC_BASE: 0x${value.toString(16)} has reserved bits`);
    }
    // Section "x2APIC State Transitions": xAPIC mode alone leads to x2APIC mode, and disabling alone out of it.
    if ((x2apic && !(present && this.#present)) || (present && !x2apic && this.#x2apic)) {
      throw new RangeError(`Cannot write IA32_APIC_BASE: mode of 0x${value.toString(16)} is out of reach`);
    }
    if (x2apic && !this.#x2apic) this.#page.enterX2apic();
    this.#setBase(value);
    if (present) return;
    this.#resetRegisters();
    // From now on INTR reaches the processor, and may be high.
    this.#events.signal(Signal.Interrupt, 0);
  }

  /** Guest-physical address of the register page, or -1 while no registers are memory-mapped. */
  get pageAddress(): number {
    return this.#pageAddress;
  }

  /** Whether fixed interrupts are taken: neither IA32_APIC_BASE nor SVR disables the local APIC. */
  get enabled(): boolean {
    return this.#present && this.#page.enabled;
  }

  /** The arbitration priority register. */
  get arbitrationPriority(): number {
    return this.#queue.apr;
  }

  /** Whether INTR reaches the processor: LINT0 is in ExtINT mode, or IA32_APIC_BASE disables the local APIC. */
  get acceptsExtInt(): boolean {
    return !this.#present || this.#sources.lint0IsExtInt;
  }

  /** CR8: bits 7:4 of the task priority. @throws {RangeError} above 15, where MOV raises #GP */
  get cr8(): number {
    return this.#queue.tpr >> 4;
  }

  set cr8(value: number) {
    if (!(value >= 0 && value <= 15)) throw new RangeError(`Cannot write CR8: ${value} is not from 0 to 15`);
    this.#queue.tpr = value << 4;
  }

  /** IA32_TSC_DEADLINE. A deadline that has passed already raises the interrupt at once. */
  get tscDeadline(): bigint {
    return this.#sources.timer.tscDeadline;
  }

  set tscDeadline(value: bigint) {
    this.#sources.timer.tscDeadline = value;
    this.#sources.expire(this.#clock.now());
  }

  /** The guest has written its time-stamp counter or IA32_TSC_ADJUST. */
  tscChanged(): void {
    this.#sources.timer.tscChanged();
  }

  /** Vector that the processor takes next if it takes interrupts, or -1. */
  pendingVector(): number {
    return this.#queue.pending;
  }

  /** Takes the pending vector into service and gives it; the spurious vector if there is none any more. */
  acknowledge(): number {
    const vector = this.#queue.acknowledge();
    return vector < 0 ? this.#page.spuriousVector : vector;
  }

  /** EOI: ends the highest interrupt in service. */
  endOfInterrupt(): void {
    const vector = this.#queue.end();
    if (vector < 0) return;
    const level = this.#queue.tmr.has(vector);
    if (level) this.#events.endOfInterrupt(vector);
    this.#sources.endOfInterrupt(vector, level);
  }

  /** Guest time in ns when {@link expire} has something to do, or `undefined`. */
  nextDeadline(): number | undefined {
    const expiry = this.#sources.timer.expiry;
    return expiry === Infinity ? undefined : expiry;
  }

  /**
   * Raises the timer's interrupt if it is due by guest time `now`. A periodic timer that is several periods
   * late raises one, and each other at the EOI of the one before; its phase stays.
   */
  expire(now: number): void {
    this.#sources.expire(now);
  }

  /** Raises the interrupt of a local source, such as the performance counters, as its LVT entry says. */
  raise(source: LvtEntry): void {
    this.#sources.raise(source);
  }

  /**
   * Drives LINT0 (`pin` 0, the 8259A pair's INTR) or LINT1 (`pin` 1, NMI). The polarity bits are kept for the
   * guest to read: `level` true is asserted with either.
   */
  setLint(pin: number, level: boolean): void {
    if (!this.#sources.drive(pin, level)) return;
    if (this.#present) this.#sources.lintRaised(pin);
    else this.#events.signal(pin === 0 ? Signal.Interrupt : Signal.Nmi, 0);
  }

  /** Whether a destination names this local APIC. */
  matches(destination: number, logical: boolean): boolean {
    return this.#present && this.#page.matches(destination, logical);
  }

  /** Takes a message that is for this local APIC. Gives false if it is refused. */
  accept(message: InterruptMessage): boolean {
    if (message.deliveryMode === DeliveryMode.Init && !message.level) return true;
    return this.#take(message.deliveryMode, message.vector, message.trigger === TriggerMode.Level);
  }

  /** Reads the memory-mapped register at `offset`, 0 to 0x3f0; ones while none is memory-mapped. */
  read(offset: number): number {
    return this.#pageAddress < 0 ? 0xffff_ffff : this.#page.read(offset);
  }

  /** Writes the memory-mapped register at `offset`; ignored while none is memory-mapped. */
  write(offset: number, value: number): void {
    if (this.#pageAddress >= 0) this.#page.write(offset, value >>> 0);
  }

  /** RDMSR of 0x800 to 0x8ff. @throws {RangeError} where it raises #GP */
  readMsr(msr: number): bigint {
    const offset = (msr - register.X2APIC_MSR_FIRST) << 4;
    if (!this.#x2apic || !register.isX2apicReadable(offset)) {
      throw new RangeError(`Cannot read MSR 0x${msr.toString(16)} of the local APIC`);
    }
    const low = BigInt(this.#page.read(offset));
    if (offset !== register.ICR_LOW) return low;
    return (BigInt(this.#page.read(register.ICR_HIGH)) << 32n) | low;
  }

  /** WRMSR of 0x800 to 0x8ff. @throws {RangeError} where it raises #GP */
  writeMsr(msr: number, value: bigint): void {
    const offset = (msr - register.X2APIC_MSR_FIRST) << 4;
    const low = Number(value & 0xffff_ffffn);
    const high = Number(value >> 32n);
    if (!this.#x2apic || !this.#isX2apicWrite(offset, low, high)) {
      throw new RangeError(
        `Cannot write 0x${value.toString(16)} to MSR 0x${msr.toString(16)} of the local APIC`,
      );
    }
    if (offset === register.ICR_LOW) this.#page.writeIcr(low, high);
    else if (offset === register.SELF_IPI) this.#page.sendToSelf(low);
    else this.#page.write(offset, low);
  }

  /** State after power-up or RESET. The LINT inputs stay as they are driven. */
  reset(): void {
    const boot = this.#bootProcessor ? register.APIC_BASE_BSP : 0n;
    this.#setBase(register.APIC_BASE_RESET | register.APIC_BASE_EN | boot);
    this.#resetRegisters();
  }

  save(): StateFields {
    return {
      id: this.id,
      apicBase: this.#apicBase,
      page: this.#page.save(),
      queue: this.#queue.save(),
      sources: this.#sources.save(),
    };
  }

  /**
   * Takes over what {@link save} gave. Calls nothing back: the processor looks at what is pending.
   * @throws {TypeError} if a field is missing or out of range
   */
  restore(fields: StateFields): void {
    if (integerField(fields, "id", 0xff) !== this.id) throw new TypeError("Saved APIC ID is another one");
    const base = quadwordField(fields, "apicBase");
    const mode = base & (register.APIC_BASE_EN | register.APIC_BASE_EXTD);
    if ((base & this.#reservedBase) !== 0n || mode === register.APIC_BASE_EXTD) {
      throw new TypeError(`Saved IA32_APIC_BASE 0x${base.toString(16)} is not possible`);
    }
    this.#setBase(base);
    this.#page.restore(recordField(fields, "page"));
    this.#queue.restore(recordField(fields, "queue"));
    this.#sources.restore(recordField(fields, "sources"));
  }

  #setBase(value: bigint): void {
    this.#apicBase = value;
    this.#present = (value & register.APIC_BASE_EN) !== 0n;
    this.#x2apic = (value & register.APIC_BASE_EXTD) !== 0n;
    this.#page.x2apic = this.#x2apic;
    this.#pageAddress = this.#present && !this.#x2apic ? Number(value & ~0xfffn) : -1;
  }

  /** Everything but the APIC ID and IA32_APIC_BASE, which INIT leaves alone. */
  #resetRegisters(): void {
    this.#page.reset();
    this.#sources.reset();
    this.#queue.reset();
  }

  #take(mode: DeliveryMode, vector: number, level: boolean): boolean {
    if (!this.#present) return false;
    switch (mode) {
      case DeliveryMode.Fixed:
      case DeliveryMode.LowestPriority:
        if (!this.#page.enabled) return false;
        if (vector < FIRST_LEGAL_VECTOR) {
          this.#sources.reportError(register.ESR_RECEIVE_ILLEGAL_VECTOR);
          return false;
        }
        this.#queue.request(vector, level);
        return true;
      case DeliveryMode.Smi:
        this.#events.signal(Signal.Smi, 0);
        return true;
      case DeliveryMode.Nmi:
        this.#events.signal(Signal.Nmi, 0);
        return true;
      case DeliveryMode.Init:
        this.#resetRegisters();
        this.#events.signal(Signal.Init, 0);
        return true;
      case DeliveryMode.Startup:
        this.#events.signal(Signal.Startup, vector);
        return true;
      case DeliveryMode.ExtInt:
        this.#events.signal(Signal.ExtInt, 0);
        return true;
      default:
        return false;
    }
  }

  #isX2apicWrite(offset: number, low: number, high: number): boolean {
    const entry = lvtEntryAt(offset);
    if (entry !== undefined) return high === 0 && !this.#sources.isReserved(entry, low);
    const writable = register.x2apicWritable(offset);
    return writable >= 0 && (low & ~writable) === 0 && (high === 0 || offset === register.ICR_LOW);
  }
}
