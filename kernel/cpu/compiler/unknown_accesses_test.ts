import { assert, assertEquals, assertLess } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { NO_DEVICES } from "../../testing/no_devices.ts";
import { TLB_ENTRIES } from "../layout.ts";
import { createSoftwareVcpu } from "../software_vcpu.ts";
import { VcpuExit } from "../../vcpu.ts";
import { Gpr } from "../state.ts";

const PAGE = 4096;
const ORIGIN = 0x1000;
const PML4 = 0x10000;
const POINTERS = 0x11000;
const DIRECTORY = 0x12000;
const PRESENT_WRITABLE = 3n;
/** A directory's entry for a page of 2 MiB. */
const LARGE = 0x80n;
const RAM_SIZE = 64 << 20;
const DATA = 32 << 20;
/** Every other one is read: two of them share each entry of the TLB that is used. */
const PAGES = 2 * TLB_ENTRIES;
const ROUNDS = 4;
/** Instructions between two looks at what has been compiled. */
const SLICE = 5000;

const PROGRAM = assemble(
  `
  bits 64
  xor eax, eax
  mov ecx, ${ROUNDS}
  again: mov esi, ${DATA}
  mov edx, ${PAGES / 2}
  next: nop
  add rax, [rsi]
  add rsi, ${2 * PAGE}
  dec edx
  jne next
  dec ecx
  jne again
  hlt`,
  ORIGIN,
);

Deno.test("code whose accesses the TLBs do not answer is compiled again, to make them itself", () => {
  const pages = RAM_SIZE / 65536 + 1;
  const ram = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  new Uint8Array(ram.buffer).set(PROGRAM.bytes, ORIGIN);
  const view = new DataView(ram.buffer);
  view.setBigUint64(PML4, BigInt(POINTERS) | PRESENT_WRITABLE, true);
  view.setBigUint64(POINTERS, BigInt(DIRECTORY) | PRESENT_WRITABLE, true);
  for (let entry = 0; entry < RAM_SIZE >> 21; entry++) {
    view.setBigUint64(DIRECTORY + entry * 8, BigInt(entry << 21) | PRESENT_WRITABLE | LARGE, true);
  }
  let sum = 0n;
  for (let page = 0; page < PAGES; page += 2) {
    view.setBigUint64(DATA + page * PAGE, BigInt(page), true);
    sum += BigInt(page);
  }
  const vcpu = createSoftwareVcpu({ ram, ramSize: RAM_SIZE, bus: NO_DEVICES, index: 0, compileThreshold: 8 });
  const start = { kind: "long", rip: String(ORIGIN), rsi: "0", rsp: "32768", cr3: String(PML4) } as const;
  vcpu.enter({ ...start, gdt: "0", gdtLimit: 0 });
  let exit = VcpuExit.Budget;
  while (exit === VcpuExit.Budget) exit = vcpu.run(SLICE);
  assertEquals(exit, VcpuExit.Halt);
  assertEquals(vcpu.cpu.gpr[Gpr.RAX], BigInt(ROUNDS) * sum);
  const left = vcpu.statistics["tier1.exits.unknownAddress"]!;
  assert(left > 0);
  assertLess(left, ROUNDS * PAGES / 4);
});
