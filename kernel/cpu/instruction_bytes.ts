/**
 * The code at an address, for diagnostics: looking changes nothing.
 *
 * @module
 */

import { LONGEST_INSTRUCTION } from "./disassembler.ts";
import { Access } from "./page_walk.ts";
import type { SoftwareCpu } from "./software_cpu.ts";

const PAGE = 4096n;

/** Bytes from the linear address `address` on, as many as an instruction may have; fewer where nothing is mapped. */
export function instructionBytes(cpu: SoftwareCpu, address: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LONGEST_INSTRUCTION);
  for (let done = 0; done < bytes.length;) {
    const at = (address + BigInt(done)) & cpu.linearMask;
    const host = ramOffset(cpu, at);
    if (host === undefined) return bytes.subarray(0, done);
    const count = Math.min(bytes.length - done, Number(PAGE - at % PAGE));
    bytes.set(new Uint8Array(cpu.ram.buffer, host, count), done);
    done += count;
  }
  return bytes;
}

/** Where a linear address lies in RAM, for the code that runs or for the system. */
export function ramOffset(cpu: SoftwareCpu, address: bigint): number | undefined {
  for (const access of [Access.FETCH, Access.SYSTEM]) {
    const gpa = cpu.translate(BigInt.asIntN(64, address), access | Access.PROBE);
    const host = gpa < 0n ? -1 : cpu.ramOffset(Number(gpa));
    if (host >= 0) return host;
  }
  return undefined;
}
