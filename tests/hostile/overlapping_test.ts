/**
 * Jumps into the middle of instructions.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { DATA, type HostileMachine } from "./hostile_machine.ts";
import { hostileTest } from "./hostile_test_case.ts";
import { draw, Random, seeded } from "./random.ts";
import { isMovable, makeSoup, model } from "./soup.ts";

const WINDOW = 0x80_0000_0000n;
const PAGE = 4096;

/** Every address below `end`, or every one in `some` of them where entering all takes long. */
function entriesOf(machine: HostileMachine, end: number, some: number): number[] {
  const step = machine.configuration.effort < 1 ? some : 1;
  return Array.from({ length: Math.ceil(end / step) }, (_, index) => index * step);
}

/** Enters `soup` at `entries`, one after the other, over and over. RAX and the number of carries go on. */
function enterEverywhere(
  machine: HostileMachine,
  base: bigint,
  soup: Uint8Array,
  entries: number[],
  rounds: number,
) {
  machine.load(`
    mov r8, ${base}
    again: mov edi, table
    next: movsxd rdx, dword [rdi]
    add rdi, 4
    add rdx, r8
    clc
    call rdx
    adc rbx, 0
    inc rsi
    cmp rdi, table_end
    jne next
    dec ecx
    jne again
    hlt
    align 4
    table: dd ${entries.join(", ")}
    table_end:`);
  machine.start({ rcx: rounds });
  machine.finish();
  let rax = 0n;
  let carries = 0;
  for (let round = 0; round < rounds; round++) {
    for (const entry of entries) {
      const outcome = model(soup, entry, rax);
      rax = outcome.rax;
      carries += outcome.carry ? 1 : 0;
    }
  }
  assertEquals(machine.get("rsi"), BigInt(rounds * entries.length));
  assertEquals([machine.get("rax"), machine.get("rbx")], [rax, BigInt(carries)]);
}

hostileTest("an instruction of 15 bytes is entered at all of them", (machine) => {
  // Five prefixes, REX.W, MOV RAX, imm64: an immediate of ADC EAX, ADD AL, JB over a RET, CMC, RET.
  const long = [0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x48, 0xb8, 0x15, 0x04, 0x72, 0x04, 0x05, 0x3c, 0x14, 0xf5];
  const behind = [0x2d, 0x04, 0x14, 0x24, 0x34];
  const soup = Uint8Array.from([...long, ...behind, ...Array(0x50).fill(0xc3)]);
  machine.ram.set(soup, DATA);
  const entries = Array.from({ length: 15 }, (_, index) => index);
  enterEverywhere(machine, BigInt(DATA), soup, [...entries, ...entries.toReversed()], machine.rounds(500));
});

hostileTest("a page of bytes is entered at each of them, upwards and downwards", (machine) => {
  const soup = makeSoup(new Random(3), PAGE);
  machine.ram.set(soup, DATA);
  const entries = entriesOf(machine, PAGE, 7);
  enterEverywhere(machine, BigInt(DATA), soup, [...entries, ...entries.toReversed()], machine.rounds(4));
});

hostileTest("bytes across pages that lie apart are entered at each of them", (machine) => {
  const soup = makeSoup(new Random(4), 2 * PAGE);
  // Instructions at the boundary are entered over and over, the rest now and then.
  const pages = [DATA + 5 * PAGE, DATA + PAGE];
  for (const [index, page] of pages.entries()) {
    machine.ram.set(soup.subarray(index * PAGE, (index + 1) * PAGE), page);
    machine.tables.map(WINDOW + BigInt(index * PAGE), page);
  }
  const near = Array.from({ length: 64 }, (_, index) => PAGE - 48 + index);
  const far = Array.from({ length: 600 }, (_, index) => index * 13);
  enterEverywhere(machine, WINDOW, soup, [...near, ...far, ...near.toReversed()], machine.rounds(20));
});

hostileTest("bytes are entered at random and rewritten at random", (machine) => {
  const soup = makeSoup(new Random(5), 2048);
  machine.ram.set(soup, DATA);
  const count = machine.rounds(4000);
  // Bytes that may change places: opcodes of the same length, which are displacements of jumps too.
  const movable = [...soup.keys()].filter((at) => isMovable(soup[at]!)).slice(0, 512);
  assertEquals(movable.length, 512);
  machine.load(`
    ${seeded(6)}
    again: ${draw("rdx", 2048)}
    add rdx, ${DATA}
    clc
    call rdx
    adc rbx, 0
    ${draw("rdx", 512)}
    ${draw("rsi", 512)}
    movsxd rdx, dword [rdx * 4 + table]
    movsxd rsi, dword [rsi * 4 + table]
    mov cl, [rdx + ${DATA}]
    xchg [rsi + ${DATA}], cl
    mov [rdx + ${DATA}], cl
    dec r12
    jne again
    hlt
    align 4
    table: dd ${movable.join(", ")}`);
  machine.start({ r12: count });
  machine.finish();
  const random = new Random(6);
  let rax = 0n;
  let carries = 0;
  for (let round = 0; round < count; round++) {
    const outcome = model(soup, random.below(2048), rax);
    rax = outcome.rax;
    carries += outcome.carry ? 1 : 0;
    const [a, b] = [movable[random.below(512)]!, movable[random.below(512)]!];
    [soup[a], soup[b]] = [soup[b]!, soup[a]!];
  }
  assertEquals([machine.get("rax"), machine.get("rbx")], [rax, BigInt(carries)]);
});

hostileTest("instructions that are too long are entered at each byte", (machine) => {
  const prefixes = 30;
  const symbols = machine.load(`
    again: mov edi, ${DATA}
    next: mov rsp, 0x90000
    call rdi
    inc rbx
    jmp on
    handler: inc rdx
    on: inc edi
    cmp edi, ${DATA + prefixes + 1}
    jne next
    dec ecx
    jne again
    hlt`);
  machine.handle(13, symbols.get("handler")!);
  machine.ram.fill(0x2e, DATA, DATA + prefixes);
  machine.ram.set([0xf9, 0xc3], DATA + prefixes);
  const rounds = machine.rounds(200);
  machine.start({ rcx: rounds });
  machine.finish();
  // Up to 14 prefixes and STC can be executed.
  assertEquals([machine.get("rbx"), machine.get("rdx")], [15n * BigInt(rounds), 16n * BigInt(rounds)]);
});

hostileTest("a page of instructions of one byte is entered at each byte", (machine) => {
  // CMC at each byte: whether an even number of them is executed shows in CF.
  machine.ram.fill(0xf5, DATA, DATA + PAGE - 1);
  machine.ram[DATA + PAGE - 1] = 0xc3;
  const rounds = machine.rounds(2);
  const entries = entriesOf(machine, PAGE, 61);
  machine.load(`
    again: mov edi, ${DATA}
    next: clc
    call rdi
    adc rbx, 0
    add edi, ${entries[1]!}
    cmp edi, ${DATA + PAGE}
    jb next
    dec ecx
    jne again
    hlt`);
  machine.start({ rcx: rounds });
  machine.finish();
  const odd = entries.filter((entry) => (PAGE - 1 - entry) % 2 === 1).length;
  assertEquals(machine.get("rbx"), BigInt(rounds * odd));
});
