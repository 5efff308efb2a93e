import { assert, assertEquals } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { longVcpu } from "../../testing/long_vcpu.ts";
import { runToHalt } from "../../testing/run_to_halt.ts";
import { TLB_ENTRIES } from "../layout.ts";
import { Gpr } from "../state.ts";
import { type CompileAnswer, compileAtOnce, type CompileServiceFactory } from "./compile_service.ts";
import type { CompiledRegion } from "./compiler.ts";

const PAGE = 4096;
const ORIGIN = 0x1000;
const RAM_SIZE = 64 << 20;
/** Where RAM is seen once more: an address in the upper end of the lower half, and the entry of the PML4 for it. */
const ALIAS = 0x7f80_0000_0000n;
const [PML4, ALIAS_ENTRY] = [0x10000, 255];
const DATA = 32 << 20;
const PAGES = 2 * TLB_ENTRIES;
const SLICE = 5000;

/** Calls `add` or `subtract` for each number in memory, by way of a variable that is told in `setup`. */
const PROGRAM = (setup: string, each: string) => `
  bits 64
  xor eax, eax
  mov rbx, ${ALIAS}
  ${setup}
  mov esi, ${DATA}
  mov edx, ${PAGES}
  next: call [variable]
  ${each}
  add rsi, ${PAGE}
  dec edx
  jne next
  hlt
  align 64
  add: add rax, [rsi]
  ret
  align 64
  subtract: sub rax, [rsi]
  ret
  align 8
  variable: dq 0`;

const FAR = "lea rcx, [rbx+add]\n  mov [variable], rcx";

/** Runs a program to its end. Gives RAX, and which functions stand in regions together with their call. */
function run(source: string): { readonly rax: bigint; readonly together: string[] } {
  const { bytes, symbols } = assemble(source, ORIGIN);
  const answers: CompileAnswer[] = [];
  const compileService: CompileServiceFactory = (code) => {
    const service = compileAtOnce(code);
    const take = () => {
      const answer = service.take();
      if (answer !== undefined) answers.push(answer);
      return answer;
    };
    return { ...service, take };
  };
  const { vcpu, ram } = longVcpu(bytes, ORIGIN, { ramSize: RAM_SIZE, compileThreshold: 8, compileService });
  ram.setBigUint64(PML4 + ALIAS_ENTRY * 8, ram.getBigUint64(PML4, true), true);
  for (let page = 0; page < PAGES; page++) ram.setBigUint64(DATA + page * PAGE, BigInt(page), true);
  runToHalt(vcpu, SLICE);
  const regions = answers.flatMap(({ regions }) => regions);
  const holds = ({ pieces }: CompiledRegion, label: string) => {
    const host = Number(symbols.get(label)!);
    return pieces.some(([from, to]) => from <= host && host < to);
  };
  const loops = regions.filter((region) => holds(region, "next"));
  assert(loops.length > 0);
  const together = ["add", "subtract"].filter((label) => loops.some((region) => holds(region, label)));
  return { rax: vcpu.cpu.gpr[Gpr.RAX]!, together };
}

/** What all numbers add up to. */
const SUM = PAGES * (PAGES - 1) / 2;

Deno.test("a function at the other end of the address space stands where it is called by way of a variable", () => {
  // The function is left for each page that the TLBs do not know.
  assertEquals(run(PROGRAM(FAR, "nop")), { rax: BigInt(SUM), together: ["add"] });
});

Deno.test("a call leads where the variable says, whatever it said when it was compiled", () => {
  const last = PAGES / 8;
  const change = `
    cmp edx, ${last + 1}
    jne same
    lea rcx, [rbx+subtract]
    mov [variable], rcx
    same:`;
  let sum = SUM;
  for (let page = PAGES - last; page < PAGES; page++) sum -= 2 * page;
  assertEquals(run(PROGRAM(FAR, change)), { rax: BigInt(sum), together: ["add"] });
});

Deno.test("a function is looked for where the variable says, not where it lay when it was compiled", () => {
  const last = PAGES / 8;
  // The same function without its alias.
  const change = `
    cmp edx, ${last + 1}
    jne same
    mov qword [variable], add
    mov qword [${PML4 + ALIAS_ENTRY * 8}], 0
    mov rcx, cr3
    mov cr3, rcx
    same:`;
  assertEquals(run(PROGRAM(FAR, change)), { rax: BigInt(SUM), together: ["add"] });
});
