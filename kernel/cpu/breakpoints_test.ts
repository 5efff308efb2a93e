import { assertEquals, assertFalse } from "@std/assert";
import { Breakpoints } from "./breakpoints.ts";
import { DR, STATE_END } from "./state.ts";

const EXECUTE = 0;
const WRITE = 1;
const PORT = 2;
const READ_WRITE = 3;

/** Breakpoints with DR0 to DR3 set, by address, R/W and LEN field. */
function enabled(
  extensions: boolean,
  ...points: readonly (readonly [address: bigint, kind: number, length: number])[]
) {
  const registers = new DataView(new ArrayBuffer(STATE_END));
  let dr7 = 0;
  points.forEach(([address, kind, length], number) => {
    registers.setBigUint64(DR + number * 8, address, true);
    dr7 |= 1 << number * 2 | (kind | length << 2) << 16 + number * 4;
  });
  registers.setUint32(DR + 7 * 8, dr7 >>> 0, true);
  const breakpoints = new Breakpoints();
  breakpoints.update(registers, extensions);
  return breakpoints;
}

Deno.test("A write breakpoint is met by writes that touch it", () => {
  const breakpoints = enabled(false, [0x1008n, WRITE, 3]);
  assertFalse(breakpoints.access(0x1004n, 4, true));
  assertFalse(breakpoints.access(0x1008n, 4, false));
  assertFalse(breakpoints.access(0x100cn, 1, true));
  assertEquals(breakpoints.hits, 0);
  assertEquals(breakpoints.access(0x1000n, 16, true), true);
  assertEquals(breakpoints.hits, 1);
});

Deno.test("A breakpoint for reads and writes; addresses are cut to the length", () => {
  const breakpoints = enabled(false, [0n, EXECUTE, 0], [0x1013n, READ_WRITE, 2]);
  assertEquals(breakpoints.access(0x1010n, 1, false), true);
  assertEquals(breakpoints.access(0x1017n, 8, true), true);
  assertFalse(breakpoints.access(0x1018n, 1, true));
  assertEquals(breakpoints.hits, 2);
});

Deno.test("Pages with watched bytes are known", () => {
  const breakpoints = enabled(false, [0x2fffn, WRITE, 0]);
  assertEquals(breakpoints.watching, true);
  assertEquals(breakpoints.near(0x2000n, 8), true);
  assertEquals(breakpoints.near(0x1ffcn, 8), true);
  assertFalse(breakpoints.near(0x3000n, 8));
});

Deno.test("Instruction and port breakpoints need single steps", () => {
  const instruction = enabled(false, [0x1234n, EXECUTE, 0]);
  assertEquals([instruction.stepping, instruction.watching], [true, false]);
  assertEquals(instruction.instruction(0x1234n), 1);
  assertEquals(instruction.instruction(0x1235n), 0);
  assertFalse(enabled(false, [0x60n, PORT, 1]).stepping);
  const port = enabled(true, [0x60n, PORT, 1]);
  assertEquals(port.stepping, true);
  port.port(0x5e, 2);
  assertEquals(port.hits, 0);
  port.port(0x61, 1);
  assertEquals(port.hits, 1);
});
