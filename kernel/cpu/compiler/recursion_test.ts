import { assertEquals } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { longVcpu, STACK } from "../../testing/long_vcpu.ts";
import { runToHalt } from "../../testing/run_to_halt.ts";
import { Gpr } from "../state.ts";

const ORIGIN = 0x1000;
const RAM_SIZE = 2 << 20;

/** Runs a program to its HLT, `slice` instructions at a time. Gives RAX and RSP. */
function run(source: string, compileThreshold: number, slice: number): bigint[] {
  const { bytes } = assemble(`bits 64\n${source}`, ORIGIN);
  const { vcpu } = longVcpu(bytes, ORIGIN, { ramSize: RAM_SIZE, compileThreshold });
  runToHalt(vcpu, slice);
  assertEquals(vcpu.statistics["tier1.regions"]! > 0, compileThreshold > 0);
  return [vcpu.cpu.gpr[Gpr.RAX]!, vcpu.cpu.gpr[Gpr.RSP]!];
}

const FIBONACCI = `
  mov edi, 18
  call fibonacci
  hlt
  fibonacci: cmp edi, 2
  jb small
  push rdi
  dec edi
  call fibonacci
  pop rdi
  push rax
  sub edi, 2
  call fibonacci
  pop rcx
  add rax, rcx
  ret
  small: mov eax, edi
  ret`;

/** The eighth return leads to where it is told, not to the caller. */
const ELSEWHERE = `
  xor eax, eax
  mov edi, 2000
  call down
  hlt
  down: dec edi
  je end
  call down
  behind: inc eax
  test eax, 7
  jne end
  mov qword [rsp], away
  end: ret
  away: add eax, 3
  sub rsp, 8
  mov qword [rsp], last
  ret
  last: hlt`;

for (const [name, compileThreshold] of [["interpreted", 0], ["compiled", 8]] as const) {
  for (const slice of [100_000, 101]) {
    Deno.test(`a function that calls itself twice, ${name}, ${slice} instructions at a time`, () => {
      assertEquals(run(FIBONACCI, compileThreshold, slice), [2584n, BigInt(STACK)]);
    });
  }
}

Deno.test("a function that calls itself returns where the stack says", () => {
  assertEquals(run(ELSEWHERE, 8, 1000), run(ELSEWHERE, 0, 1000));
});
