import { assertEquals } from "@std/assert";
import {
  CR,
  Cr0,
  Cr4,
  Flag,
  Gpr,
  MXCSR,
  Segment,
  Vector,
  X87,
  X87_CONTROL,
  X87_IP,
  X87_STATUS,
  X87_TAG,
  XCR0,
  XMM,
} from "../state.ts";
import { cli, popf, pushf, sti } from "./flags.ts";
import { fxrstor, fxsave, ldmxcsr, stmxcsr } from "./fxsave.ts";
import { invlpg, invpcid } from "./invalidation.ts";
import { ins, portIn, portOut } from "./io_permission.ts";
import { rdrand } from "./random.ts";
import { bound, int } from "./software_interrupts.ts";
import { faultOf, Layout, longCpu, protectedCpu, type TestCpu } from "./test_cpu.ts";
import { xgetbv, xrstor, xsave, xsetbv } from "./xsave.ts";

const GP0 = [Vector.GP, 0] as [number, number | undefined];
const AREA = 0x8000n;

function fillFpu(cpu: TestCpu): void {
  cpu.set32(X87_STATUS, 6 << 11);
  cpu.set32(X87_TAG, 0xc0);
  cpu.view.setBigUint64(X87 + 6 * 16, 0x8000_0000_0000_0000n, true);
  cpu.view.setUint16(X87 + 6 * 16 + 8, 0x3fff, true);
  cpu.set64(X87_IP, 0xffff_8000_1234_5678n);
  cpu.set64(XMM + 15 * 16, 0x1122n);
  cpu.set32(MXCSR, 0x1fa0);
}

Deno.test("FXSAVE64 puts ST(0) first, keeps the rest of the area, and FXRSTOR64 takes it back", () => {
  const cpu = longCpu(0);
  fillFpu(cpu);
  cpu.memory.write64(AREA + 504n, 0x5555n);
  fxsave(cpu, AREA, 8n);
  assertEquals(cpu.memory.read64(AREA + 32n), 0x8000_0000_0000_0000n);
  assertEquals(cpu.memory.read(AREA + 40n, 2), 0x3fff);
  assertEquals(cpu.memory.read(AREA + 4n, 1), 0xc0);
  assertEquals(cpu.memory.read64(AREA + 8n), 0xffff_8000_1234_5678n);
  assertEquals(cpu.memory.read(AREA + 24n, 4), 0x1fa0);
  assertEquals(cpu.memory.read64(AREA + 160n + 240n), 0x1122n);
  assertEquals(cpu.memory.read64(AREA + 504n), 0x5555n);

  const other = longCpu(0);
  const region = new Uint8Array(512);
  cpu.memory.readBytes(AREA, region);
  other.memory.writeBytes(AREA, region);
  fxrstor(other, AREA, 8n);
  assertEquals(other.view.getBigUint64(X87 + 6 * 16, true), 0x8000_0000_0000_0000n);
  assertEquals(other.get32(X87_STATUS), 6 << 11);
  assertEquals(other.get64(X87_IP), 0xffff_8000_1234_5678n);
  assertEquals(other.get64(XMM + 15 * 16), 0x1122n);
});

Deno.test("FXSAVE and FXRSTOR: alignment, CR0.TS, reserved bits of MXCSR", () => {
  const cpu = longCpu(0);
  assertEquals(faultOf(() => fxsave(cpu, AREA + 8n, 8n)), GP0);
  cpu.memory.write(AREA + 24n, 4, 0x10000);
  assertEquals(faultOf(() => fxrstor(cpu, AREA, 8n)), GP0);
  cpu.set64(CR, cpu.get64(CR) | BigInt(Cr0.TS));
  assertEquals(faultOf(() => fxsave(cpu, AREA, 8n)), [Vector.NM, undefined]);
});

Deno.test("LDMXCSR and STMXCSR", () => {
  const cpu = longCpu(3);
  cpu.memory.write(AREA, 4, 0x9fc0);
  ldmxcsr(cpu, AREA);
  stmxcsr(cpu, AREA + 4n);
  assertEquals(cpu.memory.read(AREA + 4n, 4), 0x9fc0);
  cpu.memory.write(AREA, 4, 0x10000);
  assertEquals(faultOf(() => ldmxcsr(cpu, AREA)), GP0);
  cpu.set64(CR + 32, BigInt(Cr4.PAE));
  assertEquals(faultOf(() => stmxcsr(cpu, AREA)), [Vector.UD, undefined]);
});

function xsaveCpu(): TestCpu {
  const cpu = longCpu(0);
  cpu.set64(CR + 32, BigInt(Cr4.PAE | Cr4.OSFXSR | Cr4.OSXSAVE));
  cpu.set64(XCR0, 3n);
  cpu.gpr[Gpr.RAX] = 0xffffffffn;
  cpu.gpr[Gpr.RDX] = 0xffffffffn;
  return cpu;
}

Deno.test("XSAVE and XRSTOR, whole and by component", () => {
  const cpu = xsaveCpu();
  fillFpu(cpu);
  xsave(cpu, AREA, 8n);
  assertEquals(cpu.memory.read64(AREA + 512n), 3n);
  cpu.set64(XMM + 15 * 16, 0n);
  cpu.set32(X87_TAG, 0);
  cpu.gpr[Gpr.RAX] = 2n;
  xrstor(cpu, AREA, 8n);
  assertEquals(cpu.get64(XMM + 15 * 16), 0x1122n);
  assertEquals(cpu.get32(X87_TAG), 0, "x87 was not asked for");

  const partial = xsaveCpu();
  partial.memory.write64(AREA + 160n, 0x77n);
  partial.memory.write(AREA + 24n, 4, 0x77);
  partial.gpr[Gpr.RAX] = 1n;
  xsave(partial, AREA, 8n);
  assertEquals(partial.memory.read64(AREA + 160n), 0x77n);
  assertEquals(partial.memory.read(AREA + 24n, 4), 0x77);
  assertEquals(partial.memory.read64(AREA + 512n), 1n);
});

Deno.test("XRSTOR initializes what the header does not name, but loads MXCSR", () => {
  const cpu = xsaveCpu();
  fillFpu(cpu);
  cpu.set32(X87_CONTROL, 0x27f);
  cpu.memory.write(AREA + 24n, 4, 0x1f80);
  xrstor(cpu, AREA, 8n);
  assertEquals([cpu.get32(X87_CONTROL), cpu.get32(X87_TAG)], [0x37f, 0]);
  assertEquals([cpu.get64(XMM + 15 * 16), cpu.get32(MXCSR)], [0n, 0x1f80]);
});

Deno.test("XSAVE and XRSTOR: what they refuse", () => {
  const cpu = xsaveCpu();
  assertEquals(faultOf(() => xsave(cpu, AREA + 16n, 8n)), GP0);
  cpu.memory.write64(AREA + 512n, 4n);
  assertEquals(faultOf(() => xrstor(cpu, AREA, 8n)), GP0, "a component that XCR0 has not");
  cpu.memory.write64(AREA + 512n, 0n);
  cpu.memory.write64(AREA + 520n, 1n << 63n);
  assertEquals(faultOf(() => xrstor(cpu, AREA, 8n)), GP0, "compacted");
  assertEquals(faultOf(() => xsave(longCpu(0), AREA, 8n)), [Vector.UD, undefined], "OSXSAVE is clear");
});

Deno.test("XSETBV and XGETBV", () => {
  const cpu = xsaveCpu();
  cpu.gpr[Gpr.RCX] = 0n;
  cpu.gpr[Gpr.RDX] = 0n;
  for (const bad of [0n, 2n, 7n]) {
    cpu.gpr[Gpr.RAX] = bad;
    assertEquals(faultOf(() => xsetbv(cpu)), GP0);
  }
  cpu.gpr[Gpr.RAX] = 1n;
  xsetbv(cpu);
  cpu.gpr[Gpr.RAX] = 0n;
  xgetbv(cpu);
  assertEquals(cpu.gpr[Gpr.RAX], 1n);
  cpu.gpr[Gpr.RCX] = 1n;
  assertEquals(faultOf(() => xgetbv(cpu)), GP0);
});

Deno.test("POPF by privilege", () => {
  const kernel = longCpu(0);
  popf(kernel, 0xffffffn, 8n);
  assertEquals(kernel.rflags, 0x247fd7);
  assertEquals(pushf(kernel), 0x247fd7n);
  const user = longCpu(3);
  user.rflags = Flag.IF | 2;
  popf(user, BigInt(Flag.IOPL | Flag.CF), 8n);
  assertEquals(user.rflags, Flag.IF | Flag.CF | 2);
  popf(user, BigInt(Flag.AC | Flag.ID), 2n);
  assertEquals(user.rflags, Flag.IF | 2, "16 bits only");
});

Deno.test("CLI and STI by IOPL; STI shadows the next instruction", () => {
  const user = longCpu(3);
  assertEquals(faultOf(() => cli(user)), GP0);
  user.rflags = Flag.IOPL | 2;
  sti(user);
  sti(user);
  assertEquals([user.rflags & Flag.IF, user.shadows], [Flag.IF, 1]);
  const vm = protectedCpu(3);
  vm.rflags = Flag.VM | 2;
  for (const action of [() => cli(vm), () => pushf(vm), () => popf(vm, 0n, 2n), () => int(vm, 0x21n)]) {
    assertEquals(faultOf(() => void action()), GP0);
  }
});

Deno.test("ports: IOPL, then the bitmap of the TSS, whose end is closed", () => {
  const cpu = longCpu(3);
  const { view } = cpu.memory;
  const { TSS } = Layout;
  view.setUint16(TSS + 102, 0x68, true);
  new Uint8Array(view.buffer).fill(0xff, TSS + 0x68, TSS + 0x800);
  view.setUint8(TSS + 0x68 + (0x60 >> 3), 0b11111110);
  cpu.ports.set(0x60, 0x1c);
  assertEquals(portIn(cpu, 0x60n, 1n), 0x1cn);
  assertEquals(faultOf(() => portIn(cpu, 0x60n, 2n)), GP0, "the next port is closed");
  assertEquals(faultOf(() => portOut(cpu, 0x61n | (1n << 16n), 0n)), GP0);
  cpu.setSegment(Segment.TR, 0x50, BigInt(TSS), 0x68 + 12, 0x8b);
  assertEquals(faultOf(() => portIn(cpu, 0x60n, 1n)), GP0, "the second byte is beyond the limit");
  cpu.rflags = Flag.IOPL | 2;
  portOut(cpu, 0x80n | (2n << 16n), 0x12345n);
  assertEquals(cpu.ports.get(0x80), 0x2345);
});

Deno.test("INS does not read the device when its destination is absent", () => {
  const cpu = longCpu(0);
  let reads = 0;
  cpu.readPort = () => ++reads;
  cpu.memory.absent.add(8);
  assertEquals(faultOf(() => ins(cpu, 0x1f0n | (2n << 16n), AREA))[0], Vector.PF);
  assertEquals(reads, 0);
});

Deno.test("INVLPG and INVPCID", () => {
  const cpu = longCpu(0);
  invlpg(cpu, -0x1000n);
  cpu.set64(CR + 32, BigInt(Cr4.PAE | Cr4.PCIDE));
  cpu.set64(CR + 24, 0x1003n);
  cpu.memory.write64(AREA, 3n);
  cpu.memory.write64(AREA + 8n, 0x5000n);
  invpcid(cpu, AREA, 0n);
  cpu.memory.write64(AREA, 4n);
  for (const type of [0n, 1n, 2n, 3n]) invpcid(cpu, AREA, type);
  assertEquals(cpu.invalidated, [
    "page 0xfffffffffffff000",
    "page 0x5000",
    "context 4",
    "context 4",
    "context all global",
    "context all",
  ]);
  assertEquals(faultOf(() => invpcid(cpu, AREA, 4n)), GP0);
});

Deno.test("BOUND and RDRAND", () => {
  const cpu = protectedCpu(0);
  cpu.memory.write(AREA, 2, 0xfffe);
  cpu.memory.write(AREA + 2n, 2, 5);
  bound(cpu, 0xffffn | (2n << 32n), AREA);
  assertEquals(faultOf(() => bound(cpu, 6n | (2n << 32n), AREA)), [Vector.BR, undefined]);
  cpu.rflags = Flag.OF | Flag.ZF | 2;
  const [first, second] = [rdrand(cpu), rdrand(cpu)];
  assertEquals(first === second, false);
  assertEquals(cpu.rflags, Flag.CF | 2);
});
