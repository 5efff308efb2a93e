import { assert, assertEquals } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { longVcpu } from "../../testing/long_vcpu.ts";
import { runToHalt } from "../../testing/run_to_halt.ts";
import { TLB_ENTRIES } from "../layout.ts";
import { Gpr } from "../state.ts";

const ORIGIN = 0x1000;
const DATA = 16 << 20;
/** What lies behind it, two MiB, is elsewhere in RAM. */
const BOUNDARY = 18 << 20;
const ELSEWHERE = 32 << 20;
/** Where the page directory has the entry for that. */
const DIRECTORY_ENTRY = 0x12000 + (BOUNDARY >> 21) * 8;
const PAGE = 4096;
/** Instructions between two looks at what has been compiled. */
const SLICE = 5000;
const ROUNDS = 2000;

/** Follows a ring of elements, a link with a value behind it, and adds the values up. */
function follow(elements: readonly number[]): { readonly rax: bigint; readonly regions: number } {
  const { bytes } = assemble(
    `
  bits 64
  xor eax, eax
  mov ecx, ${ROUNDS * elements.length}
  mov esi, ${elements[0]}
  next: add rax, [rsi+8]
  mov rsi, [rsi]
  dec ecx
  jnz next
  hlt`,
    ORIGIN,
  );
  const { vcpu, ram } = longVcpu(bytes, ORIGIN, { ramSize: 64 << 20, compileThreshold: 8 });
  const entry = ram.getBigUint64(DIRECTORY_ENTRY, true);
  ram.setBigUint64(DIRECTORY_ENTRY, entry + BigInt(ELSEWHERE - BOUNDARY), true);
  for (const [index, element] of elements.entries()) {
    const words = new BigUint64Array([BigInt(elements[(index + 1) % elements.length]!), BigInt(index + 1)]);
    for (const [at, byte] of new Uint8Array(words.buffer).entries()) {
      const linear = element + at;
      ram.setUint8(linear < BOUNDARY ? linear : linear - BOUNDARY + ELSEWHERE, byte);
    }
  }
  runToHalt(vcpu, SLICE);
  return { rax: vcpu.cpu.gpr[Gpr.RAX]!, regions: vcpu.statistics["tier1.regions"]! };
}

for (
  const [where, elements] of Object.entries({
    "in one page": [DATA, DATA + 64, DATA + 128],
    "in pages that share an entry of the TLB": [DATA, BOUNDARY, BOUNDARY - TLB_ENTRIES * PAGE, DATA + 64],
    "whose values are in the page behind the links": [BOUNDARY - 8, DATA, BOUNDARY + 64],
    "that no alignment keeps from a page's end": [BOUNDARY - 12, DATA + PAGE - 4, BOUNDARY + PAGE - 3],
    "whose links are in two pages": [BOUNDARY - 4, DATA, BOUNDARY + 64],
  })
) {
  Deno.test(`elements of a list ${where} are what they are`, () => {
    const { rax, regions } = follow(elements);
    const sum = elements.length * (elements.length + 1) / 2;
    assertEquals(rax, BigInt(ROUNDS * sum));
    assert(regions > 0);
  });
}
