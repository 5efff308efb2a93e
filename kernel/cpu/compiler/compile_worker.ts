/**
 * The thread that compiles a vCPU's hot code.
 *
 * @module
 */

import { setFlagsFromString } from "node:v8";
import { compileBatch, type CompileStart } from "./compile_service.ts";
import { Compiler, type CompileRequest } from "./compiler.ts";

/** Most regions of one module. */
const BATCH = 32;

/** Regions are hot: they go to the optimizing compiler at once, and in this thread. */
function optimize(on: boolean): void {
  setFlagsFromString(on ? "--no-liftoff" : "--liftoff");
  setFlagsFromString(on ? "--no-wasm-lazy-compilation" : "--wasm-lazy-compilation");
}

addEventListener("message", (event) => {
  const { port, ...code } = (event as MessageEvent<CompileStart>).data;
  const compiler = new Compiler(code);
  const waiting: CompileRequest[] = [];
  const compileWaiting = () => {
    const requests = waiting.splice(0, BATCH);
    if (requests.length === 0) return;
    optimize(true);
    try {
      port.postMessage(compileBatch(compiler, requests));
    } finally {
      optimize(false);
    }
    setTimeout(compileWaiting, 0);
  };
  port.onmessage = ({ data }) => {
    if (waiting.push(data as CompileRequest) === 1) setTimeout(compileWaiting, 0);
  };
});
