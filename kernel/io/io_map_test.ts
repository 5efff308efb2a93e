import { assertEquals, assertStringIncludes } from "@std/assert";
import { IoreqType } from "../abi/ioreq.ts";
import { ramParts } from "../memory/ram.ts";
import { IoMap, IoMapReader, makeIoMap, type MappedRange, reservedBy } from "./io_map.ts";

function ports(slot: number, first: number, last: number): MappedRange {
  return { type: IoreqType.Port, first, last, posted: false, slot };
}

function mmio(slot: number, first: number, last: number): MappedRange {
  return { type: IoreqType.Mmio, first, last, posted: true, slot };
}

Deno.test("addresses lead to the server that has mapped them", () => {
  const memory = makeIoMap();
  const [map, reader] = [new IoMap(memory), new IoMapReader(memory)];
  assertEquals(reader.port(0x40), undefined);
  assertEquals(map.add(ports(1, 0x40, 0x43), undefined), undefined);
  assertEquals(map.add(mmio(2, 0xd000_0000, 0xd000_0fff), undefined), undefined);
  assertEquals(reader.port(0x40), ports(1, 0x40, 0x43));
  assertEquals(reader.port(0x43)?.slot, 1);
  assertEquals(reader.port(0x44), undefined);
  assertEquals(reader.mmio(0xd000_0fff), mmio(2, 0xd000_0000, 0xd000_0fff));
  assertEquals(reader.mmio(0x40), undefined);
  assertEquals(map.remove(ports(1, 0x40, 0x43)), undefined);
  assertEquals(reader.port(0x40), undefined);
  map.removeSlot(2);
  assertEquals(reader.mmio(0xd000_0000), undefined);
});

Deno.test("ranges do not overlap, but for those of a server that is replaced", () => {
  const memory = makeIoMap();
  const [map, reader] = [new IoMap(memory), new IoMapReader(memory)];
  map.add(ports(1, 0x40, 0x43), undefined);
  map.add(ports(1, 0x61, 0x61), undefined);
  assertStringIncludes(map.add(ports(2, 0x43, 0x50), undefined) ?? "", "ports 0x40 to 0x43, which are taken");
  assertStringIncludes(map.add(ports(1, 0x40, 0x40), undefined) ?? "", "taken");
  assertStringIncludes(map.remove(ports(2, 0x40, 0x43)) ?? "", "not mapped");
  assertEquals(map.add(ports(2, 0x43, 0x50), 1), undefined);
  assertEquals([reader.port(0x40)?.slot, reader.port(0x43)?.slot, reader.port(0x61)?.slot], [
    undefined,
    2,
    1,
  ]);
  // Ports and memory are apart.
  assertEquals(map.add(mmio(3, 0x40, 0x50), undefined), undefined);
});

Deno.test("what is published for a port is there until its range is not", () => {
  const memory = makeIoMap();
  const [map, reader] = [new IoMap(memory), new IoMapReader(memory)];
  assertStringIncludes(map.publish(1, 0x41, 7) ?? "", "ports 0x41 to 0x41 are not mapped");
  map.add(ports(1, 0x40, 0x43), undefined);
  map.add(ports(1, 0x61, 0x61), undefined);
  assertStringIncludes(map.publish(2, 0x41, 7) ?? "", "not mapped");
  assertStringIncludes(map.publish(1, 0x1_0000, 7) ?? "", "not mapped");
  assertEquals(reader.published(0x41, 1), undefined);
  for (const value of [0, 0xff]) {
    assertEquals(map.publish(1, 0x41, value), undefined);
    assertEquals(reader.published(0x41, 1), value);
  }
  assertEquals(reader.published(0x42, 1), undefined);
  assertEquals([2, 4].map((size) => reader.published(0x41, size)), [undefined, undefined]);
  map.publish(1, 0x42, 0x12);
  assertEquals(reader.published(0x41, 2), 0x12ff);
  map.publish(1, 0x42, undefined);
  map.publish(1, 0x41, undefined);
  assertEquals(reader.published(0x41, 1), undefined);

  for (const port of [0x40, 0x43, 0x61]) map.publish(1, port, port);
  map.remove(ports(1, 0x61, 0x61));
  assertEquals([0x40, 0x43, 0x61].map((port) => reader.published(port, 1)), [0x40, 0x43, undefined]);
  map.add(ports(2, 0x43, 0x43), 1);
  assertEquals([0x40, 0x43].map((port) => reader.published(port, 1)), [undefined, undefined]);
  map.publish(2, 0x43, 1);
  map.withdraw(2);
  assertEquals(reader.published(0x43, 1), undefined);
});

Deno.test("the map is bounded", () => {
  const map = new IoMap(makeIoMap());
  for (let port = 0; port < 512; port++) assertEquals(map.add(ports(1, port, port), undefined), undefined);
  assertStringIncludes(map.add(ports(1, 600, 600), undefined) ?? "", "512");
});

Deno.test("what belongs to the kernel is not for servers", () => {
  const ram = ramParts(64 << 20);
  assertStringIncludes(reservedBy(ports(0, 0xa1, 0xa8), ram) ?? "", "8259A");
  assertStringIncludes(reservedBy(mmio(0, 0xfec0_0010, 0xfec0_0013), ram) ?? "", "interrupt controllers");
  assertStringIncludes(reservedBy(mmio(0, 0x3ff_ffff, 0x400_0000), ram) ?? "", "RAM");
  assertEquals(reservedBy(mmio(0, 0x400_0000, 0x400_0fff), ram), undefined);
  assertEquals(reservedBy(ports(0, 0xcf8, 0xcff), ram), undefined);
});
