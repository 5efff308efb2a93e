import { assertEquals } from "@std/assert";

const PROGRAM = `
import { guardedMemory } from ${JSON.stringify(new URL("./guarded_memory.ts", import.meta.url))};
import { ModuleBuilder } from ${JSON.stringify(new URL("../cpu/wasm/module_builder.ts", import.meta.url))};
const m = new ModuleBuilder();
m.importMemory("host", "memory", 1, 65536);
m.exportFunction("load", ["i32"], ["i64"], (f) => f.return(f.load(8, f.param("i32", 0))));
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), { host: { memory: guardedMemory(1) } });
for (const address of Deno.args) console.log(String(exports.load(Number(address))));
`;

/** Loads from addresses of a memory of 64 KiB, without V8's bounds checks. */
async function load(...addresses: string[]): Promise<{ output: string; signal: Deno.Signal | null }> {
  const { stdout, signal } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--v8-flags=--no-wasm-bounds-checks", PROGRAM, ...addresses],
    stderr: "null",
  }).output();
  return { output: new TextDecoder().decode(stdout), signal };
}

Deno.test("what lies in a memory is read without V8's bounds checks", async () => {
  assertEquals(await load("0", "0xfff8"), { output: "0\n0\n", signal: null });
});

for (const address of ["0x10000", "0x7fffffff", "0xffffff00"]) {
  Deno.test(`nothing is read from behind a memory's end, at ${address}: the process ends`, async () => {
    assertEquals(await load("8", address), { output: "0\n", signal: "SIGSEGV" });
  });
}
