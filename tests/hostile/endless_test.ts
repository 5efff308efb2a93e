/**
 * Loops that never end, however they are made, and what can be done about them: stop them, interrupt them.
 *
 * @module
 */

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { VcpuExit } from "../../kernel/vcpu.ts";
import { OVERRUN } from "./configurations.ts";
import { CODE, DATA, DEVICE, HostileMachine, USUAL_RAM_SIZE } from "./hostile_machine.ts";
import { hostileTest } from "./hostile_test_case.ts";

const PLENTY = 1 << 30;
const WINDOW = 0x80_0000_0000n;
/** A page that is not mapped. */
const NOWHERE = 0x4000_0000;
const PAGE = 4096;
const BUDGETS = [0, 1, 10, 1000, 20_000] as const;

interface Loop {
  readonly name: string;
  readonly source: string;
  readonly prepare?: (machine: HostileMachine) => void;
}

const LOOPS: readonly Loop[] = [
  { name: "JMP $", source: "jmp $" },
  { name: "JMP rel32 to itself", source: "db 0xe9, 0xfb, 0xff, 0xff, 0xff" },
  { name: "JNE $", source: "inc eax\njne $" },
  { name: "a fused comparison with JE to itself", source: "again: cmp eax, eax\nje again" },
  { name: "LOOP $ that wraps", source: "again: loop $\ndec rcx\njmp again" },
  { name: "JMP through a register", source: "lea rax, [rel again]\nagain: jmp rax" },
  { name: "JMP through memory", source: "again: jmp [pointer]\nalign 8\npointer: dq again" },
  { name: "RET to itself", source: "again: sub rsp, 8\nmov qword [rsp], again\nret" },
  { name: "CALL and POP", source: "again: call next\nnext: pop rax\njmp again" },
  { name: "two pages that jump to each other", source: "first: jmp second\nzero 5000\nsecond: jmp first" },
  { name: "a page of NOPs", source: `again: ${"nop\n".repeat(4000)}jmp again` },
  { name: "a page of instructions of one byte", source: `again: ${"cmc\n".repeat(4000)}jmp again` },
  { name: "a jump across a page boundary", source: "jmp again\nzero 4084\nagain: mov eax, 5\njmp again" },
  { name: "STI before each instruction but one", source: "again: sti\ncli\njmp again" },
  { name: "POPFQ", source: "again: push 2\npopfq\njmp again" },
  { name: "loads of SS", source: "mov eax, ss\nagain: mov ss, ax\nmov ss, ax\njmp again" },
  { name: "writes to CR3", source: "mov rax, cr3\nagain: mov cr3, rax\njmp again" },
  { name: "INVLPG of itself", source: "again: invlpg [rel again]\njmp again" },
  {
    name: "code that rewrites itself",
    source: "again: mov [at + 1], eax\nat: mov eax, 5\ninc eax\njmp again",
  },
  {
    name: "accesses to a device",
    source: `mov edi, ${DEVICE}\nagain: mov [rdi], eax\nmov eax, [rdi]\njmp again`,
  },
  { name: "PAUSE", source: "again: pause\njmp again" },
  {
    name: "INT3 with a handler",
    source: "again: int3\njmp short again\nhandler: iretq",
    prepare: (machine) => machine.handle(3, CODE + 3),
  },
  {
    name: "UD2 with a handler that returns to it",
    source: "again: ud2\nhandler: iretq",
    prepare: (machine) => machine.handle(6, CODE + 2),
  },
  {
    name: "code without a jump on one page at all addresses",
    source: "mov rax, 0x8000000000\njmp rax",
    prepare: (machine) => {
      machine.ram.fill(0x90, DATA, DATA + PAGE);
      machine.tables.wrap(WINDOW, [DATA]);
    },
  },
];

for (const { name, source, prepare } of LOOPS) {
  hostileTest(`${name}: an endless loop answers`, (machine) => {
    machine.load(source);
    prepare?.(machine);
    machine.start();
    for (const budget of BUDGETS) {
      const before = machine.vcpu.instructions;
      assertEquals(machine.run(budget), VcpuExit.Budget);
      // That no more than was granted is executed, run() has seen to.
      assert(machine.vcpu.instructions > before, "Nothing was executed");
    }
    machine.askAttention();
    const before = machine.vcpu.instructions;
    assertEquals(machine.run(PLENTY), VcpuExit.Attention);
    assertEquals(machine.vcpu.instructions, before);
    assertEquals(machine.runUntilAsked(PLENTY), VcpuExit.Attention);
    assert(machine.vcpu.instructions > before, "Nothing was executed");
  });
}

Deno.test("a branch to itself is compiled while it is being taken", async () => {
  for (const source of ["jmp $", "inc eax\njne $"]) {
    const options = { compileThreshold: 2 };
    using machine = await HostileMachine.make(
      { name: "compiled when entered again", options, effort: 1 },
      USUAL_RAM_SIZE,
    );
    machine.load(source);
    machine.start();
    for (const budget of [10, 1000]) assertEquals(machine.run(budget), VcpuExit.Budget);
  }
});

hostileTest(
  "attention that is asked for in the middle of a loop is paid within a page of instructions",
  (machine) => {
    // The device asks for it, as a server's thread would; behind it there are loops that never come back to it.
    const loops = ["again: inc rbx\njmp again", `again: ${"inc rbx\n".repeat(500)}jmp again`, "call $"];
    for (const loop of loops) {
      machine.onWrite = () => machine.askAttention();
      machine.load(`mov edi, ${DEVICE}\nmov ebx, 0\nmov [rdi], eax\n${loop}`);
      machine.vcpu.memoryModified(CODE, PAGE);
      machine.start();
      assertEquals(machine.run(PLENTY), VcpuExit.Attention);
      assertLessOrEqual(Number(machine.get("rbx")), OVERRUN);
    }
  },
);

/** Loops with interrupts enabled some of the time, or always. */
const INTERRUPTIBLE: readonly (readonly [name: string, source: string])[] = [
  ["JMP $", "sti\njmp $"],
  ["STI in a loop", "again: sti\njmp again"],
  ["STI and CLI around one NOP", "again: sti\nnop\nmov eax, ebx\ncli\njmp again"],
  ["STI at the end of a page", `jmp again\nzero ${PAGE - 6}\nagain: sti\ninc rbx\ncli\njmp again`],
  ["POPFQ that sets IF", "again: push 0x202\npopfq\ncli\njmp again"],
  ["loads of SS", "sti\nmov eax, ss\nagain: mov ss, ax\njmp again"],
  ["a page of instructions of one byte", `sti\nagain: ${"cmc\n".repeat(4000)}jmp again`],
  ["code that rewrites itself", "sti\nagain: mov [at + 1], eax\nat: mov eax, 5\ninc eax\njmp again"],
];

for (const [name, source] of INTERRUPTIBLE) {
  hostileTest(`${name}: an endless loop is interrupted`, (machine) => {
    machine.handle(0x30, CODE + 8);
    // INC R8; IRETQ; the handler keeps R8 for itself.
    machine.load(`jmp main\nzero ${8 - 5}\ninc r8\niretq\nmain:\n${source}`);
    machine.start();
    for (let count = 1; count <= 50; count++) {
      machine.vcpu.interruptWindow = true;
      let exit = machine.run(2000);
      // The window may have been open already, with nobody to see it.
      for (let more = 0; !machine.vcpu.interruptible && more < 10; more++) exit = machine.run(2000);
      assertEquals(exit, VcpuExit.Attention);
      assert(machine.vcpu.interruptible, "Never interruptible");
      machine.vcpu.interruptWindow = false;
      machine.vcpu.interrupt(0x30);
      machine.run(count);
      machine.run(1000);
      assertEquals(machine.get("r8"), BigInt(count));
    }
  });
}

hostileTest("CALL $ recurses until the stack faults, and again", (machine) => {
  const pages = 4;
  const top = WINDOW + BigInt(pages * PAGE);
  for (let page = 0; page < pages; page++) {
    machine.tables.map(WINDOW + BigInt(page * PAGE), DATA + page * PAGE);
  }
  const symbols = machine.load(`
    again: call $
    handler: mov rdx, cr2
    add rbx, rdx
    mov [rsp + 32], r9
    inc r8
    cmp r8, r10
    je out
    add rsp, 8
    iretq
    out: hlt`);
  machine.handle(14, symbols.get("handler")!, true);
  const rounds = machine.rounds(50);
  machine.start({ rsp: top, r9: top, r10: rounds });
  machine.finish();
  assertEquals(machine.get("r8"), BigInt(rounds));
  assertEquals(machine.get("rbx"), BigInt(rounds) * (WINDOW - 8n));
  for (let at = 0; at < pages * PAGE; at += 8) {
    if (machine.view.getUint32(DATA + at, true) !== CODE + 5) assertEquals(at, -1, "Not a return address");
  }
});

hostileTest("recursion without a stack for faults ends in a shutdown", (machine) => {
  const symbols = machine.load("call $\nhandler: hlt");
  for (let page = 0; page < 2; page++) machine.tables.map(WINDOW + BigInt(page * PAGE), DATA + page * PAGE);
  machine.handle(14, symbols.get("handler")!);
  machine.handle(8, symbols.get("handler")!);
  machine.start({ rsp: WINDOW + BigInt(2 * PAGE) });
  const before = machine.vcpu.instructions;
  assertEquals(machine.run(100_000), VcpuExit.Shutdown);
  assertLessOrEqual(Number(machine.vcpu.instructions - before), 2 * PAGE / 8 + 1);
  assertEquals(machine.get("rsp"), WINDOW);
  // It stays that way.
  assertEquals(machine.run(100_000), VcpuExit.Shutdown);
});

hostileTest("interrupts and faults recurse until the stack faults", (machine) => {
  const symbols = machine.load(`
    main: int 0x40
    again: int 0x40
    fault: hlt`);
  const top = WINDOW + BigInt(PAGE);
  machine.tables.map(WINDOW, DATA);
  machine.handle(0x40, symbols.get("again")!);
  machine.handle(14, symbols.get("fault")!, true);
  machine.start({ rsp: top });
  machine.finish();
  // A frame is 40 bytes, and 8 to align the next one.
  assertEquals(machine.view.getUint32(DATA + PAGE - 40, true), symbols.get("main")! + 2);
  const cr2 = machine.vcpu.save()["cr2"] as bigint;
  assert(cr2 < WINDOW && cr2 >= WINDOW - 48n, `CR2 is ${cr2.toString(16)}`);

  // Undefined opcodes whose handler is one.
  machine.load("ud2");
  machine.vcpu.memoryModified(CODE, PAGE);
  machine.handle(6, CODE);
  machine.start({ rsp: top });
  machine.handle(14, symbols.get("fault")!, true);
  machine.finish();
  assert((machine.vcpu.save()["cr2"] as bigint) < WINDOW);
});

for (const [name, handler] of [["is not there", NOWHERE], ["is not code", DEVICE]] as const) {
  hostileTest(
    `a fault whose handler ${name} is delivered for ever, and the vCPU still answers`,
    (machine) => {
      // The stack is a new one each time, so that it never runs out: no instruction is ever executed.
      machine.load("ud2");
      machine.handle(6, handler, true);
      machine.handle(13, handler, true);
      machine.handle(14, handler, true);
      machine.start();
      assertEquals(machine.runUntilAsked(PLENTY), VcpuExit.Attention);
      assertEquals(machine.run(1000), VcpuExit.Budget);
    },
  );
}
