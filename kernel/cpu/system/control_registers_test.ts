import { assertEquals } from "@std/assert";
import { CR, Cr0, Cr4, DR, EFER, Efer, Segment, Vector } from "../state.ts";
import { clts, lmsw, moveFromControl, moveToControl, smsw } from "./control_registers.ts";
import { moveFromDebug, moveToDebug } from "./debug_registers.ts";
import { faultOf, longCpu, protectedCpu, realCpu, type TestCpu } from "./test_cpu.ts";

const GP0 = [Vector.GP, 0] as [number, number | undefined];
const UD = [Vector.UD, undefined] as [number, number | undefined];
const PG = 0x80000000n;

function write(cpu: TestCpu, register: number, value: bigint): [number, number | undefined] {
  return faultOf(() => moveToControl(cpu, value, BigInt(register)));
}

Deno.test("CR0: combinations that do not exist", () => {
  const cpu = realCpu();
  assertEquals(write(cpu, 0, PG), GP0, "PG without PE");
  assertEquals(write(cpu, 0, BigInt(Cr0.NW)), GP0, "NW without CD");
  moveToControl(cpu, 0xf00n, 0n);
  assertEquals(moveFromControl(cpu, 0n), BigInt(Cr0.ET), "ET is fixed, reserved bits read as zero");
  assertEquals(write(longCpu(0), 0, 1n << 32n), GP0);
});

Deno.test("long mode is entered only with PAE and without CS.L, and left only from 32-bit code", () => {
  const cpu = protectedCpu(0);
  cpu.set64(EFER, BigInt(Efer.LME));
  assertEquals(write(cpu, 0, PG | 1n), GP0, "no PAE");
  moveToControl(cpu, BigInt(Cr4.PAE), 4n);
  cpu.setSegment(Segment.CS, 8, 0n, 0xffffffff, 0xa9b);
  assertEquals(write(cpu, 0, PG | 1n), GP0, "CS.L");
  cpu.setSegment(Segment.CS, 8, 0n, 0xffffffff, 0xc9b);
  moveToControl(cpu, PG | 1n, 0n);
  assertEquals(cpu.longMode, true);
  assertEquals(cpu.changes.at(-1), { kind: "mode" });
  assertEquals(write(cpu, 4, 0n), GP0, "PAE stays");
  moveToControl(cpu, 1n, 0n);
  assertEquals(cpu.longMode, false);
  assertEquals(write(longCpu(0), 0, 1n), GP0, "from 64-bit mode");
});

Deno.test("CR3: reserved bits, PCID and the bit that keeps translations", () => {
  const cpu = longCpu(0);
  assertEquals(write(cpu, 3, 1n << 40n), GP0);
  assertEquals(write(cpu, 3, 1n << 63n), GP0, "without PCIDE");
  moveToControl(cpu, BigInt(Cr4.PAE | Cr4.PCIDE), 4n);
  moveToControl(cpu, (1n << 63n) | 0x5001n, 3n);
  assertEquals(moveFromControl(cpu, 3n), 0x5001n);
  assertEquals(cpu.changes.at(-1), { kind: "cr3", keep: true });
  moveToControl(cpu, 0x6002n, 3n);
  assertEquals(cpu.changes.at(-1), { kind: "cr3", keep: false });
});

Deno.test("PCIDE needs long mode and a CR3 without PCID", () => {
  assertEquals(write(protectedCpu(0), 4, BigInt(Cr4.PCIDE)), GP0);
  const cpu = longCpu(0);
  moveToControl(cpu, 0x1001n, 3n);
  assertEquals(write(cpu, 4, BigInt(Cr4.PAE | Cr4.PCIDE)), GP0);
});

Deno.test("CR4: features that CPUID does not name are reserved", () => {
  const cpu = longCpu(0);
  for (const bit of [0, 1, 12, 13, 14, 22, 23]) {
    assertEquals(write(cpu, 4, BigInt(Cr4.PAE | (1 << bit))), GP0, `bit ${bit}`);
  }
  const before = cpu.changes.length;
  moveToControl(cpu, BigInt(Cr4.PAE | Cr4.OSFXSR | Cr4.UMIP), 4n);
  assertEquals(cpu.changes.length, before, "nothing about paging");
});

Deno.test("CR8, CR2, absent registers, privilege", () => {
  const cpu = longCpu(0);
  moveToControl(cpu, 9n, 8n);
  assertEquals(moveFromControl(cpu, 8n), 9n);
  assertEquals(write(cpu, 8, 16n), GP0);
  moveToControl(cpu, -1n, 2n);
  assertEquals(moveFromControl(cpu, 2n), 2n ** 64n - 1n);
  assertEquals(write(cpu, 1, 0n), UD);
  assertEquals(faultOf(() => moveFromControl(cpu, 5n)), UD);
  assertEquals(write(longCpu(3), 0, 1n), GP0);
  assertEquals(faultOf(() => moveFromControl(longCpu(3), 0n)), GP0);
});

Deno.test("CLTS, LMSW, SMSW", () => {
  const cpu = realCpu();
  lmsw(cpu, 0xffffn);
  assertEquals(cpu.get32(CR), Cr0.ET | Cr0.PE | Cr0.MP | Cr0.EM | Cr0.TS);
  lmsw(cpu, 0n);
  assertEquals(cpu.get32(CR), Cr0.ET | Cr0.PE, "PE stays");
  lmsw(cpu, 8n);
  clts(cpu);
  assertEquals(smsw(cpu), BigInt(Cr0.ET | Cr0.PE));
  const user = longCpu(3);
  user.set64(CR + 32, BigInt(Cr4.PAE | Cr4.UMIP));
  assertEquals(faultOf(() => smsw(user)), GP0);
  assertEquals(faultOf(() => clts(user)), GP0);
});

Deno.test("debug registers: fixed bits, aliases, general detect", () => {
  const cpu = longCpu(0);
  assertEquals(moveFromDebug(cpu, 6n), 0xffff0ff0n);
  assertEquals(moveFromDebug(cpu, 7n), 0x400n);
  moveToDebug(cpu, 0n, 4n);
  assertEquals(moveFromDebug(cpu, 6n), 0xffff0ff0n);
  moveToDebug(cpu, 0x155n, 5n);
  assertEquals(moveFromDebug(cpu, 7n), 0x555n);
  assertEquals(faultOf(() => moveToDebug(cpu, 1n << 32n, 7n)), GP0);
  moveToDebug(cpu, 0xffff_8000_0000_1000n, 0n);
  assertEquals(moveFromDebug(cpu, 0n), 0xffff_8000_0000_1000n);
  cpu.set64(CR + 32, BigInt(Cr4.PAE | Cr4.DE));
  assertEquals(faultOf(() => moveFromDebug(cpu, 4n)), UD);
  moveToDebug(cpu, 0x2000n, 7n);
  assertEquals(faultOf(() => moveFromDebug(cpu, 0n)), [Vector.DB, undefined]);
  assertEquals(cpu.get64(DR + 48), 0xffff2ff0n);
  assertEquals(faultOf(() => moveFromDebug(longCpu(3), 0n)), GP0);
});
