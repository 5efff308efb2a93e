import { assertEquals, assertLessOrEqual } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { NO_DEVICES } from "../../testing/no_devices.ts";
import { runToHalt } from "../../testing/run_to_halt.ts";
import { createSoftwareVcpu } from "../software_vcpu.ts";
import { Cr0, Cr4, Gpr } from "../state.ts";

const ORIGIN = 0x1000;
const STACK = 0x8000;
const ROUNDS = 500;
/** Far fewer than rounds. */
const FEW_LOOKUPS = 60;
const WASM_PAGE = 65536;
const RAM_SIZE = 16 << 20;

/** Two address spaces. Each maps the first 4 MiB where they lie, globally, and 4 MiB at the kernel's address. */
const SPACES = [0x10000, 0x20000];
const KERNELS = [0x400000, 0x800000];
const KERNEL = 0xc0000000;
/** Calls of one address space see this code at the kernel's address, those of the other the next. */
const FUNCTIONS = ["inc eax\nret", "add eax, 16\nret"].map((text) => assemble(`bits 32\n${text}`, 0).bytes);

const PRESENT_WRITABLE = 3;
const LARGE = 0x80;
const GLOBAL = 0x100;

/** Fills in the tables at `table`, so that `kernel` lies at the kernel's address. */
type MapKernel = (ram: DataView, table: number, kernel: number, flags: number) => void;

const PAGING: Readonly<Record<string, { readonly cr4: number; readonly map: MapKernel }>> = {
  "32-bit paging": {
    cr4: Cr4.PSE,
    map: (ram, table, kernel, flags) => {
      ram.setUint32(table, PRESENT_WRITABLE | LARGE | GLOBAL, true);
      ram.setUint32(table + (KERNEL >>> 22) * 4, kernel | PRESENT_WRITABLE | LARGE | flags, true);
    },
  },
  "PAE paging": {
    cr4: Cr4.PAE,
    map: (ram, table, kernel, flags) => {
      const directory = (entry: number, to: number, flags: number) => {
        const at = table + 0x1000 * (1 + entry);
        ram.setUint32(table + entry * 8, at | 1, true);
        for (const half of [0, 1]) {
          ram.setUint32(at + half * 8, to + half * (2 << 20) | PRESENT_WRITABLE | LARGE | flags, true);
        }
      };
      directory(0, 0, GLOBAL);
      directory(KERNEL >>> 30, kernel, flags);
    },
  },
};

/** Calls the kernel's address in each address space in turn. */
const program = (cr4: number) =>
  assemble(
    `
  bits 32
  mov esp, ${STACK}
  mov eax, ${cr4 | Cr4.PGE}
  mov cr4, eax
  mov eax, ${SPACES[0]}
  mov cr3, eax
  mov eax, cr0
  or eax, ${Cr0.PG >>> 0}
  mov cr0, eax
  xor eax, eax
  mov ecx, ${ROUNDS}
  mov esi, ${KERNEL}
  again:
  ${SPACES.map((space) => `mov edx, ${space}\nmov cr3, edx\ncall esi`).join("\n")}
  dec ecx
  jne again
  hlt`,
    ORIGIN,
  ).bytes;

/** Runs it. `kernels`: what each address space has at the kernel's address. Gives EAX and the lookups of code. */
function run(paging: string, compileThreshold: number, kernels: readonly number[], flags: number) {
  const { cr4, map } = PAGING[paging]!;
  const pages = RAM_SIZE / WASM_PAGE + 1;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(program(cr4), ORIGIN);
  for (const [index, kernel] of KERNELS.entries()) bytes.set(FUNCTIONS[index]!, kernel);
  const ram = new DataView(memory.buffer);
  for (const [index, space] of SPACES.entries()) map(ram, space, kernels[index]!, flags);
  const vcpu = createSoftwareVcpu({
    ram: memory,
    ramSize: RAM_SIZE,
    bus: NO_DEVICES,
    index: 0,
    compileThreshold,
  });
  vcpu.enter({ kind: "pvh", eip: ORIGIN, ebx: 0 });
  runToHalt(vcpu, 1000);
  return { eax: Number(vcpu.cpu.gpr[Gpr.RAX]), lookups: vcpu.statistics["tier0.lookups"]! };
}

for (const paging of Object.keys(PAGING)) {
  for (const [how, compileThreshold] of [["interpreted", 0], ["compiled", 8]] as const) {
    Deno.test(`a 32-bit kernel's global pages are jumped to without a lookup in each space, ${paging}, ${how}`, () => {
      const shared = [KERNELS[0]!, KERNELS[0]!];
      const { eax, lookups } = run(paging, compileThreshold, shared, GLOBAL);
      assertEquals(eax, 2 * ROUNDS);
      assertLessOrEqual(lookups, FEW_LOOKUPS);
    });

    Deno.test(`address spaces have code of their own where a 32-bit kernel would be, ${paging}, ${how}`, () => {
      assertEquals(run(paging, compileThreshold, KERNELS, 0).eax, 17 * ROUNDS);
    });
  }
}
