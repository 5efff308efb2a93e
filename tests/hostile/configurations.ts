/**
 * The engines that every hostile guest runs on, and what no guest may make them use.
 *
 * @module
 */

import {
  type CodeToCompile,
  type CompileAnswer,
  compileAtOnce,
  type CompileService,
} from "../../kernel/cpu/compiler/compile_service.ts";
import { compileExpecting } from "../cpu/expecting_compiler.ts";
import type { SoftwareVcpuOptions } from "../../kernel/cpu/software_vcpu.ts";

/** One way to make a vCPU. */
export interface EngineConfiguration {
  readonly name: string;
  readonly options: Pick<SoftwareVcpuOptions, "compileThreshold" | "compileService">;
  /** Part of the usual number of rounds that is enough here: 1 or less. */
  readonly effort: number;
}

/** How often a vCPU looks for compiled code before it finds what it has asked for. */
const LATE = 4;

/** Compiles what is there when it is asked for, and hands it over when the guest may have changed it. */
function compileLate(code: CodeToCompile): CompileService {
  const service = compileAtOnce(code);
  const waiting: { readonly answer: CompileAnswer; left: number }[] = [];
  return {
    ...service,
    request: (requests) => {
      service.request(requests);
      for (let answer; (answer = service.take()) !== undefined;) waiting.push({ answer, left: LATE });
    },
    take: () => {
      for (const entry of waiting) entry.left--;
      return waiting.length > 0 && waiting[0]!.left < 0 ? waiting.shift()!.answer : undefined;
    },
  };
}

/** All of them. */
export const CONFIGURATIONS: readonly EngineConfiguration[] = [
  { name: "interpreted", options: {}, effort: 1 },
  // It makes all accesses itself; the others leave those to the interpreter that the TLBs do not answer.
  {
    name: "compiled at once",
    options: { compileThreshold: 1, compileService: compileExpecting },
    effort: 0.1,
  },
  { name: "compiled when hot", options: { compileThreshold: 64 }, effort: 1 },
  { name: "compiled late", options: { compileThreshold: 2, compileService: compileLate }, effort: 0.1 },
];

/**
 * Instructions that may be executed beyond what was granted, or after attention was asked for: a page of
 * instructions of one byte without a jump, and a few.
 */
export const OVERRUN = 4096 + 128;

/** Most bytes of an engine's memory. */
export const ENGINE_MEMORY_LIMIT = 256 << 20;

/** Most that this process may grow by while a guest runs, in bytes. */
export const PROCESS_GROWTH_LIMIT = 1 << 30;

/** Most that a counter of `Vcpu.statistics` may show after a test, by its name. */
export const COUNTER_LIMITS: { readonly [counter: string]: number } = {
  "tier0.handlers": 20_000,
};
