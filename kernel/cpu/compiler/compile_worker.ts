/**
 * The thread that compiles a vCPU's hot code.
 *
 * @module
 */

import { Ring } from "../../channel/ring.ts";
import { decodeRequests, encodeAnswer } from "./compile_messages.ts";
import { CompileQueue } from "./compile_queue.ts";
import { compileBatch, type CompileStart } from "./compile_service.ts";
import { CoveredCode } from "./covered_code.ts";
import { Compiler } from "./compiler.ts";

/** Milliseconds for which fewer requests than are enough wait for others. */
const GATHERING = 20;
const ENOUGH = 16;
/** After as many milliseconds without compiling, one request is not likely to be the first of many. */
const PAUSE = 50;

addEventListener("message", (event) => {
  const { port, requests, answers, heat, ...code } = (event as MessageEvent<CompileStart>).data;
  const compiler = new Compiler(code, new CoveredCode());
  const ring = new Ring(requests);
  const queue = new CompileQueue(heat);
  let compiled = 0;
  const receive = () => queue.add(decodeRequests(ring.read()));
  /** Waits for a request, and then a while for others, which wake nobody: that too would cost the guest's thread. */
  const gather = () => {
    for (;;) {
      const { events } = ring;
      receive();
      if (queue.length > 0) break;
      ring.wait(events);
    }
    if (queue.length >= ENOUGH || performance.now() - compiled > PAUSE) return;
    queue.linger(GATHERING);
    receive();
  };
  for (;;) {
    gather();
    port.postMessage(encodeAnswer(compileBatch(compiler, queue.take())));
    Atomics.add(answers, 0, 1);
    compiled = performance.now();
  }
});
