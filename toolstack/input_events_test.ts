import { assertEquals, assertThrows } from "@std/assert";
import { chord, encodeInputEvents } from "./input_events.ts";

Deno.test("keys of a chord go down in order and up in reverse", () => {
  const lines = new TextDecoder().decode(encodeInputEvents(chord(["ControlLeft", "KeyC"]))).trimEnd().split(
    "\n",
  );
  assertEquals(lines.map((line) => JSON.parse(line)), [
    { key: "ControlLeft", down: true },
    { key: "KeyC", down: true },
    { key: "KeyC", down: false },
    { key: "ControlLeft", down: false },
  ]);
});

Deno.test("events that no keyboard or mouse has are refused", () => {
  assertThrows(() => encodeInputEvents([{ key: "NoSuchKey", down: true }]), TypeError, "NoSuchKey");
  assertThrows(() => encodeInputEvents([{ move: { dx: 1.5 } }]), TypeError, "integer");
});
