/**
 * The thread that compiles a vCPU's hot code.
 *
 * @module
 */

import { Ring } from "../../channel/ring.ts";
import { decodeRequests, encodeAnswer } from "./compile_messages.ts";
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
  const { port, requests, answers, ...code } = (event as MessageEvent<CompileStart>).data;
  const compiler = new Compiler(code, new CoveredCode());
  const ring = new Ring(requests);
  const waiting: CompileRequest[] = [];
  const sleeping = new Int32Array(new SharedArrayBuffer(4));
  let compiled = 0;
  const receive = () => void waiting.push(...decodeRequests(ring.read()));
  /** Waits for a request, and then a while for others, which wake nobody: that too would cost the guest's thread. */
  const gather = () => {
    for (;;) {
      const { events } = ring;
      receive();
      if (waiting.length > 0) break;
      ring.wait(events);
    }
    if (waiting.length >= ENOUGH || performance.now() - compiled > PAUSE) return;
    Atomics.wait(sleeping, 0, 0, GATHERING);
    receive();
  };
  for (;;) {
    gather();
    port.postMessage(encodeAnswer(compileBatch(compiler, waiting.splice(0, BATCH))));
    Atomics.add(answers, 0, 1);
    compiled = performance.now();
  }
});
