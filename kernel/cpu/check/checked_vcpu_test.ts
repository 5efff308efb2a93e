import { assertEquals, assertInstanceOf, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { runToHalt } from "../../testing/run_to_halt.ts";
import { type Vcpu, type VcpuBus, VcpuFailure } from "../../vcpu.ts";
import { Disassembler } from "../disassembler.ts";
import { createSoftwareVcpu, type SoftwareVcpu, type SoftwareVcpuOptions } from "../software_vcpu.ts";
import { Gpr } from "../state.ts";
import { createCheckedVcpu } from "./checked_vcpu.ts";

const RAM_SIZE = 4 << 20;
const PML4 = 0x1000;
const PDPT = 0x2000;
const CODE = 0x10_0000;
const DATA = 0x20_0000;
/** Reading it gives a number more each time. */
const COUNTER_PORT = 0x10;

const disassembler = await Disassembler.load();

/**
 *     mov ecx, 1000
 * 1:  in al, 0x10
 *     add [0x200000], al
 *     rdtsc
 *     push rax
 *     pop rdx
 *     lea rdi, [0x200100]
 *     mov rbx, rcx
 *     mov ecx, 200
 *     rep stosb
 *     mov rcx, rbx
 *     rdrand rax
 *     dec ecx
 *     jnz 1b
 *     hlt
 */
const PROGRAM = Uint8Array.fromHex(
  "b9e8030000" +
    "e410" + "00042500002000" + "0f31" + "50" + "5a" + "488d3c2500012000" + "4889cb" + "b9c8000000" +
    "f3aa" + "4889d9" + "480fc7f0" + "ffc9" + "75d6" + "f4",
);

class Machine {
  readonly ram: Uint8Array;
  readonly vcpu: Vcpu;

  constructor(makeTier?: (options: SoftwareVcpuOptions, tier: 0 | 1) => SoftwareVcpu) {
    const pages = RAM_SIZE / 65536 + 1;
    const ram = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.ram = new Uint8Array(ram.buffer);
    this.ram.set(PROGRAM, CODE);
    const view = new DataView(ram.buffer);
    view.setBigUint64(PML4, BigInt(PDPT | 3), true);
    // A page of 1 GiB.
    view.setBigUint64(PDPT, 0x83n, true);
    this.vcpu = createCheckedVcpu({
      ram,
      ramSize: RAM_SIZE,
      bus: countingBus(),
      index: 0,
      disassembler,
      ...makeTier === undefined ? {} : { makeTier },
    });
    const [rip, rsp, cr3] = [CODE, DATA + 0x1000, PML4].map(String) as [string, string, string];
    this.vcpu.enter({ kind: "long", rip, rsp, cr3, rsi: "0", gdt: "0", gdtLimit: 0 });
  }

  /** Runs the program to its HLT. */
  finish(): void {
    runToHalt(this.vcpu, 1000);
    this.vcpu.pausing?.();
  }
}

function countingBus(): VcpuBus {
  let count = 0;
  return {
    readPort: (port) => port === COUNTER_PORT ? ++count & 0xff : 0,
    writePort: () => {},
    readPortString: () => {},
    writePortString: () => {},
    readMmio: () => 0n,
    writeMmio: () => {},
    now: () => performance.now() * 1e6,
    readApicMsr: () => undefined,
    writeApicMsr: () => false,
    cr8: 0,
  };
}

/** Makes tiers of which `tier` has `damage` done to it after a run, once it has executed 500 instructions. */
function broken(tier: 0 | 1, damage: (vcpu: SoftwareVcpu, options: SoftwareVcpuOptions) => void) {
  return (options: SoftwareVcpuOptions, made: 0 | 1): SoftwareVcpu => {
    const vcpu = createSoftwareVcpu(options);
    if (made !== tier) return vcpu;
    const run = vcpu.run.bind(vcpu);
    let done = false;
    vcpu.run = (instructions) => {
      const exit = run(instructions);
      if (!done && vcpu.instructions > 500n) {
        done = true;
        damage(vcpu, options);
      }
      return exit;
    };
    return vcpu;
  };
}

function failure(machine: Machine): VcpuFailure {
  const error = assertThrows(() => machine.finish());
  assertInstanceOf(error, VcpuFailure);
  return error;
}

Deno.test("a program on which both tiers agree runs to its end, once as far as devices see", () => {
  const machine = new Machine();
  machine.finish();
  const sum = Array.from({ length: 1000 }, (_, index) => index + 1).reduce((sum, value) => sum + value);
  assertEquals(machine.ram[DATA], sum & 0xff);
});

Deno.test("a register in which the tiers differ is told with both values and the last instructions", () => {
  const { message, details } = failure(
    new Machine(broken(1, ({ cpu }) => {
      cpu.gpr[Gpr.RBP] = 0x1234n;
    })),
  );
  assertMatch(message, /^CPU check found tiers that differ at 10:1000[0-9a-f]{2}: RBP$/);
  assertMatch(details, /^ +tier 1 +tier 0$/m);
  assertMatch(details, /^ {2}RBP +0000000000001234 +0000000000000000$/m);
  assertMatch(
    details,
    /^Last instructions of tier 0:\n( {2}00000000001000[0-9a-f]{2} {2}[0-9a-f]+ +[a-z].*\n?)+$/m,
  );
  assertStringIncludes(details, "f3aa                            rep stosb");
});

Deno.test("memory in which the tiers differ is told when the guest is paused", () => {
  const { message, details } = failure(
    new Machine(broken(0, (_, { ram }) => {
      new Uint8Array(ram.buffer)[0x30_0005] = 0xab;
    })),
  );
  assertStringIncludes(message, ": RAM");
  assertMatch(details, /^ {2}RAM 000300000 +0000000000000000 +0000ab0000000000$/m);
});

Deno.test("an access that only one tier makes is told", () => {
  // The program goes on at IN.
  const { message } = failure(
    new Machine(broken(0, ({ cpu }) => {
      cpu.rip = BigInt(CODE + 5);
    })),
  );
  assertMatch(
    message,
    /: tier 1 (nothing|reads the time|takes random bits), tier 0 reads port 0x10, 1 byte$/,
  );
});

Deno.test("what a device writes to memory is there for both tiers", () => {
  const machine = new Machine();
  machine.vcpu.run(100);
  machine.ram[DATA] = 0;
  machine.vcpu.memoryModified(DATA, 1);
  machine.finish();
});
