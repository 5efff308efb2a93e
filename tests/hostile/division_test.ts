/**
 * Products and quotients at the edges of what fits into a register.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { DATA } from "./hostile_machine.ts";
import { hostileTest } from "./hostile_test_case.ts";

const OPERANDS = [0n, 1n, 2n, 3n, 10n].flatMap((small) =>
  [0n, 1n << 15n, 1n << 31n, 1n << 32n, 1n << 63n].flatMap((base) => [base + small, base - small])
).map((value) => BigInt.asUintN(64, value));

const REGISTERS = { 64: ["rax", "rdx", "rcx"], 32: ["eax", "edx", "ecx"] } as const;
/** Bytes of a case in the guest's table: RAX, RDX and the other operand before, then RAX and RDX after. */
const CASE_BYTES = 40;

interface Case {
  readonly low: bigint;
  readonly high: bigint;
  readonly operand: bigint;
}

const CASES: readonly Case[] = OPERANDS.flatMap((low) =>
  OPERANDS.flatMap((operand) =>
    [0n, BigInt.asUintN(64, -1n), operand >> 1n, 7n].map((high) => ({ low, high, operand }))
  )
);

/** RAX and RDX after an instruction, or `undefined` for #DE. */
type Outcome = readonly [low: bigint, high: bigint] | undefined;

function multiply(signed: boolean, bits: 32 | 64, { low, operand }: Case): Outcome {
  const as = signed ? BigInt.asIntN : BigInt.asUintN;
  const product = as(bits, low) * as(bits, operand);
  return [BigInt.asUintN(bits, product), BigInt.asUintN(bits, product >> BigInt(bits))];
}

function divide(signed: boolean, bits: 32 | 64, { low, high, operand }: Case): Outcome {
  const as = signed ? BigInt.asIntN : BigInt.asUintN;
  const divisor = as(bits, operand);
  if (divisor === 0n) return undefined;
  const dividend = as(2 * bits, BigInt.asUintN(bits, high) << BigInt(bits) | BigInt.asUintN(bits, low));
  const quotient = dividend / divisor;
  if (as(bits, quotient) !== quotient) return undefined;
  return [BigInt.asUintN(bits, quotient), BigInt.asUintN(bits, dividend % divisor)];
}

for (const bits of [32, 64] as const) {
  for (const name of ["mul", "imul", "div", "idiv"] as const) {
    hostileTest(`${name} of ${bits} bits at the edges`, (machine) => {
      // Compiled at once, the loop needs only a few of them.
      const step = machine.configuration.effort < 1 ? 11 : 1;
      const cases = CASES.filter((_, index) => index % step === 0);
      const [low, high, operand] = REGISTERS[bits];
      const symbols = machine.load(`
        main: mov rax, [rdi]
        mov rdx, [rdi + 8]
        mov rcx, [rdi + 16]
        ${name} ${operand}
        mov [rdi + 24], rax
        mov [rdi + 32], rdx
        next: add rdi, ${CASE_BYTES}
        dec esi
        jne main
        hlt
        fault: mov dword [rsp], next
        inc r8
        iretq`);
      machine.handle(0, symbols.get("fault")!);
      for (const [index, values] of cases.entries()) {
        const words = [values.low, values.high, values.operand];
        for (const [word, value] of words.entries()) {
          machine.view.setBigUint64(DATA + index * CASE_BYTES + word * 8, value, true);
        }
      }
      machine.start({ rip: symbols.get("main")!, rdi: DATA, rsi: cases.length });
      machine.finish();
      const compute = name.endsWith("mul") ? multiply : divide;
      let faults = 0n;
      for (const [index, values] of cases.entries()) {
        const expected = compute(name.startsWith("i"), bits, values);
        if (expected === undefined) faults++;
        const after = [24, 32].map((at) => machine.view.getBigUint64(DATA + index * CASE_BYTES + at, true));
        const text = `${high}:${low} = ${values.high}:${values.low}, ${operand} = ${values.operand}`;
        assertEquals(after, [...expected ?? [0n, 0n]], text);
      }
      assertEquals(machine.get("r8"), faults);
    });
  }
}
