import { assertEquals } from "@std/assert";
import { makeVcpuEvents, VcpuEventKind, VcpuEvents } from "./vcpu_events.ts";

const END = 0x1_0000_0000;

Deno.test("events come in order", () => {
  const events = new VcpuEvents(makeVcpuEvents());
  assertEquals(events.pending, false);
  events.addModifiedMemory(0x1000, 16);
  events.addMsi(0xfee0_0000, 0x41);
  assertEquals(events.pending, true);
  assertEquals(events.take(END), { kind: VcpuEventKind.ModifiedMemory, first: 0x1000, second: 16 });
  assertEquals(events.take(END), { kind: VcpuEventKind.Msi, first: 0xfee0_0000, second: 0x41 });
  assertEquals(events.take(END), undefined);
});

Deno.test("too many interrupts are refused, too much written memory counts as all of it", () => {
  const events = new VcpuEvents(makeVcpuEvents());
  let taken = 0;
  while (events.addMsi(0xfee0_0000, taken)) taken++;
  assertEquals(taken, 1024);
  events.addModifiedMemory(0x1000, 16);
  assertEquals(events.take(END), { kind: VcpuEventKind.ModifiedMemory, first: 0, second: END });
  assertEquals(events.take(END), { kind: VcpuEventKind.Msi, first: 0xfee0_0000, second: 0 });
  assertEquals(events.addMsi(0xfee0_0000, 7), true);
});
