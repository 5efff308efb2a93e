import { assertEquals } from "@std/assert";
import { BINARY, fromCalendar, HOURS_24, nextAlarm, toCalendar } from "./rtc_calendar.ts";

const FORMATS = [0, BINARY, HOURS_24, BINARY | HOURS_24];

Deno.test("a date shows in every format", () => {
  const seconds = Date.UTC(2031, 11, 25, 13, 59, 48) / 1000;
  assertEquals(toCalendar(seconds, HOURS_24, 0), [0x48, 0x59, 0x13, 5, 0x25, 0x12, 0x31, 0x20]);
  assertEquals(toCalendar(seconds, BINARY | HOURS_24, 0), [48, 59, 13, 5, 25, 12, 31, 20]);
  assertEquals(toCalendar(seconds, 0, 0)[2], 0x81);
  assertEquals(toCalendar(seconds, BINARY, 0)[2], 0x81);
  const midnight = Date.UTC(2031, 11, 25, 0, 0, 0) / 1000;
  assertEquals(toCalendar(midnight, 0, 0)[2], 0x12);
  assertEquals(toCalendar(midnight + 12 * 3600, 0, 0)[2], 0x92);
});

Deno.test("every date survives the way into the registers and back", () => {
  for (const registerB of FORMATS) {
    for (let seconds = -3e9; seconds < 9e9; seconds += 12_345_677) {
      for (const weekdayShift of [0, 3]) {
        const calendar = toCalendar(seconds, registerB, weekdayShift);
        assertEquals(fromCalendar(calendar, registerB), { seconds, weekdayShift });
      }
    }
  }
});

Deno.test("registers that are no date give some date", () => {
  for (let byte = 0; byte < 256; byte++) {
    for (const registerB of FORMATS) {
      const { seconds } = fromCalendar(new Array(8).fill(byte), registerB);
      assertEquals(Number.isSafeInteger(seconds), true);
    }
  }
});

Deno.test("the next alarm is the first second that matches", () => {
  const day = Date.UTC(2030, 0, 1) / 1000;
  const alarm = (second: number, minute: number, hour: number) => ({ second, minute, hour });
  const b = HOURS_24;
  assertEquals(nextAlarm(day, alarm(0xff, 0xff, 0xff), b), day + 1);
  assertEquals(nextAlarm(day, alarm(0x30, 0xff, 0xff), b), day + 30);
  assertEquals(nextAlarm(day + 30, alarm(0x30, 0xff, 0xff), b), day + 90);
  assertEquals(nextAlarm(day, alarm(0x59, 0x59, 0x23), b), day + 86399);
  assertEquals(nextAlarm(day + 86399, alarm(0x59, 0x59, 0x23), b), day + 2 * 86400 - 1);
  assertEquals(nextAlarm(day, alarm(0, 0, 0), b), day + 86400);
  assertEquals(nextAlarm(day, alarm(0, 0, 0x81), 0), day + 13 * 3600);
  assertEquals(nextAlarm(day, alarm(0x60, 0xff, 0xff), b), null);
  assertEquals(nextAlarm(day, alarm(0, 0, 0x24), b), null);
});
