/**
 * Loops that are hot, and are left in the middle: by faults, single steps, breakpoints and interrupts. Each time all
 * registers and flags are what they would be if nothing had been executed in advance.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { VcpuExit } from "../../kernel/vcpu.ts";
import { DATA, type HostileMachine } from "./hostile_machine.ts";
import { hostileTest } from "./hostile_test_case.ts";

const WINDOW = 0x80_0000_0000n;
const PAGE = 4096;
const mod64 = (value: bigint) => BigInt.asUintN(64, value);
const CF = 1n;

/** Bytes that RDI and RSI move by in each round. */
const [RDI_STEP, RSI_STEP] = [4088, 520] as const;

/** A loop whose stores and loads move over pages, and keep the carry going. */
const LOOP = `
  again: add rax, rcx
  adc rbx, rax
  store: mov [rdi], rax
  load: sbb rdx, [rsi]
  modify: add [rdi + 8], rdx
  lea rdi, [rdi + ${RDI_STEP}]
  lea rsi, [rsi + ${RSI_STEP}]
  dec rcx
  jne again\n`;

/** What the loop does, with the accesses in order. */
class Model {
  rax = 0n;
  rbx = 0n;
  rdx = 0n;
  rcx: bigint;
  rdi: number;
  rsi: number;
  carry = 0n;

  constructor(readonly memory: DataView, rounds: number, rdi: number, rsi: number) {
    this.rcx = BigInt(rounds);
    this.rdi = rdi;
    this.rsi = rsi;
  }

  run(access: (instruction: "store" | "load" | "modify", offset: number) => void): void {
    for (; this.rcx > 0n; this.rcx--) {
      this.#add(this.rax + this.rcx, "rax");
      this.#add(this.rbx + this.rax + this.carry, "rbx");
      access("store", this.rdi);
      this.memory.setBigUint64(this.rdi, this.rax, true);
      access("load", this.rsi);
      const difference = this.rdx - this.memory.getBigUint64(this.rsi, true) - this.carry;
      this.carry = difference < 0n ? 1n : 0n;
      this.rdx = mod64(difference);
      access("modify", this.rdi + 8);
      const sum = this.memory.getBigUint64(this.rdi + 8, true) + this.rdx;
      this.memory.setBigUint64(this.rdi + 8, mod64(sum), true);
      this.carry = sum >> 64n;
      this.rdi += RDI_STEP;
      this.rsi += RSI_STEP;
    }
  }

  #add(sum: bigint, register: "rax" | "rbx"): void {
    this[register] = mod64(sum);
    this.carry = sum >> 64n;
  }
}

/** Pages of the window, and where RSI begins among them; RDI begins at its start. */
const PAGES = 500;
const RSI_START = 300 * PAGE + 4;
const ROUNDS = 250;

function mapWindow(machine: HostileMachine): void {
  for (let page = 0; page < PAGES; page++) {
    machine.tables.map(WINDOW + BigInt(page * PAGE), DATA + page * PAGE);
  }
}

function startLoop(machine: HostileMachine, symbols: ReadonlyMap<string, number>, flags = 0): void {
  for (let at = 0; at < PAGES * PAGE; at += 4) {
    machine.view.setUint32(DATA + at, Math.imul(at, 0x9e3779b1), true);
  }
  machine.start({
    rip: symbols.get("again")!,
    rcx: ROUNDS,
    rdi: WINDOW,
    rsi: WINDOW + BigInt(RSI_START),
    rax: 1n << 63n,
    rbx: -5n,
    rflags: flags,
    r12: machine.tables.entry(WINDOW),
    r13: DATA,
  });
}

function modelOf(machine: HostileMachine): Model {
  const memory = machine.ram.slice(DATA, DATA + PAGES * PAGE);
  const model = new Model(new DataView(memory.buffer), ROUNDS, 0, RSI_START);
  model.rax = 1n << 63n;
  model.rbx = mod64(-5n);
  return model;
}

function assertSame(machine: HostileMachine, model: Model): void {
  assertEquals(
    ["rax", "rbx", "rdx", "rcx"].map((name) => machine.get(name)),
    [model.rax, model.rbx, model.rdx, 0n],
  );
  const length = model.memory.byteLength;
  for (let at = 0; at < length; at += 8) {
    const [here, there] = [machine.view.getBigUint64(DATA + at, true), model.memory.getBigUint64(at, true)];
    if (here !== there) assertEquals(here, there, `Memory at offset ${at}`);
  }
}

hostileTest("a hot loop faults at each new page, with all registers as they were", (machine) => {
  const log = DATA + (PAGES + 8) * PAGE;
  const symbols = machine.load(`${LOOP}
    hlt
    fault: push rbp
    mov rbp, [rsp + 16] ; RIP
    mov [r14], rbp
    mov rbp, [rsp + 32] ; RFLAGS
    mov [r14 + 8], rbp
    mov [r14 + 16], rax
    mov [r14 + 24], rbx
    mov [r14 + 32], rdx
    mov rbp, cr2
    mov [r14 + 40], rbp
    add r14, 48
    shr rbp, 12
    and ebp, 511
    push rbp
    shl rbp, 12
    add rbp, r13
    or rbp, 3
    push rax
    mov rax, [rsp + 8]
    mov [rax * 8 + r12], rbp
    pop rax
    pop rbp
    pop rbp
    add rsp, 8
    iretq`);
  machine.handle(14, symbols.get("fault")!, true);
  startLoop(machine, symbols);
  machine.set({ r14: log });
  const model = modelOf(machine);
  machine.finish();

  const present = new Set<number>();
  let at = log;
  model.run((instruction, offset) => {
    for (const page of [Math.floor(offset / PAGE), Math.floor((offset + 7) / PAGE)]) {
      if (present.has(page)) continue;
      present.add(page);
      const fields = [0, 8, 16, 24, 32, 40].map((field) => machine.view.getBigUint64(at + field, true));
      fields[1]! &= CF;
      const address = WINDOW + BigInt(Math.max(offset, page * PAGE));
      const { carry, rax, rbx, rdx } = model;
      assertEquals(fields, [BigInt(symbols.get(instruction)!), carry, rax, rbx, rdx, address]);
      at += 48;
    }
  });
  assertEquals(machine.get("r14"), BigInt(at));
  assertSame(machine, model);
}, 32 << 20);

hostileTest("a hot loop is the same in single steps", (machine) => {
  mapWindow(machine);
  const symbols = machine.load(`${LOOP}
    pushfq
    and dword [rsp], ~0x100
    popfq
    hlt
    trap: inc r8
    iretq`);
  machine.handle(1, symbols.get("trap")!);
  startLoop(machine, symbols, 0x100);
  const model = modelOf(machine);
  machine.finish();
  model.run(() => {});
  assertSame(machine, model);
  // The POPFQ that clears TF is the last to trap.
  assertEquals(machine.get("r8"), BigInt(9 * ROUNDS + 3));
}, 32 << 20);

hostileTest("a hot loop is interrupted anywhere", (machine) => {
  mapWindow(machine);
  const symbols = machine.load(`${LOOP}
    hlt
    handler: push rax
    push rdx
    xor eax, eax
    sub rax, 1
    mov rdx, rax
    inc r8
    pop rdx
    pop rax
    iretq`);
  machine.handle(0x30, symbols.get("handler")!);
  startLoop(machine, symbols, 0x200);
  const model = modelOf(machine);
  let interrupts = 0n;
  for (let budget = 0;; budget = (budget + 1) % 40) {
    const exit = machine.run(budget);
    if (exit === VcpuExit.Halt) break;
    if (!machine.vcpu.interruptible) continue;
    machine.vcpu.interrupt(0x30);
    interrupts++;
  }
  assertEquals(machine.get("r8"), interrupts);
  model.run(() => {});
  assertSame(machine, model);
}, 32 << 20);

hostileTest("breakpoints are set and removed while a loop is hot", (machine) => {
  const rounds = machine.rounds(3000);
  const third = Math.floor(rounds / 3);
  machine.tables.map(WINDOW, DATA);
  const symbols = machine.load(`
    mov eax, at
    mov dr0, rax
    mov eax, ${DATA}
    mov dr1, rax
    again: inc rbx
    at: add rdx, rbx
    mov [${DATA}], rdx
    cmp rbx, ${third}
    je set
    cmp rbx, ${2 * third}
    je remove
    on: cmp rbx, ${rounds}
    jne again
    hlt
    set: mov eax, 0xd0000a ; DR0: execution; DR1: writes of 4 bytes; global
    mov dr7, rax
    jmp on
    remove: xor eax, eax
    mov dr7, rax
    jmp on
    trap: push rax
    mov rax, dr6
    bt eax, 0
    adc r8, 0
    bt eax, 1
    adc r9, 0
    xor eax, eax
    mov dr6, rax
    pop rax
    or dword [rsp + 16], 0x10000 ; RF
    iretq`);
  machine.handle(1, symbols.get("trap")!);
  machine.start();
  machine.finish();
  assertEquals(machine.get("rdx"), BigInt(rounds) * BigInt(rounds + 1) / 2n);
  assertEquals([machine.get("r8"), machine.get("r9")], [BigInt(third), BigInt(third)]);
});

hostileTest("a page is protected and released while a loop writes to it", (machine) => {
  machine.tables.map(WINDOW, DATA);
  const rounds = machine.rounds(3000);
  const symbols = machine.load(`
    mov rax, cr0
    or eax, 0x10000 ; WP
    mov cr0, rax
    mov rdi, ${WINDOW}
    again: add [rdi], rcx
    test ecx, 7
    jne on
    and byte [${machine.tables.entry(WINDOW)}], 0xfd
    invlpg [rdi]
    on: dec ecx
    jne again
    hlt
    fault: or byte [${machine.tables.entry(WINDOW)}], 2
    inc r8
    add rsp, 8
    iretq`);
  machine.handle(14, symbols.get("fault")!, true);
  machine.start({ rcx: rounds });
  machine.finish();
  assertEquals(machine.view.getBigUint64(DATA, true), BigInt(rounds) * BigInt(rounds + 1) / 2n);
  assertEquals(machine.get("r8"), BigInt(Math.floor(rounds / 8)));
});

hostileTest("a hot loop divides by zero now and then", (machine) => {
  const rounds = machine.rounds(5000);
  const symbols = machine.load(`
    again: xor edx, edx
    mov eax, 1000000
    mov ebx, ecx
    and ebx, 15
    at: div ebx
    add rsi, rax
    add rdi, rdx
    dec ecx
    jne again
    hlt
    fault: inc r8
    mov ebx, 16
    iretq`);
  machine.handle(0, symbols.get("fault")!, true);
  machine.start({ rcx: rounds });
  machine.finish();
  let [quotients, remainders, faults] = [0, 0, 0];
  for (let rcx = rounds; rcx > 0; rcx--) {
    const divisor = rcx & 15 || 16;
    if ((rcx & 15) === 0) faults++;
    quotients += Math.floor(1000000 / divisor);
    remainders += 1000000 % divisor;
  }
  assertEquals(["rsi", "rdi", "r8"].map((name) => Number(machine.get(name))), [
    quotients,
    remainders,
    faults,
  ]);
});
