import { assertEquals } from "@std/assert";
import { EscapeKeys } from "./escape_keys.ts";

function typed(...texts: string[]): string[] {
  const keys = new EscapeKeys();
  return texts.flatMap((text) => keys.parse(new TextEncoder().encode(text))).map((input) =>
    input.kind === "bytes" ? new TextDecoder().decode(input.bytes) : `<${input.kind}>`
  );
}

Deno.test("what is typed goes to the guest, except for the escape keys", () => {
  assertEquals(typed("ls\r"), ["ls\r"]);
  assertEquals(typed("a\x01xb"), ["a", "<quit>", "b"]);
  assertEquals(typed("\x01X"), ["<quit>"]);
  assertEquals(typed("\x01h\x01?\x01s\x01c"), ["<help>", "<help>", "<size>", "<counters>"]);
  assertEquals(typed("\x03\x04"), ["\x03\x04"]);
});

Deno.test("Ctrl-A twice sends one, and an unknown escape sends nothing", () => {
  assertEquals(typed("a\x01\x01b"), ["a\x01b"]);
  assertEquals(typed("a\x01qb"), ["ab"]);
});

Deno.test("an escape may arrive in two pieces", () => {
  assertEquals(typed("\x01", "x"), ["<quit>"]);
});
