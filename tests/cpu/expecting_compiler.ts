/**
 * Compiles code so that it makes all accesses itself, also those that the TLBs do not answer: code that leaves them to the
 * interpreter is only compiled so after many of them.
 *
 * @module
 */

import {
  type CodeToCompile,
  compileAtOnce,
  type CompileService,
} from "../../kernel/cpu/compiler/compile_service.ts";

/** Compiles in this thread, as `compileAtOnce` does. */
export function compileExpecting(code: CodeToCompile): CompileService {
  const service = compileAtOnce(code);
  return {
    ...service,
    request: (requests) => service.request(requests.map((request) => ({ ...request, expectsUnknown: true }))),
  };
}
