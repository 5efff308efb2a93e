/**
 * Puts a WebAssembly module together from functions.
 *
 * @module
 */

import { type Type, TYPE_CODE } from "./expression.ts";
import { FunctionBuilder } from "./function_builder.ts";
import { Writer } from "./writer.ts";

type Hints = ReturnType<FunctionBuilder["hints"]>;

/** A module under construction. Imports come before functions. */
export class ModuleBuilder {
  readonly #types: string[] = [];
  readonly #typeBytes: Writer[] = [];
  readonly #imports: Writer[] = [];
  #importedFunctions = 0;
  readonly #functions: { type: number; results: number; code: Writer | undefined; hints: Hints }[] = [];
  readonly #exports: { name: string; kind: number; index: number }[] = [];
  readonly #tables: { type: number; size: number; filled: number }[] = [];
  readonly #elements: { table: number; at: number; function: number }[] = [];

  /** Index of a function type. */
  type(params: readonly Type[], results: readonly Type[]): number {
    const key = `${params.join()}:${results.join()}`;
    const known = this.#types.indexOf(key);
    if (known >= 0) return known;
    const bytes = new Writer();
    bytes.byte(0x60);
    for (const list of [params, results]) {
      bytes.unsigned(list.length);
      for (const type of list) bytes.byte(TYPE_CODE[type]);
    }
    this.#typeBytes.push(bytes);
    return this.#types.push(key) - 1;
  }

  /** Imports a shared memory of at least `minimum` and at most `maximum` pages of 64 KiB. */
  importMemory(module: string, name: string, minimum: number, maximum: number): void {
    const bytes = this.#import(module, name, 0x02);
    bytes.byte(0x03);
    bytes.unsigned(minimum);
    bytes.unsigned(maximum);
  }

  /** Imports a table of functions of a type. */
  importTable(module: string, name: string, type: number): void {
    const bytes = this.#import(module, name, 0x01);
    functionReference(bytes, type);
    limits(bytes, 0);
  }

  /**
   * Defines and exports a table of functions of a type; all its entries are the function `filled` at first. No entry is
   * ever null, so a call through it looks neither for that nor for the type. The module imports no tables.
   */
  exportTable(name: string, type: number, size: number, filled: number): void {
    this.#exports.push({ name, kind: 0x01, index: this.#tables.push({ type, size, filled }) - 1 });
  }

  /** Imports a function; gives its index. */
  importFunction(module: string, name: string, params: readonly Type[], results: readonly Type[]): number {
    const type = this.type(params, results);
    this.#import(module, name, 0x00).unsigned(type);
    return this.#importedFunctions++;
  }

  /** Announces a function, so that others can call it before it is defined. */
  declare(params: readonly Type[], results: readonly Type[]): number {
    this.#functions.push({
      type: this.type(params, results),
      results: results.length,
      code: undefined,
      hints: [],
    });
    return this.#importedFunctions + this.#functions.length - 1;
  }

  /** Gives a declared function its body. */
  define(index: number, params: readonly Type[], body: (f: FunctionBuilder) => void): void {
    const f = new FunctionBuilder(params);
    body(f);
    const target = this.#functions[index - this.#importedFunctions]!;
    // Results are always returned explicitly, so the end is never reached.
    if (target.results > 0) f.unreachable();
    target.code = f.finish();
    target.hints = f.hints();
  }

  /**
   * Adds a function whose body was written before, which becomes entry `at` of an imported table when the module is
   * instantiated. Functions may be imported after it.
   */
  place(
    table: number,
    at: number,
    params: readonly Type[],
    results: readonly Type[],
    f: FunctionBuilder,
  ): void {
    if (results.length > 0) f.unreachable();
    const written = {
      type: this.type(params, results),
      results: results.length,
      code: f.finish(),
      hints: f.hints(),
    };
    this.#elements.push({ table, at, function: this.#functions.push(written) - 1 });
  }

  /** Declares, defines and exports a function. */
  exportFunction(
    name: string,
    params: readonly Type[],
    results: readonly Type[],
    body: (f: FunctionBuilder) => void,
  ): number {
    const index = this.declare(params, results);
    this.define(index, params, body);
    this.export(name, index);
    return index;
  }

  /** Exports a function. */
  export(name: string, index: number): void {
    this.#exports.push({ name, kind: 0x00, index });
  }

  /** The module in binary form. */
  finish(): Uint8Array<ArrayBuffer> {
    const module = new Writer();
    module.bytes([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    section(module, 1, this.#typeBytes, (out, type) => out.bytes(type.view()));
    section(module, 2, this.#imports, (out, item) => out.bytes(item.view()));
    section(module, 3, this.#functions, (out, item) => out.unsigned(item.type));
    section(module, 4, this.#tables, (out, { type, size, filled }) => {
      out.bytes([0x40, 0x00]);
      functionReference(out, type);
      limits(out, size);
      functionExpression(out, filled);
    });
    section(module, 7, this.#exports, (out, item) => {
      out.name(item.name);
      out.byte(item.kind);
      out.unsigned(item.index);
    });
    section(module, 9, this.#elements, (out, item) => {
      // Active, with the number of its table; functions by expressions.
      out.bytes([0x06, item.table, 0x41]);
      out.signed(BigInt(item.at));
      out.byte(0x0b);
      functionReference(out, this.#functions[item.function]!.type);
      out.unsigned(1);
      functionExpression(out, this.#importedFunctions + item.function);
    });
    this.#branchHints(module);
    section(module, 10, this.#functions, (out, item) => {
      if (item.code === undefined) throw new Error("A declared function was not defined");
      out.sized(item.code);
    });
    return module.view().slice();
  }

  /** Which branches are rarely taken: a custom section of its own, directly before the code. */
  #branchHints(module: Writer): void {
    const hinted = this.#functions.flatMap(({ hints }, index) => hints.length > 0 ? [{ hints, index }] : []);
    if (hinted.length === 0) return;
    const body = new Writer();
    body.name("metadata.code.branch_hint");
    body.unsigned(hinted.length);
    for (const { hints, index } of hinted) {
      body.unsigned(this.#importedFunctions + index);
      body.unsigned(hints.length);
      for (const [offset, likely] of hints) {
        body.unsigned(offset);
        body.unsigned(1);
        body.byte(likely);
      }
    }
    module.byte(0);
    module.sized(body);
  }

  #import(module: string, name: string, kind: number): Writer {
    const bytes = new Writer();
    bytes.name(module);
    bytes.name(name);
    bytes.byte(kind);
    this.#imports.push(bytes);
    return bytes;
  }
}

/** Type of a reference to a function that is not null. */
function functionReference(out: Writer, type: number): void {
  out.byte(0x64);
  out.unsigned(type);
}

function limits(out: Writer, minimum: number): void {
  out.byte(0x00);
  out.unsigned(minimum);
}

/** A constant: the reference to a function. */
function functionExpression(out: Writer, index: number): void {
  out.byte(0xd2);
  out.unsigned(index);
  out.byte(0x0b);
}

function section<T>(
  module: Writer,
  id: number,
  items: readonly T[],
  write: (out: Writer, item: T) => void,
): void {
  if (items.length === 0) return;
  const body = new Writer();
  body.unsigned(items.length);
  for (const item of items) write(body, item);
  module.byte(id);
  module.sized(body);
}
