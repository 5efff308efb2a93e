import { assertEquals } from "@std/assert";
import { Oscillator } from "./oscillator.ts";

Deno.test("a tick's time is the first nanosecond at which it has happened", () => {
  for (const hertz of [32768, 1193182, 3579545]) {
    const clock = new Oscillator(hertz);
    for (
      const tick of [0, 1, 2, 17, 18, 65535, 65536, hertz - 1, hertz, hertz + 1, 4e9, 1e11 + 7, -1, -hertz]
    ) {
      const time = clock.time(tick);
      assertEquals(clock.ticks(time), tick, `${hertz} Hz, tick ${tick}`);
      assertEquals(clock.ticks(time - 1), tick - 1, `${hertz} Hz, before tick ${tick}`);
    }
  }
});

Deno.test("a second has as many ticks as the frequency says, after days as well", () => {
  const clock = new Oscillator(1193182);
  for (const second of [0, 1, 86400, 86400 * 100]) {
    assertEquals(clock.ticks((second + 1) * 1e9) - clock.ticks(second * 1e9), 1193182);
  }
});
