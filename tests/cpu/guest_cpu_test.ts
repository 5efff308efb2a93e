import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  type CodeToCompile,
  compileAtOnce,
  type CompileService,
} from "../../kernel/cpu/compiler/compile_service.ts";
import { HANDLER_PARAMS, HANDLER_RESULTS, importShared } from "../../kernel/cpu/interpreter/core_module.ts";
import { GPR, RIP } from "../../kernel/cpu/state.ts";
import { i32, i64 } from "../../kernel/cpu/wasm/expression.ts";
import { FunctionBuilder, NOWHERE, Table } from "../../kernel/cpu/wasm/function_builder.ts";
import { ModuleBuilder } from "../../kernel/cpu/wasm/module_builder.ts";
import { Case, CASE_LENGTH, Fx, PADS, TEST } from "./case_layout.ts";
import { GuestCpu, TO_A_JUMP } from "./guest_cpu.ts";

const INC_EAX = Uint8Array.of(0xff, 0xc0);

const LOCK_INC_EAX = Uint8Array.of(0xf0, 0xff, 0xc0);
const MARK = 0x1234_5678n;

/** Compiles, and puts in the place of what came out a function that marks RAX and goes to a pad. */
function compileToMark(code: CodeToCompile): CompileService {
  const service = compileAtOnce(code);
  const mark = (slots: readonly number[]) => {
    const m = new ModuleBuilder();
    importShared(m, code.ram.buffer.byteLength >>> 16);
    for (const slot of slots) {
      const f = new FunctionBuilder(HANDLER_PARAMS);
      f.store(8, NOWHERE, i64(MARK), GPR);
      f.store(8, NOWHERE, i64(PADS[0]), RIP);
      f.return(i32(0));
      m.place(Table.Regions, slot, HANDLER_PARAMS, HANDLER_RESULTS, f);
    }
    return new WebAssembly.Module(m.finish());
  };
  return {
    ...service,
    take: () => {
      const answer = service.take();
      return answer && { ...answer, module: mark(answer.regions.map(({ request }) => request.slot)) };
    },
  };
}

/** General registers after `code` has run on RAX = 1. */
function runOnOne(
  guest: GuestCpu,
  code: Uint8Array,
  behind?: { at: number; code: Uint8Array },
): BigUint64Array {
  const [before, after] = [new Uint8Array(CASE_LENGTH), new Uint8Array(CASE_LENGTH)] as const;
  const input = new DataView(before.buffer);
  input.setBigUint64(Case.GPR, 1n, true);
  input.setUint32(Case.RFLAGS, 2, true);
  input.setUint32(Case.FX + Fx.MXCSR, 0x1f80, true);
  guest.place(code);
  if (behind !== undefined) guest.placeAt(behind.at, behind.code);
  guest.run(
    before,
    after,
    1,
    behind === undefined ? TO_A_JUMP : { singly: false, budget: 100, end: PADS[2] },
  );
  return new BigUint64Array(after.buffer, Case.GPR, 16);
}

Deno.test("code that is compiled when it is entered first is executed compiled the first time", () => {
  const guest = new GuestCpu(compileToMark);
  assertEquals(runOnOne(guest, INC_EAX)[0], MARK);
  assert(guest.compiled);
});

Deno.test("compiled code does what its instructions do", () => {
  const guest = new GuestCpu(compileAtOnce);
  assertEquals(runOnOne(guest, INC_EAX)[0], 2n);
  assert(guest.compiled);
});

Deno.test("what cannot be decoded is not compiled", () => {
  const guest = new GuestCpu(compileAtOnce);
  assertEquals(runOnOne(guest, LOCK_INC_EAX)[0], 1n);
  assertFalse(guest.compiled);
});

for (const [how, compile] of [["interpreted", undefined], ["compiled", compileAtOnce]] as const) {
  Deno.test(`an instruction that lies in two pages overwrites what is behind it (${how})`, () => {
    const at = TEST + 0xffb;
    const entry = Uint8Array.of(0xe9, 0xf6, 0x07, 0, 0);
    const code = Uint8Array.of(
      ...[0x89, 0x05, 1, 0, 0, 0], // mov [immediate], eax
      ...[0xb9, 0, 0, 0, 0], // mov ecx, immediate
      ...[0x48, 0x8d, 0x15, 0, 0, 0, 0], // lea rdx, [rip]
      ...[0xe9, 0xee, 0x03, 0, 0], // jmp PADS[2]
    );
    const registers = runOnOne(new GuestCpu(compile), entry, { at, code });
    assertEquals(registers[1], 1n);
    assertEquals(registers[2], BigInt(at + 18));
  });
}
