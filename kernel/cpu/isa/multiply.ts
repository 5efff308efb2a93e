/**
 * Multiplication, division and sign extension (SDM volume 2: CBW, CWD, DIV, IDIV, IMUL, MUL).
 *
 * @module
 */

import type { Emitter, Value } from "../emitter.ts";
import { FlagsKind } from "../flags.ts";
import { Flag, Gpr, Vector } from "../state.ts";
import { type Expression, i64 } from "../wasm/expression.ts";
import { multiplyHigh } from "../wasm/wide_arithmetic.ts";
import { define } from "./definition.ts";

/** CF and OF tell whether the upper half matters; the other flags are undefined and follow the lower half. */
function setProductFlags(e: Emitter, size: number, low: Value, significant: Expression<"i32">): void {
  const both = significant.extendU().mul(Flag.CF | Flag.OF);
  e.setFlags(FlagsKind.Explicit, size, low.zeroExtend(size), both);
}

/** Both halves of a product. The upper one comes first, because it takes the host's only multiplier longer. */
function multiply(
  e: Emitter,
  size: number,
  signed: boolean,
  a: Value,
  b: Value,
): { low: Value; high: Value } {
  const upper = size === 8 ? multiplyHigh(e.f, signed, a, b) : undefined;
  const low = e.let(a.mul(b));
  return { low, high: upper ?? e.let(signed ? low.shrS(size * 8) : low.shrU(size * 8)) };
}

function writeProduct(e: Emitter, size: number, low: Value, high: Value): void {
  if (size === 1) {
    e.writeGpr(Gpr.RAX, 2, high.zeroExtend(1).shl(8).or(low.zeroExtend(1)));
    return;
  }
  e.writeGpr(Gpr.RAX, size, low);
  e.writeGpr(Gpr.RDX, size, high);
}

define({
  name: "mul",
  encodings: ["F6 /4 Eb", "F7 /4 Ev"],
  semantics: (e) => {
    const size = e.size();
    const a = e.readGpr(Gpr.RAX, size);
    const b = e.read(0);
    const { low, high } = multiply(e, size, false, a, b);
    writeProduct(e, size, low, high);
    setProductFlags(e, size, low, high.ne(0n));
  },
});

define({
  name: "imul",
  encodings: ["F6 /5 Eb", "F7 /5 Ev"],
  semantics: (e) => {
    const size = e.size();
    const a = e.let(e.readGpr(Gpr.RAX, size).signExtend(size));
    const b = e.let(e.read(0).signExtend(size));
    const { low, high } = multiply(e, size, true, a, b);
    writeProduct(e, size, low, high);
    setProductFlags(e, size, low, fits(size, low, high).eqz());
  },
});

/** Whether a signed product is its lower half extended with its sign. */
function fits(size: number, low: Value, high: Value): Expression<"i32"> {
  return size === 8 ? high.eq(low.shrS(63)) : low.signExtend(size).eq(low);
}

define({
  name: "imul",
  encodings: ["0F AF /r Gv Ev", "69 /r Gv Ev Iz", "6B /r Gv Ev Is"],
  semantics: (e) => {
    const size = e.size();
    const three = e.variant.form.operands.length === 3;
    const a = e.let(e.read(three ? 1 : 0).signExtend(size));
    const b = e.let(e.read(three ? 2 : 1).signExtend(size));
    const low = e.let(a.mul(b));
    const high = e.let(size === 8 ? multiplyHigh(e.f, true, a, b) : i64(0));
    e.write(0, low.zeroExtend(size));
    setProductFlags(e, size, low, fits(size, low, high).eqz());
  },
});

/** Writes a quotient and the remainder, which is multiplied back: the host would divide once more for it. */
function writeQuotient(e: Emitter, size: number, quotient: Value, number: Value, divisor: Value): void {
  const remainder = e.let(number.sub(quotient.mul(divisor)));
  if (size === 1) {
    e.writeGpr(Gpr.RAX, 2, remainder.zeroExtend(1).shl(8).or(quotient.zeroExtend(1)));
    return;
  }
  e.writeGpr(Gpr.RAX, size, quotient);
  e.writeGpr(Gpr.RDX, size, remainder);
}

/** Dividend of up to 64 bits: AX, DX:AX or EDX:EAX. */
function dividend(e: Emitter, size: number): Value {
  if (size === 1) return e.readGpr(Gpr.RAX, 2);
  return e.readGpr(Gpr.RDX, size).shl(size * 8).or(e.readGpr(Gpr.RAX, size));
}

define({
  name: "div",
  encodings: ["F6 /6 Eb", "F7 /6 Ev"],
  semantics: (e) => {
    const size = e.size();
    const divisor = e.read(0);
    e.if(divisor.eqz(), () => e.fault(Vector.DE));
    if (size < 8) {
      const number = e.let(dividend(e, size));
      const quotient = e.let(number.divU(divisor));
      e.if(quotient.shrU(size * 8).ne(0n), () => e.fault(Vector.DE));
      writeQuotient(e, size, quotient, number, divisor);
      return;
    }
    const high = e.readGpr(Gpr.RDX, 8);
    e.if(high.geU(divisor), () => e.fault(Vector.DE));
    e.if(high.eqz(), () => {
      const low = e.readGpr(Gpr.RAX, 8);
      writeQuotient(e, 8, e.let(low.divU(divisor)), low, divisor);
    }, () => void e.system("divide128", divisor));
  },
});

define({
  name: "idiv",
  encodings: ["F6 /7 Eb", "F7 /7 Ev"],
  semantics: (e) => {
    const size = e.size();
    const divisor = e.let(e.read(0).signExtend(size));
    e.if(divisor.eqz(), () => e.fault(Vector.DE));
    const least = -(1n << 63n);
    if (size < 8) {
      const number = e.let(dividend(e, size).signExtend(size === 1 ? 2 : size === 2 ? 4 : 8));
      e.if(divisor.eq(-1n).and(number.eq(least)), () => e.fault(Vector.DE));
      const quotient = e.let(number.divS(divisor));
      e.if(quotient.signExtend(size).ne(quotient), () => e.fault(Vector.DE));
      writeQuotient(e, size, quotient, number, divisor);
      return;
    }
    const low = e.readGpr(Gpr.RAX, 8);
    const plain = e.readGpr(Gpr.RDX, 8).eq(low.shrS(63)).and(divisor.ne(-1n).or(low.ne(least)));
    e.if(plain, () => {
      writeQuotient(e, 8, e.let(low.divS(divisor)), low, divisor);
    }, () => void e.system("divide128Signed", divisor));
  },
});

define({
  name: "cbw",
  encodings: ["98"],
  semantics: (e) => {
    const size = e.operandSize;
    e.writeGpr(Gpr.RAX, size, e.readGpr(Gpr.RAX, size / 2).signExtend(size / 2).zeroExtend(size));
  },
});
define({
  name: "cwd",
  encodings: ["99"],
  semantics: (e) => {
    const size = e.operandSize;
    e.writeGpr(Gpr.RDX, size, e.readGpr(Gpr.RAX, size).signExtend(size).shrS(63).zeroExtend(size));
  },
});
