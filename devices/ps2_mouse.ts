/**
 * PS/2 mouse, also as IntelliMouse with a wheel and as IntelliMouse Explorer with five buttons.
 *
 * Terms and values are those of the IBM PS/2 Technical Reference, "Mouse". A driver asks for the
 * wheel by setting the sample rates 200, 100, 80, and then for the two further buttons by 200, 200, 80.
 *
 * @module
 */

import type { StateFields } from "../kernel/abi/state.ts";
import { ACKNOWLEDGE, type Ps2Device, type Ps2Timer, RESEND, SELF_TEST_PASSED } from "./ps2_device.ts";
import type { SavedFields } from "./saved_fields.ts";

const RESET_SCALING = 0xe6;
const SET_SCALING = 0xe7;
const SET_RESOLUTION = 0xe8;
const STATUS_REQUEST = 0xe9;
const SET_STREAM_MODE = 0xea;
const READ_DATA = 0xeb;
const RESET_WRAP_MODE = 0xec;
const SET_WRAP_MODE = 0xee;
const SET_REMOTE_MODE = 0xf0;
const READ_DEVICE_TYPE = 0xf2;
const SET_SAMPLING_RATE = 0xf3;
const ENABLE = 0xf4;
const DISABLE = 0xf5;
const SET_DEFAULT = 0xf6;
const RESET = 0xff;

/** Bits of the buttons: the first three as in a packet, the others as in an Explorer's fourth byte. */
export const MOUSE_BUTTONS: ReadonlyMap<string, number> = new Map([
  ["left", 0x01],
  ["right", 0x02],
  ["middle", 0x04],
  ["side", 0x10],
  ["extra", 0x20],
]);

const STANDARD_ID = 0;
const WHEEL_ID = 3;
const EXPLORER_ID = 4;

const DEFAULT_RATE = 100;
/** 4 counts per millimetre. */
const DEFAULT_RESOLUTION = 2;
const MOST_RESPONSES = 16;
/** Packets for button changes that may wait, so that a quick click is not lost. */
const MOST_WAITING = 256;
/** Movement that waits beyond this is lost. */
const MOST_COUNTS = 0x7fff;

/** The mouse. */
export class Ps2Mouse implements Ps2Device {
  readonly #timer: Ps2Timer;
  #enabled = false;
  #remote = false;
  #wrap = false;
  #doubleScaling = false;
  #resolution = DEFAULT_RESOLUTION;
  #rate = DEFAULT_RATE;
  #id = STANDARD_ID;
  /** The last sample rates that were set, oldest first. */
  #knock: number[] = [];
  #command: number | null = null;
  #responses: number[] = [];
  #packets: number[] = [];
  /** What was sent last, for a resend. */
  #last: number[] = [];
  #buttons = 0;
  // Counts since the last packet; x to the right, y away from the user, wheel towards the user.
  #x = 0;
  #y = 0;
  #wheel = 0;
  /** Guest time from which on the sample rate allows a packet. */
  #sampleAt = 0;

  constructor(timer: Ps2Timer) {
    this.#timer = timer;
  }

  /** Moves the mouse by counts: `dx` to the right, `dy` towards the user, the wheel `wheel` notches towards the user. */
  move(dx: number, dy: number, wheel: number): void {
    if (!this.#enabled && !this.#remote) return;
    this.#x = clamp(this.#x + dx, MOST_COUNTS);
    this.#y = clamp(this.#y - dy, MOST_COUNTS);
    if (this.#id !== STANDARD_ID) this.#wheel = clamp(this.#wheel + wheel, MOST_COUNTS);
    this.#sample();
  }

  /** Presses or releases the buttons of `bits`, as {@link MOUSE_BUTTONS} numbers them. */
  press(bits: number, down: boolean): void {
    const buttons = down ? this.#buttons | bits : this.#buttons & ~bits;
    if (buttons === this.#buttons) return;
    this.#buttons = buttons;
    if (this.#streaming && this.#packets.length < MOST_WAITING) this.#packets.push(...this.#packet());
  }

  receive(byte: number): void {
    this.#execute(byte);
    this.#sample();
  }

  send(): number | undefined {
    const response = this.#responses.shift();
    if (response !== undefined) return response;
    const byte = this.#packets.shift();
    if (byte !== undefined && this.#packets.length === 0) this.#sample();
    return byte;
  }

  timer(): void {
    this.#sample();
  }

  reset(): void {
    this.#setDefault();
    this.#id = STANDARD_ID;
    this.#knock = [];
    this.#command = null;
    this.#responses = [];
    this.#packets = [];
    this.#last = [];
    this.#buttons = 0;
    this.#sampleAt = 0;
    this.#timer.set(undefined);
  }

  save(): StateFields {
    return {
      enabled: this.#enabled,
      remote: this.#remote,
      wrap: this.#wrap,
      doubleScaling: this.#doubleScaling,
      resolution: this.#resolution,
      rate: this.#rate,
      id: this.#id,
      knock: new Uint8Array(this.#knock),
      command: this.#command,
      responses: new Uint8Array(this.#responses),
      packets: new Uint8Array(this.#packets),
      last: new Uint8Array(this.#last),
      buttons: this.#buttons,
      x: this.#x,
      y: this.#y,
      wheel: this.#wheel,
      sampleAt: this.#sampleAt,
    };
  }

  restore(fields: SavedFields): () => void {
    const enabled = fields.flag("enabled");
    const remote = fields.flag("remote");
    const wrap = fields.flag("wrap");
    const doubleScaling = fields.flag("doubleScaling");
    const resolution = fields.integer("resolution", 0, 3);
    const rate = fields.integer("rate", 1, 0xff);
    const id = fields.integer("id", STANDARD_ID, EXPLORER_ID);
    const knock = [...fields.bytes("knock", 3)];
    const command = fields.optionalInteger("command", SET_RESOLUTION, SET_SAMPLING_RATE);
    const responses = [...fields.bytes("responses", MOST_RESPONSES)];
    const packets = [...fields.bytes("packets", MOST_WAITING + 4)];
    const last = [...fields.bytes("last", MOST_RESPONSES)];
    const buttons = fields.integer("buttons", 0, 0x37);
    const x = fields.integer("x", -MOST_COUNTS, MOST_COUNTS);
    const y = fields.integer("y", -MOST_COUNTS, MOST_COUNTS);
    const wheel = fields.integer("wheel", -MOST_COUNTS, MOST_COUNTS);
    const sampleAt = fields.time("sampleAt");
    return () => {
      this.#enabled = enabled;
      this.#remote = remote;
      this.#wrap = wrap;
      this.#doubleScaling = doubleScaling;
      this.#resolution = resolution;
      this.#rate = rate;
      this.#id = id;
      this.#knock = knock;
      this.#command = command;
      this.#responses = responses;
      this.#packets = packets;
      this.#last = last;
      this.#buttons = buttons;
      this.#x = x;
      this.#y = y;
      this.#wheel = wheel;
      this.#sampleAt = sampleAt;
      this.#timer.set(this.#moved && packets.length === 0 ? sampleAt : undefined);
    };
  }

  get #streaming(): boolean {
    return this.#enabled && !this.#remote && !this.#wrap;
  }

  get #moved(): boolean {
    return this.#x !== 0 || this.#y !== 0 || this.#wheel !== 0;
  }

  #execute(byte: number): void {
    if (this.#wrap && byte !== RESET && byte !== RESET_WRAP_MODE) return this.#respond(byte);
    // A command cuts off the packet that is being sent.
    this.#packets = [];
    const command = this.#command;
    this.#command = null;
    if (command !== null) return this.#option(command, byte);
    switch (byte) {
      case RESET_SCALING:
      case SET_SCALING:
        this.#doubleScaling = byte === SET_SCALING;
        return this.#respond(ACKNOWLEDGE);
      case SET_RESOLUTION:
      case SET_SAMPLING_RATE:
        this.#command = byte;
        return this.#respond(ACKNOWLEDGE);
      case STATUS_REQUEST:
        return this.#respond(ACKNOWLEDGE, this.#status(), this.#resolution, this.#rate);
      case SET_STREAM_MODE:
      case SET_REMOTE_MODE:
        this.#remote = byte === SET_REMOTE_MODE;
        this.#clear();
        return this.#respond(ACKNOWLEDGE);
      case READ_DATA:
        return this.#respond(ACKNOWLEDGE, ...this.#packet());
      case SET_WRAP_MODE:
      case RESET_WRAP_MODE:
        this.#wrap = byte === SET_WRAP_MODE;
        this.#clear();
        return this.#respond(ACKNOWLEDGE);
      case READ_DEVICE_TYPE:
        return this.#respond(ACKNOWLEDGE, this.#id);
      case ENABLE:
      case DISABLE:
        this.#enabled = byte === ENABLE;
        this.#clear();
        return this.#respond(ACKNOWLEDGE);
      case SET_DEFAULT:
        this.#setDefault();
        return this.#respond(ACKNOWLEDGE);
      case RESEND:
        return this.#respond(...this.#last);
      case RESET:
        this.#setDefault();
        this.#id = STANDARD_ID;
        return this.#respond(ACKNOWLEDGE, SELF_TEST_PASSED, STANDARD_ID);
      default:
        return this.#respond(RESEND);
    }
  }

  #option(command: number, byte: number): void {
    if (command === SET_RESOLUTION) {
      if (byte > 3) return this.#respond(RESEND);
      this.#resolution = byte;
      return this.#respond(ACKNOWLEDGE);
    }
    if (byte === 0) return this.#respond(RESEND);
    this.#rate = byte;
    this.#knock = [...this.#knock, byte].slice(-3);
    const knock = this.#knock.join(" ");
    if (knock === "200 100 80") this.#id = WHEEL_ID;
    if (knock === "200 200 80" && this.#id === WHEEL_ID) this.#id = EXPLORER_ID;
    this.#respond(ACKNOWLEDGE);
  }

  #status(): number {
    return (this.#remote ? 0x40 : 0) | (this.#enabled ? 0x20 : 0) | (this.#doubleScaling ? 0x10 : 0) |
      ((this.#buttons & 1) << 2) | ((this.#buttons & 4) >> 1) | ((this.#buttons & 2) >> 1);
  }

  #setDefault(): void {
    this.#enabled = false;
    this.#remote = false;
    this.#wrap = false;
    this.#doubleScaling = false;
    this.#resolution = DEFAULT_RESOLUTION;
    this.#rate = DEFAULT_RATE;
    this.#clear();
  }

  #clear(): void {
    this.#x = 0;
    this.#y = 0;
    this.#wheel = 0;
  }

  /** Sends a packet if there is movement, the last packet is gone and the sample rate allows one. */
  #sample(): void {
    if (!this.#streaming || !this.#moved || this.#packets.length > 0) return;
    if (this.#timer.now() < this.#sampleAt) return this.#timer.set(this.#sampleAt);
    this.#packets.push(...this.#packet());
  }

  /** A packet of what has moved since the last. What does not fit stays for the next one. */
  #packet(): number[] {
    const x = clamp(this.#x, 255);
    const y = clamp(this.#y, 255);
    const wheel = Math.max(-8, Math.min(7, this.#wheel));
    this.#x -= x;
    this.#y -= y;
    this.#wheel -= wheel;
    // In remote mode counts are not scaled ("Set Scaling 2:1").
    const double = this.#doubleScaling && !this.#remote;
    const scaledX = double ? scale(x) : x;
    const scaledY = double ? scale(y) : y;
    const signs = (scaledX < 0 ? 0x10 : 0) | (scaledY < 0 ? 0x20 : 0);
    const packet = [0x08 | this.#buttons & 0x07 | signs, scaledX & 0xff, scaledY & 0xff];
    if (this.#id === WHEEL_ID) packet.push(wheel & 0xff);
    if (this.#id === EXPLORER_ID) packet.push(wheel & 0x0f | this.#buttons & 0x30);
    this.#sampleAt = this.#timer.now() + Math.ceil(1e9 / this.#rate);
    this.#last = packet;
    return packet;
  }

  #respond(...bytes: number[]): void {
    this.#last = bytes;
    this.#responses.push(...bytes);
    this.#responses.splice(0, this.#responses.length - MOST_RESPONSES);
  }
}

function clamp(value: number, most: number): number {
  return Math.max(-most, Math.min(most, value));
}

/** Scaling 2:1 ("Set Scaling 2:1"). */
function scale(count: number): number {
  const size = Math.abs(count);
  const scaled = [0, 1, 1, 3, 6, 9][size] ?? Math.min(255, size * 2);
  return count < 0 ? -scaled : scaled;
}
