import { assertEquals, assertThrows } from "@std/assert";
import { device, eisaId, integer, ioPorts, irq, name, packageOf, resourceTemplate, scope } from "./aml.ts";

/** Bytes as the ACPI compiler makes them. */
function assertAml(aml: readonly number[], hexadecimal: string): void {
  assertEquals(Uint8Array.from(aml).toHex(), hexadecimal.replaceAll(" ", ""));
}

Deno.test("integers take the shortest form", () => {
  assertAml(integer(0), "00");
  assertAml(integer(1), "01");
  assertAml(integer(2), "0a 02");
  assertAml(integer(0x1234), "0b 34 12");
  assertAml(integer(0x89ab_cdef), "0c ef cd ab 89");
});

Deno.test("names, packages and EISA ids", () => {
  assertAml(
    name("\\_S5", packageOf(integer(5), integer(5), integer(0), integer(0))),
    "08 5c 5f 53 35 5f 12 08 04 0a 05 0a 05 00 00",
  );
  assertAml(name("_HID", eisaId("PNP0501")), "08 5f 48 49 44 0c 41 d0 05 01");
  assertAml(eisaId("PNP0F13"), "0c 41 d0 0f 13");
  for (const path of ["", "TOOLONG", "lower", "\\", "1ABC"]) {
    assertThrows(() => name(path, integer(0)), TypeError, "is not one segment");
  }
});

Deno.test("resources of a serial port", () => {
  assertAml(
    resourceTemplate(ioPorts(0x3f8, 8), irq(4)),
    "11 10 0a 0d 47 01 f8 03 f8 03 01 08 22 10 00 79 00",
  );
});

Deno.test("lengths count themselves, in one byte up to 63 and in more above", () => {
  assertAml(scope("\\_SB"), "10 06 5c 5f 53 42 5f");
  assertAml(device("DEV"), "5b 82 05 44 45 56 5f");
  const bytes = (count: number) => new Array<number>(count).fill(0);
  assertAml(packageOf(bytes(61)).slice(0, 3), "12 3f 01");
  assertAml(packageOf(bytes(62)).slice(0, 4), "12 41 04 01");
  assertAml(packageOf(bytes(4092)).slice(0, 4), "12 4f ff 01");
  assertAml(packageOf(bytes(4093)).slice(0, 5), "12 81 00 01 01");
});
