import { assertEquals } from "@std/assert";
import { InterruptLineReader, InterruptLines, makeInterruptLines } from "./interrupt_lines.ts";

/** Lines, and what the controllers see of them since the last look. */
function makeLines(): { lines: InterruptLines; look: () => string[] } {
  const memory = makeInterruptLines();
  const reader = new InterruptLineReader(memory);
  const levels = new Map<number, boolean>();
  return {
    lines: new InterruptLines(memory),
    look: () => {
      const seen: string[] = [];
      reader.apply({
        setLine(gsi, level) {
          if ((levels.get(gsi) ?? false) === level) return;
          levels.set(gsi, level);
          seen.push(`${gsi} ${level ? "high" : "low"}`);
        },
      });
      return seen;
    },
  };
}

Deno.test("levels arrive, and a level that is driven again changes nothing", () => {
  const { lines, look } = makeLines();
  assertEquals(lines.set(0, 4, true), true);
  assertEquals(lines.set(0, 4, true), false);
  lines.set(0, 12, true);
  assertEquals(look(), ["4 high", "12 high"]);
  assertEquals(look(), []);
  lines.set(0, 4, false);
  assertEquals(look(), ["4 low"]);
});

Deno.test("an edge between two looks is seen, once", () => {
  const { lines, look } = makeLines();
  lines.set(0, 4, true);
  lines.set(0, 4, false);
  assertEquals(look(), ["4 high", "4 low"]);
  lines.set(0, 4, true);
  look();
  lines.set(0, 4, false);
  lines.set(0, 4, true);
  assertEquals(look(), ["4 low", "4 high"]);
  lines.set(0, 4, false);
  lines.set(0, 4, true);
  lines.set(0, 4, false);
  assertEquals(look(), ["4 low", "4 high", "4 low"]);
  for (const level of [true, false, true]) lines.set(0, 4, level);
  assertEquals(look(), ["4 high"]);
});

Deno.test("a line that two servers drive is high while one of them drives it", () => {
  const { lines, look } = makeLines();
  lines.set(0, 4, true);
  lines.set(1, 4, true);
  assertEquals(look(), ["4 high"]);
  lines.set(0, 4, false);
  assertEquals(look(), []);
  lines.set(0, 4, true);
  lines.set(0, 4, false);
  assertEquals(look(), []);
  lines.release(1);
  assertEquals(look(), ["4 low"]);
});
