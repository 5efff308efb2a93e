/**
 * Options of V8 that make the software CPU faster, if this V8 has them. One that it does not know would keep a process
 * from starting.
 *
 * @module
 */

/** A function of two i64 that executes `i64.mul_wide_u`, of WebAssembly's proposal for wide arithmetic. */
// deno-fmt-ignore
const WIDE_ARITHMETIC = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  0x01, 0x08, 0x01, 0x60, 0x02, 0x7e, 0x7e, 0x02, 0x7e, 0x7e,
  0x03, 0x02, 0x01, 0x00,
  0x0a, 0x0a, 0x01, 0x08, 0x00, 0x20, 0x00, 0x20, 0x01, 0xfc, 0x16, 0x0b,
]);

/** The option that lets V8 take it, if that is missing. */
function wideArithmetic(): string[] {
  try {
    new WebAssembly.Module(WIDE_ARITHMETIC);
  } catch (error) {
    // V8 says which option it is.
    const option = error instanceof Error
      ? /enable with --(experimental-wasm-wide[_-]arithmetic)/.exec(error.message)
      : null;
    if (option !== null) return [`--${option[1]}`];
  }
  return [];
}

/**
 * How V8 compiles WebAssembly, and TypeScript. While a program runs that cannot be changed: `setFlagsFromString` has no
 * effect on it.
 */
const COMPILING = [
  // A module is compiled by the thread that makes it. Else it is the vCPU's, when a region is first entered.
  "--no-wasm-lazy-compilation",
  // The baseline compiler's code is twice as slow as optimized code: what is executed at all often is optimized.
  "--wasm-tiering-budget=300000",
  // For what is optimized in threads that take their time from the guest, these cost more than they give. For the sake
  // of inlining, the baseline's code also notes what is called.
  "--no-wasm-inlining",
  "--no-wasm-loop-unrolling",
  "--no-wasm-loop-peeling",
  "--no-wasm-opt",
  // Generated code does not call itself, and what it calls in TypeScript, at least every few milliseconds, looks at the
  // stack and at what V8 asks of the thread.
  "--no-wasm-stack-checks",
  // TypeScript is optimized in the same threads, with less to compile: a third of what V8 would put into one function.
  "--max-inlined-bytecode-size-cumulative=300",
];

/**
 * The option of `deno run` with all of V8's, for a process that runs guest code.
 *
 * @param guarded whether all memories of its WebAssembly modules are guarded, so that nothing need check their bounds
 */
export function engineOptions(guarded = false): string {
  const options = [...wideArithmetic(), ...COMPILING, ...guarded ? ["--no-wasm-bounds-checks"] : []];
  return `--v8-flags=${options.join(",")}`;
}
