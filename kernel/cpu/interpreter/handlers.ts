/**
 * The handlers of the interpreter. The hottest stand in the run loop; any other is compiled, as a function of its own,
 * when the first instruction that needs it is decoded.
 *
 * @module
 */

import type { CoreFunction } from "../core_functions.ts";
import { FunctionBuilder, Table } from "../wasm/function_builder.ts";
import { growTable } from "../wasm/grow_table.ts";
import { ModuleBuilder } from "../wasm/module_builder.ts";
import { FIRST_HANDLER, HANDLER_PARAMS, HANDLER_RESULTS, importCore, importShared } from "./core_module.ts";
import { type Handler, handlerKey, HANDLERS_PER_FORM, writeHandler } from "./handler.ts";

/** What every generated module imports. */
export interface SharedImports {
  readonly memory: WebAssembly.Memory;
  readonly ram: WebAssembly.Memory;
  readonly handlers: WebAssembly.Table;
  readonly regions: WebAssembly.Table;
}

/** Handlers by number. */
export class Handlers {
  /** For each form the numbers by the rest of {@link handlerKey}. Looked into for each instruction that is decoded. */
  readonly #numbers: (Uint16Array | undefined)[] = [];
  readonly #handlers: (Handler | undefined)[] = [];

  constructor(
    private readonly shared: SharedImports,
    /** Core functions, as the core module exports them and as it imports them. */
    private readonly core: Record<CoreFunction, WebAssembly.ExportValue>,
    private readonly bounce: number,
    inline: readonly Handler[],
    private readonly counts: boolean,
  ) {
    this.#handlers.length = FIRST_HANDLER;
    for (const handler of inline) this.#add(handler);
  }

  /** Number of the handler that has this {@link handlerKey}; 0 if there is none. */
  known(key: number): number {
    return this.#numbers[Math.floor(key / HANDLERS_PER_FORM)]?.[key % HANDLERS_PER_FORM] ?? 0;
  }

  /** Number of a handler. */
  number(handler: Handler): number {
    const known = this.known(handlerKey(handler));
    if (known !== 0) return known;
    const number = this.#add(handler);
    this.#compile(handler, number);
    return number;
  }

  #add(handler: Handler): number {
    const key = handlerKey(handler);
    const number = this.#handlers.push(handler) - 1;
    const form = this.#numbers[handler.variant.form.index] ??= new Uint16Array(HANDLERS_PER_FORM);
    return form[key % HANDLERS_PER_FORM] = number;
  }

  /** What a handler executes. */
  handler(number: number): Handler | undefined {
    return this.#handlers[number];
  }

  /** How many handlers there are. */
  get count(): number {
    return this.#handlers.length;
  }

  #compile(handler: Handler, number: number): void {
    const m = new ModuleBuilder();
    importShared(m, this.shared.ram.buffer.byteLength >>> 16);
    const f = new FunctionBuilder(HANDLER_PARAMS);
    writeHandler(f, handler, this.bounce, {
      record: f.param("i32", 0),
      counts: this.counts,
      core: importCore(m),
    });
    m.place(Table.Handlers, number, HANDLER_PARAMS, HANDLER_RESULTS, f);
    const { shared } = this;
    if (number >= shared.handlers.length) growTable(shared.handlers, 1024);
    new WebAssembly.Instance(new WebAssembly.Module(m.finish()), { engine: { ...shared }, core: this.core });
  }
}
