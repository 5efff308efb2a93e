/**
 * Repeated string instructions with counts that never end, faults in the middle, and code and devices in the way.
 *
 * @module
 */

import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { VcpuExit } from "../../kernel/vcpu.ts";
import { CODE, DATA, DEVICE } from "./hostile_machine.ts";
import { hostileTest } from "./hostile_test_case.ts";

/** 1 TiB and more, all of it the same few pages. */
const WINDOW = 0x80_0000_0000n;
const SLOT = 1n << 39n;
const SLOTS = 8n;
const PAGE = 4096;
const PLENTY = 1 << 30;

interface Endless {
  readonly name: string;
  readonly rcx: bigint;
  readonly source: string;
  /** Index registers that move. */
  readonly moving: readonly string[];
  /** Whether to see that the budget ends it, too. */
  readonly charged?: true;
}

const HUGE = 1n << 40n;
const ENDLESS: readonly Endless[] = [
  { name: "stosb", rcx: HUGE, source: "rep stosb", moving: ["rdi"], charged: true },
  { name: "stosb with a count of -1", rcx: -1n, source: "rep stosb", moving: ["rdi"] },
  { name: "stosq", rcx: HUGE >> 3n, source: "rep stosq", moving: ["rdi"] },
  { name: "movsb", rcx: HUGE, source: "rep movsb", moving: ["rsi", "rdi"] },
  { name: "movsq with a count of -1", rcx: -1n, source: "rep movsq", moving: ["rsi", "rdi"], charged: true },
  {
    name: "movsb onto the next byte",
    rcx: HUGE,
    source: "lea rdi, [rsi + 1]\nrep movsb",
    moving: ["rsi", "rdi"],
  },
  { name: "scasb", rcx: -1n, source: "repe scasb", moving: ["rdi"] },
  { name: "cmpsd", rcx: HUGE, source: "repe cmpsd", moving: ["rsi", "rdi"], charged: true },
  { name: "lodsw", rcx: -1n, source: "rep lodsw", moving: ["rsi"] },
  { name: "outsb", rcx: -1n, source: "rep outsb", moving: ["rsi"] },
  { name: "insb", rcx: -1n, source: "mov al, 0xff\nrep insb", moving: ["rdi"] },
];

for (const { name, rcx, source, moving, charged } of ENDLESS) {
  for (const asker of charged ? ["another thread", "the budget"] : ["another thread"]) {
    hostileTest(`an endless REP ${name} is interrupted by ${asker}`, (machine) => {
      machine.tables.wrap(WINDOW, [DATA, DATA + PAGE]);
      for (let slot = 1n; slot < SLOTS; slot++) machine.tables.repeat(WINDOW + slot * SLOT, WINDOW);
      machine.load(`${source}\nmov ebx, 1\nhlt`);
      const count = BigInt.asUintN(64, rcx);
      machine.start({ rcx: count, rsi: WINDOW, rdi: WINDOW, rdx: 0x80 });
      let before = count;
      for (let round = 0; round < 3; round++) {
        if (asker === "the budget") assertEquals(machine.run(1000), VcpuExit.Budget);
        else assertEquals(machine.runUntilAsked(PLENTY), VcpuExit.Attention);
        const left = machine.get("rcx");
        assertLess(left, before, "Nothing was done");
        before = left;
        const size = /q$/.test(source) ? 8n : /d$/.test(source) ? 4n : /w$/.test(source) ? 2n : 1n;
        for (const register of moving) {
          const moved = machine.get(register) - WINDOW;
          assert(moved - (count - left) * size <= 1n, `${register} has moved by ${moved}`);
        }
      }
      machine.set({ rcx: 100, rsi: WINDOW, rdi: WINDOW });
      machine.finish();
      assertEquals([machine.get("rbx"), machine.get("rcx")], [1n, 0n]);
    });
  }
}

/** The handler of page faults maps what is missing, and counts. */
const MAP_MISSING = `
  fault: push rax
  push rdx
  mov rax, cr2
  shr rax, 12
  and eax, 511
  mov rdx, [rax * 8 + shadow]
  mov [rax * 8 + r12], rdx
  pop rdx
  pop rax
  inc r11
  add r10, rcx
  add rsp, 8
  iretq`;

interface Faulting {
  readonly source: string;
  readonly size: number;
  readonly backwards?: boolean;
}

const FAULTING: readonly Faulting[] = ["movs", "stos", "lods", "scas", "cmps"].flatMap((name) =>
  [1, 2, 4, 8].map((size) => ({
    source: `${/scas|cmps/.test(name) ? "repe" : "rep"} ${name}${{ 1: "b", 2: "w", 4: "d", 8: "q" }[size]}`,
    size,
  }))
);

for (
  const { source, size, backwards } of [...FAULTING, ...FAULTING.map((one) => ({ ...one, backwards: true }))]
) {
  hostileTest(`${source} ${backwards ? "backwards " : ""}meets pages that are not there`, (machine) => {
    const pages = 5;
    // Not aligned: elements lie across the boundaries.
    const bytes = pages * PAGE - 64;
    const count = Math.floor(bytes / size);
    const [from, to] = [3, 29];
    const [low, high] = [WINDOW, WINDOW + BigInt(16 * PAGE)];
    const entries = machine.tables.entry(WINDOW);
    const symbols = machine.load(`${MAP_MISSING}
      main: ${backwards ? "std" : "cld"}
      ${source}
      hlt
      align 8
      shadow: zero 4096`);
    machine.handle(14, symbols.get("fault")!, true);
    const [source1, source2] = [DATA, DATA + 64 * PAGE];
    for (let page = 0; page < pages; page++) {
      const entry = (physical: number) => BigInt(physical + page * PAGE) | 3n;
      machine.view.setBigUint64(symbols.get("shadow")! + page * 8, entry(source1), true);
      machine.view.setBigUint64(symbols.get("shadow")! + (16 + page) * 8, entry(source2), true);
    }
    const comparing = /scas|cmps/.test(source);
    const pattern = (at: number) => comparing ? 0x5a : (at * 31 >> 3) & 0xff;
    for (let at = 0; at < pages * PAGE; at++) {
      machine.ram[source1 + at] = pattern(at);
      machine.ram[source2 + at] = comparing ? 0x5a : 0xee;
    }
    const last = backwards ? BigInt((count - 1) * size) : 0n;
    machine.start({
      rip: symbols.get("main")!,
      rax: 0x5a5a_5a5a_5a5a_5a5an,
      rcx: count,
      rsi: low + BigInt(from) + last,
      rdi: high + BigInt(to) + last,
      r12: entries,
    });
    machine.finish();
    assertEquals(machine.get("rcx"), 0n);
    const usesSource = /movs|lods|cmps/.test(source);
    const usesDestination = !/lods/.test(source);
    assertEquals(
      machine.get("r11"),
      BigInt(pages * (Number(usesSource) + Number(usesDestination))),
      "Faults",
    );
    const moved = BigInt(count * size) * (backwards ? -1n : 1n);
    if (usesSource) assertEquals(machine.get("rsi"), low + BigInt(from) + last + moved);
    if (usesDestination) assertEquals(machine.get("rdi"), high + BigInt(to) + last + moved);
    if (comparing) return;
    for (let at = 0; usesDestination && at < pages * PAGE; at++) {
      const inside = at >= to && at < to + count * size;
      const expected = !inside ? 0xee : /stos/.test(source) ? 0x5a : pattern(at - to + from);
      if (machine.ram[source2 + at] !== expected) {
        assertEquals(machine.ram[source2 + at], expected, `Byte ${at}`);
      }
    }
  });
}

hostileTest("an endless REP MOVSB onto itself by way of two mappings repeats a pattern", (machine) => {
  // The destination is the source's page, one byte on, elsewhere.
  const [a, b] = [WINDOW, WINDOW + 0x40_0000n];
  for (let page = 0; page < 4; page++) {
    machine.tables.map(a + BigInt(page * PAGE), DATA + page * PAGE);
    machine.tables.map(b + BigInt(page * PAGE), DATA + page * PAGE);
  }
  machine.ram.set([1, 2, 3, 4, 5, 6, 7], DATA);
  machine.load("rep movsb\nhlt");
  machine.start({ rsi: a, rdi: b + 7n, rcx: 3 * PAGE });
  machine.finish();
  for (let at = 0; at < 3 * PAGE + 7; at++) {
    if (machine.ram[DATA + at] !== at % 7 + 1) assertEquals(machine.ram[DATA + at], at % 7 + 1, `Byte ${at}`);
  }
});

hostileTest(
  "REP STOSB goes over a device and code, and is interrupted at each byte of the device",
  (machine) => {
    const pages = [DATA, DEVICE, DATA + 2 * PAGE];
    for (const [index, page] of pages.entries()) machine.tables.map(WINDOW + BigInt(index * PAGE), page);
    const symbols = machine.load(`
    mov byte [${DATA + 2 * PAGE + 100}], 0xc3
    mov edx, ${DATA + 2 * PAGE + 100}
    call rdx
    rep stosb
    sti
    call rdx
    hlt
    handler: inc r8
    iretq`);
    machine.handle(6, symbols.get("handler")!);
    const written: number[] = [];
    let left = 0n;
    machine.onWrite = (address) => {
      written.push(address - DEVICE);
      machine.askAttention();
    };
    // After the fill the code at RDX is RET as well: 0xc3.
    machine.start({ rax: 0xc3, rcx: 3 * PAGE, rdi: WINDOW });
    for (;;) {
      const writes = written.length;
      const exit = machine.run(100_000);
      if (exit === VcpuExit.Halt) break;
      assertLessOrEqual(written.length - writes, 1, "Writes behind the request");
      left = machine.get("rcx");
      if (exit === VcpuExit.Attention && left > 0n) assertEquals(left, BigInt(2 * PAGE - written.length));
    }
    assertEquals(written, Array.from({ length: PAGE }, (_, index) => index));
    assertEquals(machine.get("rdi"), WINDOW + BigInt(3 * PAGE));
  },
);

hostileTest("an interrupt handler runs in the middle of REP MOVSD, which then goes on", (machine) => {
  machine.tables.map(WINDOW, DEVICE);
  const symbols = machine.load(`
    cld
    rep movsd
    hlt
    handler: push rcx
    push rdi
    push rsi
    mov esi, ${DATA}
    mov edi, ${DATA + PAGE}
    mov ecx, 16
    rep movsd
    pop rsi
    pop rdi
    pop rcx
    inc r8
    iretq`);
  machine.handle(0x30, symbols.get("handler")!);
  machine.onWrite = () => machine.askAttention();
  machine.start({ rflags: 0x200, rsi: CODE, rdi: WINDOW, rcx: 200 });
  let interrupts = 0n;
  for (;;) {
    const exit = machine.run(10_000);
    if (exit === VcpuExit.Halt) break;
    if (exit === VcpuExit.Attention && machine.vcpu.interruptible) {
      machine.vcpu.interrupt(0x30);
      interrupts++;
    }
  }
  assertEquals([machine.get("r8"), machine.get("rcx")], [interrupts, 0n]);
  assert(interrupts >= 199n, `${interrupts} interrupts`);
});

hostileTest(
  "single steps stop at each element of REP STOSB, and at each instruction of a loop",
  (machine) => {
    const symbols = machine.load(`
    mov edi, ${DATA}
    mov ecx, 300
    pushfq
    or dword [rsp], 0x100
    popfq
    rep stosb
    mov ecx, 50
    again: dec ecx
    jne again
    pushfq
    and dword [rsp], ~0x100
    popfq
    hlt
    handler: inc r8
    iretq`);
    machine.handle(1, symbols.get("handler")!);
    machine.start();
    machine.finish();
    // The instruction behind the POPF that sets TF is the first, the POPF that clears it the last.
    assertEquals(machine.get("r8"), 300n + 1n + 100n + 3n);
  },
);

hostileTest(
  "addresses of 32 bits wrap in the middle of REP STOSB, those of 64 bits leave the canonical half",
  (machine) => {
    machine.tables.map(0xffff_f000n, DATA);
    machine.tables.map(0x7fff_ffff_f000n, DATA + PAGE);
    const symbols = machine.load(`
    a32 rep stosb
    mov rdi, 0x7fffffffff00
    mov rcx, -1
    rep stosb
    hlt
    fault: hlt`);
    machine.handle(13, symbols.get("fault")!, true);
    machine.start({ rax: 0x77, rdi: 0xffff_ff80n, rcx: 0x100 });
    machine.finish();
    assertEquals(machine.get("rdi"), 0x8000_0000_0000n);
    assertEquals(machine.get("rcx"), BigInt.asUintN(64, -1n - 0x100n));
    assertEquals([machine.ram[0], machine.ram[0x7f], machine.ram[0x80]], [0x77, 0x77, 0]);
    assertEquals([machine.ram[DATA + 0xf7f], machine.ram[DATA + 0xf80]], [0, 0x77]);
    assertEquals(machine.ram[DATA + PAGE + 0xfff], 0x77);
  },
);
