/**
 * Compiles what has become hot when it is told to: then all code has been reached that will be, and one region holds it.
 *
 * @module
 */

import {
  type CodeToCompile,
  compileAtOnce,
  type CompileService,
} from "../../kernel/cpu/compiler/compile_service.ts";
import type { CompileRequest } from "../../kernel/cpu/compiler/compiler.ts";

/** Compiles for one engine at a time. */
export class HeldCompiler {
  #service: CompileService | undefined;
  #held: CompileRequest[] = [];
  /** Whether requests wait for {@link release}. */
  holding = false;

  /** Makes the service of an engine. */
  readonly compile = (code: CodeToCompile): CompileService => {
    const service = this.#service = compileAtOnce(code);
    this.#held = [];
    return {
      ...service,
      request: (requests) => {
        if (this.holding) this.#held.push(...requests);
        else service.request(requests);
      },
    };
  };

  /** Compiles what has been asked for meanwhile, as far as it is `wanted`; the rest is never compiled. */
  release(wanted: (request: CompileRequest) => boolean): void {
    this.holding = false;
    this.#service!.request(this.#held.splice(0).filter(wanted));
  }
}
