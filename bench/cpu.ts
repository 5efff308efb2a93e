/**
 * Speed of the software CPU by kind of code, in millions of guest instructions a second: a vCPU alone, in 64-bit mode.
 *
 * @module
 */

import { createSoftwareVcpu } from "../kernel/cpu/software_vcpu.ts";
import type { VcpuBus } from "../kernel/vcpu.ts";
import { assemble } from "../tests/guests/assembler/assembler.ts";
import { report } from "./table.ts";

const RAM_SIZE = 64 << 20;
const WASM_PAGE = 1 << 16;

const PAGE_TABLES = 0x1000;
const CODE = 0x10_0000;
const DATA = 0x100_0000;
const STACK = 0x200_0000;
/** Where a program may count its rounds. */
const COUNTER = 0x8000;

/** P, R/W, PS of a page table entry (Intel SDM, vol. 3, 4.5). */
const PRESENT_WRITABLE = 0x3n;
const LARGE = 0x80n;
/** Entries of a page directory; each maps 2 MiB. */
const DIRECTORY_ENTRIES = 512;

/** Milliseconds before it is measured, and of each of {@link ROUNDS} rounds, of which the best counts. */
const WARM_UP = 500;
const ROUND = 200;
const ROUNDS = 5;
/** Instructions between two looks at the clock. */
const SLICE = 50_000;

const BLOCKS = 2000;
/** Bytes from one dispersed block to the next: each has a cache line of its own. */
const BLOCK_DISTANCE = 96;
/** Has no common factor with {@link BLOCKS}, so that the ring visits all. */
const BLOCK_STEP = 773;

/** Bytes that one REP MOVSB copies. */
const COPY_SIZE = 4096;

interface Program {
  readonly name: string;
  readonly source: string;
  /** Bytes that it copies each time it counts at {@link COUNTER}. */
  readonly copied?: number;
}

const ENABLE_SSE = `
mov rax, cr0
and rax, -13
or rax, 2
mov cr0, rax
mov rax, cr4
or rax, 0x600
mov cr4, rax
`;

// The assembler is for system code and does not know these.
const CVTSI2SD_XMM1_EAX = "db 0xf2, 0x0f, 0x2a, 0xc8";
const CVTSI2SD_XMM2_EAX = "db 0xf2, 0x0f, 0x2a, 0xd0";
const DIVSD_XMM1_XMM2 = "db 0xf2, 0x0f, 0x5e, 0xca";
const ADDSD_XMM1_XMM2 = "db 0xf2, 0x0f, 0x58, 0xca";
const MULSD_XMM3_XMM2 = "db 0xf2, 0x0f, 0x59, 0xda";

const PROGRAMS: readonly Program[] = [
  {
    name: "straight integer code",
    source: `again:\n${
      "add rax, rcx\nxor rdx, rax\nmov rbx, rdx\nsub rcx, 1\nand rbx, rsi\nshl rax, 3\n".repeat(20)
    }jmp again`,
  },
  {
    name: "loop of 5 instructions",
    source: "again: add rax, rcx\nxor rdx, rax\nmov rbx, rdx\nsub rcx, 1\njnz again",
  },
  {
    name: "load, add, store",
    source: "again: mov rax, [rsp - 8]\nadd rax, 1\nmov [rsp - 8], rax\njmp again",
  },
  { name: "call and return", source: "again: call callee\njmp again\ncallee: ret" },
  {
    name: "indirect jumps, 16 targets",
    source: `
      lea r8, [rel targets]
      again: add ecx, 7
      and ecx, 15
      jmp [r8 + rcx * 8]
      ${Array.from({ length: 16 }, (_, index) => `target${index}: add rax, ${index}\njmp again`).join("\n")}
      align 8
      targets: dq ${Array.from({ length: 16 }, (_, index) => `target${index}`).join(", ")}`,
  },
  {
    name: `dispersed, ${BLOCKS} blocks`,
    source: Array.from({ length: BLOCKS }, (_, index) => `
      align ${BLOCK_DISTANCE}
      block${index}: add rax, ${index}
      xor rdx, rax
      test rdx, rcx
      mov [rsp - 8], rdx
      jmp block${(index + BLOCK_STEP) % BLOCKS}`).join("\n"),
  },
  {
    name: "f64 additions and multiplications",
    source: `${ENABLE_SSE}
      mov eax, 1
      ${CVTSI2SD_XMM1_EAX}
      mov eax, 3
      ${CVTSI2SD_XMM2_EAX}
      ${DIVSD_XMM1_XMM2}
      again: ${`${ADDSD_XMM1_XMM2}\n${MULSD_XMM3_XMM2}\n`.repeat(8)}
      sub rcx, 1
      jnz again`,
  },
  {
    name: `rep movsb of ${COPY_SIZE} bytes`,
    source: `
      again: mov esi, ${DATA}
      mov edi, ${DATA + COPY_SIZE}
      mov ecx, ${COPY_SIZE}
      rep movsb
      add qword [${COUNTER}], 1
      jmp again`,
    copied: COPY_SIZE,
  },
];

const bus: VcpuBus = {
  readPort: () => 0xff,
  writePort() {},
  readPortString() {},
  writePortString() {},
  readMmio: () => 0n,
  writeMmio() {},
  now: () => performance.now() * 1e6,
  readApicMsr: () => undefined,
  writeApicMsr: () => false,
  cr8: 0,
};

const ram = new WebAssembly.Memory({
  initial: RAM_SIZE / WASM_PAGE + 1,
  maximum: RAM_SIZE / WASM_PAGE + 1,
  shared: true,
});

/** Maps the first GiB to itself. */
function writePageTables(): void {
  const view = new DataView(ram.buffer, PAGE_TABLES);
  view.setBigUint64(0, BigInt(PAGE_TABLES + 0x1000) | PRESENT_WRITABLE, true);
  view.setBigUint64(0x1000, BigInt(PAGE_TABLES + 0x2000) | PRESENT_WRITABLE, true);
  for (let index = 0; index < DIRECTORY_ENTRIES; index++) {
    view.setBigUint64(0x2000 + index * 8, BigInt(index) << 21n | LARGE | PRESENT_WRITABLE, true);
  }
}

interface Speed {
  /** Millions of instructions a second. */
  readonly mips: number;
  /** Times a second that the program counted at {@link COUNTER}. */
  readonly counted: number;
}

function measure(source: string): Speed {
  const vcpu = createSoftwareVcpu({ ram, ramSize: RAM_SIZE, bus, index: 0 });
  const counter = new BigUint64Array(ram.buffer, COUNTER, 1);
  new Uint8Array(ram.buffer).set(assemble(`bits 64\n${source}`, CODE).bytes, CODE);
  vcpu.enter({
    kind: "long",
    rip: String(CODE),
    rsi: "0",
    rsp: String(STACK),
    cr3: String(PAGE_TABLES),
    gdt: "0",
    gdtLimit: 0,
  });
  execute(WARM_UP);
  let best = { mips: 0, counted: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const [start, instructions, counts] = [performance.now(), vcpu.instructions, counter[0]!];
    execute(ROUND);
    const seconds = (performance.now() - start) / 1000;
    const mips = Number(vcpu.instructions - instructions) / seconds / 1e6;
    if (mips > best.mips) best = { mips, counted: Number(counter[0]! - counts) / seconds };
  }
  return best;

  function execute(milliseconds: number): void {
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      const before = vcpu.instructions;
      vcpu.run(SLICE);
      if (vcpu.instructions === before) throw new Error(`vCPU stands still:\n${vcpu.registers()}`);
    }
  }
}

writePageTables();
report({
  title: "Software CPU: one vCPU alone, 64-bit code",
  columns: [{ name: "code" }, { name: "MIPS" }, { name: "MB/s" }],
  rows: PROGRAMS.map(({ name, source, copied }) => {
    const { mips, counted } = measure(source);
    return [name, mips, copied === undefined ? "" : counted * copied / 1e6];
  }),
  notes: [`Best of ${ROUNDS} rounds of ${ROUND} ms.`],
});
