/**
 * The thread that compiles a vCPU's hot code.
 *
 * @module
 */

import { compileBatch, type CompileStart } from "./compile_service.ts";
import { CoveredCode } from "./covered_code.ts";
import { Compiler, type CompileRequest } from "./compiler.ts";

/** Most regions of one module. */
const BATCH = 32;
/** Milliseconds for which fewer requests than are enough wait for others: a module costs the guest's thread much. */
const GATHERING = 20;
const ENOUGH = 16;
/** After as many milliseconds without compiling, one request is not likely to be the first of many. */
const PAUSE = 50;

addEventListener("message", (event) => {
  const { port, answers, ...code } = (event as MessageEvent<CompileStart>).data;
  const compiler = new Compiler(code, new CoveredCode());
  const waiting: CompileRequest[] = [];
  let compiled = 0;
  const gather = () => {
    const atOnce = waiting.length >= ENOUGH || performance.now() - compiled > PAUSE;
    setTimeout(compileWaiting, atOnce ? 0 : GATHERING);
  };
  const compileWaiting = () => {
    const requests = waiting.splice(0, BATCH);
    if (waiting.length > 0) gather();
    port.postMessage(compileBatch(compiler, requests));
    Atomics.add(answers, 0, 1);
    compiled = performance.now();
  };
  port.onmessage = ({ data }) => {
    const idle = waiting.length === 0;
    waiting.push(...data as CompileRequest[]);
    if (idle) gather();
  };
});
