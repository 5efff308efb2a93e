/**
 * The same code at many addresses, and different code at the same one.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { DATA, DEVICE } from "./hostile_machine.ts";
import { hostileTest } from "./hostile_test_case.ts";

const PAGE = 4096;
const WINDOW = 0x80_0000_0000n;
const MILLION = 1 << 20;

/** MOV EAX, imm32 two bytes before the end of a page, reached by a jump within the page; then RET. */
const CROSSING = 0xffe;
const JUMP_TO_CROSSING = `jmp near_end\nzero ${CROSSING - 5}\nnear_end:`;

function loadCrossing(
  load: (source: string, at: number) => unknown,
  first: number,
  seconds: readonly number[],
): void {
  load(`${JUMP_TO_CROSSING} db 0xb8, 0x44`, first);
  // The rest of the immediate differs.
  for (const [index, second] of seconds.entries()) load(`db 0x33, 0x22, ${0x11 + index}, 0xc3`, second);
}

hostileTest("a jump leads to an instruction whose second page differs between two mappings", (machine) => {
  const seconds = [DATA + 2 * PAGE, DATA + 5 * PAGE];
  loadCrossing((source, at) => machine.load(source, at), DATA, seconds);
  const other = WINDOW + 0x40_0000n;
  for (const [index, linear] of [WINDOW, other].entries()) {
    machine.tables.map(linear, DATA);
    machine.tables.map(linear + 0x1000n, seconds[index]!);
  }
  const count = machine.rounds(200);
  machine.load(`
    mov r8, ${WINDOW}
    mov r9, ${other}
    again: call r8
    add rbx, rax
    call r9
    add rdx, rax
    dec ecx
    jne again
    hlt`);
  machine.start({ rcx: count });
  machine.finish();
  const expected = [0x11223344n, 0x12223344n].map((value) => value * BigInt(count));
  assertEquals([machine.get("rbx"), machine.get("rdx")], expected);
});

hostileTest("a jump leads to an instruction whose second page is mapped anew", (machine) => {
  const seconds = [DATA + 2 * PAGE, DATA + 5 * PAGE];
  loadCrossing((source, at) => machine.load(source, at), DATA, seconds);
  machine.tables.map(WINDOW, DATA);
  machine.tables.map(WINDOW + 0x1000n, seconds[0]!);
  const entry = machine.tables.entry(WINDOW + 0x1000n);
  const count = machine.rounds(200);
  machine.load(`
    mov r8, ${WINDOW}
    again: call r8
    add rbx, rax
    xor dword [${entry}], ${seconds[0]! ^ seconds[1]!}
    invlpg [r8 + 0x1000]
    dec ecx
    jne again
    hlt`);
  machine.start({ rcx: count * 2 });
  machine.finish();
  assertEquals(machine.get("rbx"), BigInt(count) * (0x11223344n + 0x12223344n));
});

hostileTest("the page of a loop is mapped anew while the loop runs", (machine) => {
  // Both pages differ in what they add alone.
  const pages = [DATA, DATA + 3 * PAGE];
  machine.tables.map(WINDOW, pages[0]!);
  const entry = machine.tables.entry(WINDOW);
  for (const [index, page] of pages.entries()) {
    machine.load(
      `again: add rbx, ${1000 + index}
      xor dword [${entry}], ${pages[0]! ^ pages[1]!}
      invlpg [r8]
      dec ecx
      jne again
      hlt`,
      page,
    );
  }
  const count = machine.rounds(1000);
  machine.start({ rip: WINDOW, r8: WINDOW, rcx: count * 2 });
  machine.finish();
  assertEquals(machine.get("rbx"), BigInt(count) * 2001n);
});

hostileTest("a few pages are executed at a million addresses", (machine) => {
  const pages = Array.from({ length: 8 }, (_, index) => DATA + index * 3 * PAGE);
  machine.tables.wrap(WINDOW, pages);
  const count = machine.rounds(MILLION);
  for (const [index, page] of pages.entries()) {
    machine.load(
      `zero ${index * 64}
      start: lea rdx, [rel start]
      add rbx, rdx
      add rax, ${1 << index}
      dec ecx
      jne short on
      hlt
      on: jmp start + ${PAGE + (index === 7 ? -7 : 1) * 64}`,
      page,
    );
  }
  const decoded = machine.vcpu.statistics["tier0.instructionsDecoded"]!;
  machine.start({ rip: WINDOW, rcx: count });
  machine.finish();
  let sums = [0n, 0n];
  for (let page = 0; page < count; page++) {
    sums = [sums[0]! + WINDOW + BigInt(page * PAGE + page % 8 * 64), sums[1]! + (1n << BigInt(page % 8))];
  }
  assertEquals([machine.get("rbx"), machine.get("rax")], [BigInt.asUintN(64, sums[0]!), sums[1]!]);
  // More addresses need no more decoded code.
  assert(machine.vcpu.statistics["tier0.instructionsDecoded"]! - decoded < 10_000);
});

hostileTest("code without a jump goes on from page to page for ever", (machine) => {
  // INC RAX; NOP ...: over and over, the last one across the boundary.
  machine.tables.wrap(WINDOW, [DATA]);
  const filled = "db 0x48, 0xff, 0xc0\n".repeat(20) + "db 0x90\n".repeat(PAGE - 60 - 1);
  machine.load(`db 0xff, 0xc0\n${filled.slice(0, -"db 0x90\n".length)}db 0x48`, DATA);
  machine.start({ rip: WINDOW });
  const rounds = machine.rounds(2000);
  for (let round = 0; round < rounds; round++) machine.run(1000);
  const pages = (machine.get("rip") - WINDOW) >> 12n;
  assert(pages > 10n, "Nothing was executed");
  const low = machine.get("rax") - pages * 21n;
  assert(low >= 0n && low <= 21n, `${machine.get("rax")} instructions in ${pages} pages`);
});

hostileTest("code covers all pages that there are", (machine) => {
  const first = DATA / PAGE;
  const last = machine.compiles ? first + 2000 : machine.ram.length / PAGE;
  // Each page jumps to another one, all in one ring, at offsets that differ.
  const order = Array.from({ length: last - first }, (_, index) => first + index);
  for (let index = order.length - 1; index > 0; index--) {
    const other = (index * 7919 + 13) % (index + 1);
    [order[index], order[other]] = [order[other]!, order[index]!];
  }
  const start = (page: number) => page * PAGE + page % 60 * 64;
  for (const [index, page] of order.entries()) {
    const at = start(page);
    // ADD RAX, imm32; JMP rel32, or at the ring's end: DEC ECX; JNE rel32; HLT.
    machine.ram.set([0x48, 0x05], at);
    machine.view.setUint32(at + 2, page, true);
    const next = start(order[(index + 1) % order.length]!);
    const end = index === order.length - 1;
    machine.ram.set(end ? [0xff, 0xc9, 0x0f, 0x85] : [0xe9], at + 6);
    const from = at + 6 + (end ? 4 : 1);
    machine.view.setInt32(from, next - from - 4, true);
    if (end) machine.ram[from + 4] = 0xf4;
  }
  const rounds = machine.rounds(80);
  machine.start({ rip: start(order[0]!), rcx: rounds });
  machine.finish();
  const sum = order.reduce((sum, page) => sum + page, 0);
  assertEquals(machine.get("rax"), BigInt(sum) * BigInt(rounds));
}, 64 << 20);

hostileTest("more instructions than there is room for are executed again and again", (machine) => {
  const bytes = machine.compiles ? 1 << 14 : 13 << 18;
  // INC RAX by bytes that do one thing each: STC, CMC, CLC.
  for (let at = 0; at < bytes; at++) machine.ram[DATA + at] = [0xf9, 0xf5, 0xf8][at % 3]!;
  machine.ram[DATA + bytes] = 0xc3;
  machine.load(`
    mov edi, ${DATA}
    again: call rdi
    adc rax, 0
    dec ecx
    jne again
    hlt`);
  machine.start({ rcx: 2 });
  machine.finish(4 * bytes);
  assertEquals(machine.get("rax"), bytes % 3 === 1 ? 2n : 0n);
}, 32 << 20);

hostileTest("code runs off the end of the address space, of its canonical half, and of RAM", (machine) => {
  const symbols = machine.load(`
    inc rbx
    hlt
    fault: mov rdx, [rsp + 8]
    hlt`);
  machine.handle(13, symbols.get("fault")!, true);
  machine.handle(14, symbols.get("fault")!, true);
  // The last page of the address space: INC RAX, then what is at 0.
  const top = 0xffff_ffff_ffff_f000n;
  machine.tables.map(top, DATA);
  machine.load(`zero ${PAGE - 6}\ninc rax\ninc rax`, DATA);
  machine.load("inc rax\nhlt", 0);
  machine.start({ rip: top + 0xffan });
  machine.finish();
  assertEquals([machine.get("rax"), machine.get("rip")], [3n, 4n]);
  // The same two bytes earlier: an instruction that ends at 0.
  machine.load(`zero ${PAGE - 7}\ninc rax\ninc rax\ndb 0x48`, DATA);
  machine.load("db 0xff, 0xc0\nhlt", 0);
  machine.vcpu.memoryModified(DATA, PAGE);
  machine.vcpu.memoryModified(0, PAGE);
  machine.start({ rip: top + 0xff9n });
  machine.finish();
  assertEquals([machine.get("rax"), machine.get("rip")], [3n, 3n]);

  machine.tables.map(0x7fff_ffff_f000n, DATA);
  machine.load(`zero ${PAGE - 6}\ninc rax\ninc rax`, DATA);
  machine.vcpu.memoryModified(DATA, PAGE);
  machine.start({ rip: 0x7fff_ffff_fffan });
  machine.finish();
  assertEquals([machine.get("rax"), machine.get("rdx")], [2n, 0x8000_0000_0000n]);

  const end = machine.ram.length;
  machine.load(`inc rax\ninc rax`, end - 6);
  machine.start({ rip: end - 6 });
  machine.finish();
  assertEquals([machine.get("rax"), machine.get("rdx")], [2n, BigInt(end)]);

  machine.start({ rip: DEVICE });
  machine.finish();
  assertEquals(machine.get("rdx"), BigInt(DEVICE));
  assertEquals(machine.get("rbx"), 0n);
});

hostileTest("an address that is not canonical never leads to RAM", (machine) => {
  const symbols = machine.load(
    `again: mov [rsi], rbx
    mov rdx, [rsi]
    dec ecx
    jne again
    handler: hlt`,
  );
  machine.handle(13, symbols.get("handler")!);
  for (const [rsi, rcx] of [[DATA, machine.rounds(10_000)], [1n << 63n, 2]] as const) {
    machine.start({ rsi, rcx, rbx: 0x5a5a });
    machine.finish();
  }
  const { view } = machine;
  for (let at = 0; at < PAGE; at += 8) assertNotEquals(view.getBigUint64(at, true), 0x5a5an);
  assertEquals(view.getBigUint64(DATA, true), 0x5a5an);
});
