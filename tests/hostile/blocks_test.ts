/**
 * More blocks than any cache holds, and jumps among them without any order.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { CODE, DATA, STACK } from "./hostile_machine.ts";
import { hostileTest } from "./hostile_test_case.ts";
import { draw, Random, seeded } from "./random.ts";

const PAGE = 4096;
const mod64 = (value: bigint) => BigInt.asUintN(64, value);

hostileTest("a ring of up to 50,000 blocks goes round and round", (machine) => {
  const blocks = machine.compiles ? 2000 : 50_000;
  const size = 24;
  // No common factor with the number of blocks: the ring visits all.
  const step = 7919;
  for (let block = 0; block < blocks; block++) {
    const at = DATA + block * size;
    // IMUL RAX, RAX, 3; ADD RAX, imm32; JMP rel32, or in the last one: DEC ECX; JNE rel32; HLT.
    machine.ram.set([0x48, 0x6b, 0xc0, 3, 0x48, 0x05], at);
    machine.view.setUint32(at + 6, block, true);
    const target = DATA + (block + step) % blocks * size;
    const last = target === DATA;
    machine.ram.set(last ? [0xff, 0xc9, 0x0f, 0x85] : [0xe9], at + 10);
    const from = at + 10 + (last ? 4 : 1);
    machine.view.setInt32(from, target - from - 4, true);
    if (last) machine.ram[from + 4] = 0xf4;
  }
  const rounds = machine.compiles ? 80 : 20;
  machine.start({ rip: DATA, rcx: rounds });
  machine.finish();
  // A round is RAX * 3^blocks + what it makes of zero.
  let [factor, added] = [1n, 0n];
  for (let index = 0, block = 0; index < blocks; index++, block = (block + step) % blocks) {
    factor = mod64(factor * 3n);
    added = mod64(added * 3n + BigInt(block));
  }
  let expected = 0n;
  for (let round = 0; round < rounds; round++) expected = mod64(expected * factor + added);
  assertEquals(machine.get("rax"), expected);
});

const WAYS = {
  "jumps": "jmp [rdx * 8 + table]",
  "calls": "call [rdx * 8 + table]\njmp back",
  "returns": "push qword [rdx * 8 + table]\nret",
} as const;

for (const [name, way] of Object.entries(WAYS)) {
  hostileTest(`indirect ${name} go to random ones of up to 4,096 targets`, (machine) => {
    const targets = machine.configuration.effort < 1 ? 1024 : 4096;
    const rounds = machine.rounds(100_000);
    const size = 32;
    const symbols = machine.load(`
      ${seeded(9)}
      again: ${draw("rdx", targets)}
      ${way}
      back: dec ecx
      jne again
      hlt
      align 8
      table: zero ${targets * 8}`);
    for (let target = 0; target < targets; target++) {
      const at = DATA + target * size;
      machine.view.setBigUint64(symbols.get("table")! + target * 8, BigInt(at), true);
      // IMUL RAX, RAX, 5; ADD RAX, imm32; then JMP rel32 or RET.
      machine.ram.set([0x48, 0x6b, 0xc0, 5, 0x48, 0x05], at);
      machine.view.setUint32(at + 6, target * 3 + 1, true);
      machine.ram.set(name === "calls" ? [0xc3] : [0xe9], at + 10);
      if (name !== "calls") machine.view.setInt32(at + 11, symbols.get("back")! - at - 15, true);
    }
    machine.start({ rcx: rounds });
    machine.finish();
    const random = new Random(9);
    let expected = 0n;
    for (let round = 0; round < rounds; round++) {
      expected = mod64(expected * 5n + BigInt(random.below(targets) * 3 + 1));
    }
    assertEquals(machine.get("rax"), expected);
    assertEquals(machine.get("rsp"), BigInt(STACK));
  });
}

for (const [name, blocks, distance] of [["a few pages", 500, 32], ["many pages", 1500, 1000]] as const) {
  hostileTest(`a random graph of jumps lies in ${name}`, (machine) => {
    const random = new Random(11);
    // Each block goes to one of two others, by the sign of RAX, which it has changed.
    const successors = Array.from(
      { length: blocks },
      () => [random.below(1 << 20) % blocks, random.below(1 << 20) % blocks] as const,
    );
    for (const [block, [first, second]] of successors.entries()) {
      const at = DATA + block * distance;
      // DEC ECX; JE to HLT; ROL RAX, 7; ADD RAX, imm32; JS rel32; JMP rel32; HLT.
      machine.ram.set([0xff, 0xc9, 0x74, 0x15, 0x48, 0xc1, 0xc0, 7, 0x48, 0x05], at);
      machine.view.setUint32(at + 10, block * 77 + 5, true);
      machine.ram.set([0x0f, 0x88], at + 14);
      machine.view.setInt32(at + 16, (first - block) * distance - 20, true);
      machine.ram[at + 20] = 0xe9;
      machine.view.setInt32(at + 21, (second - block) * distance - 25, true);
      machine.ram[at + 25] = 0xf4;
    }
    const steps = machine.rounds(100_000);
    machine.start({ rip: DATA, rax: 0x1234_5678_9abc_def0n, rcx: steps });
    machine.finish();
    let rax = 0x1234_5678_9abc_def0n;
    let block = 0;
    for (let step = 1; step < steps; step++) {
      rax = mod64(rax << 7n | rax >> 57n);
      rax = mod64(rax + BigInt(block * 77 + 5));
      block = successors[block]![rax >> 63n === 1n ? 0 : 1];
    }
    assertEquals(machine.get("rax"), rax);
    assertEquals(machine.get("rip"), BigInt(DATA + block * distance + 26));
  });
}

hostileTest("a page holds nothing but conditional jumps", (machine) => {
  // ROR EAX, 1; JC rel8, again and again; at the end DEC ECX; JNE rel32; HLT.
  const random = new Random(13);
  const blocks = 1016;
  const skips = Array.from({ length: blocks }, (_, block) => Math.min(random.below(32), blocks - 1 - block));
  for (const [block, skip] of skips.entries()) {
    machine.ram.set([0xd1, 0xc8, 0x72, skip * 4], DATA + block * 4);
  }
  const end = DATA + blocks * 4;
  machine.ram.set([0xff, 0xc9, 0x0f, 0x85], end);
  machine.view.setInt32(end + 4, DATA - end - 8, true);
  machine.ram[end + 8] = 0xf4;
  const rounds = machine.rounds(300);
  machine.start({ rip: DATA, rax: 0x9abc_1235n, rcx: rounds });
  machine.finish();
  let eax = 0x9abc_1235;
  for (let round = 0; round < rounds; round++) {
    for (let block = 0; block < blocks; block++) {
      const carry = eax & 1;
      eax = (eax >>> 1 | eax << 31) >>> 0;
      if (carry !== 0) block += skips[block]!;
    }
  }
  assertEquals(machine.get("rax"), BigInt(eax));
});

hostileTest("calls never return, returns were never called, and recursion is deep", (machine) => {
  const depth = 4000;
  const rounds = machine.rounds(20);
  machine.load(`
    again: mov ecx, ${depth}
    call recurse
    mov ecx, ${depth}
    leave_call: call $ + 5 ; what is pushed is popped, not returned to
    pop rdx
    add rsi, rdx
    dec ecx
    jne leave_call
    mov ecx, ${depth}
    mov edx, returned
    push_return: push rdx
    ret
    returned: inc rbx
    dec ecx
    jne push_return
    ; A return address that was changed.
    call changed
    inc rdi
    jmp short over
    over: dec r12
    jne again
    hlt
    changed: add qword [rsp], 5 ; INC RDI, JMP
    ret
    recurse: inc rax
    dec ecx
    je out
    call recurse
    add rax, 3
    out: ret`);
  machine.start({ r12: rounds, rsp: DATA + (1 << 20) });
  machine.finish();
  assertEquals(machine.get("rax"), BigInt(rounds * (depth + 3 * (depth - 1))));
  assertEquals([machine.get("rbx"), machine.get("rdi")], [BigInt(rounds * depth), 0n]);
  const called = machine.get("rsi") / BigInt(rounds * depth);
  assertEquals([called > BigInt(CODE), called < BigInt(CODE + PAGE)], [true, true]);
  assertEquals(machine.get("rsp"), BigInt(DATA + (1 << 20)));
});
