import { assertEquals } from "@std/assert";
import type { FunctionBuilder } from "./function_builder.ts";
import { ModuleBuilder } from "./module_builder.ts";
import { multiplyHigh, multiplyHighInParts } from "./wide_arithmetic.ts";

const OPERANDS = [0n, 1n, 3n, 0x7fffffffn, 0xffffffffn, 0x100000001n, 0x123456789abcdefn, 1n << 63n]
  .flatMap((value) => [value, -value, ~value])
  .map((value) => BigInt.asIntN(64, value));

for (const multiply of [multiplyHigh, multiplyHighInParts]) {
  for (const signed of [false, true]) {
    Deno.test(`the upper half of ${signed ? "a signed" : "an unsigned"} product, ${multiply.name}`, () => {
      const m = new ModuleBuilder();
      m.exportFunction("high", ["i64", "i64"], ["i64"], (f: FunctionBuilder) => {
        f.return(multiply(f, signed, f.param("i64", 0), f.param("i64", 1)));
      });
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.finish()));
      const high = exports["high"] as (a: bigint, b: bigint) => bigint;
      const widen = (value: bigint) => signed ? value : BigInt.asUintN(64, value);
      for (const a of OPERANDS) {
        for (const b of OPERANDS) {
          assertEquals(high(a, b), BigInt.asIntN(64, (widen(a) * widen(b)) >> 64n), `${a} * ${b}`);
        }
      }
    });
  }
}
