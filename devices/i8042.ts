/**
 * i8042 keyboard controller with a PS/2 keyboard and mouse, and port 0x92 of the PS/2.
 *
 * A byte is in the output buffer as soon as there is one and the buffer is empty: the controller's own
 * answers first, then the keyboard's bytes, then the mouse's.
 *
 * @module
 */

import { IoreqType } from "../kernel/abi/ioreq.ts";
import { LogLevel, PowerRequest } from "../kernel/abi/message.ts";
import type { StateFields } from "../kernel/abi/state.ts";
import type { Device, DeviceContext, Manifest } from "./device.ts";
import type { Ps2Timer } from "./ps2_device.ts";
import { parsePs2Input, type Ps2Input } from "./ps2_input.ts";
import { Ps2Keyboard } from "./ps2_keyboard.ts";
import { Ps2Mouse } from "./ps2_mouse.ts";
import { SavedFields } from "./saved_fields.ts";
import { translate } from "./scan_codes.ts";

const DATA_PORT = 0x60;
const COMMAND_PORT = 0x64;
const SYSTEM_CONTROL_PORT = 0x92;

/** What the device declares. */
export const I8042_MANIFEST: Manifest = {
  name: "i8042",
  description: "i8042 keyboard controller with PS/2 keyboard and mouse",
  ranges: [DATA_PORT, COMMAND_PORT, SYSTEM_CONTROL_PORT].map((port) => ({
    type: IoreqType.Port,
    first: port,
    last: port,
    posted: false,
  })),
  interrupts: [1, 12],
  dma: false,
  permissions: {},
  stateVersion: 1,
};

const DATA_RANGE = 0;
const COMMAND_RANGE = 1;

const KEYBOARD_INTERRUPT = 0;
const MOUSE_INTERRUPT = 1;

// Status register (IBM PS/2 Technical Reference, "Keyboard/Auxiliary Device Controller").
const STATUS_OUTPUT_FULL = 0x01;
const STATUS_SYSTEM = 0x04;
const STATUS_COMMAND = 0x08;
/** The keyboard is not locked by its key. */
const STATUS_UNLOCKED = 0x10;
const STATUS_MOUSE_DATA = 0x20;

// Controller command byte, which is byte 0 of the controller's RAM.
const CCB_KEYBOARD_INTERRUPT = 0x01;
const CCB_MOUSE_INTERRUPT = 0x02;
const CCB_SYSTEM = 0x04;
const CCB_KEYBOARD_DISABLED = 0x10;
const CCB_MOUSE_DISABLED = 0x20;
const CCB_TRANSLATE = 0x40;
/** As firmware leaves it, since a domain may start a kernel without any. */
const CCB_POWER_ON = CCB_KEYBOARD_INTERRUPT | CCB_MOUSE_INTERRUPT | CCB_SYSTEM | CCB_TRANSLATE;

const RAM_SIZE = 32;

// Output port: lines that the controller drives.
const OUTPUT_NOT_RESET = 0x01;
const OUTPUT_A20 = 0x02;
const OUTPUT_KEYBOARD_INTERRUPT = 0x10;
const OUTPUT_MOUSE_INTERRUPT = 0x20;
/** Clock and data lines of both devices, which are idle. */
const OUTPUT_IDLE = 0xcc;

/** Input port: keyboard not locked, all else as the boards have it. */
const INPUT_PORT = 0x80;

// Port 0x92 (IBM PS/2 Technical Reference, "System Control Port A").
const CONTROL_FAST_RESET = 0x01;
const CONTROL_A20 = 0x02;

const SELF_TEST_PASSED = 0x55;
const NO_PASSWORD = 0xf1;
/** Prefix of the code of a key that goes up, which translation turns into bit 7 of the code. */
const BREAK_PREFIX = 0xf0;
const MOST_RESPONSES = 16;

/** The device. */
export class I8042 implements Device {
  readonly #context: DeviceContext;
  readonly #keyboard: Ps2Keyboard;
  readonly #mouse: Ps2Mouse;
  #ram = new Uint8Array(RAM_SIZE);
  /** Output buffer; its last byte can be read again. */
  #data = 0;
  #full = false;
  #fromMouse = false;
  /** The last write was to the command port. */
  #wroteCommand = false;
  /** Command whose data byte is to come. */
  #command: number | null = null;
  /** Bytes of the controller's own for the output buffer; from 0x100 on as if the mouse sent them. */
  #responses: number[] = [];
  /** Translation has taken a break prefix. */
  #break = false;
  #a20 = true;
  #fastReset = false;

  constructor(context: DeviceContext) {
    this.#context = context;
    const timer = (id: number): Ps2Timer => ({
      now: () => context.now(),
      set: (deadline) => context.setTimer(id, deadline),
    });
    this.#keyboard = new Ps2Keyboard(timer(KEYBOARD_INTERRUPT));
    this.#mouse = new Ps2Mouse(timer(MOUSE_INTERRUPT));
    this.#ram[0] = CCB_POWER_ON;
  }

  read(range: number, _offset: number, _size: number): number {
    if (range === DATA_RANGE) {
      const data = this.#data;
      this.#full = false;
      // The line falls between two bytes, so that each is an edge.
      this.#update();
      this.#fill();
      return data;
    }
    if (range === COMMAND_RANGE) return this.#status;
    return (this.#a20 ? CONTROL_A20 : 0) | (this.#fastReset ? CONTROL_FAST_RESET : 0);
  }

  write(range: number, _offset: number, _size: number, data: number): void {
    const value = data & 0xff;
    if (range === DATA_RANGE) {
      this.#wroteCommand = false;
      this.#writeData(value);
    } else if (range === COMMAND_RANGE) {
      this.#wroteCommand = true;
      this.#execute(value);
    } else {
      this.#a20 = (value & CONTROL_A20) !== 0;
      const fastReset = (value & CONTROL_FAST_RESET) !== 0;
      if (fastReset && !this.#fastReset) this.#resetMachine();
      this.#fastReset = fastReset;
    }
    this.#fill();
    this.#update();
  }

  timer(id: number): void {
    if (id === KEYBOARD_INTERRUPT) this.#keyboard.timer();
    else this.#mouse.timer();
    this.#fill();
  }

  /** Takes what a person did, see `ps2_input.ts`. If any line is malformed, nothing of it happens. */
  input(bytes: Uint8Array): void {
    let inputs: Ps2Input[];
    try {
      inputs = parsePs2Input(bytes);
    } catch (error) {
      this.#context.log(LogLevel.Warn, error instanceof Error ? error.message : String(error));
      return;
    }
    for (const input of inputs) {
      if (input.kind === "key") this.#keyboard.press(input.name, input.down);
      else if (input.kind === "move") this.#mouse.move(input.dx, input.dy, input.wheel);
      else this.#mouse.press(input.bits, input.down);
      this.#fill();
    }
  }

  reset(): void {
    this.#keyboard.reset();
    this.#mouse.reset();
    this.#ram.fill(0);
    this.#ram[0] = CCB_POWER_ON;
    this.#data = 0;
    this.#full = false;
    this.#fromMouse = false;
    this.#wroteCommand = false;
    this.#command = null;
    this.#responses = [];
    this.#break = false;
    this.#a20 = true;
    this.#fastReset = false;
    this.#update();
  }

  save(): StateFields {
    return {
      keyboard: this.#keyboard.save(),
      mouse: this.#mouse.save(),
      ram: this.#ram.slice(),
      data: this.#data,
      full: this.#full,
      fromMouse: this.#fromMouse,
      wroteCommand: this.#wroteCommand,
      command: this.#command,
      responses: [...this.#responses],
      break: this.#break,
      a20: this.#a20,
      fastReset: this.#fastReset,
    };
  }

  restore(fields: StateFields): void {
    const saved = new SavedFields(fields);
    const restoreKeyboard = this.#keyboard.restore(saved.record("keyboard"));
    const restoreMouse = this.#mouse.restore(saved.record("mouse"));
    const ram = saved.bytes("ram", RAM_SIZE);
    const data = saved.byte("data");
    const full = saved.flag("full");
    const fromMouse = saved.flag("fromMouse");
    const wroteCommand = saved.flag("wroteCommand");
    const command = saved.optionalInteger("command", 0, 0xff);
    const responses = saved.integers("responses", MOST_RESPONSES, 0, 0x1ff);
    const breakPrefix = saved.flag("break");
    const a20 = saved.flag("a20");
    const fastReset = saved.flag("fastReset");
    restoreKeyboard();
    restoreMouse();
    this.#ram.fill(0);
    this.#ram.set(ram);
    this.#data = data;
    this.#full = full;
    this.#fromMouse = fromMouse;
    this.#wroteCommand = wroteCommand;
    this.#command = command;
    this.#responses = responses;
    this.#break = breakPrefix;
    this.#a20 = a20;
    this.#fastReset = fastReset;
    this.#update();
  }

  #execute(command: number): void {
    this.#command = null;
    if (command >= 0x20 && command <= 0x3f) return this.#respond(this.#ram[command - 0x20]);
    if (command >= 0xf0) {
      // Pulses the output port's lines whose bits are zero; bit 0 is the reset of the processor.
      if ((command & OUTPUT_NOT_RESET) === 0) this.#resetMachine();
      return;
    }
    if (command >= 0x60 && command <= 0x7f || command >= 0xd1 && command <= 0xd4) {
      this.#command = command;
      return;
    }
    switch (command) {
      case 0xa4:
        return this.#respond(NO_PASSWORD);
      case 0xa7:
        this.#ram[0] |= CCB_MOUSE_DISABLED;
        return;
      case 0xa8:
        this.#ram[0] &= ~CCB_MOUSE_DISABLED;
        return;
      case 0xa9:
      case 0xab:
        // Test of either device's lines: no error.
        return this.#respond(0);
      case 0xaa:
        this.#ram[0] |= CCB_SYSTEM;
        return this.#respond(SELF_TEST_PASSED);
      case 0xad:
        this.#ram[0] |= CCB_KEYBOARD_DISABLED;
        return;
      case 0xae:
        this.#ram[0] &= ~CCB_KEYBOARD_DISABLED;
        return;
      case 0xc0:
        return this.#respond(INPUT_PORT);
      case 0xd0:
        return this.#respond(this.#outputPort());
      case 0xdd:
      case 0xdf:
        this.#a20 = command === 0xdf;
    }
  }

  #writeData(value: number): void {
    const command = this.#command;
    this.#command = null;
    if (command === null) {
      // A byte for a device wakes it up.
      this.#ram[0] &= ~CCB_KEYBOARD_DISABLED;
      return this.#keyboard.receive(value);
    }
    switch (command) {
      case 0xd1:
        this.#a20 = (value & OUTPUT_A20) !== 0;
        if ((value & OUTPUT_NOT_RESET) === 0) this.#resetMachine();
        return;
      case 0xd2:
        return this.#respond(value);
      case 0xd3:
        return this.#respond(0x100 | value);
      case 0xd4:
        this.#ram[0] &= ~CCB_MOUSE_DISABLED;
        return this.#mouse.receive(value);
      default:
        this.#ram[command - 0x60] = value;
    }
  }

  #outputPort(): number {
    return OUTPUT_IDLE | OUTPUT_NOT_RESET | (this.#a20 ? OUTPUT_A20 : 0) |
      (this.#full && !this.#fromMouse ? OUTPUT_KEYBOARD_INTERRUPT : 0) |
      (this.#full && this.#fromMouse ? OUTPUT_MOUSE_INTERRUPT : 0);
  }

  #resetMachine(): void {
    this.#context.power(PowerRequest.Reset);
  }

  #respond(response: number): void {
    this.#responses.push(response);
    this.#responses.splice(0, this.#responses.length - MOST_RESPONSES);
  }

  /** Puts the next byte into the output buffer if that is empty. */
  #fill(): void {
    if (this.#full) return;
    const response = this.#responses.shift();
    if (response !== undefined) return this.#put(response & 0xff, response > 0xff);
    if ((this.#ram[0] & CCB_KEYBOARD_DISABLED) === 0) {
      const byte = this.#keyboardByte();
      if (byte !== undefined) return this.#put(byte, false);
    }
    if ((this.#ram[0] & CCB_MOUSE_DISABLED) === 0) {
      const byte = this.#mouse.send();
      if (byte !== undefined) this.#put(byte, true);
    }
  }

  #keyboardByte(): number | undefined {
    const byte = this.#keyboard.send();
    if (byte === undefined || (this.#ram[0] & CCB_TRANSLATE) === 0) return byte;
    if (byte === BREAK_PREFIX) {
      this.#break = true;
      return this.#keyboardByte();
    }
    const release = this.#break ? 0x80 : 0;
    this.#break = false;
    return translate(byte) | release;
  }

  #put(byte: number, fromMouse: boolean): void {
    this.#data = byte;
    this.#full = true;
    this.#fromMouse = fromMouse;
    this.#update();
  }

  get #status(): number {
    return (this.#full ? STATUS_OUTPUT_FULL : 0) | (this.#full && this.#fromMouse ? STATUS_MOUSE_DATA : 0) |
      ((this.#ram[0] & CCB_SYSTEM) !== 0 ? STATUS_SYSTEM : 0) | (this.#wroteCommand ? STATUS_COMMAND : 0) |
      STATUS_UNLOCKED;
  }

  /** Publishes the status, which drivers poll, and drives the interrupts. */
  #update(): void {
    this.#context.publish(COMMAND_RANGE, 0, this.#status);
    const enabled = this.#ram[0];
    const keyboard = this.#full && !this.#fromMouse && (enabled & CCB_KEYBOARD_INTERRUPT) !== 0;
    const mouse = this.#full && this.#fromMouse && (enabled & CCB_MOUSE_INTERRUPT) !== 0;
    this.#context.setIrq(KEYBOARD_INTERRUPT, keyboard);
    this.#context.setIrq(MOUSE_INTERRUPT, mouse);
  }
}
