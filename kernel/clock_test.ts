import { assert, assertEquals } from "@std/assert";
import { GuestClock } from "./clock.ts";

Deno.test("guest time starts at zero, stands still while stopped, and goes on where it stood", async () => {
  const clock = new GuestClock();
  assertEquals(clock.now(), 0);
  clock.start();
  await new Promise((resolve) => setTimeout(resolve, 5));
  clock.stop();
  const stopped = clock.now();
  assert(stopped >= 4e6);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(clock.now(), stopped);
  clock.start();
  assert(clock.now() - stopped < 15e6);
  clock.set(7e12);
  assert(clock.now() >= 7e12);
  assert(Number.isInteger(clock.now()));
});

Deno.test("threads agree on guest time", () => {
  const clock = new GuestClock();
  clock.start();
  const source = `
    import { GuestClock } from "${new URL("./clock.ts", import.meta.url)}";
    self.onmessage = ({ data: { share, words, times } }) => {
      const clock = new GuestClock(share);
      const numbers = new Float64Array(times);
      const turn = new Int32Array(words);
      for (let round = 1; round <= 100; round++) {
        while (Atomics.load(turn, 0) !== 2 * round - 1);
        numbers[0] = clock.now();
        Atomics.store(turn, 0, 2 * round);
      }
    };`;
  const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, { type: "module" });
  const [words, times] = [new SharedArrayBuffer(4), new SharedArrayBuffer(8)];
  worker.postMessage({ share: clock.share, words, times });
  const turn = new Int32Array(words);
  const [other] = [new Float64Array(times)];
  for (let round = 1; round <= 100; round++) {
    const before = clock.now();
    Atomics.store(turn, 0, 2 * round - 1);
    while (Atomics.load(turn, 0) !== 2 * round);
    const after = clock.now();
    // The origins are known to a microsecond or so; a thread may be held up between two looks at its clock.
    assert(other[0] > before - 200_000 && other[0] < after + 200_000, `${before} ${other[0]} ${after}`);
  }
  worker.terminate();
});
