/**
 * Who compiles hot code: this thread at once, or another one meanwhile.
 *
 * @module
 */

import { receiveMessageOnPort } from "node:worker_threads";
import { makeRing, Ring } from "../../channel/ring.ts";
import type { ThreadStart, ThreadStarter } from "../../vcpu_requests.ts";
import { type AnswerMessage, decodeAnswer, encodeRequests } from "./compile_messages.ts";
import { coolDown, heatUp, makeHeat } from "./compile_queue.ts";
import { type CompiledBatch, Compiler, type CompileRequest } from "./compiler.ts";

/** Regions that have been compiled, and what had been asked for. */
export interface CompileAnswer extends Omit<CompiledBatch, "module"> {
  readonly requests: readonly CompileRequest[];
  /** `undefined` if there are no regions. */
  readonly module: WebAssembly.Module | undefined;
  /** Bytes of the module. */
  readonly size: number;
  /** How long it took, in nanoseconds. */
  readonly time: number;
}

/** Code that is compiled. */
export interface CodeToCompile {
  /** RAM memory. */
  readonly ram: WebAssembly.Memory;
  /** The vCPU's engine memory. */
  readonly engine: WebAssembly.Memory;
  /** A bit for each byte of RAM: whether a run begins there. */
  readonly starts: Uint8Array;
  /** Where RAM memory's bounce buffer lies. */
  readonly bounce: number;
}

/** Takes places to compile, and gives regions. */
export interface CompileService {
  /** How many requests are best made at once. */
  readonly batch: number;
  request(requests: readonly CompileRequest[]): void;
  /** Code that has been asked for is entered some hundred times more. */
  hurry(slot: number): void;
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
    batch: 1,
    request: (requests) => void answers.push(...requests.map((request) => compileBatch(compiler, [request]))),
    hurry: () => {},
    take: () => answers.shift(),
  };
}

/** Requests that are made at once: each time the other thread may have to be woken. */
const REQUESTS = 8;

/** Compiles in a thread of its own, while the guest goes on in the interpreter. */
export function compileMeanwhile(code: CodeToCompile, startThread: ThreadStarter): CompileService {
  const { port1, port2 } = new MessageChannel();
  const requests = makeRing();
  const ring = new Ring(requests);
  const answers = new Int32Array(new SharedArrayBuffer(4));
  const heat = makeHeat();
  const start: CompileStart = { ...code, port: port2, requests, answers, heat };
  startThread(new URL("./compile_worker.ts", import.meta.url), "compiler", start);
  let taken = 0;
  /** Requests that there was no room for. */
  let unsent: CompileRequest[] = [];
  /** Requests that have not been answered, by slot. */
  const asked = new Map<number, CompileRequest>();
  const requested = (slot: number) => {
    const request = asked.get(slot)!;
    asked.delete(slot);
    return request;
  };
  return {
    batch: REQUESTS,
    request: (requests) => {
      for (const request of requests) {
        asked.set(request.slot, request);
        coolDown(heat, request.slot);
      }
      unsent.push(...requests);
      if (ring.tryWrite(encodeRequests(unsent))) unsent = [];
    },
    hurry: (slot) => heatUp(heat, slot),
    take: () => {
      // To look for a message takes two microseconds, and the guest waits.
      if (Atomics.load(answers, 0) === taken) return undefined;
      const received = receiveMessageOnPort(port1 as unknown as Parameters<typeof receiveMessageOnPort>[0]);
      if (received === undefined) return undefined;
      taken++;
      return decodeAnswer(received.message as AnswerMessage, requested);
    },
  };
}

/** What a compiling thread is started with. */
export interface CompileStart extends CodeToCompile, ThreadStart {
  /** A {@link Ring} of requests. */
  readonly requests: SharedArrayBuffer;
  /** How many answers have been sent. */
  readonly answers: Int32Array;
  /** See `compile_queue.ts`. */
  readonly heat: Int32Array;
}

/** Compiles what can be. */
export function compileBatch(compiler: Compiler, requests: readonly CompileRequest[]): CompileAnswer {
  const start = performance.now();
  const batch = compiler.compile(requests);
  // Typed arrays in a message cost their receiver microseconds for each hundred bytes: there is none.
  const module = batch.module === undefined ? undefined : new WebAssembly.Module(batch.module);
  const time = (performance.now() - start) * 1e6;
  return { ...batch, requests, module, size: batch.module?.length ?? 0, time };
}
