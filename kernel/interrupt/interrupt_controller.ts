/**
 * All interrupt controllers of a domain, wired as in a PC.
 *
 * - ISA interrupts drive the 8259A pair and the I/O APIC's pin of the same number, but interrupt 0 drives pin
 *   2; pin 0 has the pair's INTR, for guests that take its interrupts as ExtINT messages.
 * - INTR is also LINT0 of every local APIC, and NMI is LINT1.
 * - The APIC ID of a vCPU is its index.
 *
 * It does no I/O and has no clock of its own. What it calls back, it calls back before the access returns.
 *
 * @module
 */

import type { StateFields } from "../abi/state.ts";
import { X2APIC_MSR_FIRST, X2APIC_MSR_LAST } from "./apic_registers.ts";
import type { ApicClock } from "./apic_timer.ts";
import { decodeMsi, InterruptBus, Signal } from "./delivery.ts";
import { IO_APIC_PINS, IoApic } from "./io_apic.ts";
import { LocalApic } from "./local_apic.ts";
import { Pic } from "./pic.ts";
import { integerField, recordField, recordsField, wordsField } from "./saved_fields.ts";

/** Guest-physical address of the I/O APIC. */
export const IO_APIC_ADDRESS = 0xfec0_0000;
/** The I/O APIC and each local APIC answer for 4 KiB. */
const PAGE_SIZE = 0x1000;

/** Most vCPUs: the 8-bit destination 0xff is the broadcast, and I/O APIC and MSIs have no other. */
export const MAX_VCPUS = 255;

const IA32_APIC_BASE = 0x1b;
const IA32_TSC_DEADLINE = 0x6e0;

/** Version of what {@link InterruptController.save} gives. */
const STATE_VERSION = 1;

const ISA_INTERRUPTS = 16;
/** ISA interrupt of the timer, and the pin that it is wired to instead of its own. */
const TIMER_IRQ = 0;
const TIMER_PIN = 2;
/** The pin that INTR is wired to. */
const INTR_PIN = 0;

/** What an {@link InterruptController} is made of. */
export interface InterruptControllerOptions {
  /** A clock for each vCPU. */
  readonly clocks: readonly ApicClock[];
  /** Width of a physical address, as CPUID reports it. */
  readonly physicalAddressBits: number;
  /**
   * Something for a vCPU. {@link Signal.Interrupt} and {@link Signal.ExtInt} say that
   * {@link InterruptController.pending} is worth asking; the others are for the vCPU to act on. `vector`
   * counts for {@link Signal.Startup} alone.
   */
  signal(vcpu: number, signal: Signal, vector: number): void;
}

/** 8259A pair, I/O APIC and a local APIC for each vCPU. */
export class InterruptController {
  readonly pic = new Pic();
  readonly ioApic: IoApic;
  readonly localApics: readonly LocalApic[];
  readonly #bus: InterruptBus;
  readonly #signal: (vcpu: number, signal: Signal, vector: number) => void;
  /** Lines as they are driven, by global system interrupt. */
  readonly #lines = new Uint8Array(IO_APIC_PINS);
  /** vCPUs that an ExtINT message has reached and that have not acknowledged it. */
  readonly #extInt: Uint8Array;
  #intr = false;

  /** @throws {RangeError} unless there are 1 to {@link MAX_VCPUS} clocks */
  constructor(options: InterruptControllerOptions) {
    const count = options.clocks.length;
    if (count < 1 || count > MAX_VCPUS) {
      throw new RangeError(
        `Cannot make interrupt controllers for ${count} vCPUs: 1 to ${MAX_VCPUS} are possible`,
      );
    }
    this.#signal = (vcpu, signal, vector) => options.signal(vcpu, signal, vector);
    this.#extInt = new Uint8Array(count);
    this.localApics = options.clocks.map((clock, vcpu) =>
      new LocalApic(vcpu, vcpu === 0, options.physicalAddressBits, clock, {
        signal: (signal, vector) => this.#signalFrom(vcpu, signal, vector),
        sendIpi: (shorthand, message) => this.#bus.sendIpi(vcpu, shorthand, message),
        endOfInterrupt: (vector) => this.ioApic.endOfInterrupt(vector),
      })
    );
    this.#bus = new InterruptBus(this.localApics);
    this.ioApic = new IoApic((message) => this.#bus.deliver(message));
  }

  /**
   * Drives the line of a global system interrupt; `level` true is asserted. Global system interrupt 2 is
   * the timer's pin of the I/O APIC, without the 8259A pair.
   * @throws {RangeError} if `gsi` is not from 0 to 23
   */
  setLine(gsi: number, level: boolean): void {
    if (!(gsi >= 0 && gsi < IO_APIC_PINS)) {
      throw new RangeError(`Cannot drive interrupt ${gsi}: the last one is ${IO_APIC_PINS - 1}`);
    }
    const value = level ? 1 : 0;
    if (this.#lines[gsi] === value) return;
    this.#lines[gsi] = value;
    if (gsi === TIMER_IRQ || gsi === TIMER_PIN) {
      this.ioApic.setLine(TIMER_PIN, (this.#lines[TIMER_IRQ] | this.#lines[TIMER_PIN]) !== 0);
    } else {
      this.ioApic.setLine(gsi, level);
    }
    if (gsi < ISA_INTERRUPTS) {
      this.pic.setLine(gsi, level);
      this.#driveIntr();
    }
  }

  /** Drives the NMI line, which is LINT1 of every local APIC. */
  setNmi(level: boolean): void {
    for (const localApic of this.localApics) localApic.setLint(1, level);
  }

  /** Sends a message-signalled interrupt. Gives false if `address` and `data` are none, or nobody accepted it. */
  injectMsi(address: number, data: number): boolean {
    const message = decodeMsi(address, data);
    return message !== undefined && this.#bus.deliver(message);
  }

  /** Reads a byte from a port of `PIC_PORTS`. */
  readPort(port: number): number {
    const value = this.pic.read(port);
    // A poll acknowledges.
    this.#driveIntr();
    return value;
  }

  /** Writes a byte to a port of `PIC_PORTS`. */
  writePort(port: number, value: number): void {
    this.pic.write(port, value);
    this.#driveIntr();
  }

  /** Whether an access of `vcpu` to guest-physical address `gpa` is one to a controller's registers. */
  ownsMemory(vcpu: number, gpa: number): boolean {
    if (gpa >= IO_APIC_ADDRESS && gpa < IO_APIC_ADDRESS + PAGE_SIZE) return true;
    return this.#localOffset(vcpu, gpa) >= 0;
  }

  /**
   * Reads `size` (1, 2 or 4) bytes where {@link ownsMemory} says yes. Registers are 32 bits wide and 16
   * bytes apart; a narrow read gives that part of one.
   */
  readMemory(vcpu: number, gpa: number, size: number): number {
    const offset = this.#localOffset(vcpu, gpa);
    const register = offset >= 0 ? this.localApics[vcpu].read(offset & ~3) : this.ioApic.read(gpa & 0xffc, 4);
    const value = register >>> (8 * (gpa & 3));
    return size === 4 ? value : value & (size === 2 ? 0xffff : 0xff);
  }

  /**
   * Writes `size` (1, 2 or 4) bytes where {@link ownsMemory} says yes. The local APIC ignores writes that are
   * not of 32 bits at a register's start.
   */
  writeMemory(vcpu: number, gpa: number, size: number, value: number): void {
    const offset = this.#localOffset(vcpu, gpa);
    if (offset < 0) this.ioApic.write(gpa & 0xfff, size, value);
    else if (size === 4 && (offset & 0x0f) === 0) this.localApics[vcpu].write(offset, value);
  }

  /** Whether RDMSR and WRMSR of `msr` are for {@link readMsr} and {@link writeMsr}. */
  ownsMsr(msr: number): boolean {
    return msr >= X2APIC_MSR_FIRST && msr <= X2APIC_MSR_LAST || msr === IA32_TSC_DEADLINE ||
      msr === IA32_APIC_BASE;
  }

  /** RDMSR of a local APIC's MSR. @throws {RangeError} where it raises #GP */
  readMsr(vcpu: number, msr: number): bigint {
    const localApic = this.localApics[vcpu];
    if (msr === IA32_TSC_DEADLINE) return localApic.tscDeadline;
    return msr === IA32_APIC_BASE ? localApic.apicBase : localApic.readMsr(msr);
  }

  /** WRMSR of a local APIC's MSR. @throws {RangeError} where it raises #GP */
  writeMsr(vcpu: number, msr: number, value: bigint): void {
    const localApic = this.localApics[vcpu];
    if (msr === IA32_TSC_DEADLINE) localApic.tscDeadline = value;
    else if (msr === IA32_APIC_BASE) localApic.apicBase = value;
    else localApic.writeMsr(msr, value);
  }

  /** Whether an interrupt would be delivered to `vcpu` if it took interrupts now (IF = 1, no shadow). */
  pending(vcpu: number): boolean {
    const localApic = this.localApics[vcpu];
    return localApic.pendingVector() >= 0 ||
      (this.#intr && (localApic.acceptsExtInt || this.#extInt[vcpu] !== 0));
  }

  /**
   * Delivers an interrupt to `vcpu` and gives its vector. The 8259A pair goes before the local APIC, whose
   * priorities it does not know. Where nothing is pending any more, the vector is a spurious one.
   */
  acknowledge(vcpu: number): number {
    const localApic = this.localApics[vcpu];
    const wired = localApic.acceptsExtInt || this.#extInt[vcpu] !== 0;
    if (!wired || (!this.#intr && localApic.pendingVector() >= 0)) return localApic.acknowledge();
    this.#extInt[vcpu] = 0;
    const vector = this.pic.acknowledge();
    // INTR falls with each acknowledge, so that what still waits makes an edge.
    this.#setIntr(false);
    this.#driveIntr();
    return vector;
  }

  /** Guest time in ns when {@link expire} has something to do for `vcpu`, or `undefined`. */
  nextDeadline(vcpu: number): number | undefined {
    return this.localApics[vcpu].nextDeadline();
  }

  /** Raises the timer interrupt of `vcpu` if it is due by guest time `now` (ns). */
  expire(vcpu: number, now: number): void {
    this.localApics[vcpu].expire(now);
  }

  /** State after power-up or RESET of the machine. The lines stay as they are driven. */
  reset(): void {
    for (const localApic of this.localApics) localApic.reset();
    this.ioApic.reset();
    this.pic.reset();
    this.#driveIntr();
    this.#extInt.fill(0);
    this.#bus.turn = 0;
  }

  save(): StateFields {
    return {
      version: STATE_VERSION,
      pic: this.pic.save(),
      ioApic: this.ioApic.save(),
      localApics: this.localApics.map((localApic) => localApic.save()),
      lines: Array.from(this.#lines),
      extInt: Array.from(this.#extInt),
      turn: this.#bus.turn,
    };
  }

  /**
   * Takes over what {@link save} gave, for the same number of vCPUs. Calls nothing back: each vCPU asks what is
   * pending. Where it throws, the controllers are to be reset or restored anew.
   * @throws {TypeError} if the version is another one, or a field is missing or out of range
   */
  restore(fields: StateFields): void {
    const version = integerField(fields, "version", Number.MAX_SAFE_INTEGER);
    if (version !== STATE_VERSION) {
      throw new TypeError(`Cannot restore interrupt controllers: version ${version} is not ${STATE_VERSION}`);
    }
    const count = this.localApics.length;
    const localApics = recordsField(fields, "localApics", count);
    this.pic.restore(recordField(fields, "pic"));
    this.ioApic.restore(recordField(fields, "ioApic"));
    this.localApics.forEach((localApic, vcpu) => localApic.restore(localApics[vcpu]));
    this.#lines.set(wordsField(fields, "lines", IO_APIC_PINS));
    this.#extInt.set(wordsField(fields, "extInt", count));
    this.#bus.turn = integerField(fields, "turn", count - 1);
    this.#intr = this.pic.output;
  }

  /** Offset of `gpa` in the register page of the vCPU's local APIC, or -1. */
  #localOffset(vcpu: number, gpa: number): number {
    const page = this.localApics[vcpu].pageAddress;
    return page >= 0 && gpa >= page && gpa < page + PAGE_SIZE ? gpa - page : -1;
  }

  #driveIntr(): void {
    this.#setIntr(this.pic.output);
  }

  #setIntr(level: boolean): void {
    if (level === this.#intr) return;
    this.#intr = level;
    this.ioApic.setLine(INTR_PIN, level);
    for (const localApic of this.localApics) localApic.setLint(0, level);
  }

  #signalFrom(vcpu: number, signal: Signal, vector: number): void {
    if (signal === Signal.ExtInt) this.#extInt[vcpu] = 1;
    else if (signal === Signal.Init) this.#extInt[vcpu] = 0;
    this.#signal(vcpu, signal, vector);
  }
}
