import { assertEquals, assertLess } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { longVcpu } from "../../testing/long_vcpu.ts";
import { VcpuExit } from "../../vcpu.ts";
import { ENGINE_PAGES } from "../layout.ts";
import { CodeMode, Gpr } from "../state.ts";
import { Compiler } from "./compiler.ts";

const ORIGIN = 0x1000;
const RAM_SIZE = 16 << 20;
/** Two MiB that are not there end here. */
const BOUNDARY = 10 << 20;
/** Where the page directory has the entry for them. */
const DIRECTORY_ENTRY = 0x12000 + ((BOUNDARY >> 21) - 1) * 8;

/**
 * Executes `body` 99 times on a good stack, and then once with the stack pointer a few bytes above memory that is not there.
 * Gives what the registers are once that has ended the guest.
 */
function runOut(compileThreshold: number, above: number, body: string) {
  const { bytes } = assemble(
    `
    bits 64
    again: mov ecx, 100
    next: mov esp, ${BOUNDARY + 0x800}
    cmp ecx, 1
    jne good
    cmp rdx, 50
    jb good
    mov esp, ${BOUNDARY + above}
    good: mov eax, 0
    ${body}
    dec ecx
    jne next
    inc rdx
    jmp again`,
    ORIGIN,
  );
  const { vcpu, ram } = longVcpu(bytes, ORIGIN, { ramSize: RAM_SIZE, compileThreshold });
  ram.setBigUint64(DIRECTORY_ENTRY, 0n, true);
  let exit = VcpuExit.Budget;
  for (let slice = 0; slice < 10_000 && exit === VcpuExit.Budget; slice++) exit = vcpu.run(200);
  assertEquals(vcpu.statistics["tier1.regions"]! > 0, compileThreshold > 0);
  const { gpr } = vcpu.cpu;
  return { exit, rax: gpr[Gpr.RAX]!, rcx: gpr[Gpr.RCX]!, rsp: Number(gpr[Gpr.RSP]!) - BOUNDARY };
}

for (
  const [what, above, body, rax, rsp] of [
    ["pushes", 16, "push rax; mov al, 1; push rax; mov al, 2; push rax; mov al, 3; push rax", 2, 0],
    ["stores to a frame", 40, "sub rsp, 48; mov [rsp+8], rax; mov al, 1; mov [rsp+4], rax; mov al, 2", 1, -8],
    ["loads from below", 4, "mov rbx, [rsp]; mov al, 1; mov rbx, [rsp-8]; mov al, 2", 1, 4],
    ["stores through a copy", 2, "mov rdi, rsp; mov [rdi], rax; mov al, 1; mov [rdi-4], eax", 1, 2],
  ] as const
) {
  Deno.test(`on a stack that ends, ${what} fault where memory ends`, () => {
    for (const threshold of [0, 8]) {
      const lines = body.replaceAll("; ", "\n");
      assertEquals(
        runOut(threshold, above, lines),
        { exit: VcpuExit.Shutdown, rax: BigInt(rax), rcx: 1n, rsp },
        `threshold ${threshold}`,
      );
    }
  });
}

/** Bytes that it takes to look for a page in a TLB. */
const LOOKUP = 80;

/** Bytes of a region for code at the start of RAM. */
function sizeOf(mode: CodeMode, source: string): number {
  const { bytes } = assemble(source, 0);
  const memory = (pages: number) => new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const ram = memory(1);
  new Uint8Array(ram.buffer).set(bytes);
  const starts = new Uint8Array(ram.buffer.byteLength / 8);
  const compiler = new Compiler({ ram, engine: memory(ENGINE_PAGES), starts, bounce: 0 });
  const place = { host: 0, mode, page: 0n, context: 0n };
  const { module } = compiler.compile([{ ...place, slot: 2, expectsUnknown: false, firstExit: 0 }]);
  return module!.length;
}

/** Bytes of a region for code of 64 or of 32 bits; in its text, `r` before a register's name stands for `e`, too. */
function sizeIn(bits: 64 | 32, code: string): number {
  const named = bits === 64 ? code : code.replaceAll(/\br/g, "e");
  return sizeOf(bits === 64 ? CodeMode.Bits64 : CodeMode.Flat32, `bits ${bits}\n${named}\nhlt`);
}

for (const bits of [64, 32] as const) {
  for (const again of ["push rax", "pop rax"]) {
    Deno.test(`a region of ${bits} bits looks for its stack once: ${again}`, () => {
      const size = (count: number) => sizeIn(bits, `${again}\n`.repeat(count));
      assertLess(size(9) - size(8), LOOKUP);
    });
  }
}

Deno.test("a region of 32 bits knows its frame as one of 64 bits does", () => {
  const frame = `
    push rbp
    mov rbp, rsp
    sub rsp, 16
    mov [rbp-8], rax
    leave
    pop rax`;
  assertLess(sizeIn(32, frame) - sizeIn(64, frame), LOOKUP);
});
