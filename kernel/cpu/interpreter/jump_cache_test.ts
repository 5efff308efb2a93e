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

/** Bytes of a function that adds 1 to EAX. */
const FUNCTION_LENGTH = 3;

function entryOf(address: number): number {
  return (address ^ address >> 4) & (JUMP_GROUP_ENTRIES - 1);
}

/** Calls a function at each of some ascending addresses in turn. */
function program(targets: readonly number[]) {
  const gap = (index: number) =>
    targets[index]! - (index === 0 ? ORIGIN + 0x100 : targets[index - 1]! + FUNCTION_LENGTH);
  return assemble(
    `
  bits 64
  xor eax, eax
  mov ecx, ${ROUNDS}
  again:
  ${targets.map((target) => `mov esi, ${target}\ncall rsi`).join("\n")}
  dec ecx
  jne again
  hlt
  align 0x100
  ${targets.map((_, index) => `zero ${gap(index)}\ninc eax\nret`).join("\n")}`,
    ORIGIN,
  );
}

/** Addresses of functions, the first of those that the jump cache would put into each of some entries. */
function targetsIn(entries: readonly number[]): number[] {
  const targets: number[] = [];
  for (let address = ORIGIN + 0x100; targets.length < entries.length; address += FUNCTION_LENGTH) {
    if (entryOf(address) === entries[targets.length]) targets.push(address);
  }
  return targets;
}

const SHARING = {
  "two jump targets that share an entry": [0x40, 0x40],
  "four jump targets that share an entry": [0x40, 0x40, 0x40, 0x40],
  "jump targets in neighbouring entries": [0x41, 0x42],
  "three jump targets in two neighbouring entries": [0x40, 0x41, 0x40],
};

for (const [name, compileThreshold] of [["interpreted", 0], ["compiled", 8]] as const) {
  for (const [which, entries] of Object.entries(SHARING)) {
    Deno.test(`${which} of the jump cache are all known, ${name}`, () => {
      const targets = targetsIn(entries);
      const { bytes } = program(targets);
      const ramSize = 2 << 20;
      const pages = ramSize / 65536 + 1;
      const ram = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
      new Uint8Array(ram.buffer).set(bytes, ORIGIN);
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
      assertEquals(vcpu.cpu.gpr[Gpr.RAX], BigInt(ROUNDS * targets.length));
      assertEquals(vcpu.statistics["tier1.regions"]! > 0, compileThreshold > 0);
      assertLessOrEqual(vcpu.statistics["tier0.lookups"]!, FEW_LOOKUPS);
    });
  }
}
