/**
 * x87 instructions against results that a processor gave.
 *
 * Input: control word, status word, abridged tag word, EFLAGS, ST(0), ST(1) and, if there is one, the memory
 * operand. Output: status word, abridged tag word, ZF, PF and CF, ST(0), ST(1), memory operand; FLDCW adds the
 * control word. All hexadecimal. The vectors of transcendental instructions are those on which the
 * processor rounds correctly.
 */

import { assertEquals } from "@std/assert";
import { Bytes, PlainState } from "./testdata/x87_state.ts";
import vectors from "./testdata/x87_vectors.json" with { type: "json" };
import { X87 } from "./x87.ts";
import { decodeInteger, encodeInteger } from "./x87_load_store.ts";

const ARITHMETIC_FLAGS = 0x45;

function outcome(opcode: number, modrm: number, input: string): string {
  const words = input.split(" ");
  const [control, status, tag, eflags] = words.map((word) => parseInt(word, 16));
  const [, , , , top, next, operand] = words.map((word) => BigInt(`0x${word}`));
  const state = new PlainState();
  Object.assign(state, { control, status, tag });
  state.setSt(0, top ?? 0n);
  state.setSt(1, next ?? 0n);
  const memory = operand === undefined ? undefined : new Bytes(encodeInteger(operand, 10));
  const before = memory?.bytes;
  const effect = new X87(state).execute(opcode, modrm, memory, {
    eflags: eflags ?? 0,
    operandSize: 32,
    realMode: false,
  });
  const flags = effect.flags ?? (eflags ?? 0) & ARITHMETIC_FLAGS;
  const results: (number | bigint)[] = [state.status, state.tag, flags, state.st(0), state.st(1)];
  if (memory !== undefined && before !== undefined) {
    const after = before.slice();
    after.set(memory.bytes);
    results.push(decodeInteger(after));
  }
  if (opcode === 0xd9 && memory !== undefined && (modrm & 0x38) === 0x28) results.push(state.control);
  return results.map((result) => result.toString(16)).join(" ");
}

for (const [name, lines] of Object.entries(vectors)) {
  const [opcode = "", modrm = "", ...mnemonic] = name.split(" ");
  Deno.test(`x87 as a processor does it: ${mnemonic.join(" ")}`, () => {
    for (const line of lines) {
      const [input = "", output = ""] = line.split(" > ");
      assertEquals(outcome(parseInt(opcode, 16), parseInt(modrm, 16), input), output, line);
    }
  });
}
