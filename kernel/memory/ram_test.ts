import { assertEquals, assertThrows } from "@std/assert";
import { HIGH_RAM_START, LOW_RAM_END, ramOffset } from "../abi/ram_layout.ts";
import { GuestRam, MAX_RAM, ramParts } from "./ram.ts";
import { SharedFile } from "./shared_file.ts";

const MIB = 2 ** 20;

Deno.test("RAM below 3 GiB is in one part, more of it continues at 4 GiB", () => {
  assertEquals(ramParts(512 * MIB), [{ first: 0, last: 512 * MIB - 1 }]);
  assertEquals(ramParts(LOW_RAM_END), [{ first: 0, last: LOW_RAM_END - 1 }]);
  assertEquals(ramParts(LOW_RAM_END + 2 * MIB), [
    { first: 0, last: LOW_RAM_END - 1 },
    { first: HIGH_RAM_START, last: HIGH_RAM_START + 2 * MIB - 1 },
  ]);
});

Deno.test("an access has to lie in one part of RAM", () => {
  const size = LOW_RAM_END + 2 * MIB;
  assertEquals(ramOffset(size, LOW_RAM_END - 4, 4), LOW_RAM_END - 4);
  assertEquals(ramOffset(size, LOW_RAM_END - 4, 5), -1);
  assertEquals(ramOffset(size, HIGH_RAM_START, 16), LOW_RAM_END);
  assertEquals(ramOffset(size, HIGH_RAM_START + 2 * MIB - 1, 2), -1);
  assertEquals(ramOffset(2 * MIB, HIGH_RAM_START, 1), -1);
  assertEquals(ramOffset(size, -1, 1), -1);
  assertEquals(ramOffset(size, NaN, 1), -1);
  assertEquals(ramOffset(size, 0.5, 1), -1);
});

Deno.test("RAM is read and written by guest-physical address, within bounds", () => {
  const ram = GuestRam.allocate(4 * MIB);
  ram.write(0x1000, Uint8Array.of(1, 2, 3));
  assertEquals([...ram.read(0x0fff, 5)], [0, 1, 2, 3, 0]);
  assertThrows(() => ram.write(4 * MIB - 1, new Uint8Array(2)), RangeError, "are not RAM");
  assertThrows(() => ram.read(4 * MIB, 1), RangeError, "are not RAM");
});

Deno.test("impossible sizes of RAM are refused", () => {
  for (const size of [0, -1, 1, 3 * MIB, NaN]) {
    assertThrows(() => GuestRam.allocate(size), RangeError, "2 MiB");
  }
  assertThrows(() => GuestRam.allocate(MAX_RAM + 2 * MIB), RangeError, "is the most");
});

Deno.test("shared RAM and its file are one", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/ram`;
  const ram = GuestRam.allocate(4 * MIB);
  const file = new SharedFile(ram, path);
  try {
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
    ram.write(2 * MIB, new TextEncoder().encode("from the guest"));
    const bytes = await Deno.readFile(path);
    assertEquals(bytes.length, 4 * MIB);
    assertEquals(new TextDecoder().decode(bytes.subarray(2 * MIB, 2 * MIB + 14)), "from the guest");
    using server = await Deno.open(path, { write: true });
    await server.write(new TextEncoder().encode("from a server"));
    assertEquals(new TextDecoder().decode(ram.read(0, 13)), "from a server");
    assertThrows(() => new SharedFile(GuestRam.allocate(2 * MIB), path), Error, `Cannot make "${path}"`);
  } finally {
    file.remove();
  }
  // Fails if something is left in it.
  await Deno.remove(folder);
});
