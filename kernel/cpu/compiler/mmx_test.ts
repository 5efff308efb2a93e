import { assertEquals } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { longVcpu } from "../../testing/long_vcpu.ts";
import { runToHalt } from "../../testing/run_to_halt.ts";

const ORIGIN = 0x1000;
const ENVIRONMENT = 0x9000;
const ROUNDS = 100;

const MOVD_MM0_ECX = "db 0x0f, 0x6e, 0xc1";
const MOVQ_MM1_MM0 = "db 0x0f, 0x6f, 0xc8";
const EMMS = "db 0x0f, 0x77";
const FINCSTP = "db 0xd9, 0xf7";
const FNSTENV_RDI = "db 0xd9, 0x37";

const EMPTY = 0xffff;
/** What looks like no number fills all registers: MMX leaves the exponent full of ones. */
const SPECIAL = 0xaaaa;

/** Bits 11 to 13 of the status word. */
const TOP = 7 << 11;

/** Runs a block many times; gives the x87's tag word and TOP at its end. */
function environmentAfter(lines: readonly string[], compileThreshold: number) {
  const { bytes } = assemble(
    `
  bits 64
  mov edi, ${ENVIRONMENT}
  mov ecx, ${ROUNDS}
  again:
  ${[...lines, FNSTENV_RDI].join("\n")}
  dec ecx
  jne again
  hlt`,
    ORIGIN,
  );
  const { vcpu, ram } = longVcpu(bytes, ORIGIN, { ramSize: 2 << 20, compileThreshold });
  runToHalt(vcpu, 1000);
  return { top: ram.getUint16(ENVIRONMENT + 4, true) & TOP, tags: ram.getUint16(ENVIRONMENT + 8, true) };
}

/** MOVD of ECX to each register. */
const FILL_ALL = Array.from({ length: 8 }, (_, number) => `db 0x0f, 0x6e, ${0xc1 + 8 * number}`);

for (const [how, compileThreshold] of [["interpreted", 0], ["compiled", 8]] as const) {
  Deno.test(`EMMS between MMX instructions of a block empties the registers, ${how}`, () => {
    const lines = [MOVD_MM0_ECX, MOVQ_MM1_MM0, EMMS];
    assertEquals(environmentAfter(lines, compileThreshold), { top: 0, tags: EMPTY });
  });

  Deno.test(`MMX instructions behind EMMS in a block fill the registers, ${how}`, () => {
    const lines = [MOVD_MM0_ECX, EMMS, ...FILL_ALL];
    assertEquals(environmentAfter(lines, compileThreshold), { top: 0, tags: SPECIAL });
  });

  Deno.test(`MMX instructions behind one of the x87 in a block make TOP 0, ${how}`, () => {
    const lines = [...FILL_ALL, FINCSTP, MOVQ_MM1_MM0];
    assertEquals(environmentAfter(lines, compileThreshold), { top: 0, tags: SPECIAL });
  });
}
