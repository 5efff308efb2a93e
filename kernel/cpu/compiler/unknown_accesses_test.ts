import { assert, assertEquals, assertLess } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { longVcpu } from "../../testing/long_vcpu.ts";
import { TLB_ENTRIES } from "../layout.ts";
import { VcpuExit } from "../../vcpu.ts";
import { Gpr } from "../state.ts";

const PAGE = 4096;
const ORIGIN = 0x1000;
const DATA = 32 << 20;
/** Every other one is read: two of them share each entry of the TLB that is used. */
const PAGES = 2 * TLB_ENTRIES;
const ROUNDS = 4;
/** Instructions between two looks at what has been compiled. */
const SLICE = 5000;

const PROGRAM = assemble(
  `
  bits 64
  xor eax, eax
  mov ecx, ${ROUNDS}
  again: mov esi, ${DATA}
  mov edx, ${PAGES / 2}
  next: nop
  add rax, [rsi]
  add rsi, ${2 * PAGE}
  dec edx
  jne next
  dec ecx
  jne again
  hlt`,
  ORIGIN,
);

Deno.test("code whose accesses the TLBs do not answer is compiled again, to make them itself", () => {
  const { vcpu, ram } = longVcpu(PROGRAM.bytes, ORIGIN, { ramSize: 64 << 20, compileThreshold: 8 });
  let sum = 0n;
  for (let page = 0; page < PAGES; page += 2) {
    ram.setBigUint64(DATA + page * PAGE, BigInt(page), true);
    sum += BigInt(page);
  }
  let exit = VcpuExit.Budget;
  while (exit === VcpuExit.Budget) exit = vcpu.run(SLICE);
  assertEquals(exit, VcpuExit.Halt);
  assertEquals(vcpu.cpu.gpr[Gpr.RAX], BigInt(ROUNDS) * sum);
  const left = vcpu.statistics["tier1.exits.unknownAddress"]!;
  assert(left > 0);
  assertLess(left, ROUNDS * PAGES / 4);
});
