/**
 * Hot code to WebAssembly: from places in RAM to a module with a function for each.
 *
 * @module
 */

import type { CoreFunction } from "../core_functions.ts";
import { Decoder } from "../decoder.ts";
import { HANDLER_PARAMS, HANDLER_RESULTS, importCore, importShared } from "../interpreter/core_module.ts";
import { Record } from "../interpreter/record.ts";
import { RecordIndex, recordOf } from "../interpreter/record_index.ts";
import { EXIT_SIZE, EXITS } from "../layout.ts";
import { Table } from "../wasm/function_builder.ts";
import { ModuleBuilder } from "../wasm/module_builder.ts";
import { Writer } from "../wasm/writer.ts";
import { findBlocks } from "./blocks.ts";
import { type CodeEntry, type CodeMemory, CodePages, PAGE } from "./code_pages.ts";
import type { CodeToCompile } from "./compile_service.ts";
import type { CoveredCode } from "./covered_code.ts";
import { RegionEmitter } from "./region_emitter.ts";

/** A place to compile code from. */
export interface CompileRequest extends CodeEntry {
  /** Entry of the table of regions that it gets. */
  readonly slot: number;
  /** Accesses that the TLBs do not answer are expected: they are made where they are, not by the interpreter. */
  readonly expectsUnknown: boolean;
  /** Numbers of exits that it may use. */
  readonly firstExit: number;
}

/** A region that was compiled. */
export interface CompiledRegion {
  readonly request: CompileRequest;
  /** Offsets in RAM memory of the bytes that it was made from: first, and behind the last, of each piece. */
  readonly pieces: readonly (readonly [from: number, to: number])[];
  /** Where each exit leads: offset in RAM memory. */
  readonly exits: readonly number[];
}

/** Regions compiled together: a module that puts them into the table of regions when it is instantiated. */
export interface CompiledBatch {
  /** `undefined` if there are no regions. */
  readonly module: Uint8Array<ArrayBuffer> | undefined;
  readonly regions: readonly CompiledRegion[];
  /** The bytes that they were made from, piece after piece, region after region. */
  readonly source: SharedArrayBuffer;
  /** What is to be compiled when it is asked for once more. */
  readonly putOff: readonly CompileRequest[];
}

/** Most exits of a region that are linked; others go by the jump cache. */
export const EXITS_PER_REGION = 64;

/** Compiles code of one domain's RAM. */
export class Compiler {
  readonly #decoder = new Decoder();
  readonly #memory: CodeMemory;

  /** Without `covered`, each request is fulfilled. */
  constructor(private readonly code: CodeToCompile, private readonly covered?: CoveredCode) {
    const words = new Int32Array(code.engine.buffer);
    const records = new RecordIndex(words);
    this.#memory = {
      ram: new Uint8Array(code.ram.buffer),
      engine: new DataView(code.engine.buffer),
      targetFrom: (host, mode) => {
        const number = records.get(host, mode);
        return number === 0 ? 0 : words[(recordOf(number) + Record.TARGET) >> 2]!;
      },
      starts: code.starts,
    };
  }

  /** Compiles all that can be. */
  compile(requests: readonly CompileRequest[]): CompiledBatch {
    const m = new ModuleBuilder();
    importShared(m, this.code.ram.buffer.byteLength >>> 16);
    const core = importCore(m);
    const regions: CompiledRegion[] = [];
    const source = new Writer();
    const putOff: CompileRequest[] = [];
    for (const request of requests) {
      if (!request.expectsUnknown && this.covered?.putsOff(request.host) === true) {
        putOff.push(request);
        continue;
      }
      const region = this.#region(m, core, request, source);
      if (region !== undefined) regions.push(region);
    }
    const shared = new SharedArrayBuffer(source.length);
    new Uint8Array(shared).set(source.view());
    return { module: regions.length > 0 ? m.finish() : undefined, regions, source: shared, putOff };
  }

  #region(
    m: ModuleBuilder,
    core: (name: CoreFunction) => number,
    request: CompileRequest,
    source: Writer,
  ): CompiledRegion | undefined {
    const pages = new CodePages(this.#memory, this.#decoder, request);
    const blocks = findBlocks(pages, request.host % PAGE);
    if (blocks.length === 0) return undefined;
    const instructions = blocks.flatMap((block) => block.instructions);
    for (const { address, length, variant } of instructions) {
      const host = pages.host(address)!;
      this.covered?.add(host);
      if (variant.form.definition.name === "call") this.covered?.addAfterCall(host + length);
    }
    const exits: number[] = [];
    const exit = (address: number) => {
      if (exits.length === EXITS_PER_REGION) return undefined;
      return EXITS + (request.firstExit + exits.push(pages.host(address)!) - 1) * EXIT_SIZE;
    };
    const emitter = new RegionEmitter(blocks, {
      module: m,
      core,
      bounce: this.code.bounce,
      slot: request.slot,
      expectsUnknown: request.expectsUnknown,
      exit,
      page: (number) => pages.page(number)!.host,
    });
    m.place(Table.Regions, request.slot, HANDLER_PARAMS, HANDLER_RESULTS, emitter.emit());
    const pieces = pages.pieces(instructions).map(({ from, to, bytes }) => {
      source.bytes(bytes);
      return [from, to] as const;
    });
    return { request, pieces, exits };
  }
}
