import { assert, assertEquals, assertLess } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { longVcpu } from "../../testing/long_vcpu.ts";
import { runToHalt } from "../../testing/run_to_halt.ts";
import { TLB_ENTRIES } from "../layout.ts";
import { Gpr } from "../state.ts";

const PAGE = 4096;
const ORIGIN = 0x1000;
const DATA = 32 << 20;
/** Every other one is read: two of them share each entry of the TLB that is used. */
const PAGES = 2 * TLB_ENTRIES;
const ROUNDS = 4;
/** Instructions between two looks at what has been compiled. */
const SLICE = 5000;

/** Executes `access` in a loop that goes through the pages, whose numbers are in them; RAX is added up. */
function run(access: string): { readonly rax: bigint; readonly left: number } {
  const program = assemble(
    `
  bits 64
  inc r8
  xor eax, eax
  mov ecx, ${ROUNDS}
  again: mov esi, ${DATA}
  mov edx, ${PAGES / 2}
  next: ${access}
  add rsi, ${2 * PAGE}
  dec edx
  jne next
  dec ecx
  jne again
  hlt`,
    ORIGIN,
  );
  const { vcpu, ram } = longVcpu(program.bytes, ORIGIN, { ramSize: 64 << 20, compileThreshold: 8 });
  for (let page = 0; page < PAGES; page += 2) ram.setBigUint64(DATA + page * PAGE, BigInt(page), true);
  runToHalt(vcpu, SLICE);
  assertEquals(vcpu.cpu.gpr[Gpr.R8], 1n);
  return { rax: vcpu.cpu.gpr[Gpr.RAX]!, left: vcpu.statistics["tier1.exits.unknownAddress"]! };
}

/** What the numbers of the pages that are read add up to. */
const SUM = BigInt(PAGES / 2 * (PAGES / 2 - 1));

Deno.test("code whose accesses the TLBs do not answer is compiled again, to make them itself", () => {
  const { rax, left } = run("nop\n  add rax, [rsi]");
  assertEquals(rax, BigInt(ROUNDS) * SUM);
  assert(left > 0);
  assertLess(left, ROUNDS * PAGES / 4);
});

const FIRST: { readonly [what: string]: readonly [access: string, each: bigint] } = {
  "an access": ["add rax, [rsi]", SUM],
  "an access and a jump on what it compares": [
    `cmp dword [rsi], ${PAGES / 2}
  jb less
  inc rax
  less: inc rax`,
    BigInt(PAGES / 2 + PAGES / 4),
  ],
};

for (const [what, [access, each]] of Object.entries(FIRST)) {
  Deno.test(`code that begins with ${what} that the TLBs do not answer goes on behind it`, () => {
    const { rax, left } = run(access);
    assertEquals(rax, BigInt(ROUNDS) * each);
    assert(left > 0);
  });
}

/** Iterations, and how many of them there are to one that overwrites code: enough for that to be compiled. */
const ITERATIONS = 1 << 16;
const RARELY = 1 << 13;

Deno.test("code that begins with overwriting what follows executes what was written", () => {
  const program = assemble(
    `
  bits 64
  xor eax, eax
  mov ecx, ${ITERATIONS}
  mov edi, value + 1
  mov esi, ${DATA}
  next: mov [rsi], dl
  value: mov ebx, 0
  add eax, ebx
  mov esi, ${DATA}
  mov edx, ecx
  shr edx, ${Math.log2(RARELY)}
  test ecx, ${RARELY - 1}
  cmovz esi, edi
  dec ecx
  jnz next
  hlt`,
    ORIGIN,
  );
  const { vcpu } = longVcpu(program.bytes, ORIGIN, { ramSize: 64 << 20, compileThreshold: 8 });
  runToHalt(vcpu, SLICE);
  let sum = 0;
  for (let count = ITERATIONS, value = 0; count > 0; count--) {
    sum += value;
    if (count % RARELY === 0) value = count / RARELY;
  }
  assertEquals(vcpu.cpu.gpr[Gpr.RAX], BigInt(sum));
  assert(vcpu.statistics["tier1.exits.unknownAddress"]! > 0);
});

/** Regions that are compiled while a program reads two pages in turn, which share an entry of the TLB, and counts between. */
function compiledFor(rounds: number, between: number): { readonly regions: number; readonly left: number } {
  const program = assemble(
    `
  bits 64
  mov edx, ${rounds}
  next: mov eax, [${DATA}]
  mov eax, [${DATA + TLB_ENTRIES * PAGE}]
  mov ecx, ${between}
  count: dec ecx
  jnz count
  dec edx
  jnz next
  hlt`,
    ORIGIN,
  );
  const { vcpu } = longVcpu(program.bytes, ORIGIN, { ramSize: 64 << 20, compileThreshold: 8 });
  runToHalt(vcpu, 50_000);
  const { "tier1.regions": regions, "tier1.exits.unknownAddress": left } = vcpu.statistics;
  return { regions: regions!, left: left! };
}

/** More than a region may leave at once. */
const MANY = 1200;

Deno.test("code that leaves an access now and then stays as it is, however long it runs", () => {
  const short = compiledFor(100, 550_000);
  const long = compiledFor(MANY, 550_000);
  assert(long.left >= MANY - 100);
  assertEquals(long.regions, short.regions);
});

Deno.test("code that leaves as many accesses in less time is compiled again", () => {
  assertLess(compiledFor(100, 1000).regions, compiledFor(MANY, 1000).regions);
});
