/**
 * Who compiles hot code.
 *
 * @module
 */

import { type CompiledBatch, Compiler, type CompileRequest } from "./compiler.ts";

/** Regions that have been compiled, and what had been asked for. */
export interface CompileAnswer {
  readonly requests: readonly CompileRequest[];
  /** Absent where nothing could be compiled. */
  readonly batch?: CompiledBatch;
  readonly module?: WebAssembly.Module;
}

/** Code that is compiled. */
export interface CodeToCompile {
  /** RAM memory. */
  readonly ram: WebAssembly.Memory;
  /** A bit for each byte of RAM: whether a run begins there. */
  readonly starts: Uint8Array;
  /** Where RAM memory's bounce buffer lies. */
  readonly bounce: number;
}

/** Takes places to compile, and gives regions. */
export interface CompileService {
  request(request: CompileRequest): void;
  /** The next answer that is there. */
  take(): CompileAnswer | undefined;
}

/** Makes a service for one vCPU's code. */
export type CompileServiceFactory = (code: CodeToCompile) => CompileService;

/** Compiles in this thread, while the guest waits. */
export function compileAtOnce(code: CodeToCompile): CompileService {
  const compiler = new Compiler(code);
  const answers: CompileAnswer[] = [];
  return {
    request: (request) => void answers.push(compileBatch(compiler, [request])),
    take: () => answers.shift(),
  };
}

/** Compiles what can be. */
export function compileBatch(compiler: Compiler, requests: readonly CompileRequest[]): CompileAnswer {
  const batch = compiler.compile(requests);
  return batch === undefined
    ? { requests }
    : { requests, batch, module: new WebAssembly.Module(batch.module) };
}
