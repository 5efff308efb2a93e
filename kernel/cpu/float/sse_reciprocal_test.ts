import { assert, assertEquals } from "@std/assert";
import { rcpss, rsqrtss } from "./sse_reciprocal.ts";

const scratch = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): bigint {
  scratch.setFloat32(0, value);
  return BigInt(scratch.getUint32(0));
}

function valueOf(bits: bigint): number {
  scratch.setUint32(0, Number(bits));
  return scratch.getFloat32(0);
}

const LIMIT = 1.5 * 2 ** -12;

Deno.test("RCPSS and RSQRTSS are within 1.5 * 2^-12 of the exact value", () => {
  for (let bits = 0x00800000n; bits < 0x7e000000n; bits += 0x12347n) {
    const x = valueOf(bits);
    assert(Math.abs(valueOf(rcpss(bits)) * x - 1) <= LIMIT, `rcp ${x}`);
    assert(Math.abs(valueOf(rsqrtss(bits)) * Math.sqrt(x) - 1) <= LIMIT, `rsqrt ${x}`);
  }
});

Deno.test("RCPSS of special operands", () => {
  assertEquals(rcpss(bitsOf(-2)), bitsOf(-0.5));
  assertEquals(rcpss(0x00000000n), 0x7f800000n);
  assertEquals(rcpss(0x80000000n), 0xff800000n);
  assertEquals(rcpss(0x807fffffn), 0xff800000n, "a denormal counts as zero");
  assertEquals(rcpss(0x7f800000n), 0x00000000n);
  assertEquals(rcpss(0x7f000000n), 0x00000000n, "a denormal result is flushed");
  assertEquals(rcpss(0x7f800001n), 0x7fc00001n);
});

Deno.test("RSQRTSS of special operands", () => {
  assertEquals(rsqrtss(bitsOf(4)), bitsOf(0.5));
  assertEquals(rsqrtss(0x80000000n), 0xff800000n);
  assertEquals(rsqrtss(0x007fffffn), 0x7f800000n);
  assertEquals(rsqrtss(bitsOf(-1)), 0xffc00000n);
  assertEquals(rsqrtss(0xff800000n), 0xffc00000n);
  assertEquals(rsqrtss(0x7f800000n), 0x00000000n);
  assertEquals(rsqrtss(0xff800001n), 0xffc00001n);
});
