import { assert, assertEquals } from "@std/assert";
import { GuestClock } from "./clock.ts";
import { ServerTimers } from "./timers.ts";

const MILLISECOND = 1e6;

function makeTimers(): { clock: GuestClock; timers: ServerTimers; due: [number, number, number][] } {
  const clock = new GuestClock();
  const due: [number, number, number][] = [];
  return { clock, timers: new ServerTimers(clock, (...timer) => due.push(timer)), due };
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

Deno.test("timers are due once, in the order of their deadlines, and not before", async () => {
  const { clock, timers, due } = makeTimers();
  timers.arm(1, 3, 20 * MILLISECOND);
  timers.arm(0, 0, 10 * MILLISECOND);
  timers.arm(0, 1, 15 * MILLISECOND);
  timers.arm(0, 1, NaN);
  timers.arm(2, 15, -5);
  clock.start();
  timers.schedule();
  while (due.length < 3) await delay(1);
  assertEquals(due.map(([slot, id]) => [slot, id]), [[2, 15], [0, 0], [1, 3]]);
  assert(due[1][2] >= 10 * MILLISECOND && due[2][2] >= 20 * MILLISECOND);
  await delay(5);
  assertEquals(due.length, 3);
});

Deno.test("nothing is due while guest time stands still", async () => {
  const { clock, timers, due } = makeTimers();
  timers.arm(0, 0, MILLISECOND);
  await delay(10);
  assertEquals(due, []);
  clock.start();
  timers.schedule();
  clock.stop();
  timers.schedule();
  timers.disarm(0);
  timers.arm(1, 0, MILLISECOND);
  clock.start();
  timers.schedule();
  while (due.length < 1) await delay(1);
  assertEquals(due[0][0], 1);
  timers.arm(1, 0, clock.now() + 5 * MILLISECOND);
  timers.disarmAll();
  await delay(10);
  assertEquals(due.length, 1);
});
