/**
 * Random bytes, executed with all privileges: the guest comes to an end or not, but the engine goes on.
 *
 * @module
 */

import type { StateFields } from "../../kernel/abi/state.ts";
import { VcpuExit } from "../../kernel/vcpu.ts";
import { CODE, type HostileMachine } from "./hostile_machine.ts";
import { hostileTest } from "./hostile_test_case.ts";
import { Random } from "./random.ts";

const RAM_SIZE = 2 << 20;
/** Bytes of garbage in each trial, across a page boundary. */
const LENGTH = 400;
const START = CODE + 4096 - 200;
const TRIALS = 80;
const RUNS = 5;
const BUDGET = 300;

/** Prefixes, escapes, short jumps: what random bytes have too few of. */
const LIKELY = [
  0x66,
  0x67,
  0xf2,
  0xf3,
  0xf0,
  0x48,
  0x4c,
  0x41,
  0x0f,
  0x0f,
  0x0f,
  0xeb,
  0x75,
  0xff,
  0xc7,
  0xa5,
] as const;

const MODES: { readonly [name: string]: (machine: HostileMachine) => void } = {
  "64-bit mode": (machine) => machine.start({ rip: START }),
  "protected mode": ({ vcpu }) => {
    vcpu.reset();
    vcpu.enter({ kind: "pvh", eip: START, ebx: 0 });
  },
  "real mode": ({ vcpu }) => {
    vcpu.reset();
    const saved = vcpu.save();
    const segments = [...saved["segments"] as readonly StateFields[]];
    segments[1] = { ...segments[1]!, base: BigInt(START - 0x100) };
    vcpu.restore({ ...saved, rip: 0x100n, segments });
  },
};

for (const [mode, enter] of Object.entries(MODES)) {
  hostileTest(`garbage is executed in ${mode}`, (machine) => {
    const random = new Random(17);
    const before = machine.ram.slice();
    const { vcpu, ram } = machine;
    for (let trial = machine.rounds(TRIALS); trial > 0; trial--) {
      ram.set(before);
      for (let at = START; at < START + LENGTH; at++) {
        ram[at] = random.below(4) === 0 ? random.pick(LIKELY) : random.below(256);
      }
      vcpu.memoryModified(0, RAM_SIZE);
      enter(machine);
      const registers = ["rax", "rcx", "rdx", "rbx", "rsi", "rdi", "r8"];
      machine.set(Object.fromEntries(registers.map((name) => [name, random.below(1 << 20)])));
      for (let run = 0; run < RUNS; run++) {
        if (machine.run(BUDGET) === VcpuExit.Shutdown) break;
        if (vcpu.interruptible) vcpu.interrupt(random.below(256));
      }
    }
  }, RAM_SIZE);
}
