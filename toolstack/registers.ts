/**
 * A saved vCPU for people.
 *
 * @module
 */

import { decodeState, type StateFields, type StateValue } from "../kernel/abi/state.ts";

/** General registers in encoding order, as a vCPU saves them. */
const GENERAL = "RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 R12 R13 R14 R15".split(" ");
/** Other registers that say where a guest stopped and how. */
const OTHERS = ["rip", "rflags", "cr0", "cr2", "cr3", "cr4", "efer"];

const PER_LINE = 4;

/** Registers of a vCPU's saved state, in base64 as the control protocol has it; some lines. */
export function formatVcpu(base64: string): string {
  const { fields } = decodeState(Uint8Array.fromBase64(base64));
  const registers = [
    ...generalRegisters(fields),
    ...OTHERS.map((name): [string, StateValue | undefined] => [name.toUpperCase(), fields[name]]),
  ];
  const known = registers.filter(([, value]) => typeof value === "bigint" || Number.isInteger(value));
  const texts = known.map(([name, value]) =>
    `${name.padStart(6)}=${hexadecimal(BigInt(value as bigint | number))}`
  );
  const lines = Array.from(
    { length: Math.ceil(texts.length / PER_LINE) },
    (_, line) => texts.slice(line * PER_LINE, (line + 1) * PER_LINE).join(" "),
  );
  return lines.join("\n");
}

function generalRegisters(fields: StateFields): [string, StateValue | undefined][] {
  const values: readonly StateValue[] = Array.isArray(fields["registers"]) ? fields["registers"] : [];
  return GENERAL.map((name, index) => [name, values[index]]);
}

function hexadecimal(value: bigint): string {
  return BigInt.asUintN(64, value).toString(16).padStart(16, "0");
}
