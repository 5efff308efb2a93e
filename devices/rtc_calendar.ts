/**
 * Date and time as the MC146818 holds them in its registers, and as a count of seconds.
 *
 * @module
 */

/** Registers of date and time, in the order of {@link CALENDAR_REGISTERS}. */
export type Calendar = readonly number[];

/**
 * Indexes of seconds, minutes, hours, day of the week, date, month, year (MC146818 data sheet, "Address
 * Map") and century, which PCs keep in CMOS byte 32h.
 */
export const CALENDAR_REGISTERS: readonly number[] = [0x00, 0x02, 0x04, 0x06, 0x07, 0x08, 0x09, 0x32];

/** DM: numbers are binary, not BCD (MC146818 data sheet, "Register B"). */
export const BINARY = 0x04;
/** 24/12: hours are 0 to 23, not 1 to 12 with bit 7 for the afternoon. */
export const HOURS_24 = 0x02;

const AFTERNOON = 0x80;
const SECONDS_PER_DAY = 86400;
/** 1 January 1970 was a Thursday, which is day 5 of the chip's week. */
const EPOCH_WEEKDAY = 4;

/**
 * Registers that show `seconds` since 1970 in the format that register B asks for. The day of the week
 * is counted on its own by the chip: `weekdayShift` is how far the guest set it off the real one, 0 to 6.
 */
export function toCalendar(seconds: number, registerB: number, weekdayShift: number): Calendar {
  const date = new Date(seconds * 1000);
  const year = date.getUTCFullYear();
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  const values = [
    date.getUTCSeconds(),
    date.getUTCMinutes(),
    0,
    modulo(days + EPOCH_WEEKDAY + weekdayShift, 7) + 1,
    date.getUTCDate(),
    date.getUTCMonth() + 1,
    modulo(year, 100),
    modulo(Math.floor(year / 100), 100),
  ].map((value) => encode(value, registerB));
  values[2] = encodeHour(date.getUTCHours(), registerB);
  return values;
}

/** Seconds since 1970 and weekday shift that `calendar` stands for. Days beyond the month's end count on. */
export function fromCalendar(
  calendar: Calendar,
  registerB: number,
): { seconds: number; weekdayShift: number } {
  const [second, minute, , weekday, day, month, year, century] = calendar.map((value) =>
    decode(value, registerB)
  );
  const date = new Date(0);
  date.setUTCFullYear(century * 100 + year, month - 1, day);
  date.setUTCHours(decodeHour(calendar[2], registerB), minute, second);
  const seconds = date.getTime() / 1000;
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  return { seconds, weekdayShift: modulo(weekday - 1 - days - EPOCH_WEEKDAY, 7) };
}

/**
 * First second after `seconds` whose time of day the alarm registers match, or `null` if none ever does.
 * An alarm register with its two highest bits set matches everything.
 */
export function nextAlarm(
  seconds: number,
  alarm: { readonly second: number; readonly minute: number; readonly hour: number },
  registerB: number,
): number | null {
  let at = seconds + 1;
  const end = at + SECONDS_PER_DAY;
  while (at < end) {
    const timeOfDay = modulo(at, SECONDS_PER_DAY);
    const hour = Math.floor(timeOfDay / 3600);
    const minute = Math.floor(timeOfDay / 60) % 60;
    if (!matches(alarm.hour, encodeHour(hour, registerB))) at += 3600 - timeOfDay % 3600;
    else if (!matches(alarm.minute, encode(minute, registerB))) at += 60 - timeOfDay % 60;
    else if (!matches(alarm.second, encode(timeOfDay % 60, registerB))) at++;
    else return at;
  }
  return null;
}

function matches(alarm: number, register: number): boolean {
  return (alarm & 0xc0) === 0xc0 || alarm === register;
}

function encode(value: number, registerB: number): number {
  return (registerB & BINARY) !== 0 ? value : Math.floor(value / 10) << 4 | value % 10;
}

function decode(value: number, registerB: number): number {
  return (registerB & BINARY) !== 0 ? value : (value >> 4) * 10 + (value & 0xf);
}

function encodeHour(hour: number, registerB: number): number {
  if ((registerB & HOURS_24) !== 0) return encode(hour, registerB);
  return encode(hour % 12 === 0 ? 12 : hour % 12, registerB) | (hour >= 12 ? AFTERNOON : 0);
}

function decodeHour(value: number, registerB: number): number {
  if ((registerB & HOURS_24) !== 0) return decode(value, registerB);
  return decode(value & 0x7f, registerB) % 12 + ((value & AFTERNOON) !== 0 ? 12 : 0);
}

function modulo(value: number, modulus: number): number {
  return (value % modulus + modulus) % modulus;
}
