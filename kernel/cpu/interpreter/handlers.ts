/**
 * The handlers of the interpreter. The hottest stand in the run loop; any other is compiled, as a function of its own,
 * when the first instruction that needs it is decoded.
 *
 * @module
 */

import { CORE_FUNCTIONS, type CoreFunction } from "../core_functions.ts";
import { type Variant, variantKey } from "../variant.ts";
import { FunctionBuilder } from "../wasm/function_builder.ts";
import { ModuleBuilder } from "../wasm/module_builder.ts";
import { FIRST_HANDLER, HANDLER_PARAMS, HANDLER_RESULTS, importShared } from "./core_module.ts";
import { writeHandler } from "./interpreter_emitter.ts";

/** What every generated module imports. */
export interface SharedImports {
  readonly memory: WebAssembly.Memory;
  readonly ram: WebAssembly.Memory;
  readonly handlers: WebAssembly.Table;
}

/** Handlers by variant. */
export class Handlers {
  readonly #numbers = new Map<number, number>();
  readonly #variants: (Variant | undefined)[] = [];

  constructor(
    private readonly shared: SharedImports,
    /** Core functions, as the core module exports them and as it imports them. */
    private readonly core: Record<CoreFunction, WebAssembly.ExportValue>,
    private readonly bounce: number,
    inline: readonly Variant[],
  ) {
    this.#variants.length = FIRST_HANDLER;
    for (const variant of inline) this.#numbers.set(variantKey(variant), this.#variants.push(variant) - 1);
  }

  /** Number of the handler that executes a variant. */
  number(variant: Variant): number {
    const key = variantKey(variant);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#variants.push(variant) - 1;
    this.#compile(variant, number);
    this.#numbers.set(key, number);
    return number;
  }

  /** Variant that a handler executes. */
  variant(number: number): Variant | undefined {
    return this.#variants[number];
  }

  /** How many handlers there are. */
  get count(): number {
    return this.#variants.length;
  }

  #compile(variant: Variant, number: number): void {
    const m = new ModuleBuilder();
    importShared(m);
    const used = new Map<CoreFunction, number>();
    const core = (name: CoreFunction) => {
      const known = used.get(name);
      if (known !== undefined) return known;
      const [params, results] = CORE_FUNCTIONS[name];
      const index = m.importFunction("core", name, params, results);
      used.set(name, index);
      return index;
    };
    const f = new FunctionBuilder(HANDLER_PARAMS);
    writeHandler(f, variant, this.bounce, { record: f.param("i32", 0), core });
    m.exportWritten("handler", HANDLER_PARAMS, HANDLER_RESULTS, f);
    const { shared } = this;
    const engine = { memory: shared.memory, ram: shared.ram, handlers: shared.handlers };
    const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), { engine, core: this.core });
    if (number >= shared.handlers.length) shared.handlers.grow(1024);
    shared.handlers.set(number, instance.exports["handler"] as () => void);
  }
}
