import { assertEquals } from "@std/assert";
import { Bytes, PlainState } from "./testdata/x87_state.ts";
import { X87, type X87Instruction } from "./x87.ts";

const QUIET = 0x7fff_c000000000000001n;
const ONE = 0x3fff_8000000000000000n;

/** TOP is 5; physical registers 5, 6 and 7 hold 1, +0 and a NaN; the others are empty. */
function machine() {
  const state = new PlainState();
  Object.assign(state, { control: 0x27f, status: 5 << 11, tag: 0xe0 });
  state.setSt(0, ONE);
  state.setSt(2, QUIET);
  Object.assign(state, { fip: 0x12345678n, fcs: 0x33, fdp: 0x9abcdef0n, fds: 0x2b, fop: 0x2aa });
  return { state, x87: new X87(state) };
}

function environment(layout: Pick<X87Instruction, "operandSize" | "realMode">): number[] {
  const memory = new Bytes([]);
  machine().x87.execute(0xd9, 0x30, memory, { ...layout, eflags: 0 });
  const view = new DataView(memory.bytes.buffer);
  const step = layout.operandSize / 8;
  const count = memory.bytes.length / step;
  return Array.from(
    { length: count },
    (_, i) => step === 2 ? view.getUint16(2 * i, true) : view.getUint32(4 * i, true),
  );
}

Deno.test("FNSTENV in protected mode stores selectors and offsets", () => {
  assertEquals(environment({ operandSize: 32, realMode: false }), [
    0xffff027f,
    0xffff2800,
    0xffff93ff,
    0x12345678,
    0x02aa0033,
    0x9abcdef0,
    0xffff002b,
  ]);
  assertEquals(environment({ operandSize: 16, realMode: false }), [
    0x027f,
    0x2800,
    0x93ff,
    0x5678,
    0x0033,
    0xdef0,
    0x002b,
  ]);
});

Deno.test("FNSTENV in real mode stores linear addresses and the opcode", () => {
  // 0x12345678 + 0x330 and 0x9abcdef0 + 0x2b0
  assertEquals(environment({ operandSize: 32, realMode: true }), [
    0xffff027f,
    0xffff2800,
    0xffff93ff,
    0xffff59a8,
    0x012342aa,
    0xffffe1a0,
    0x09abc000,
  ]);
  assertEquals(environment({ operandSize: 16, realMode: true }), [
    0x027f,
    0x2800,
    0x93ff,
    0x59a8,
    0x42aa,
    0xe1a0,
    0xc000,
  ]);
});

for (const operandSize of [16, 32] as const) {
  for (const realMode of [false, true]) {
    Deno.test(`FRSTOR takes back what FNSAVE stored: ${operandSize} bits, real mode ${realMode}`, () => {
      const layout = { operandSize, realMode, eflags: 0 };
      const { state, x87 } = machine();
      const memory = new Bytes([]);
      x87.execute(0xdd, 0x30, memory, layout);
      assertEquals(memory.bytes.length, operandSize === 16 ? 94 : 108);
      assertEquals([state.control, state.status, state.tag, state.fop], [0x37f, 0, 0, 0]);
      x87.execute(0xd9, 0xe8, undefined);
      x87.execute(0xdd, 0x20, memory, layout);
      assertEquals([state.control, state.status, state.tag], [0x27f, 5 << 11, 0xe0]);
      assertEquals([state.st(0), state.st(1), state.st(2)], [ONE, 0n, QUIET]);
      const again = new Bytes([]);
      x87.execute(0xdd, 0x30, again, layout);
      assertEquals(again.bytes, memory.bytes);
    });
  }
}

Deno.test("FXSAVE has the abridged tag word, and ST(0) first", () => {
  const { state, x87 } = machine();
  const area = new Uint8Array(512).fill(0xee);
  x87.saveFxsave(area, false);
  const view = new DataView(area.buffer);
  assertEquals(view.getUint16(0, true), 0x27f);
  assertEquals(view.getUint16(2, true), 5 << 11);
  assertEquals(view.getUint16(4, true), 0xe0);
  assertEquals(view.getUint16(6, true), 0x2aa);
  assertEquals(view.getUint32(8, true), 0x12345678);
  assertEquals(view.getUint32(12, true), 0x33);
  assertEquals(view.getUint32(24, true), 0xeeeeeeee, "MXCSR is not written");
  assertEquals(view.getBigUint64(32, true), 0x8000000000000000n);
  assertEquals(view.getBigUint64(40, true), 0x3fffn);
  assertEquals(area[160], 0xee);

  const other = new PlainState();
  new X87(other).restoreFxsave(area, false);
  assertEquals({ ...other }, { ...state });
});

Deno.test("FXRSTOR64 takes 64-bit offsets, and recomputes the exception summary", () => {
  const { state, x87 } = machine();
  Object.assign(state, { fip: 0xffff_8000_1234_5678n, fcs: 0, fds: 0, control: 0x37e, status: 1 });
  const area = new Uint8Array(512);
  x87.saveFxsave(area, true);
  const other = new PlainState();
  const restored = new X87(other);
  restored.restoreFxsave(area, true);
  assertEquals(other.fip, 0xffff_8000_1234_5678n);
  assertEquals(other.status, 0x8081);
  assertEquals(restored.checkPending(), true);
});
