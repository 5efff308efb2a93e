/**
 * PS/2 keyboard: 104 keys and multimedia keys, scan code sets 1 to 3, typematic repeat.
 *
 * Terms and values are those of the IBM PS/2 Technical Reference, "Keyboards (101- and 102-Key)".
 *
 * @module
 */

import type { StateFields } from "../kernel/abi/state.ts";
import { ACKNOWLEDGE, type Ps2Device, type Ps2Timer, RESEND, SELF_TEST_PASSED } from "./ps2_device.ts";
import type { SavedFields } from "./saved_fields.ts";
import { keyCodes, scanCode } from "./scan_codes.ts";

const SET_LEDS = 0xed;
const ECHO = 0xee;
const SELECT_SCAN_SET = 0xf0;
const READ_ID = 0xf2;
const SET_TYPEMATIC = 0xf3;
const ENABLE = 0xf4;
const DEFAULT_DISABLE = 0xf5;
const SET_DEFAULT = 0xf6;
const SET_ALL_FIRST = 0xf7;
const SET_ALL_LAST = 0xfa;
const SET_KEY_FIRST = 0xfb;
const SET_KEY_LAST = 0xfd;
const RESET = 0xff;

const KEYBOARD_ID = [0xab, 0x83];

/** 500 ms delay, 10.9 characters per second. */
const DEFAULT_TYPEMATIC = 0x2b;
/** Typematic period of rate 0 for each eighth, in nanoseconds ("Set Typematic Rate/Delay"). */
const TYPEMATIC_UNIT = 4_170_000;
const TYPEMATIC_DELAY_UNIT = 250_000_000;

// Key types of set 3: what a key does besides sending its make code.
const REPEATS = 1;
const BREAKS = 2;
/** Types that F7 to FA give all keys: typematic, make/break, make, typematic/make/break. */
const ALL_KEY_TYPES = [REPEATS, BREAKS, 0, REPEATS | BREAKS];
/** Types that FB to FD give one key: typematic, make/break, make. */
const ONE_KEY_TYPES = [REPEATS, BREAKS, 0];

/** The keyboard of 1987 held 16 bytes; this one lets the toolstack type some lines at a time. */
const BUFFER_SIZE = 1024;
const MOST_RESPONSES = 16;
const MOST_HELD = 256;

/** The keyboard. */
export class Ps2Keyboard implements Ps2Device {
  readonly #timer: Ps2Timer;
  #set = 2;
  #scanning = true;
  #leds = 0;
  #typematic = DEFAULT_TYPEMATIC;
  #keyTypes = new Uint8Array(256).fill(REPEATS | BREAKS);
  /** Command whose option byte is to come. */
  #command: number | null = null;
  #responses: number[] = [];
  #buffer: number[] = [];
  #lastSent = 0;
  /** Keys that are down. */
  #held = new Set<string>();
  #repeating: string | null = null;
  #repeatAt = 0;

  constructor(timer: Ps2Timer) {
    this.#timer = timer;
  }

  /** A key goes down or up; a key that is so already does nothing. */
  press(name: string, down: boolean): void {
    if (this.#held.has(name) === down) return;
    if (down) this.#held.add(name);
    else this.#held.delete(name);
    if (down || this.#repeating === name) this.#stopRepeat();
    if (!this.#scanning) return;
    const type = this.#keyType(name);
    if (!down) {
      if ((type & BREAKS) !== 0) this.#type(name, false);
      return;
    }
    this.#type(name, true);
    if ((type & REPEATS) === 0) return;
    this.#repeating = name;
    this.#repeatAt = this.#timer.now() + ((this.#typematic >> 5) + 1) * TYPEMATIC_DELAY_UNIT;
    this.#timer.set(this.#repeatAt);
  }

  receive(byte: number): void {
    const command = this.#command;
    if (command !== null && byte < SET_LEDS) return this.#option(command, byte);
    this.#command = null;
    switch (byte) {
      case SET_LEDS:
      case SELECT_SCAN_SET:
      case SET_TYPEMATIC:
        this.#command = byte;
        return this.#respond(ACKNOWLEDGE);
      case ECHO:
        return this.#respond(ECHO);
      case READ_ID:
        return this.#respond(ACKNOWLEDGE, ...KEYBOARD_ID);
      case ENABLE:
        this.#clear();
        this.#scanning = true;
        return this.#respond(ACKNOWLEDGE);
      case DEFAULT_DISABLE:
      case SET_DEFAULT:
        this.#setDefault();
        this.#scanning = byte === SET_DEFAULT;
        return this.#respond(ACKNOWLEDGE);
      case RESEND:
        return this.#respond(this.#lastSent);
      case RESET:
        this.#setDefault();
        this.#scanning = true;
        this.#leds = 0;
        return this.#respond(ACKNOWLEDGE, SELF_TEST_PASSED);
    }
    if (byte >= SET_ALL_FIRST && byte <= SET_ALL_LAST) {
      this.#clear();
      this.#keyTypes.fill(ALL_KEY_TYPES[byte - SET_ALL_FIRST]);
      this.#respond(ACKNOWLEDGE);
    } else if (byte >= SET_KEY_FIRST && byte <= SET_KEY_LAST) {
      this.#clear();
      this.#command = byte;
      this.#respond(ACKNOWLEDGE);
    } else {
      this.#respond(RESEND);
    }
  }

  send(): number | undefined {
    const byte = this.#responses.shift() ?? this.#buffer.shift();
    if (byte !== undefined) this.#lastSent = byte;
    return byte;
  }

  timer(): void {
    if (this.#repeating === null) return;
    const now = this.#timer.now();
    if (now >= this.#repeatAt) {
      // A host that does not read is not buried in repeats.
      if (this.#buffer.length === 0 && this.#responses.length === 0) this.#type(this.#repeating, true);
      this.#repeatAt += this.#repeatPeriod;
      if (this.#repeatAt <= now) this.#repeatAt = now + this.#repeatPeriod;
    }
    this.#timer.set(this.#repeatAt);
  }

  reset(): void {
    this.#setDefault();
    this.#scanning = true;
    this.#leds = 0;
    this.#command = null;
    this.#responses = [];
    this.#lastSent = 0;
    this.#held.clear();
  }

  save(): StateFields {
    return {
      set: this.#set,
      scanning: this.#scanning,
      leds: this.#leds,
      typematic: this.#typematic,
      keyTypes: this.#keyTypes.slice(),
      command: this.#command,
      responses: new Uint8Array(this.#responses),
      buffer: new Uint8Array(this.#buffer),
      lastSent: this.#lastSent,
      held: [...this.#held],
      repeating: this.#repeating,
      repeatAt: this.#repeatAt,
    };
  }

  restore(fields: SavedFields): () => void {
    const set = fields.integer("set", 1, 3);
    const scanning = fields.flag("scanning");
    const leds = fields.integer("leds", 0, 7);
    const typematic = fields.integer("typematic", 0, 0x7f);
    const keyTypes = fields.bytes("keyTypes", 256);
    const command = fields.optionalInteger("command", SET_LEDS, SET_KEY_LAST);
    const responses = [...fields.bytes("responses", MOST_RESPONSES)];
    const buffer = [...fields.bytes("buffer", BUFFER_SIZE)];
    const lastSent = fields.byte("lastSent");
    const held = new Set(fields.strings("held", MOST_HELD));
    const repeating = fields.optionalString("repeating");
    const repeatAt = fields.time("repeatAt");
    return () => {
      this.#set = set;
      this.#scanning = scanning;
      this.#leds = leds;
      this.#typematic = typematic;
      this.#keyTypes.fill(REPEATS | BREAKS);
      this.#keyTypes.set(keyTypes);
      this.#command = command;
      this.#responses = responses;
      this.#buffer = buffer;
      this.#lastSent = lastSent;
      this.#held = held;
      this.#repeating = repeating;
      this.#repeatAt = repeatAt;
      this.#timer.set(repeating === null ? undefined : repeatAt);
    };
  }

  #option(command: number, byte: number): void {
    this.#command = null;
    switch (command) {
      case SET_LEDS:
        this.#leds = byte & 7;
        return this.#respond(ACKNOWLEDGE);
      case SET_TYPEMATIC:
        this.#typematic = byte & 0x7f;
        return this.#respond(ACKNOWLEDGE);
      case SELECT_SCAN_SET:
        if (byte === 0) return this.#respond(ACKNOWLEDGE, this.#set);
        if (byte > 3) return this.#respond(RESEND);
        this.#clear();
        this.#set = byte;
        return this.#respond(ACKNOWLEDGE);
      default:
        // One code after the other may follow, until a command does.
        this.#command = command;
        this.#keyTypes[byte] = ONE_KEY_TYPES[command - SET_KEY_FIRST];
        return this.#respond(ACKNOWLEDGE);
    }
  }

  #setDefault(): void {
    this.#clear();
    this.#set = 2;
    this.#typematic = DEFAULT_TYPEMATIC;
    this.#keyTypes.fill(REPEATS | BREAKS);
  }

  #clear(): void {
    this.#buffer = [];
    this.#stopRepeat();
  }

  #stopRepeat(): void {
    if (this.#repeating === null) return;
    this.#repeating = null;
    this.#timer.set(undefined);
  }

  #keyType(name: string): number {
    // Pause sends its make and break codes together, and so cannot repeat.
    if (this.#set !== 3) return name === "Pause" ? BREAKS : REPEATS | BREAKS;
    const code = keyCodes(name)?.set3;
    return code === undefined ? 0 : this.#keyTypes[code];
  }

  get #repeatPeriod(): number {
    return (8 + (this.#typematic & 7)) * 2 ** (this.#typematic >> 3 & 3) * TYPEMATIC_UNIT;
  }

  #type(name: string, down: boolean): void {
    const bytes = scanCode(name, this.#set, down, {
      shift: this.#held.has("ShiftLeft") || this.#held.has("ShiftRight"),
      control: this.#held.has("ControlLeft") || this.#held.has("ControlRight"),
      alt: this.#held.has("AltLeft") || this.#held.has("AltRight"),
    });
    // The last place is for the overrun code, which says that keys were lost.
    if (this.#buffer.length + bytes.length < BUFFER_SIZE) this.#buffer.push(...bytes);
    else if (this.#buffer.length < BUFFER_SIZE) this.#overrun();
  }

  #overrun(): void {
    const code = this.#set === 1 ? 0xff : 0x00;
    while (this.#buffer.length < BUFFER_SIZE) this.#buffer.push(code);
  }

  #respond(...bytes: number[]): void {
    this.#responses.push(...bytes);
    this.#responses.splice(0, this.#responses.length - MOST_RESPONSES);
  }
}
