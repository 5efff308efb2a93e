import { assertEquals } from "@std/assert";
import { CodeMode } from "../state.ts";
import { decodeAnswer, decodeRequests, encodeAnswer, encodeRequests } from "./compile_messages.ts";
import type { CompileRequest } from "./compiler.ts";

/** A kernel's code, at the end of RAM. */
const KERNEL: CompileRequest = {
  host: 0xffff_f123,
  mode: CodeMode.Bits64,
  page: -0x7f00_0000_1000n,
  context: 0xff8n,
  slot: 65_535,
  expectsUnknown: true,
  firstExit: 0x3f_ffc0,
};
const PROGRAM: CompileRequest = {
  host: 0x1000,
  mode: CodeMode.Flat32,
  page: 0x0804_8000n,
  context: 4n,
  slot: 2,
  expectsUnknown: false,
  firstExit: 1,
};
const LIBRARY: CompileRequest = { ...PROGRAM, host: 0x2000, slot: 3 };

Deno.test("requests to compile are received as they were sent", () => {
  const requests = [KERNEL, PROGRAM, LIBRARY];
  assertEquals(decodeRequests(encodeRequests(requests).slice()), requests);
});

Deno.test("an answer tells of each request what has become of it", () => {
  const answer = {
    requests: [PROGRAM, KERNEL, LIBRARY],
    regions: [{
      request: KERNEL,
      pieces: [[0xffff_f123, 0xffff_f200], [0, 16]],
      exits: [0xffff_f300],
    }] as const,
    putOff: [LIBRARY],
    module: undefined,
    size: 77,
    source: new SharedArrayBuffer(4),
    time: 1.5e6,
  };
  const bySlot = new Map(answer.requests.map((request) => [request.slot, request]));
  assertEquals(decodeAnswer(encodeAnswer(answer), (slot) => bySlot.get(slot)!), answer);
});
