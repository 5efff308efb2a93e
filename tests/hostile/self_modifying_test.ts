/**
 * Code that rewrites itself all the time.
 *
 * @module
 */

import { assertEquals, assertLess } from "@std/assert";
import { CODE, DATA } from "./hostile_machine.ts";
import { hostileTest } from "./hostile_test_case.ts";
import { draw, Random, seeded } from "./random.ts";

/** Increments of R9 that fill all room for decoded code when they are decoded {@link MANY} times. */
const INCREMENTS = 70;
const LONG = "inc r9\n".repeat(INCREMENTS);
const MANY = 60_000;

function sumBelow(count: number): bigint {
  return BigInt(count) * BigInt(count - 1) / 2n;
}

hostileTest("a loop rewrites the immediate of its next instruction each time", (machine) => {
  const count = machine.rounds(MANY);
  machine.load(`
    again: mov [at + 1], ebx
    at: mov eax, 0x11111111
    add rcx, rax
    ${LONG}
    inc ebx
    cmp ebx, ${count}
    jne again
    hlt`);
  machine.start();
  machine.finish();
  assertEquals([machine.get("rcx"), machine.get("r9")], [sumBelow(count), BigInt(INCREMENTS * count)]);
});

hostileTest("a loop rewrites the immediates of instructions before and far behind it", (machine) => {
  const count = machine.rounds(5000);
  machine.load(`
    again: add rcx, 0x11111111 ; its immediate lies where the displacement of LEA does
    inc ebx
    mov [again + 3], ebx
    mov [at + 3], ebx
    lea rax, [rel at]
    jmp over
    zero 200
    over: cmp ebx, ${count}
    at: lea rdx, [rdx + 0x11111111]
    jne again
    hlt`);
  machine.view.setUint32(CODE + 3, 0, true);
  machine.start();
  machine.finish();
  assertEquals(machine.get("rcx"), sumBelow(count));
  assertEquals(machine.get("rdx"), sumBelow(count + 1));
});

hostileTest("a loop rewrites what its next instruction does, and how long it is", (machine) => {
  const count = machine.rounds(6000);
  // ADD RCX, 1; SUB RCX, 3, ...; INC RCX and a NOP; RET is never reached.
  machine.load(`
    mov r8, 0x0001c18348 ; ADD RCX, 1
    mov r9, 0x0007e98348 ; SUB RCX, 7
    mov r10, 0x9090c1ff48 ; INC RCX
    mov r11, 0x90fff98341 ; CMP R9D, -1
    again: mov [at], r8d
    at: dd 0xcccccccc
    xchg r8, r9
    xchg r9, r10
    xchg r10, r11
    inc ebx
    cmp ebx, ${count * 4}
    jne again
    hlt`);
  machine.start();
  machine.finish();
  assertEquals(machine.get("rcx"), BigInt.asUintN(64, BigInt(count) * (1n - 7n + 1n)));
});

hostileTest("a comparison that is fused with a jump rewrites the jump", (machine) => {
  const count = machine.rounds(2000);
  // XOR clears ZF: JNE (0x75) is taken, JE (0x74) is not.
  machine.load(`
    again: xor byte [at], 1
    at: jne short taken
    inc rcx
    jmp both
    taken: inc rdx
    both: inc ebx
    cmp ebx, ${count * 2 + 1}
    jne again
    hlt`);
  machine.start();
  machine.finish();
  assertEquals([machine.get("rcx"), machine.get("rdx")], [BigInt(count + 1), BigInt(count)]);
});

hostileTest("a subtraction that is fused with a jump rewrites where the jump leads", (machine) => {
  const count = machine.rounds(2000);
  machine.load(`
    again: neg ecx
    sub byte [at + 1], cl
    at: jne short first
    hlt
    first: inc rdx
    jmp short both
    second: inc rsi
    both: inc ebx
    cmp ebx, ${count * 2 + 1}
    jne again
    hlt`);
  machine.start({ rcx: 5 });
  machine.finish();
  assertEquals([machine.get("rsi"), machine.get("rdx")], [BigInt(count + 1), BigInt(count)]);
});

hostileTest("a function rewrites the NOP that it returns to", (machine) => {
  const count = machine.rounds(1000);
  // XCHG EAX, ECX (0x91) and NOP (0x90) in turns.
  machine.load(`
    again: call function
    at: nop
    mov [rbx + ${DATA}], al
    inc ebx
    cmp ebx, ${count}
    jne again
    hlt
    function: xor byte [at], 1
    ret`);
  machine.start({ rcx: 1 });
  machine.finish();
  const seen = [...machine.ram.subarray(DATA, DATA + count)];
  assertEquals(seen, seen.map((_, round) => round & 2 ? 0 : 1));
});

hostileTest("code counts in its own page all the time", (machine) => {
  const count = machine.rounds(50_000);
  machine.load(`
    again: add qword [near], 3
    inc qword [far]
    push rbx
    pop rax
    add rcx, rax
    inc ebx
    cmp ebx, ${count}
    jne again
    mov rdx, [near]
    mov rsi, [far]
    hlt
    near: dq 0
    zero 1024
    far: dq 0
    zero 1024
    stack:`);
  machine.start({ rsp: CODE + 0x800 });
  machine.finish();
  assertEquals(machine.get("rcx"), sumBelow(count));
  assertEquals(machine.get("rdx"), 3n * BigInt(count));
  assertEquals(machine.get("rsi"), BigInt(count));
});

hostileTest("a page of functions is written and executed alternately", (machine) => {
  const count = machine.rounds(300);
  const functions = 64;
  machine.load(`
    again: xor ecx, ecx
    write: mov eax, ecx
    shl eax, 6
    lea rdi, [rax + ${DATA}]
    mov edx, ecx
    add edx, ebx
    mov byte [rdi], 0xb8 ; MOV EAX, EDX; RET
    mov [rdi + 1], edx
    mov byte [rdi + 5], 0xc3
    inc ecx
    cmp ecx, ${functions}
    jne write
    xor ecx, ecx
    execute: mov edi, ecx
    shl edi, 6
    add edi, ${DATA}
    call rdi
    add rsi, rax
    inc ecx
    cmp ecx, ${functions}
    jne execute
    inc ebx
    cmp ebx, ${count}
    jne again
    hlt`);
  machine.start();
  machine.finish();
  const expected = sumBelow(functions) * BigInt(count) + sumBelow(count) * BigInt(functions);
  assertEquals(machine.get("rsi"), expected);
});

hostileTest("where a call returns to is compiled when all that was decoded is dropped", (machine) => {
  const flushes = () => machine.vcpu.statistics["tier0.flushes"]!;
  const before = flushes();
  machine.load(`
    again: mov esi, 50000
    call function
    checking: cmp dword [rdi + 0x78], 5
    jne wrong
    dec esi
    jne checking
    xor ecx, ecx
    jmp rewriting
    function: ret
    wrong: hlt ; EDX is not zero
    align 4096
    rewriting: mov [at + 1], ecx
    at: mov eax, 0x11111111
    ${LONG}
    inc ecx
    cmp ecx, ${MANY}
    jne rewriting
    dec edx
    jne again
    hlt`);
  machine.view.setUint32(DATA + 0x78, 5, true);
  machine.start({ rdi: DATA, rdx: 2 });
  machine.finish();
  assertEquals(machine.get("rdx"), 0n);
  assertLess(before, flushes());
});

hostileTest("code that was rewritten too often is compiled again after a reset", (machine) => {
  const rounds = 300;
  const already = machine.vcpu.statistics["tier1.regions"]!;
  const compiled = () => machine.vcpu.statistics["tier1.regions"]! - already;
  const symbols = machine.load(`
    rewriting: mov edx, 200
    mov [at + 1], ecx
    again: dec edx
    at: mov eax, 0x11111111
    jne again
    dec ecx
    jne rewriting
    hlt
    zero 64
    plain: add rbx, rcx
    dec ecx
    jne plain
    hlt`);
  machine.start({ rip: symbols.get("rewriting")!, rcx: rounds });
  machine.finish();
  const before = compiled();
  assertLess(before, rounds / 2, "Compiled although it does not pay");
  machine.start({ rip: symbols.get("plain")!, rcx: 50_000 });
  machine.finish();
  assertEquals(machine.get("rbx"), sumBelow(50_001));
  assertEquals(compiled() > before, machine.compiles);
});

hostileTest("two pages rewrite each other and jump to each other", (machine) => {
  const count = machine.rounds(3000);
  const half = (name: string, other: string) => `
    ${name}: add rcx, 0x11111111
    inc ebx
    mov [${other} + 3], ebx
    cmp ebx, ${count * 2}
    jne ${other}
    hlt\n`;
  machine.load(`${half("first", "second")}align 4096\n${half("second", "first")}`);
  machine.view.setUint32(CODE + 3, 0, true);
  machine.start();
  machine.finish();
  assertEquals(machine.get("rcx"), sumBelow(count * 2));
});

for (const [name, written, executed] of [["first", 0, 1], ["second", 1, 0]] as const) {
  hostileTest(`code is written at the ${name} address of its page and executed at both`, (machine) => {
    const count = machine.rounds(5000);
    const windows = [0x80_0000_0000n, 0x80_0040_5000n];
    for (const window of windows) machine.tables.map(window, DATA);
    machine.load(`
      mov r8, ${windows[written]}
      mov r9, ${windows[executed]}
      mov byte [r8], 0xb8
      mov byte [r8 + 5], 0xc3
      again: mov [r8 + 1], ebx
      call r9
      add rcx, rax
      inc dword [r8 + 1]
      call r8
      add rdx, rax
      inc ebx
      cmp ebx, ${count}
      jne again
      hlt`);
    machine.start();
    machine.finish();
    assertEquals([machine.get("rcx"), machine.get("rdx")], [
      sumBelow(count),
      sumBelow(count) + BigInt(count),
    ]);
  });
}

hostileTest("the frame of an interrupt is pushed over code", (machine) => {
  // Bytes of the address that is pushed: 31 C0 C3 00, XOR EAX, EAX; RET.
  const resume = 0xc3c031;
  const count = machine.rounds(500);
  const symbols = machine.load(`
    again: mov byte [${DATA + 8}], 0xb8 ; MOV EAX, 1; RET
    mov dword [${DATA + 9}], 1
    mov byte [${DATA + 13}], 0xc3
    mov esi, ${DATA + 8}
    call rsi
    add rcx, rax
    mov rdi, rsp
    mov esp, ${DATA + 48}
    mov eax, ${resume - 2}
    jmp rax
    back: mov rsp, rdi
    inc ebx
    cmp ebx, ${count}
    jne again
    hlt
    handler: mov eax, 1
    call rsi
    add rdx, rax
    iretq`);
  machine.load(`int 0x40\nmov eax, ${symbols.get("back")}\njmp rax`, resume - 2);
  machine.handle(0x40, symbols.get("handler")!);
  machine.start();
  machine.finish();
  assertEquals([machine.get("rcx"), machine.get("rdx")], [BigInt(count), 0n]);
});

hostileTest("a page table is executed, and a page walk sets bits in it", (machine) => {
  const window = 0x80_0000_0000n;
  const entry = machine.tables.entry(window);
  // MOV AL, imm8; RET, with the flags of an entry that is present and writable in AL's place: accessed becomes 0x20.
  machine.load(`
    mov edi, ${entry - 1}
    call rdi
    mov ebx, eax
    mov rdx, ${window}
    mov rcx, [rdx]
    call rdi
    hlt`);
  machine.tables.map(window, DATA);
  machine.ram[entry - 1] = 0xb0;
  machine.ram[entry + 1] = 0xc3;
  machine.start();
  machine.finish();
  assertEquals([machine.get("rbx"), machine.get("rax")], [0x03n, 0x23n]);
});

hostileTest("random instructions are rewritten at random", (machine) => {
  const slots = 512;
  const count = machine.rounds(20_000);
  const operations: readonly (readonly [opcode: number, apply: (a: bigint, b: bigint) => bigint])[] = [
    [0x05, (a, b) => a + b],
    [0x2d, (a, b) => a - b],
    [0x35, (a, b) => a ^ b],
    [0x05, (a, b) => a + b],
  ];
  // Slots of eight bytes: REX.W op RAX, imm32; then RET or a NOP.
  machine.load(`
    ${seeded(7)}
    again: ${draw("rbx", slots)}
    ${draw("rcx", operations.length)}
    mov cl, [rcx + opcodes]
    mov [rbx * 8 + slots + 1], cl
    ${draw("rdx", 1 << 16)}
    mov [rbx * 8 + slots + 2], edx
    ${draw("rdx", 4)}
    mov dl, [rdx + ends]
    mov [rbx * 8 + slots + 6], dl
    ${draw("rbx", slots)}
    lea rdx, [rbx * 8 + slots]
    mov rax, rsi
    call rdx
    mov rsi, rax
    dec r12
    jne again
    hlt
    opcodes: db ${operations.map(([opcode]) => opcode).join(", ")}
    ends: db 0xc3, 0x90, 0x90, 0x90
    align 64
    slots: ${"db 0x48, 0x05, 0, 0, 0, 0, 0x90, 0x90\n".repeat(slots)}
    ret`);
  machine.start({ r12: count });
  machine.finish();
  const random = new Random(7);
  const code = Array.from({ length: slots }, () => ({ operation: 0, immediate: 0n, ends: false }));
  let expected = 0n;
  for (let round = 0; round < count; round++) {
    const written = code[random.below(slots)]!;
    written.operation = random.below(operations.length);
    written.immediate = BigInt(random.below(1 << 16));
    written.ends = random.below(4) === 0;
    for (let slot = random.below(slots); slot < slots; slot++) {
      const { operation, immediate, ends } = code[slot]!;
      expected = BigInt.asUintN(64, operations[operation]![1](expected, immediate));
      if (ends) break;
    }
  }
  assertEquals(machine.get("rsi"), expected);
});
