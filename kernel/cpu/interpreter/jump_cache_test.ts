import { assertEquals, assertLessOrEqual } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { NO_DEVICES } from "../../testing/no_devices.ts";
import { VcpuExit } from "../../vcpu.ts";
import { JUMP_GROUP_ENTRIES } from "../layout.ts";
import { createSoftwareVcpu } from "../software_vcpu.ts";
import { Gpr } from "../state.ts";

const ORIGIN = 0x1000;
/** PML4, then a page directory pointer table, then a page directory. */
const TABLES = 0x10000;
const PRESENT_WRITABLE = 3n;
/** A directory's entry for a page of 2 MiB. */
const LARGE = 0x80n;
const ROUNDS = 1000;
/** Far fewer than rounds, and more than there are places to jump to. */
const FEW_LOOKUPS = 50;

const PROGRAM = assemble(
  `
  bits 64
  xor edx, edx
  xor eax, eax
  mov ecx, ${ROUNDS}
  mov esi, first
  mov edi, second
  again: call rsi
  call rdi
  dec ecx
  jne again
  hlt
  align 0x80
  first: inc eax
  ret
  align 0x100
  zero 0x91
  second: inc edx
  ret`,
  ORIGIN,
);

function entryOf(label: string): number {
  const low = Number(PROGRAM.symbols.get(label)!);
  return (low ^ low >> 4) & (JUMP_GROUP_ENTRIES - 1);
}

for (const [name, compileThreshold] of [["interpreted", 0], ["compiled", 8]] as const) {
  Deno.test(`two jump targets that share an entry of the jump cache are both known, ${name}`, () => {
    assertEquals(entryOf("first"), entryOf("second"));
    const ramSize = 2 << 20;
    const pages = ramSize / 65536 + 1;
    const ram = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    new Uint8Array(ram.buffer).set(PROGRAM.bytes, ORIGIN);
    const view = new DataView(ram.buffer);
    view.setBigUint64(TABLES, BigInt(TABLES + 0x1000) | PRESENT_WRITABLE, true);
    view.setBigUint64(TABLES + 0x1000, BigInt(TABLES + 0x2000) | PRESENT_WRITABLE, true);
    view.setBigUint64(TABLES + 0x2000, PRESENT_WRITABLE | LARGE, true);
    const vcpu = createSoftwareVcpu({ ram, ramSize, bus: NO_DEVICES, index: 0, compileThreshold });
    vcpu.enter({
      kind: "long",
      rip: String(ORIGIN),
      rsi: "0",
      rsp: "32768",
      cr3: String(TABLES),
      gdt: "0",
      gdtLimit: 0,
    });
    assertEquals(vcpu.run(100_000), VcpuExit.Halt);
    assertEquals([vcpu.cpu.gpr[Gpr.RAX], vcpu.cpu.gpr[Gpr.RDX]], [BigInt(ROUNDS), BigInt(ROUNDS)]);
    assertEquals(vcpu.statistics["tier1.regions"]! > 0, compileThreshold > 0);
    assertLessOrEqual(vcpu.statistics["tier0.lookups"]!, FEW_LOOKUPS);
  });
}
