/**
 * 16550A universal asynchronous receiver/transmitter: a serial port.
 *
 * What the guest transmits is sent to the toolstack at once, so the transmitter is always empty. What
 * the toolstack sends is received as fast as the guest reads it.
 *
 * @module
 */

import { IoreqType } from "../kernel/abi/ioreq.ts";
import { LogLevel } from "../kernel/abi/message.ts";
import type { StateFields } from "../kernel/abi/state.ts";
import type { Device, DeviceContext, Manifest } from "./device.ts";
import { SavedFields } from "./saved_fields.ts";
import { UartReceiver } from "./uart_receiver.ts";
import {
  CLOCK,
  FCR_CLEAR_RECEIVER,
  FCR_ENABLE,
  IER,
  IER_LINE_STATUS,
  IER_MODEM_STATUS,
  IER_RECEIVED_DATA,
  IER_TRANSMITTER_EMPTY,
  IIR,
  IIR_CHARACTER_TIMEOUT,
  IIR_FIFO_ENABLED,
  IIR_LINE_STATUS,
  IIR_MODEM_STATUS,
  IIR_NONE,
  IIR_RECEIVED_DATA,
  IIR_TRANSMITTER_EMPTY,
  LCR,
  LCR_DLAB,
  LSR,
  LSR_DATA_READY,
  LSR_OVERRUN,
  LSR_TRANSMITTER_EMPTY,
  MCR,
  MCR_DTR,
  MCR_LOOP,
  MCR_OUT1,
  MCR_OUT2,
  MCR_RTS,
  MCR_WRITABLE,
  MSR,
  MSR_CTS,
  MSR_DCD,
  MSR_DSR,
  MSR_RI,
  MSR_TRAILING_RI,
  powerOnRegisters,
  restoreRegisters,
  TRIGGER_LEVELS,
  type UartRegisters,
} from "./uart_registers.ts";

/** First port and interrupt of COM1 to COM4. */
export const UART_RESOURCES: readonly { readonly port: number; readonly interrupt: number }[] = [
  { port: 0x3f8, interrupt: 4 },
  { port: 0x2f8, interrupt: 3 },
  { port: 0x3e8, interrupt: 4 },
  { port: 0x2e8, interrupt: 3 },
];

/** What serial port `index` declares; 0 is COM1. @throws {RangeError} if it is not 0 to 3. */
export function uartManifest(index: number): Manifest {
  const resources = UART_RESOURCES[index];
  if (resources === undefined) {
    throw new RangeError(`Cannot make serial port ${index}: there are 4, from 0 on`);
  }
  const { port, interrupt } = resources;
  return {
    name: index === 0 ? "uart" : `uart${index}`,
    description: `16550A serial port COM${index + 1}`,
    ranges: [
      { type: IoreqType.Port, first: port, last: port, posted: true },
      // Not even the interrupt enables: a guest that turns itself off behind its last output would do so before the
      // interrupt that sends it.
      { type: IoreqType.Port, first: port + 1, last: port + 7, posted: false },
    ],
    interrupts: [interrupt],
    dma: false,
    permissions: {},
    stateVersion: 1,
  };
}

/** Where the line status register is in the manifest. */
const LINE_STATUS_RANGE = 1;
const LINE_STATUS_OFFSET = LSR - 1;

const CHARACTER_TIMER = 0;
/** The FIFO times out after as many character times without any of its bytes moving. */
const TIMEOUT_CHARACTERS = 4;

/** The device. */
export class Uart implements Device {
  readonly #context: DeviceContext;
  #receiver = new UartReceiver();
  #registers: UartRegisters = powerOnRegisters();

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  // Range 1 starts at register 1, so a register's number is the sum of range and offset.
  read(range: number, offset: number, _size: number): number {
    this.#registers.transmitting = false;
    switch (range + offset) {
      case 0:
        return this.#dlab ? this.#registers.divisor & 0xff : this.#readData();
      case IER:
        return this.#dlab ? this.#registers.divisor >> 8 : this.#registers.ier;
      case IIR:
        return this.#readInterruptIdentification();
      case LCR:
        return this.#registers.lcr;
      case MCR:
        return this.#registers.mcr;
      case LSR: {
        const status = this.#lineStatus;
        this.#registers.overrun = false;
        this.#update();
        return status;
      }
      case MSR: {
        const status = this.#modemInputs() | this.#registers.msrDelta;
        this.#registers.msrDelta = 0;
        this.#update();
        return status;
      }
      default:
        return this.#registers.scratch;
    }
  }

  write(range: number, offset: number, _size: number, data: number): void {
    const value = data & 0xff;
    const transmitting = this.#registers.transmitting;
    this.#registers.transmitting = false;
    switch (range + offset) {
      case 0:
        if (this.#dlab) this.#setDivisor(this.#registers.divisor & 0xff00 | value);
        else this.#transmit(value, transmitting);
        return;
      case IER:
        if (this.#dlab) this.#setDivisor(this.#registers.divisor & 0xff | value << 8);
        else this.#writeInterruptEnable(value & 0x0f);
        return;
      case IIR:
        return this.#writeFifoControl(value);
      case LCR:
        this.#registers.lcr = value;
        return this.#armTimeout();
      case MCR:
        return this.#writeModemControl(value & MCR_WRITABLE);
      case LSR:
      case MSR:
        // Writes are for the factory's tests only (16550A data sheet, "Line Status Register").
        return;
      default:
        this.#registers.scratch = value;
    }
  }

  timer(_id: number): void {
    this.#registers.deadline = null;
    if (this.#mayTimeOut && this.#context.now() >= this.#timeoutAt) {
      this.#registers.timedOut = true;
      this.#update();
    } else {
      this.#armTimeout();
    }
  }

  /** Receives bytes. What does not fit into 1 MiB of waiting bytes is dropped. */
  input(bytes: Uint8Array): void {
    const dropped = this.#receiver.send(bytes);
    if (dropped > 0) {
      this.#context.log(LogLevel.Warn, `Dropped ${dropped} bytes of input: the guest does not read them`);
    }
    this.#receiveFromLine();
  }

  reset(): void {
    this.#take(new UartReceiver(), powerOnRegisters());
  }

  save(): StateFields {
    return { receiver: this.#receiver.save(), ...this.#registers };
  }

  restore(fields: StateFields): void {
    const saved = new SavedFields(fields);
    const receiver = UartReceiver.restore(saved.record("receiver"));
    this.#take(receiver, restoreRegisters(saved));
  }

  #take(receiver: UartReceiver, registers: UartRegisters): void {
    this.#receiver = receiver;
    this.#registers = registers;
    this.#setDeadline(registers.deadline);
    this.#update();
  }

  get #dlab(): boolean {
    return (this.#registers.lcr & LCR_DLAB) !== 0;
  }

  get #loopback(): boolean {
    return (this.#registers.mcr & MCR_LOOP) !== 0;
  }

  #readData(): number {
    const byte = this.#receiver.read();
    if (byte === undefined) return 0;
    this.#fifoMoved();
    if (!this.#loopback) this.#receiver.fill();
    this.#update();
    this.#armTimeout();
    return byte;
  }

  #receiveFromLine(): void {
    if (this.#loopback || !this.#receiver.fill()) return;
    this.#fifoMoved();
    this.#update();
    this.#armTimeout();
  }

  #transmit(byte: number, burst: boolean): void {
    // Writing THR withdraws the interrupt and its emptying at once gives a new one: an edge on the line.
    // A driver fills the FIFO in one go, so the first byte's edge is enough for all that follow.
    if (!burst) {
      this.#registers.transmitterPending = false;
      this.#update();
    }
    this.#registers.transmitterPending = true;
    this.#registers.transmitting = true;
    if (this.#loopback) {
      if (!this.#receiver.receive(byte)) this.#registers.overrun = true;
      this.#fifoMoved();
      this.#armTimeout();
    } else {
      this.#context.output(new Uint8Array([byte]));
    }
    this.#update();
  }

  #writeInterruptEnable(value: number): void {
    if ((value & ~this.#registers.ier & IER_TRANSMITTER_EMPTY) !== 0) {
      this.#registers.transmitterPending = true;
    }
    this.#registers.ier = value;
    this.#update();
    this.#armTimeout();
  }

  #writeFifoControl(value: number): void {
    const enabled = (value & FCR_ENABLE) !== 0;
    if (enabled !== this.#registers.fifoEnabled) {
      this.#registers.fifoEnabled = enabled;
      this.#receiver.setFifo(enabled);
      this.#registers.timedOut = false;
    }
    // The other bits take effect only together with the enable bit (16550A data sheet, "FIFO Control Register").
    this.#registers.trigger = enabled ? TRIGGER_LEVELS[value >> 6 & 3] : 1;
    if (enabled && (value & FCR_CLEAR_RECEIVER) !== 0) {
      this.#receiver.clear();
      this.#registers.timedOut = false;
    }
    this.#receiveFromLine();
    this.#update();
    this.#armTimeout();
  }

  #writeModemControl(value: number): void {
    const before = this.#modemInputs();
    this.#registers.mcr = value;
    const after = this.#modemInputs();
    // Delta bits are four below their inputs; that of RI marks only its trailing edge.
    const changed = (before ^ after) >> 4;
    this.#registers.msrDelta |= changed & ~MSR_TRAILING_RI;
    if ((before & ~after & MSR_RI) !== 0) this.#registers.msrDelta |= MSR_TRAILING_RI;
    this.#receiveFromLine();
    this.#update();
  }

  /** Outside loopback the port looks like a cable to a terminal that is switched on. */
  #modemInputs(): number {
    if (!this.#loopback) return MSR_DCD | MSR_DSR | MSR_CTS;
    return ((this.#registers.mcr & MCR_RTS) !== 0 ? MSR_CTS : 0) |
      ((this.#registers.mcr & MCR_DTR) !== 0 ? MSR_DSR : 0) |
      ((this.#registers.mcr & MCR_OUT1) !== 0 ? MSR_RI : 0) |
      ((this.#registers.mcr & MCR_OUT2) !== 0 ? MSR_DCD : 0);
  }

  #setDivisor(divisor: number): void {
    this.#registers.divisor = divisor;
    this.#armTimeout();
  }

  /** The interrupt of highest priority, as IIR names it. */
  #interrupt(): number {
    if ((this.#registers.ier & IER_LINE_STATUS) !== 0 && this.#registers.overrun) return IIR_LINE_STATUS;
    if ((this.#registers.ier & IER_RECEIVED_DATA) !== 0) {
      if (this.#receiver.level >= this.#registers.trigger) return IIR_RECEIVED_DATA;
      if (this.#registers.timedOut) return IIR_CHARACTER_TIMEOUT;
    }
    if ((this.#registers.ier & IER_TRANSMITTER_EMPTY) !== 0 && this.#registers.transmitterPending) {
      return IIR_TRANSMITTER_EMPTY;
    }
    if ((this.#registers.ier & IER_MODEM_STATUS) !== 0 && this.#registers.msrDelta !== 0) {
      return IIR_MODEM_STATUS;
    }
    return IIR_NONE;
  }

  #readInterruptIdentification(): number {
    const interrupt = this.#interrupt();
    if (interrupt === IIR_TRANSMITTER_EMPTY) {
      this.#registers.transmitterPending = false;
      this.#update();
    }
    return interrupt | (this.#registers.fifoEnabled ? IIR_FIFO_ENABLED : 0);
  }

  get #lineStatus(): number {
    return LSR_TRANSMITTER_EMPTY | (this.#receiver.level > 0 ? LSR_DATA_READY : 0) |
      (this.#registers.overrun ? LSR_OVERRUN : 0);
  }

  /** Something that the line status or the interrupt depends on may have changed. */
  #update(): void {
    // A driver without interrupts reads the line status for each byte. Reading clears an overrun, and ends a burst for the
    // transmitter's interrupt. In loopback it is changed by writes to the data port, which nobody waits for.
    const { overrun, ier } = this.#registers;
    const simple = !overrun && !this.#loopback && (ier & IER_TRANSMITTER_EMPTY) === 0;
    this.#context.publish(LINE_STATUS_RANGE, LINE_STATUS_OFFSET, simple ? this.#lineStatus : undefined);
    this.#context.setIrq(0, this.#interrupt() !== IIR_NONE);
  }

  #fifoMoved(): void {
    this.#registers.timedOut = false;
    this.#registers.lastMove = this.#context.now();
  }

  get #mayTimeOut(): boolean {
    return this.#registers.fifoEnabled && (this.#registers.ier & IER_RECEIVED_DATA) !== 0 &&
      !this.#registers.timedOut &&
      this.#receiver.level > 0 && this.#receiver.level < this.#registers.trigger;
  }

  /** Guest time at which the FIFO times out if nothing moves. */
  get #timeoutAt(): number {
    const dataBits = 5 + (this.#registers.lcr & 3);
    const parityBits = (this.#registers.lcr & 8) !== 0 ? 1 : 0;
    const stopBits = (this.#registers.lcr & 4) !== 0 ? 2 : 1;
    const bits = TIMEOUT_CHARACTERS * (1 + dataBits + parityBits + stopBits);
    return this.#registers.lastMove +
      Math.ceil(bits * 16 * Math.max(1, this.#registers.divisor) * 1e9 / CLOCK);
  }

  /**
   * Makes sure that the timer comes by the time-out. Moved bytes only put it off, so a timer that comes
   * early is armed again then, not at every byte.
   */
  #armTimeout(): void {
    if (!this.#mayTimeOut) return;
    const at = this.#timeoutAt;
    if (this.#registers.deadline === null || at < this.#registers.deadline) this.#setDeadline(at);
  }

  #setDeadline(deadline: number | null): void {
    this.#registers.deadline = deadline;
    this.#context.setTimer(CHARACTER_TIMER, deadline ?? undefined);
  }
}
