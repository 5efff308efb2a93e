import { assertEquals } from "@std/assert";
import { executeFloat, FLOAT_RESULT, FLOAT_SOURCE, FloatOperation, floatShape } from "./float_operations.ts";
import { CR, Cr4, MXCSR, Vector } from "./state.ts";
import { faultOf, TestCpu } from "./system/test_cpu.ts";

const ALL_MASKED = 0x1f80;
/** All but ZM. */
const DIVISION_UNMASKED = ALL_MASKED & ~(1 << 9);
const IE = 1;
const ZE = 4;
const PE = 32;

function prepare(mxcsr: number, a: readonly number[], b: readonly number[]): TestCpu {
  const cpu = new TestCpu();
  cpu.set32(MXCSR, mxcsr);
  cpu.set64(CR + 4 * 8, BigInt(Cr4.OSFXSR | Cr4.OSXMMEXCPT));
  cpu.set64(FLOAT_RESULT, 0x55n);
  a.forEach((value, index) => cpu.view.setFloat32(FLOAT_SOURCE + index * 4, value, true));
  b.forEach((value, index) => cpu.view.setFloat32(FLOAT_SOURCE + 16 + index * 4, value, true));
  return cpu;
}

const DIVPS = [FloatOperation.Divide, BigInt(floatShape(32, 4)), 0n] as const;

Deno.test("The exceptions of all elements are gathered", () => {
  const cpu = prepare(ALL_MASKED, [1, 1, 0, 6], [3, 0, 0, 2]);
  executeFloat(cpu, ...DIVPS);
  const result = [0, 4, 8, 12].map((offset) => cpu.view.getFloat32(FLOAT_RESULT + offset, true));
  assertEquals(result, [Math.fround(1 / 3), Infinity, NaN, 3]);
  assertEquals(cpu.get32(MXCSR), ALL_MASKED | IE | ZE | PE);
});

Deno.test("An unmasked exception in one element keeps all from being written, and hides their rounding", () => {
  const cpu = prepare(DIVISION_UNMASKED, [1, 1, 1, 1], [3, 3, 3, 0]);
  assertEquals(faultOf(() => executeFloat(cpu, ...DIVPS)), [Vector.XM, undefined]);
  assertEquals(cpu.get64(FLOAT_RESULT), 0x55n);
  assertEquals(cpu.get32(MXCSR), DIVISION_UNMASKED | ZE);
});

Deno.test("Without CR4.OSXMMEXCPT an unmasked exception is an undefined opcode", () => {
  const cpu = prepare(DIVISION_UNMASKED, [1, 1, 1, 1], [0, 1, 1, 1]);
  cpu.set64(CR + 4 * 8, BigInt(Cr4.OSFXSR));
  assertEquals(faultOf(() => executeFloat(cpu, ...DIVPS)), [Vector.UD, undefined]);
});

Deno.test("A narrower result leaves the rest zero", () => {
  const cpu = prepare(ALL_MASKED, [], []);
  cpu.view.setFloat64(FLOAT_SOURCE, 1.5, true);
  cpu.view.setFloat64(FLOAT_SOURCE + 8, -2, true);
  executeFloat(cpu, FloatOperation.Convert, BigInt(floatShape(64, 2)), 0n);
  assertEquals(cpu.get64(FLOAT_RESULT), 0xc0000000_3fc00000n);
  assertEquals(cpu.get64(FLOAT_RESULT + 8), 0n);
  assertEquals(cpu.get32(MXCSR), ALL_MASKED);
});
