/**
 * The handlers of the interpreter. The hottest stand in the run loop; any other is a function of its own. Those that have
 * been asked for are compiled together, when the first of them is executed: a module costs more than a function in it.
 *
 * @module
 */

import type { CoreFunction } from "../core_functions.ts";
import { FunctionBuilder, Table } from "../wasm/function_builder.ts";
import { growTable } from "../wasm/grow_table.ts";
import { ModuleBuilder } from "../wasm/module_builder.ts";
import { commonHandlers } from "./common_handlers.ts";
import { FIRST_HANDLER, HANDLER_PARAMS, HANDLER_RESULTS, importCore, importShared } from "./core_module.ts";
import { type Handler, handlerKey, HANDLERS_PER_FORM, writeHandler } from "./handler.ts";

/** What every generated module imports. */
export interface SharedImports {
  readonly memory: WebAssembly.Memory;
  readonly ram: WebAssembly.Memory;
  readonly handlers: WebAssembly.Table;
  readonly regions: WebAssembly.Table;
}

/** How many handlers are compiled at once, at most: about as many instructions as a run has. */
const MOST_MISSING = 100;

/** Code of a mode that has asked for as many is a system, and will need what all need. */
const SEVERAL = 40;

/** Handlers by number. */
export class Handlers {
  /** For each form the numbers by the rest of {@link handlerKey}. Looked into for each instruction that is decoded. */
  readonly #numbers: (Uint16Array | undefined)[] = [];
  readonly #handlers: (Handler | undefined)[] = [];
  /** How many have been asked for. */
  readonly #asked = { long: 0, flat: 0 };
  /** Numbers of handlers that are not compiled yet. */
  readonly #missing: number[] = [];

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
    const number = this.#addMissing(handler);
    const { bits64, flat } = handler.variant;
    if ((bits64 || flat) && ++this.#asked[bits64 ? "long" : "flat"] === SEVERAL) this.#addCommon(bits64);
    return number;
  }

  #addCommon(bits64: boolean): void {
    for (const handler of commonHandlers(bits64)) {
      if (this.known(handlerKey(handler)) === 0) this.#addMissing(handler);
    }
  }

  /** Adds one that is a function. */
  #addMissing(handler: Handler): number {
    const number = this.#add(handler);
    const table = this.shared.handlers;
    if (number >= table.length) growTable(table, 1024);
    if (this.#missing.push(number) === MOST_MISSING) this.compile();
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

  /** Compiles those that are not yet. */
  compile(): void {
    const { shared } = this;
    const m = new ModuleBuilder();
    importShared(m, shared.ram.buffer.byteLength >>> 16);
    const core = importCore(m);
    for (const number of this.#missing.splice(0)) {
      const f = new FunctionBuilder(HANDLER_PARAMS);
      const record = f.param("i32", 0);
      writeHandler(f, this.#handlers[number]!, this.bounce, { record, counts: this.counts, core });
      m.place(Table.Handlers, number, HANDLER_PARAMS, HANDLER_RESULTS, f);
    }
    new WebAssembly.Instance(new WebAssembly.Module(m.finish()), { engine: { ...shared }, core: this.core });
  }
}
