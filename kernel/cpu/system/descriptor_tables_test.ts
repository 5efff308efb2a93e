import { assertEquals } from "@std/assert";
import { CR, Cr4, Flag, GDTR, IDTR, Segment, Vector } from "../state.ts";
import { lgdt, lidt, lldt, ltr, sgdt, sldt, str } from "./descriptor_tables.ts";
import { arpl, lar, lsl, verr, verw } from "./selector_checks.ts";
import { faultOf, Layout, longCpu, protectedCpu, realCpu, Selector, writeDescriptor } from "./test_cpu.ts";

const { GDT } = Layout;

Deno.test("LGDT and SGDT in 64-bit mode use ten bytes", () => {
  const cpu = longCpu(0);
  cpu.memory.write(0x8000n, 2, 0x7f);
  cpu.memory.write64(0x8002n, 0xffff_fe00_0000_1000n);
  lgdt(cpu, 0x8000n, 8n);
  assertEquals([cpu.get64(GDTR), cpu.get64(GDTR + 8)], [0xffff_fe00_0000_1000n, 0x7fn]);
  sgdt(cpu, 0x8100n);
  const [stored, loaded] = [new Uint8Array(10), new Uint8Array(10)];
  cpu.memory.readBytes(0x8100n, stored);
  cpu.memory.readBytes(0x8000n, loaded);
  assertEquals(stored, loaded);
  cpu.memory.write64(0x8002n, 1n << 47n);
  assertEquals(faultOf(() => lgdt(cpu, 0x8000n, 8n)), [Vector.GP, 0]);
});

Deno.test("LIDT with a 16-bit operand takes 24 bits of base", () => {
  const cpu = realCpu();
  cpu.memory.write(0x8000n, 2, 0x3ff);
  cpu.memory.write(0x8002n, 4, 0x12345678);
  lidt(cpu, 0x8000n, 2n);
  assertEquals([cpu.get64(IDTR), cpu.get64(IDTR + 8)], [0x345678n, 0x3ffn]);
  lidt(cpu, 0x8000n, 4n);
  assertEquals(cpu.get64(IDTR), 0x12345678n);
});

Deno.test("UMIP and privilege", () => {
  const cpu = longCpu(3);
  assertEquals(faultOf(() => lgdt(cpu, 0x8000n, 8n)), [Vector.GP, 0]);
  sgdt(cpu, 0x8000n);
  cpu.set64(CR + 32, BigInt(Cr4.PAE | Cr4.UMIP));
  assertEquals(faultOf(() => sgdt(cpu, 0x8000n)), [Vector.GP, 0]);
  assertEquals(faultOf(() => str(cpu)), [Vector.GP, 0]);
  assertEquals(faultOf(() => sldt(realCpu())), [Vector.UD, undefined]);
});

Deno.test("LTR makes the TSS busy, and takes 16 bytes in long mode", () => {
  const cpu = longCpu(0);
  cpu.memory.view.setUint32(GDT + Selector.TSS + 8, 0xffff8880, true);
  ltr(cpu, BigInt(Selector.TSS));
  assertEquals(cpu.segmentBase(Segment.TR), 0xffff_8880_0000_0000n | BigInt(Layout.TSS));
  assertEquals(cpu.segmentAttributes(Segment.TR) & 0xff, 0x8b);
  assertEquals(cpu.memory.read(BigInt(GDT + Selector.TSS + 5), 1), 0x8b);
  assertEquals(str(cpu), BigInt(Selector.TSS));
  assertEquals(faultOf(() => ltr(cpu, BigInt(Selector.TSS))), [Vector.GP, Selector.TSS], "busy");
  assertEquals(faultOf(() => ltr(cpu, 0n)), [Vector.GP, 0]);
  assertEquals(faultOf(() => ltr(cpu, BigInt(Selector.TSS | 4))), [Vector.GP, Selector.TSS | 4]);
});

Deno.test("LLDT: a null selector makes it unusable; its descriptors then count", () => {
  const cpu = protectedCpu(0);
  lldt(cpu, BigInt(Selector.LDT));
  assertEquals(cpu.segmentBase(Segment.LDTR), BigInt(Layout.LDT));
  writeDescriptor(cpu, Layout.LDT + 8, 0, 0xfff, 0x92, 4);
  assertEquals(lsl(cpu, BigInt(0xc | (4 << 16)), 0n), 0xfffn);
  lldt(cpu, 0n);
  lsl(cpu, BigInt(0xc | (4 << 16)), 0n);
  assertEquals(cpu.rflags & Flag.ZF, 0);
  assertEquals(faultOf(() => lldt(cpu, BigInt(Selector.DATA0))), [Vector.GP, Selector.DATA0]);
});

Deno.test("VERR, VERW, LAR, LSL tell by ZF and keep the destination otherwise", () => {
  const cpu = protectedCpu(3);
  const zero = () => (cpu.rflags & Flag.ZF) !== 0;
  verr(cpu, BigInt(Selector.CODE3));
  assertEquals(zero(), true);
  verw(cpu, BigInt(Selector.CODE3));
  assertEquals(zero(), false);
  verr(cpu, BigInt(Selector.DATA0));
  assertEquals(zero(), false);
  verr(cpu, 0n);
  assertEquals(zero(), false);
  const old = 0x1111_2222_3333_4444n;
  assertEquals(lar(cpu, BigInt(Selector.DATA3 | (4 << 16)), old), 0x00c0f200n);
  assertEquals(zero(), true);
  assertEquals(lar(cpu, BigInt(Selector.DATA3 | (2 << 16)), old), 0x1111_2222_3333_f200n);
  assertEquals(lsl(cpu, BigInt(Selector.DATA3 | (8 << 16)), old), 0xffffffffn);
  assertEquals(lsl(cpu, BigInt(Selector.DATA0 | (4 << 16)), old), old);
  assertEquals(zero(), false);
});

Deno.test("ARPL raises the RPL", () => {
  const cpu = protectedCpu(0);
  assertEquals(arpl(cpu, 0x10n, 3n), 0x13n);
  assertEquals(cpu.rflags & Flag.ZF, Flag.ZF);
  assertEquals(arpl(cpu, 0x13n, 1n), 0x13n);
  assertEquals(cpu.rflags & Flag.ZF, 0);
});
