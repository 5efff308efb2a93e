import { assertEquals, assertThrows } from "@std/assert";
import { SavedFields } from "./saved_fields.ts";

Deno.test("saved fields give what was saved", () => {
  const fields = new SavedFields({
    mode: 3,
    edge: null,
    at: 1.5,
    on: true,
    fifo: new Uint8Array([1, 2]),
    keys: ["KeyA"],
    name: "x",
    numbers: [1, 2],
    counter: { mode: 5 },
  });
  assertEquals(fields.integer("mode", 0, 5), 3);
  assertEquals(fields.optionalInteger("edge", 0, 5), null);
  assertEquals(fields.optionalTime("edge"), null);
  assertEquals(fields.time("at"), 1.5);
  assertEquals(fields.flag("on"), true);
  assertEquals(fields.bytes("fifo", 2), new Uint8Array([1, 2]));
  assertEquals(fields.strings("keys", 1), ["KeyA"]);
  assertEquals(fields.optionalString("name"), "x");
  assertEquals(fields.optionalString("edge"), null);
  assertEquals(fields.integers("numbers", 2, 0, 2), [1, 2]);
  assertEquals(fields.record("counter").integer("mode", 0, 5), 5);
});

Deno.test("saved fields refuse what is missing, of another type or out of range, by name", () => {
  const fields = new SavedFields({
    mode: 6,
    on: 1,
    fifo: new Uint8Array(3),
    keys: [1],
    counter: { mode: "x" },
  });
  assertThrows(() => fields.integer("mode", 0, 5), TypeError, `"mode"`);
  assertThrows(() => fields.integer("absent", 0, 5), TypeError, `"absent"`);
  assertThrows(() => fields.flag("on"), TypeError, `"on"`);
  assertThrows(() => fields.bytes("fifo", 2), TypeError, `"fifo"`);
  assertThrows(() => fields.strings("keys", 4), TypeError, `"keys"`);
  assertThrows(() => fields.integers("keys", 4, 0, 0), TypeError, `"keys"`);
  assertThrows(() => fields.optionalString("on"), TypeError, `"on"`);
  assertThrows(() => fields.record("mode"), TypeError, `"mode"`);
  assertThrows(() => fields.record("counter").time("mode"), TypeError, `"counter.mode"`);
});
