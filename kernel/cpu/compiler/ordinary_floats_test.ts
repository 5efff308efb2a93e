import { assertEquals } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { longVcpu } from "../../testing/long_vcpu.ts";
import { runToHalt } from "../../testing/run_to_halt.ts";

const ORIGIN = 0x1000;
const VALUES = 0x6000;
/** MXCSR at the start of a round: all masked, round to nearest, PE set. */
const START = 0x6800;
const NATIVE = 0x1fa0;
const RESULTS = 0x7000;

/** Doubles, and whether it raises DE or IE to add 1.0, which hides that they are denormal. */
const DOUBLES: readonly (readonly [bits: bigint, flags: number])[] = [
  [0x3ff8_0000_0000_0000n, 0],
  [0x0008_0000_0000_0000n, 2],
  [0x4008_0000_0000_0000n, 0],
  [0x7ff0_0000_0000_0001n, 1],
  [0x0000_0000_0000_0000n, 0],
  [0x8000_0000_0000_0001n, 2],
  [0x7ff8_0000_0000_0000n, 0],
  [0xbff0_0000_0000_0000n, 0],
];
const ROUNDS = 20 * DOUBLES.length;

// xmm1 is 1.0 at first, both halves of xmm3 are, and xmm2 is a value that is another one in each round.
const MOVSD_XMM2_VALUE = "db 0xf2, 0x0f, 0x10, 0x14, 0xd6";
const ADDSD_XMM1_XMM3 = "db 0xf2, 0x0f, 0x58, 0xcb";
const ADDPD_XMM1_XMM3 = "db 0x66, 0x0f, 0x58, 0xcb";
const MAXSD_XMM1_XMM1 = "db 0xf2, 0x0f, 0x5f, 0xc9";
const UCOMISD_XMM1_XMM1 = "db 0x66, 0x0f, 0x2e, 0xc9";
const MOVAPD_XMM1_XMM2 = "db 0x66, 0x0f, 0x28, 0xca";
const MOVSD_XMM1_XMM2 = "db 0xf2, 0x0f, 0x10, 0xca";
const MOVSD_XMM1_VALUE = "db 0xf2, 0x0f, 0x10, 0x0c, 0xd6";
const MOVLHPS_XMM1_XMM2 = "db 0x0f, 0x16, 0xca";
const PXOR_XMM1_XMM1 = "db 0x66, 0x0f, 0xef, 0xc9";
const POR_XMM1_XMM2 = "db 0x66, 0x0f, 0xeb, 0xca";
const MOVLHPS_XMM1_XMM1 = "db 0x0f, 0x16, 0xc9";
const MOVAPD_XMM3_XMM1 = "db 0x66, 0x0f, 0x28, 0xd9";
const MOVAPD_XMM3_XMM2 = "db 0x66, 0x0f, 0x28, 0xda";
const LDMXCSR_START = "db 0x0f, 0xae, 0x17";
const STMXCSR_RBX = "db 0x0f, 0xae, 0x1b";
const MOVQ_XMM1_RAX = "db 0x66, 0x48, 0x0f, 0x6e, 0xc8";

/** IE and DE that a sequence raises with each of the doubles in the end, after it has run many times. */
function raised(lines: readonly string[], compileThreshold: number): number[] {
  const { bytes } = assemble(
    `
  bits 64
  mov rax, cr4
  or eax, 0x200
  mov cr4, rax
  mov esi, ${VALUES}
  mov edi, ${START}
  mov ebx, ${RESULTS}
  mov ecx, 0
  again:
  mov edx, ecx
  and edx, ${DOUBLES.length - 1}
  ${LDMXCSR_START}
  mov rax, 0x3ff0000000000000
  ${[MOVQ_XMM1_RAX, MOVLHPS_XMM1_XMM1, MOVAPD_XMM3_XMM1].join("\n")}
  ${[MOVSD_XMM2_VALUE, ADDSD_XMM1_XMM3, ...lines, STMXCSR_RBX].join("\n")}
  add ebx, 4
  inc ecx
  cmp ecx, ${ROUNDS}
  jne again
  hlt`,
    ORIGIN,
  );
  const { vcpu, ram } = longVcpu(bytes, ORIGIN, { ramSize: 2 << 20, compileThreshold });
  DOUBLES.forEach(([value], index) => ram.setBigUint64(VALUES + index * 8, value, true));
  ram.setUint32(START, NATIVE, true);
  runToHalt(vcpu, 1000);
  const last = RESULTS + (ROUNDS - DOUBLES.length) * 4;
  return DOUBLES.map((_, index) => ram.getUint32(last + index * 4, true) & 3);
}

/** Adds as often as EAX says. */
const ADD_IN_LOOP = ["inner:", ADDSD_XMM1_XMM3, "dec eax", "jne inner"];

const SEQUENCES: { readonly [what: string]: readonly string[] } = {
  "another register's value": [MOVAPD_XMM1_XMM2, ADDSD_XMM1_XMM3],
  "another register's low half": [MOVSD_XMM1_XMM2, ADDSD_XMM1_XMM3],
  "a value from memory": [MOVSD_XMM1_VALUE, ADDSD_XMM1_XMM3],
  "an upper half that no scalar looked at": [MOVLHPS_XMM1_XMM2, ADDSD_XMM1_XMM3, ADDPD_XMM1_XMM3],
  "what integer instructions made": [PXOR_XMM1_XMM1, POR_XMM1_XMM2, ADDSD_XMM1_XMM3],
  "a value on one of two ways": ["test ecx, 8", "je over", MOVAPD_XMM1_XMM2, "over:", ADDSD_XMM1_XMM3],
  "a value in the second round of a loop": [
    "mov eax, 2",
    "inner:",
    ADDSD_XMM1_XMM3,
    MOVAPD_XMM1_XMM2,
    "dec eax",
    "jne inner",
  ],
  "a value in all rounds of a loop": [
    MOVAPD_XMM1_XMM2,
    "mov eax, 3",
    "jmp inner",
    ...ADD_IN_LOOP,
  ],
  "a value in all rounds of a loop that a region begins with": [
    MOVAPD_XMM1_XMM2,
    "mov r8d, 3",
    "mov rax, cr0",
    "mov cr0, rax",
    "inner:",
    ADDSD_XMM1_XMM3,
    "dec r8d",
    "jne inner",
  ],
  "a value that a loop adds": [
    MOVAPD_XMM3_XMM2,
    "mov eax, 3",
    "jmp inner",
    ...ADD_IN_LOOP,
  ],
  "a value on one of two ways into a loop": [
    "mov eax, 3",
    "test ecx, 8",
    "je inner",
    MOVAPD_XMM1_XMM2,
    ...ADD_IN_LOOP,
  ],
  "a value on one of two ways in a loop": [
    "mov eax, 4",
    "inner:",
    ADDSD_XMM1_XMM3,
    "test eax, 1",
    "je over",
    MOVAPD_XMM1_XMM2,
    "over:",
    "dec eax",
    "jne inner",
  ],
};

for (const [how, compileThreshold] of [["interpreted", 0], ["compiled", 8]] as const) {
  for (const [what, lines] of Object.entries(SEQUENCES)) {
    Deno.test(`a register that held a normal number is looked at again when it holds ${what}, ${how}`, () => {
      assertEquals(raised(lines, compileThreshold), DOUBLES.map(([, flags]) => flags));
    });
  }

  Deno.test(`a number that has been added is still the same for other instructions, ${how}`, () => {
    const lines = [MOVAPD_XMM1_XMM2, UCOMISD_XMM1_XMM1, MAXSD_XMM1_XMM1, ADDSD_XMM1_XMM3];
    // MAXSD and UCOMISD differ in what NaNs raise.
    const quiet = 6;
    const flags = raised(lines, compileThreshold);
    assertEquals(flags.with(quiet, 0), DOUBLES.map(([, flags]) => flags));
    assertEquals(flags[quiet], 1);
  });
}
