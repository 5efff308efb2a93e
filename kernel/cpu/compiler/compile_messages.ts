/**
 * What a vCPU and its compiling thread say to each other, in words: a message of objects costs the guest's thread tens of
 * microseconds, most of them for walking over what it has received.
 *
 * @module
 */

import type { CompileAnswer } from "./compile_service.ts";
import type { CompiledRegion, CompileRequest } from "./compiler.ts";

// A request: host, mode, page, context, slot, whether it expects what the TLBs do not answer, first exit.
const REQUEST_SIZE = 40;

/** Requests in bytes. */
export function encodeRequests(requests: readonly CompileRequest[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(requests.length * REQUEST_SIZE));
  for (const [index, request] of requests.entries()) {
    const at = index * REQUEST_SIZE;
    view.setUint32(at, request.host, true);
    view.setUint32(at + 4, request.mode, true);
    view.setBigInt64(at + 8, request.page, true);
    view.setBigInt64(at + 16, request.context, true);
    view.setUint32(at + 24, request.slot, true);
    view.setUint32(at + 28, request.expectsUnknown ? 1 : 0, true);
    view.setUint32(at + 32, request.firstExit, true);
  }
  return new Uint8Array(view.buffer);
}

/** The same requests. */
export function decodeRequests(bytes: Uint8Array<ArrayBuffer>): CompileRequest[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: bytes.length / REQUEST_SIZE }, (_, index) => {
    const at = index * REQUEST_SIZE;
    return {
      host: view.getUint32(at, true),
      mode: view.getUint32(at + 4, true),
      page: view.getBigInt64(at + 8, true),
      context: view.getBigInt64(at + 16, true),
      slot: view.getUint32(at + 24, true),
      expectsUnknown: view.getUint32(at + 28, true) !== 0,
      firstExit: view.getUint32(at + 32, true),
    };
  });
}

/** What has become of a request. */
enum Outcome {
  /** It cannot be compiled. */
  Refused,
  PutOff,
  /** Its pieces and exits follow: their numbers, then the pieces' ends, then the exits. */
  Compiled,
}

/** An answer as it is posted. */
export interface AnswerMessage extends Pick<CompileAnswer, "module" | "size" | "source" | "time"> {
  /** For each request its slot, and {@link Outcome}. */
  readonly words: SharedArrayBuffer;
}

/** Puts an answer into words. */
export function encodeAnswer({ requests, regions, putOff, ...rest }: CompileAnswer): AnswerMessage {
  const compiled = new Map(regions.map((region) => [region.request.slot, region]));
  const later = new Set(putOff);
  const words = requests.flatMap((request) => {
    const region = compiled.get(request.slot);
    if (region === undefined) return [request.slot, later.has(request) ? Outcome.PutOff : Outcome.Refused];
    const { pieces, exits } = region;
    return [request.slot, Outcome.Compiled, pieces.length, exits.length, ...pieces.flat(), ...exits];
  });
  const shared = new SharedArrayBuffer(words.length * 4);
  new Uint32Array(shared).set(words);
  return { ...rest, words: shared };
}

/** The same answer. `requested` gives, and forgets, the request with a slot. */
export function decodeAnswer(
  message: AnswerMessage,
  requested: (slot: number) => CompileRequest,
): CompileAnswer {
  const { words: shared, ...rest } = message;
  const words = new Uint32Array(shared);
  const requests: CompileRequest[] = [];
  const regions: CompiledRegion[] = [];
  const putOff: CompileRequest[] = [];
  let at = 0;
  const take = () => words[at++]!;
  while (at < words.length) {
    const request = requested(take());
    requests.push(request);
    const outcome: Outcome = take();
    if (outcome === Outcome.PutOff) putOff.push(request);
    if (outcome !== Outcome.Compiled) continue;
    const [pieceCount, exitCount] = [take(), take()];
    const pieces = Array.from({ length: pieceCount }, () => [take(), take()] as const);
    const exits = Array.from({ length: exitCount }, take);
    regions.push({ request, pieces, exits });
  }
  return { ...rest, requests, regions, putOff };
}
