import { assertEquals } from "@std/assert";
import { engineOptions } from "./engine_options.ts";

/** Makes a module with a function of two values, and has V8 tell whether it has been compiled before it is called. */
const SCRIPT = `
  const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 7, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 3, 2, 1, 0];
  bytes.push(7, 5, 1, 1, 0x66, 0, 0, 10, 9, 1, 7, 0, 0x20, 0, 0x20, 1, 0x6a, 0x0b);
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports;
  const isCompiled = new Function("f", "return !%IsUncompiledWasmFunction(f)");
  console.log(isCompiled(f), f(40, 2));
`;

async function evaluate(options: string): Promise<string> {
  const args = ["eval", `${options},--allow-natives-syntax`, SCRIPT];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  assertEquals(success, true);
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("V8 compiles a module where it is made, not where its functions are called", async () => {
  assertEquals(await evaluate("--v8-flags=--wasm-lazy-compilation"), "false 42");
  assertEquals(await evaluate(engineOptions()), "true 42");
  assertEquals(await evaluate(engineOptions(true)), "true 42");
});
