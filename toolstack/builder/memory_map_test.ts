import { assert, assertEquals } from "@std/assert";
import { ACPI_TABLES_BASE, E820Type, FACS_BASE, memoryMap, ramRanges } from "./memory_map.ts";

const MIB = 2 ** 20;
const SIZES = [16, 128, 3071, 3072, 3073, 3584].map((size) => size * MIB);

Deno.test("the map is in order, has no overlap, and gives all RAM but that below 1 MiB", () => {
  for (const size of SIZES) {
    const map = memoryMap(size);
    let end = 0;
    for (const { base, length } of map) {
      assert(base >= end && length > 0);
      end = base + length;
    }
    const ram = map.filter(({ type }) => type === E820Type.Ram).reduce((sum, { length }) => sum + length, 0);
    assertEquals(ram, size - 384 * 1024);
  }
});

Deno.test("RAM leaves the last GiB below 4 GiB free and goes on above", () => {
  assertEquals(ramRanges(512 * MIB), [{ gpa: 0, length: 512 * MIB, offset: 0 }]);
  assertEquals(ramRanges(3072 * MIB), [{ gpa: 0, length: 3072 * MIB, offset: 0 }]);
  assertEquals(ramRanges(3584 * MIB), [
    { gpa: 0, length: 3072 * MIB, offset: 0 },
    { gpa: 4096 * MIB, length: 512 * MIB, offset: 3072 * MIB },
  ]);
  assertEquals(memoryMap(3584 * MIB).at(-1), { base: 4096 * MIB, length: 512 * MIB, type: E820Type.Ram });
});

Deno.test("ACPI's memory is told apart from RAM", () => {
  const type = (address: number) =>
    memoryMap(64 * MIB).find(({ base, length }) => address >= base && address < base + length)?.type;
  assertEquals(type(0), E820Type.Ram);
  assertEquals(type(0x9_ffff), E820Type.Ram);
  assertEquals(type(0xa_0000), undefined);
  assertEquals(type(ACPI_TABLES_BASE), E820Type.AcpiReclaimable);
  assertEquals(type(FACS_BASE), E820Type.AcpiNvs);
  assertEquals(type(0xf_ffff), E820Type.Reserved);
  assertEquals(type(0x10_0000), E820Type.Ram);
});
