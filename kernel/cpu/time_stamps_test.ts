import { assertEquals, assertLessOrEqual } from "@std/assert";
import { assemble } from "../../tests/guests/assembler/assembler.ts";
import { NO_DEVICES } from "../testing/no_devices.ts";
import { runToHalt } from "../testing/run_to_halt.ts";
import { createSoftwareVcpu } from "./software_vcpu.ts";
import { Gpr, STATE_END } from "./state.ts";
import { TimeStamps } from "./time_stamps.ts";

function timeStamps(readings: number[], window: number): TimeStamps {
  return new TimeStamps(new DataView(new ArrayBuffer(STATE_END)), () => readings.shift()!, window);
}

Deno.test("between two readings of the clock each instruction takes a nanosecond", () => {
  const readings = [5000.7, 9000];
  const stamps = timeStamps(readings, 1000);
  assertEquals([stamps.read(90_000), stamps.read(89_999), stamps.read(89_001)], [5000n, 5001n, 5999n]);
  assertEquals(stamps.read(89_000), 9000n);
});

Deno.test("time does not go back where instructions were faster than the clock", () => {
  const readings = [5000, 5300, 5800, 6100];
  const stamps = timeStamps(readings, 1000);
  assertEquals([stamps.read(10_000), stamps.read(9_100)], [5000n, 5900n]);
  assertEquals([stamps.read(8_000), stamps.read(6_000), stamps.read(4_000)], [5900n, 5900n, 6100n]);
});

Deno.test("a clock that has been set back is followed", () => {
  const readings = [1e9, 2000];
  const stamps = timeStamps(readings, 1000);
  stamps.read(10_000);
  stamps.forget();
  assertEquals(stamps.read(9_999), 2000n);
});

Deno.test("what takes long and a new budget have the clock read again", () => {
  const readings = [5000, 25_000, 70_000];
  const stamps = timeStamps(readings, 1000);
  stamps.read(10_000);
  stamps.forget();
  assertEquals(stamps.read(9_990), 25_000n);
  assertEquals(stamps.read(500_000), 70_000n);
});

Deno.test("without a window every reading is one of the clock", () => {
  const readings = [1, 2, 2, 1];
  const stamps = timeStamps(readings, 0);
  assertEquals([stamps.read(9), stamps.read(9), stamps.read(8), stamps.read(7)], [1n, 2n, 2n, 1n]);
});

const ORIGIN = 0x1000;
const ROUNDS = 300;
const INSTRUCTIONS = 10;
const WINDOW = 1000;
const AUX = 0x77;
const IA32_TSC_AUX = 0xc0000103;

/** Counts in EBP how often the counter goes back, and in EDI how often RDTSCP gives IA32_TSC_AUX. */
const READ_OFTEN = assemble(
  `
  bits 32
  mov ecx, ${IA32_TSC_AUX}
  mov eax, ${AUX}
  xor edx, edx
  wrmsr
  xor ebp, ebp
  xor edi, edi
  xor ebx, ebx
  mov esi, ${ROUNDS}
  again:
  rdtsc
  cmp eax, ebx
  adc ebp, 0
  rdtscp
  mov ebx, eax
  cmp ecx, ${AUX}
  jne other
  inc edi
  other:
  dec esi
  jne again
  hlt`,
  ORIGIN,
).bytes;

for (const [how, compileThreshold] of [["interpreted", 0], ["compiled", 8]] as const) {
  Deno.test(`RDTSC and RDTSCP ask the clock once for a thousand instructions, and never go back, ${how}`, () => {
    const memory = new WebAssembly.Memory({ initial: 17, maximum: 17, shared: true });
    new Uint8Array(memory.buffer).set(READ_OFTEN, ORIGIN);
    let readings = 0;
    const bus = { ...NO_DEVICES, now: () => 5000 * ++readings };
    const vcpu = createSoftwareVcpu({
      ram: memory,
      ramSize: 1 << 20,
      bus,
      index: 0,
      compileThreshold,
      timeWindow: WINDOW,
    });
    vcpu.enter({ kind: "pvh", eip: ORIGIN, ebx: 0 });
    runToHalt(vcpu, 1_000_000);
    assertEquals(Number(vcpu.cpu.gpr[Gpr.RBP]), 0);
    assertEquals(Number(vcpu.cpu.gpr[Gpr.RDI]), ROUNDS);
    assertLessOrEqual(readings, 2 * ROUNDS * INSTRUCTIONS / WINDOW);
  });
}
