import { assertEquals, assertLessOrEqual } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { longVcpu } from "../../testing/long_vcpu.ts";
import { VcpuExit } from "../../vcpu.ts";
import { JUMP_ENTRY_SIZE, JUMP_GROUP_SIZE } from "../layout.ts";
import { Gpr } from "../state.ts";

const ORIGIN = 0x1000;
const ROUNDS = 1000;
/** Far fewer than rounds, and more than there are places to jump to. */
const FEW_LOOKUPS = 50;

/** Bytes of a function that adds 1 to EAX. */
const FUNCTION_LENGTH = 3;

function entryOf(address: number): number {
  return (address ^ address >> 4) & (JUMP_GROUP_SIZE / JUMP_ENTRY_SIZE - 1);
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
      const { vcpu } = longVcpu(bytes, ORIGIN, { ramSize: 2 << 20, compileThreshold });
      assertEquals(vcpu.run(100_000), VcpuExit.Halt);
      assertEquals(vcpu.cpu.gpr[Gpr.RAX], BigInt(ROUNDS * targets.length));
      assertEquals(vcpu.statistics["tier1.regions"]! > 0, compileThreshold > 0);
      assertLessOrEqual(vcpu.statistics["tier0.lookups"]!, FEW_LOOKUPS);
    });
  }
}
