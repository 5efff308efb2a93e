/** Double and single precision against JavaScript's own arithmetic, which is IEEE 754 to nearest. */

import { assertEquals } from "@std/assert";
import { add, type Binary, divide, multiply, squareRoot, subtract } from "./arithmetic.ts";
import { FloatContext, IE, NanRule, OE, PE, Rounding, UE, ZE } from "./context.ts";
import { F32, F64, unpack32, unpack64 } from "./format.ts";

const scratch = new DataView(new ArrayBuffer(8));

function bits64(value: number): bigint {
  scratch.setFloat64(0, value);
  return scratch.getBigUint64(0);
}

function bits32(value: number): bigint {
  scratch.setFloat32(0, value);
  return BigInt(scratch.getUint32(0));
}

function value64(bits: bigint): number {
  scratch.setBigUint64(0, bits);
  return scratch.getFloat64(0);
}

/** Linear congruential generator: the same operands in every run. */
function* random(): Generator<bigint> {
  let state = 1n;
  while (true) {
    state = BigInt.asUintN(96, state * 0x5851f42d4c957f2dn + 0x14057b7ef767814fn);
    yield state >> 32n;
  }
}

/** Doubles that are close to each other in half of the cases, and of any size in the others. */
function* operands(count: number): Generator<[number, number]> {
  const source = random();
  const next = () => source.next().value as bigint;
  while (count-- > 0) {
    const a = next();
    const b = (count & 1) !== 0 ? next() : (a & (0x7ffn << 52n)) ^ (next() & ((1n << 55n) - 1n));
    const pair: [number, number] = [value64(a), value64(b)];
    if (pair.some(Number.isNaN)) continue;
    yield pair;
  }
}

const operations: [string, Binary, (a: number, b: number) => number][] = [
  ["add", add, (a, b) => a + b],
  ["subtract", subtract, (a, b) => a - b],
  ["multiply", multiply, (a, b) => a * b],
  ["divide", divide, (a, b) => a / b],
];

for (const [name, operation, native] of operations) {
  Deno.test(`Double and single precision ${name} agree with the host`, () => {
    const context = new FloatContext(NanRule.First);
    for (const [a, b] of operands(3000)) {
      const exact = native(a, b);
      if (!Number.isNaN(exact)) {
        const got = operation(context, F64, unpack64(bits64(a)), unpack64(bits64(b)));
        assertEquals(got, bits64(exact), `${a} ${name} ${b}`);
      }
      // Of two singles the double result is rounded twice, which is harmless: 53 >= 2 * 24 + 2.
      const [x, y] = [Math.fround(a), Math.fround(b)];
      const single = native(x, y);
      if (Number.isNaN(single) || Math.abs(single) < 2 ** -120) continue;
      const got = operation(context, F32, unpack32(bits32(x)), unpack32(bits32(y)));
      assertEquals(got, bits32(single), `${x} ${name} ${y}`);
    }
  });
}

Deno.test("Square root agrees with the host", () => {
  const context = new FloatContext(NanRule.First);
  for (const [a] of operands(3000)) {
    if (a < 0) continue;
    assertEquals(squareRoot(context, F64, unpack64(bits64(a))), bits64(Math.sqrt(a)), `${a}`);
  }
});

Deno.test("Directed rounding brackets the exact result, and to nearest is one of the two", () => {
  const context = new FloatContext(NanRule.First);
  const third = (rounding: Rounding, sign: number) => {
    context.rounding = rounding;
    return divide(context, F64, unpack64(bits64(sign)), unpack64(bits64(3)));
  };
  assertEquals(third(Rounding.Up, 1) - third(Rounding.Down, 1), 1n);
  assertEquals(third(Rounding.Zero, 1), third(Rounding.Down, 1));
  assertEquals(third(Rounding.Zero, -1), third(Rounding.Up, -1));
  assertEquals(value64(third(Rounding.Nearest, 1)), 1 / 3);
});

function flagsOf(operation: Binary, a: number, b: number): number {
  const context = new FloatContext(NanRule.First);
  operation(context, F64, unpack64(bits64(a)), unpack64(bits64(b)));
  return context.flags;
}

Deno.test("Operations raise the flags of IEEE 754", () => {
  assertEquals(flagsOf(add, 1, 2), 0);
  assertEquals(flagsOf(add, 1, 2 ** -60), PE);
  assertEquals(flagsOf(add, Infinity, -Infinity), IE);
  assertEquals(flagsOf(multiply, 0, Infinity), IE);
  assertEquals(flagsOf(multiply, 1e300, 1e300), OE | PE);
  assertEquals(flagsOf(multiply, 1e-300, 1e-300), UE | PE);
  assertEquals(flagsOf(multiply, 2 ** -1000, 2 ** -74), 0, "an exact denormal does not underflow");
  assertEquals(flagsOf(divide, 1, 0), ZE);
  assertEquals(flagsOf(divide, 0, 0), IE);
});

Deno.test("Tininess is detected after rounding", () => {
  const belowOne = 1 - 2 ** -53;
  assertEquals(flagsOf(multiply, 2 ** -1022, belowOne) & UE, UE);
  // Rounded to 53 bits with an unbounded exponent this is 2^-1022, which is not tiny.
  assertEquals(flagsOf(multiply, 2 ** -1022 * (1 + 2 ** -52), belowOne) & UE, 0);
});
