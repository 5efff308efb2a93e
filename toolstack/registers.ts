/**
 * A saved vCPU for people.
 *
 * @module
 */

import { decodeState, type StateValue } from "../kernel/abi/state.ts";

/** Registers in a line. */
const PER_LINE = 4;

/** Integer registers of a vCPU's saved state, in base64 as the control protocol has it; some lines. */
export function formatVcpu(base64: string): string {
  const { fields } = decodeState(Uint8Array.fromBase64(base64));
  const registers = Object.entries(fields).flatMap(([name, value]) => integers(name, value));
  const lines: string[] = [];
  for (let at = 0; at < registers.length; at += PER_LINE) {
    lines.push(registers.slice(at, at + PER_LINE).join(" "));
  }
  return lines.join("\n");
}

function integers(name: string, value: StateValue): string[] {
  if (typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value))) {
    return [`${name.toUpperCase()}=${BigInt.asUintN(64, BigInt(value)).toString(16).padStart(16, "0")}`];
  }
  return [];
}
