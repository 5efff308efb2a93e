import { assertEquals, assertThrows } from "@std/assert";
import { parseJsonLines, shorten } from "./json_lines.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("each line gives an object", () => {
  assertEquals(parseJsonLines(encode('{"a":1}\n\n{"b":"\u00e9"}\r\n')), [{ a: 1 }, { b: "\u00e9" }]);
  assertEquals(parseJsonLines(encode("")), []);
});

Deno.test("what is not UTF-8, not JSON or not an object is refused", () => {
  assertThrows(() => parseJsonLines(new Uint8Array([0xff, 0xfe])), SyntaxError);
  for (const text of ["{", "[]", "1", "null", '{"a":1} {"b":2}', '{"a":1}\nx']) {
    assertThrows(() => parseJsonLines(encode(text)), SyntaxError);
  }
});

Deno.test("a long text is shortened", () => {
  assertEquals(shorten("x".repeat(100)), `${"x".repeat(80)}...`);
});
