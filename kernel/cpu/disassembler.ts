/**
 * Machine code as text, by iced-x86. Only diagnostics load it.
 *
 * @module
 */

import { CodeMode } from "./state.ts";

/** Most bytes of an instruction. */
export const LONGEST_INSTRUCTION = 15;

const BITS: { readonly [mode in CodeMode]: number } = {
  [CodeMode.Bits16]: 16,
  [CodeMode.Bits32]: 32,
  [CodeMode.Bits64]: 64,
  [CodeMode.Flat32]: 32,
};

/** FormatterSyntax.Intel. */
const INTEL = 1;
/** DecoderOptions.None. */
const NO_OPTIONS = 0;

/** What is used of the module's exports. Where there is a `result` address, that is where results are left. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly __wbindgen_add_to_stack_pointer: (bytes: number) => number;
  readonly __wbindgen_malloc: (size: number, alignment: number) => number;
  readonly __wbindgen_free: (address: number, size: number, alignment: number) => void;
  readonly decoder_new: (
    result: number,
    bits: number,
    data: number,
    length: number,
    options: number,
  ) => void;
  readonly decoder_set_ip: (decoder: number, ip: bigint) => void;
  readonly decoder_decodeOut: (decoder: number, instruction: number) => void;
  readonly decoder_lastError: (decoder: number) => number;
  readonly __wbg_decoder_free: (decoder: number) => void;
  readonly instruction_new: () => number;
  readonly instruction_length: (instruction: number) => number;
  readonly formatter_new: (result: number, syntax: number) => void;
  readonly formatter_format: (result: number, formatter: number, instruction: number) => void;
}

/** One instruction. */
export interface Disassembled {
  /** In Intel's syntax; `(bad)` if it is none. */
  readonly text: string;
  /** Bytes that it has. */
  readonly length: number;
}

/** Turns machine code into text. */
export class Disassembler {
  readonly #exports: Exports;
  readonly #formatter: number;
  readonly #instruction: number;
  readonly #decoder = new TextDecoder();

  private constructor(module: WebAssembly.Module) {
    // Its imports make JavaScript objects, which nothing that is called here does.
    const imports = WebAssembly.Module.imports(module).map(({ name }) => [name, () => fail(name)]);
    const instance = new WebAssembly.Instance(module, {
      __wbindgen_placeholder__: Object.fromEntries(imports),
    });
    this.#exports = instance.exports as unknown as Exports;
    this.#formatter = this.#withResult((result) => this.#exports.formatter_new(result, INTEL))[0];
    this.#instruction = this.#exports.instruction_new();
  }

  /** Loads the module. @throws {Error} if it cannot be had */
  static async load(): Promise<Disassembler> {
    try {
      const { default: module }: { default: WebAssembly.Module } = await import("./iced_x86.js");
      return new Disassembler(module);
    } catch (error) {
      throw new Error(`Cannot load the disassembler: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** The instruction that `bytes` begin with, which lies at `rip`. */
  disassemble(bytes: Uint8Array, mode: CodeMode, rip: bigint): Disassembled {
    const exports = this.#exports;
    const data = exports.__wbindgen_malloc(Math.max(bytes.length, 1), 1);
    new Uint8Array(exports.memory.buffer).set(bytes, data);
    // The decoder owns the bytes from here on.
    const [decoder] = this.#withResult((result) =>
      exports.decoder_new(result, BITS[mode], data, bytes.length, NO_OPTIONS)
    );
    try {
      exports.decoder_set_ip(decoder, BigInt.asIntN(64, rip));
      exports.decoder_decodeOut(decoder, this.#instruction);
      const length = exports.instruction_length(this.#instruction);
      if (exports.decoder_lastError(decoder) !== 0) return { text: "(bad)", length };
      return { text: this.#format(), length };
    } finally {
      exports.__wbg_decoder_free(decoder);
    }
  }

  #format(): string {
    const exports = this.#exports;
    const [text, length] = this.#withResult((result) =>
      exports.formatter_format(result, this.#formatter, this.#instruction)
    );
    try {
      return this.#decoder.decode(new Uint8Array(exports.memory.buffer, text, length));
    } finally {
      exports.__wbindgen_free(text, length, 1);
    }
  }

  /** Calls what leaves its result in memory; gives the first two words of that. */
  #withResult(call: (result: number) => void): [number, number] {
    const exports = this.#exports;
    const result = exports.__wbindgen_add_to_stack_pointer(-16);
    try {
      call(result);
      const words = new Uint32Array(exports.memory.buffer, result, 2);
      return [words[0]!, words[1]!];
    } finally {
      exports.__wbindgen_add_to_stack_pointer(16);
    }
  }
}

function fail(name: string): never {
  throw new Error(`Disassembler needs "${name}", which it is not given`);
}
