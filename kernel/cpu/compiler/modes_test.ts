import { assertEquals } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { longVcpu } from "../../testing/long_vcpu.ts";
import { runToHalt } from "../../testing/run_to_halt.ts";
import { Vector } from "../state.ts";

const ORIGIN = 0x1000;
/** Values of MXCSR that follow each other. */
const MODES = 0x6000;
/** 1.0, and what is added to it in each round of a loop. */
const START = 0x6100;
const STEP = 0x6108;
const RESULTS = 0x7000;
const POINTER = 0x6200;
/** How often #NM was raised. */
const COUNT = 0x6300;
/** Counts #NM in EBP, and clears CR0.TS. */
const HANDLER = 0x3000;
const GDT = 0x9000;
const IDT = 0xa000;

const NATIVE = 0x1fa0;
const UP = 0x5fa0;
/** Inexact results are still to be noted. */
const EXACT_SO_FAR = 0x1f80;
/** So few that nothing is compiled again because the interpreter has to take over too often. */
const TIMES = 20;
const ROUNDS = 10;

const LDMXCSR_RDI = "db 0x0f, 0xae, 0x17";
const STMXCSR_RBX = "db 0x0f, 0xae, 0x1b";
const LDMXCSR_MODE_RDX = `db 0x0f, 0xae, 0x14, 0x95, ${MODES & 0xff}, ${MODES >> 8}, 0, 0`;
const MOVSD_XMM1_START = `db 0xf2, 0x0f, 0x10, 0x0c, 0x25, ${START & 0xff}, ${START >> 8}, 0, 0`;
const MOVSD_XMM3_STEP = `db 0xf2, 0x0f, 0x10, 0x1c, 0x25, ${STEP & 0xff}, ${STEP >> 8}, 0, 0`;
const ADDSD_XMM1_XMM3 = "db 0xf2, 0x0f, 0x58, 0xcb";
const ADDSD_XMM2_XMM3 = "db 0xf2, 0x0f, 0x58, 0xd3";
const MOVSD_RBX_8_XMM1 = "db 0xf2, 0x0f, 0x11, 0x4b, 0x08";
const CLTS = "db 0x0f, 0x06";

interface Program {
  /** Executed before each loop. */
  readonly before?: readonly string[];
  /** Executed in each round before the addition. */
  readonly within?: readonly string[];
  /** And behind it. */
  readonly behind?: readonly string[];
  readonly modes?: readonly number[];
}

/**
 * Adds to 1.0 in a loop, many times over. Gives sums, in units of 1.0's last place above it, and MXCSR behind the last
 * loops, a loop for each value of MXCSR; and how often #NM was raised.
 */
function sums(
  { before = [], within = [], behind = [], modes = [NATIVE] }: Program,
  compileThreshold: number,
) {
  const { bytes } = assemble(
    `
  bits 64
  mov rax, cr4
  or eax, 0x200
  mov cr4, rax
  lgdt [${POINTER}]
  lidt [${POINTER + 16}]
  mov ebp, 0
  mov esi, 0
  again:
  mov edx, 0
  each:
  lea edi, [rdx*4+${MODES}]
  ${LDMXCSR_RDI}
  mov ebx, edx
  shl ebx, 4
  add ebx, ${RESULTS}
  ${[MOVSD_XMM1_START, MOVSD_XMM3_STEP, ADDSD_XMM2_XMM3, ...before].join("\n")}
  mov ecx, ${ROUNDS}
  jmp inner
  inner:
  ${[...within, ADDSD_XMM1_XMM3, ...behind].join("\n")}
  dec ecx
  jne inner
  ${[MOVSD_RBX_8_XMM1, STMXCSR_RBX].join("\n")}
  inc edx
  cmp edx, ${modes.length}
  jne each
  inc esi
  cmp esi, ${TIMES}
  jne again
  mov [${COUNT}], ebp
  hlt`,
    ORIGIN,
  );
  const { vcpu, ram } = longVcpu(bytes, ORIGIN, { ramSize: 2 << 20, compileThreshold });
  modes.forEach((mode, index) => ram.setUint32(MODES + index * 4, mode, true));
  ram.setFloat64(START, 1, true);
  ram.setFloat64(STEP, 2 ** -60, true);
  writeTables(ram);
  new Uint8Array(ram.buffer).set(assemble(`bits 64\ninc ebp\n${CLTS}\niretq`, HANDLER).bytes, HANDLER);
  runToHalt(vcpu, 1000);
  const one = 0x3ff0_0000_0000_0000n;
  return {
    sums: modes.map((_, index) => Number(ram.getBigUint64(RESULTS + index * 16 + 8, true) - one)),
    mxcsr: modes.map((_, index) => ram.getUint32(RESULTS + index * 16, true)),
    notAvailable: ram.getUint32(COUNT, true),
  };
}

/** A GDT with the segments that the program begins with, and an IDT with #NM alone. */
function writeTables(ram: DataView): void {
  ram.setBigUint64(GDT + 0x10, 0x00af_9b00_0000_ffffn, true);
  ram.setBigUint64(GDT + 0x18, 0x00cf_9300_0000_ffffn, true);
  const gate = IDT + Vector.NM * 16;
  ram.setUint32(gate, 0x10 << 16 | HANDLER, true);
  ram.setUint32(gate + 4, 0x8e00, true);
  [GDT, IDT].forEach((base, index) => {
    ram.setUint16(POINTER + index * 16, 0xfff, true);
    ram.setBigUint64(POINTER + index * 16 + 2, BigInt(base), true);
  });
}

/** Has what follows round up in each second round, and to nearest in the others. */
const OTHER_MODE = [
  ...["mov r8d, edx", "mov edx, ecx", "and edx, 1"],
  LDMXCSR_MODE_RDX,
  "mov edx, r8d",
];
/** Has all that follows round up, but not in the first round. */
const UP_AFTER_A_ROUND = [
  ...[ADDSD_XMM2_XMM3, "test ecx, 1", "je over"],
  ...["mov r8d, edx", "mov edx, 1", LDMXCSR_MODE_RDX, "mov edx, r8d", "over:"],
];
/** Adds once more, on one of two ways. */
const ON_BOTH_WAYS = [
  ...[LDMXCSR_RDI, "test ecx, 1", "je other", ADDSD_XMM1_XMM3, "jmp over"],
  ...["other:", ADDSD_XMM1_XMM3, "over:"],
];
const SET_TASK_SWITCHED = ["mov rax, cr0", "or eax, 8", "mov cr0, rax"];
/** The same, in every second round. */
const SET_AT_TIMES = ["test ecx, 1", "je over", ...SET_TASK_SWITCHED, "over:"];

for (const [how, compileThreshold] of [["interpreted", 0], ["compiled", 8]] as const) {
  Deno.test(`a loop rounds as MXCSR said before it, ${how}`, () => {
    const modes = [NATIVE, UP, EXACT_SO_FAR];
    const result = sums({ modes }, compileThreshold);
    assertEquals(result, { sums: [0, ROUNDS, 0], mxcsr: [NATIVE, UP, NATIVE], notAvailable: 0 });
  });

  // Behind the additions, the first of them still rounds as was said before the loop.
  for (const [where, expected] of [["within", [5, 5]], ["behind", [4, 5]]] as const) {
    Deno.test(`a loop that changes MXCSR ${where} its rounds rounds as that says, ${how}`, () => {
      const result = sums({ [where]: OTHER_MODE, modes: [NATIVE, UP] }, compileThreshold);
      assertEquals(result, { sums: [...expected], mxcsr: [UP, UP], notAvailable: 0 });
    });
  }

  Deno.test(`a loop that changes MXCSR on one of two ways rounds as that says, ${how}`, () => {
    const result = sums({ within: UP_AFTER_A_ROUND, modes: [NATIVE, UP] }, compileThreshold);
    assertEquals(result, { sums: [ROUNDS - 1, ROUNDS], mxcsr: [UP, UP], notAvailable: 0 });
  });

  Deno.test(`a loop rounds on both of two ways as MXCSR says, ${how}`, () => {
    const result = sums({ within: ON_BOTH_WAYS, modes: [NATIVE, UP] }, compileThreshold);
    assertEquals(result, { sums: [0, 2 * ROUNDS], mxcsr: [NATIVE, UP], notAvailable: 0 });
  });

  const times: { readonly [where: string]: readonly [Program, number] } = {
    "before a loop": [{ before: SET_TASK_SWITCHED }, 1],
    "before each addition": [{ within: SET_TASK_SWITCHED }, ROUNDS],
    "behind each addition": [{ behind: SET_TASK_SWITCHED }, ROUNDS],
    "on one of two ways": [{ within: [ADDSD_XMM1_XMM3, ...SET_AT_TIMES] }, ROUNDS / 2],
  };
  for (const [where, [program, expected]] of Object.entries(times)) {
    Deno.test(`CR0.TS that is set ${where} raises #NM once for each time, ${how}`, () => {
      const result = sums(program, compileThreshold);
      assertEquals(result, { sums: [0], mxcsr: [NATIVE], notAvailable: TIMES * expected });
    });
  }
}
