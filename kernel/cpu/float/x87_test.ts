import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { Bytes, Faulting, PlainState } from "./testdata/x87_state.ts";
import { X87 } from "./x87.ts";
import { encodeInteger } from "./x87_load_store.ts";

const ONE = 0x3fff_8000000000000000n;
const TWO = 0x4000_8000000000000000n;
const INDEFINITE = 0xffff_c000000000000000n;

const IE = 0x01;
const ZE = 0x04;
const SF = 0x40;
const ES = 0x80;
const C1 = 0x200;
const C2 = 0x400;
const B = 0x8000;

function machine(...stack: bigint[]) {
  const state = new PlainState();
  stack.forEach((bits, i) => {
    state.setSt(i, bits);
    state.tag |= 1 << i;
  });
  return { state, x87: new X87(state) };
}

Deno.test("An unmasked exception is raised by the next waiting instruction, not by a non-waiting one", () => {
  const { state, x87 } = machine(ONE, 0n);
  state.control &= ~ZE;
  assertEquals(x87.execute(0xd8, 0xf1, undefined), {});
  assertEquals(state.st(0), ONE, "the dividend stays");
  assertEquals(state.status & (ZE | ES | B), ZE | ES | B);
  assert(x87.checkPending());

  assertEquals(x87.execute(0xd8, 0xc1, undefined), { mathFault: true });
  assertEquals(x87.execute(0xdf, 0xe0, undefined), { ax: state.status });
  x87.execute(0xdb, 0xe2, undefined);
  assertFalse(x87.checkPending());
  x87.execute(0xd8, 0xc1, undefined);
  assertEquals(state.st(0), ONE);
});

Deno.test("Unmasking a raised exception with FLDCW makes it pending", () => {
  const { state, x87 } = machine(ONE, 0n);
  x87.execute(0xd8, 0xf1, undefined);
  assertFalse(x87.checkPending());
  x87.execute(0xd9, 0x28, new Bytes([0x7b, 0x03]));
  assert(x87.checkPending());
  assertEquals(state.control, 0x37b);
});

Deno.test("FNSTENV masks all exceptions", () => {
  const { state, x87 } = machine(ONE, 0n);
  state.control &= ~ZE;
  x87.execute(0xd8, 0xf1, undefined);
  const memory = new Bytes([]);
  x87.execute(0xd9, 0x30, memory);
  assertEquals(memory.bytes.slice(0, 2), Uint8Array.of(0x7b, 0x03));
  assertEquals(state.control, 0x37f);
  assertFalse(x87.checkPending());
});

Deno.test("A ninth load overflows the stack, a load from an empty register underflows it", () => {
  const { state, x87 } = machine(...new Array(8).fill(ONE));
  x87.execute(0xd9, 0xe8, undefined);
  assertEquals(state.st(0), INDEFINITE);
  assertEquals(state.status & (IE | SF | C1), IE | SF | C1);

  const empty = machine();
  empty.x87.execute(0xd9, 0xc3, undefined);
  assertEquals(empty.state.st(0), INDEFINITE);
  assertEquals(empty.state.status & (IE | SF | C1), IE | SF);
});

Deno.test("A fault of the memory operand leaves everything as it was", () => {
  const opcodes: [number, number][] = [
    [0xd8, 0x00],
    [0xd9, 0x00],
    [0xd9, 0x18],
    [0xd9, 0x20],
    [0xd9, 0x28],
    [0xd9, 0x30],
    [0xdb, 0x38],
    [0xdd, 0x18],
    [0xdd, 0x20],
    [0xdd, 0x30],
    [0xdf, 0x20],
    [0xdf, 0x30],
    [0xdf, 0x38],
  ];
  for (const [opcode, modrm] of opcodes) {
    const { state, x87 } = machine(0x3fff_c90fdaa22168c235n);
    const before = structuredClone({ ...state });
    const instruction = { offset: 1n, selector: 8, eflags: 0, operandSize: 32, realMode: false } as const;
    assertThrows(() => x87.execute(opcode, modrm, new Faulting(), instruction), RangeError);
    assertEquals({ ...state }, before, `${opcode.toString(16)} ${modrm.toString(16)}`);
  }
});

Deno.test("Encodings that are no instruction change nothing, even with an exception pending", () => {
  const { state, x87 } = machine(ONE);
  state.status |= IE | ES | B;
  for (const modrm of [0xd1, 0xe2, 0xe6, 0xef]) {
    assertEquals(x87.execute(0xd9, modrm, undefined), { undefinedOpcode: true });
  }
  assertEquals(x87.execute(0xd9, 0x08, new Faulting()), { undefinedOpcode: true });
  assertEquals(x87.execute(0xdb, 0x30, new Faulting()), { undefinedOpcode: true });
});

Deno.test("Pointers follow every instruction but the control instructions", () => {
  const { state, x87 } = machine(ONE, TWO);
  const at = (offset: bigint) =>
    ({ offset, selector: 0x10, eflags: 0, operandSize: 32, realMode: false }) as const;
  x87.execute(0xd8, 0x06, new Bytes(encodeInteger(0n, 4), 0x5000n, 0x18), at(0x100n));
  x87.execute(0xd8, 0xc1, undefined, at(0x102n));
  x87.execute(0xd9, 0x3e, new Bytes([], 0x6000n, 0x20), at(0x104n));
  assertEquals([state.fip, state.fcs, state.fdp, state.fds, state.fop], [0x102n, 0x10, 0x5000n, 0x18, 0x0c1]);
});

Deno.test("FSIN, FCOS, FPTAN and FSINCOS leave an operand from 2^63 on alone and set C2", () => {
  const large = 0x403e_8000000000000000n;
  for (const modrm of [0xfe, 0xff, 0xf2, 0xfb]) {
    const { state, x87 } = machine(large);
    x87.execute(0xd9, modrm, undefined);
    assertEquals([state.st(0), state.status, state.tag], [large, C2, 1]);
  }
});

Deno.test("Arguments are reduced by a pi of 66 bits", () => {
  const { state, x87 } = machine();
  x87.execute(0xd9, 0xeb, undefined);
  x87.execute(0xd9, 0xfe, undefined);
  assertEquals(state.st(0), 0xbfbf_8000000000000000n, "sin(pi) = -2^-64");
});

Deno.test("FPREM takes several steps for distant operands", () => {
  const { state, x87 } = machine(0x4070_8000000000000001n, 0x4000_c000000000000000n);
  let steps = 0;
  do {
    x87.execute(0xd9, 0xf8, undefined);
    steps++;
  } while ((state.status & C2) !== 0);
  // (2^63 + 1) * 2^50 = 0 modulo 3
  // The exponents are 112, 64 and about 32 apart; a step takes 32 to 63 bits.
  assertEquals(steps, 3);
  assertEquals(state.st(0), 0n);
});

Deno.test("FBLD and FBSTP are inverse", () => {
  const digits = [0x21, 0x43, 0x65, 0x87, 0x09, 0x21, 0x43, 0x65, 0x87, 0x80];
  const { x87 } = machine();
  x87.execute(0xdf, 0x20, new Bytes(digits));
  const memory = new Bytes([]);
  x87.execute(0xdf, 0x30, memory);
  assertEquals(memory.bytes, Uint8Array.from(digits));
});
