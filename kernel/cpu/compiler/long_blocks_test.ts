import { assertEquals } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { longVcpu } from "../../testing/long_vcpu.ts";
import { runToHalt } from "../../testing/run_to_halt.ts";
import { TLB_ENTRIES } from "../layout.ts";

const ORIGIN = 0x1000;
const DATA = 32 << 20;
/** Two pages that far apart share an entry of the TLB: each access is left to the interpreter. */
const STRIDE = TLB_ENTRIES * 4096;
const REGISTERS = ["rax", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"];

/** Ten instructions on two registers. */
function piece(number: number): string {
  const a = REGISTERS[number]!;
  const b = REGISTERS[(number + 1) % REGISTERS.length]!;
  const access = number % 3 === 0 ? `add ${a}, [rbx+${number * 8}]` : "nop";
  return `
    add ${a}, ${number + 1}
    xor ${a}, ${b}
    lea ${b}, [${a}+${b}*2]
    sub ${a}, 77
    adc ${b}, 3
    not ${a}
    add ${b}, ${a}
    neg ${a}
    inc ${b}
    ${access}`;
}

const PROGRAM = assemble(
  `
  bits 64
  mov ecx, 400
  mov rbx, ${DATA}
  again: xor rbx, ${STRIDE}
  call long
  dec ecx
  jne again
  hlt
  long: ${REGISTERS.map((_, number) => piece(number)).join("")}
  ret`,
  ORIGIN,
);

function run(compileThreshold: number): string {
  const { vcpu, ram } = longVcpu(PROGRAM.bytes, ORIGIN, { ramSize: 64 << 20, compileThreshold });
  for (const [number, address] of [DATA, DATA ^ STRIDE].entries()) {
    for (let at = 0; at < 64; at += 8) {
      ram.setBigUint64(address + at, BigInt(at * 0x1234567 + number), true);
    }
  }
  runToHalt(vcpu, 999);
  assertEquals(vcpu.statistics["tier1.exits.unknownAddress"]! > 100, compileThreshold > 0);
  return vcpu.registers();
}

Deno.test("a long block that is left in its middle loses nothing of what it has computed", () => {
  assertEquals(run(8), run(0));
});
