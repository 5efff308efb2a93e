import { assertEquals } from "@std/assert";
import { compileExpecting } from "../../../tests/cpu/expecting_compiler.ts";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { longVcpu } from "../../testing/long_vcpu.ts";
import { runToHalt } from "../../testing/run_to_halt.ts";
import { VcpuExit } from "../../vcpu.ts";
import { Gpr } from "../state.ts";
import { compileAtOnce } from "./compile_service.ts";

const ORIGIN = 0x1000;
const RAM_SIZE = 16 << 20;
/** Two MiB whose pages lie in another order in RAM, with the page table that says so. */
const SCATTERED = 8 << 20;
const PAGES = 512;
const PAGE_TABLE = 0x20000;
/** Where the page directory has the entry for them. */
const DIRECTORY_ENTRY = 0x12000 + (SCATTERED >> 21) * 8;
const PRESENT_WRITABLE = 3;

/** Objects at all places in a page, so that some reach into the next one. */
const PROGRAM = assemble(
  `
  bits 64
  mov r8d, 6000
  xor eax, eax
  next:
  mov rbx, r8
  shl rbx, 10
  lea rbx, [rbx+r8*8]
  and ebx, 0x1fbfff
  add rbx, ${SCATTERED + 0x1000}

  mov rcx, [rbx]
  add rax, [rbx+8]
  mov [rbx+16], rax
  lea rsi, [rbx+40]
  mov rdx, rsi
  sub rdx, 64
  add rax, [rdx]
  mov [rsi], rcx
  test r8b, 1
  je even
  mov [rdx+8], r8
  lea rsi, [rbx+500]
  jmp both
  even: add rax, [rsi+8]
  add rsi, 16
  both: xor [rsi+8], rax
  add rax, [rbx+100]
  xor [rbx-500], al

  mov rsp, rbx
  push rax
  push rcx
  call behind
  pop rcx
  pop rdx
  push rbp
  mov rbp, rsp
  sub rsp, 32
  mov [rsp+8], rax
  mov [rbp-8], rdx
  leave

  mov ecx, 5
  inner: add rax, [rbx]
  mov [rbx+24], rax
  add rbx, 24
  dec ecx
  jne inner

  test r8b, 15
  jne same
  mov rdx, [rbx]
  mov rdi, rbx
  sub rdi, ${SCATTERED}
  shr rdi, 12
  mov rsi, [${PAGE_TABLE}+rdi*8]
  mov r9, [${PAGE_TABLE}+rdi*8+8]
  mov [${PAGE_TABLE}+rdi*8], r9
  mov [${PAGE_TABLE}+rdi*8+8], rsi
  lea r10, [rbx+4096]
  invlpg [rbx]
  invlpg [r10]
  mov [rbx+8], rdx
  same: add rax, [rbx]
  dec r8d
  jne next
  hlt

  behind: mov r9, [rsp+8]
  xor [rsp+16], r9
  ret`,
  ORIGIN,
);

function run(compileThreshold: number, compileService = compileAtOnce) {
  const options = { ramSize: RAM_SIZE, compileThreshold, compileService };
  const { vcpu, ram } = longVcpu(PROGRAM.bytes, ORIGIN, options);
  for (let page = 0; page < PAGES; page++) {
    const where = SCATTERED + ((page * 37) % PAGES) * 4096;
    ram.setBigUint64(PAGE_TABLE + page * 8, BigInt(where | PRESENT_WRITABLE), true);
  }
  ram.setBigUint64(DIRECTORY_ENTRY, BigInt(PAGE_TABLE | PRESENT_WRITABLE), true);
  runToHalt(vcpu, 10_000);
  assertEquals(vcpu.statistics["tier1.regions"]! > 0, compileThreshold > 0);
  const sums = Array.from({ length: PAGES }, (_, page) => {
    let sum = 0n;
    for (let at = SCATTERED + page * 4096; at < SCATTERED + (page + 1) * 4096; at += 8) {
      sum = BigInt.asUintN(64, sum * 31n + ram.getBigUint64(at, true));
    }
    return sum;
  });
  return { rax: vcpu.cpu.gpr[Gpr.RAX]!, rdx: vcpu.cpu.gpr[Gpr.RDX]!, sums };
}

for (const [how, service] of [["leaves", compileAtOnce], ["makes", compileExpecting]] as const) {
  Deno.test(`objects across pages that lie apart, in code that ${how} accesses that the TLB does not answer`, () => {
    assertEquals(run(8, service), run(0));
  });
}

const USER = 4n;
const TABLES = [0x10000, 0x11000, DIRECTORY_ENTRY] as const;

/** Runs with and without SMAP: with it, `access` behind CLAC is a fault, in the 99th round. */
function runWithoutAccess(compileThreshold: number, behindClac: string, whereWaysMeet: string) {
  const { bytes } = assemble(
    `
    bits 64
    mov rbx, ${SCATTERED + 64}
    again: mov ecx, 100
    next: stac
    mov rax, [rbx]
    test cl, 1
    je even
    clac
    ${behindClac}
    even: ${whereWaysMeet}
    clac
    dec ecx
    jne next
    mov rdx, cr4
    or edx, ${1 << 21}
    mov cr4, rdx
    jmp again`,
    ORIGIN,
  );
  const { vcpu, ram } = longVcpu(bytes, ORIGIN, { ramSize: RAM_SIZE, compileThreshold });
  for (const table of TABLES) ram.setBigUint64(table, ram.getBigUint64(table, true) | USER, true);
  let exit = VcpuExit.Budget;
  for (let slice = 0; slice < 100 && exit === VcpuExit.Budget; slice++) exit = vcpu.run(200);
  assertEquals(vcpu.statistics["tier1.regions"]! > 0, compileThreshold > 0);
  return { exit, rcx: vcpu.cpu.gpr[Gpr.RCX]! };
}

for (
  const [where, behindClac, whereWaysMeet] of [
    ["behind it", "add rax, [rbx+8]", "nop"],
    ["where ways meet", "nop", "add rax, [rbx+16]"],
  ] as const
) {
  Deno.test(`after CLAC, compiled code does not use what it found out before, ${where}`, () => {
    for (const threshold of [0, 8]) {
      assertEquals(runWithoutAccess(threshold, behindClac, whereWaysMeet), {
        exit: VcpuExit.Shutdown,
        rcx: 99n,
      });
    }
  });
}
