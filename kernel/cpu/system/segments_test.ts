import { assertEquals } from "@std/assert";
import { Segment, SegmentAttribute, Vector } from "../state.ts";
import { loadFarPointer, loadSegment, moveToSegment } from "./segments.ts";
import { faultOf, Layout, longCpu, protectedCpu, realCpu, Selector, writeDescriptor } from "./test_cpu.ts";

const { GDT } = Layout;
const { DS, SS, ES, FS } = Segment;

Deno.test("a descriptor's base, limit and attributes become the hidden part, and it is accessed", () => {
  const cpu = protectedCpu(0);
  writeDescriptor(cpu, GDT + Selector.FREE, 0x12345678, 0xabcde, 0x92, 0x8);
  loadSegment(cpu, DS, Selector.FREE);
  assertEquals(cpu.segmentBase(DS), 0x12345678n);
  assertEquals(cpu.segmentLimit(DS) >>> 0, 0xabcdefff);
  assertEquals(cpu.segmentAttributes(DS), 0x893);
  assertEquals(cpu.memory.read(BigInt(GDT + Selector.FREE + 5), 1), 0x93);
});

Deno.test("data segments: null, type, privilege, presence", () => {
  const cpu = protectedCpu(3);
  const load = (selector: number) => faultOf(() => loadSegment(cpu, ES, selector));
  loadSegment(cpu, ES, 3);
  assertEquals(cpu.segmentAttributes(ES) & SegmentAttribute.UNUSABLE, SegmentAttribute.UNUSABLE);
  assertEquals(load(0x88), [Vector.GP, 0x88]);
  assertEquals(load(Selector.DATA0), [Vector.GP, Selector.DATA0]);
  assertEquals(load(Selector.TSS), [Vector.GP, Selector.TSS]);
  writeDescriptor(cpu, GDT + Selector.FREE, 0, 0, 0xf8, 4);
  assertEquals(load(Selector.FREE), [Vector.GP, Selector.FREE], "execute-only code");
  writeDescriptor(cpu, GDT + Selector.FREE, 0, 0, 0x72, 4);
  assertEquals(load(Selector.FREE), [Vector.NP, Selector.FREE]);
  loadSegment(cpu, ES, Selector.CONFORMING);
  assertEquals(cpu.segmentSelector(ES), Selector.CONFORMING);
  assertEquals(load(4), [Vector.GP, 4], "no LDT");
});

Deno.test("stack segments: writable, at exactly CPL; absent is #SS; null only in a 64-bit kernel", () => {
  const cpu = protectedCpu(0);
  const load = (selector: number) => faultOf(() => loadSegment(cpu, SS, selector));
  assertEquals(load(0), [Vector.GP, 0]);
  assertEquals(load(Selector.DATA3), [Vector.GP, Selector.DATA3 & ~3]);
  assertEquals(load(Selector.CODE0), [Vector.GP, Selector.CODE0]);
  writeDescriptor(cpu, GDT + Selector.FREE, 0, 0, 0x12, 4);
  assertEquals(load(Selector.FREE), [Vector.SS, Selector.FREE]);
  const long = longCpu(0);
  loadSegment(long, SS, 0);
  assertEquals(long.segmentSelector(SS), 0);
  assertEquals(faultOf(() => loadSegment(longCpu(3), SS, 3)), [Vector.GP, 0]);
});

Deno.test("real mode keeps the limit that protected mode left", () => {
  const cpu = realCpu();
  cpu.setSegment(FS, 0x10, 0n, 0xffffffff, 0x893);
  loadSegment(cpu, FS, 0xb800);
  assertEquals([cpu.segmentBase(FS), cpu.segmentLimit(FS) >>> 0], [0xb8000n, 0xffffffff]);
});

Deno.test("MOV SS shadows interrupts, LSS does not", () => {
  const cpu = protectedCpu(0);
  moveToSegment(cpu, BigInt(Selector.DATA0), BigInt(SS));
  assertEquals(cpu.shadows, 1);
  moveToSegment(cpu, BigInt(Selector.DATA0), BigInt(DS));
  loadFarPointer(cpu, BigInt(Selector.DATA0), BigInt(SS));
  assertEquals(cpu.shadows, 1);
});
