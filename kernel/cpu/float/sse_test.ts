/**
 * SSE against results that a processor gave: operands and MXCSR, then the result ("-" where #XM was raised)
 * and the exception flags, all hexadecimal.
 */

import { assertEquals } from "@std/assert";
import {
  sseBinary,
  sseComi,
  sseCompare,
  type SseOperation,
  ssePackedFlags,
  type SseResult,
  sseRound,
  type Width,
} from "./sse.ts";
import { cvt2si, cvt2usi, cvtsd2ss, cvtsi2, cvtss2sd, cvtt2si } from "./sse_convert.ts";
import { sseDotProduct } from "./sse_dot.ts";
import vectors from "./testdata/sse_vectors.json" with { type: "json" };

type Run = (operands: bigint[], width: Width, bits: 32 | 64) => SseResult;

const binary = (op: SseOperation): Run => ([a = 0n, b = 0n, mxcsr], width) =>
  sseBinary(op, width, a, b, Number(mxcsr));

const comi = (signalling: boolean): Run => ([a = 0n, b = 0n, mxcsr], width) => {
  const { eflags, flags } = sseComi(width, a, b, Number(mxcsr), signalling);
  return { result: BigInt(eflags), flags };
};

function split(packed: bigint, width: Width): bigint[] {
  const count = 128 / width;
  return Array.from({ length: count }, (_, i) => BigInt.asUintN(width, packed >> BigInt(i * width)));
}

const runs: Record<string, Run> = {
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  min: binary("min"),
  max: binary("max"),
  sqrt: binary("sqrt"),
  comi: comi(true),
  ucomi: comi(false),
  cmp: ([a = 0n, b = 0n, mxcsr, predicate], width) =>
    sseCompare(Number(predicate), width, a, b, Number(mxcsr)),
  round: ([a = 0n, mxcsr, control], width) => sseRound(width, a, Number(control), Number(mxcsr)),
  convert: ([a = 0n, mxcsr], width) => (width === 32 ? cvtss2sd : cvtsd2ss)(a, Number(mxcsr)),
  cvt: ([a = 0n, mxcsr], width, bits) => cvt2si(width, a, bits, Number(mxcsr)),
  cvtt: ([a = 0n, mxcsr], width, bits) => cvtt2si(width, a, bits, Number(mxcsr)),
  cvtu: ([a = 0n, mxcsr], width, bits) => cvt2usi(width, a, bits, Number(mxcsr)),
  cvtsi: ([a = 0n, mxcsr], bits, width) => cvtsi2(bits, a, width, Number(mxcsr)),
  dot: ([a = 0n, b = 0n, mxcsr, control], width) => {
    const dot = sseDotProduct(width, split(a, width), split(b, width), Number(control), Number(mxcsr));
    const result = dot.elements.reduceRight((packed, element) => (packed << BigInt(width)) | element, 0n);
    return { result, flags: dot.flags };
  },
};

function widthOf(text: string | undefined): Width {
  return text === "32" ? 32 : 64;
}

for (const [name, lines] of Object.entries(vectors)) {
  Deno.test(`SSE as a processor does it: ${name}`, () => {
    const [operation = "", first, second] = name.split(" ");
    const run = runs[operation];
    for (const line of lines) {
      const [input = "", output = ""] = line.split(" > ");
      const operands = input.split(" ").map((word) => BigInt(`0x${word}`));
      const [expected, flags] = output.split(" ");
      const got = run?.(operands, widthOf(first), widthOf(second));
      assertEquals(got?.flags.toString(16), flags, `${name}: ${line}`);
      if (expected !== "-") assertEquals(got?.result.toString(16), expected, `${name}: ${line}`);
    }
  });
}

Deno.test("An unmasked invalid element hides the rounding of the others", () => {
  const invalid = 0x01;
  const inexact = 0x20;
  assertEquals(ssePackedFlags([invalid, inexact], 0x1f80), invalid | inexact);
  assertEquals(ssePackedFlags([invalid, inexact], 0x1f80 & ~(invalid << 7)), invalid);
  assertEquals(ssePackedFlags([inexact, 0], 0), inexact);
});
