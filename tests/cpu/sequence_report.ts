/**
 * A sequence that differs, for people.
 *
 * @module
 */

import { Decoder, Formatter, FormatterSyntax } from "iced-x86";
import { describeFields } from "./report.ts";
import type { Sequence } from "./sequence_generator.ts";

/** The sequence's code, a line for each instruction; without what does nothing. */
export function describeCode({ start, bytes }: Sequence): string {
  const decoder = new Decoder(64, bytes, 0);
  decoder.ip = BigInt(start);
  const formatter = new Formatter(FormatterSyntax.Intel);
  const lines: string[] = [];
  while (decoder.canDecode) {
    const at = decoder.position;
    const instruction = decoder.decode();
    const code = bytes.subarray(at, decoder.position);
    const hex = [...code].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    if (hex !== "90") {
      lines.push(`  ${(start + at).toString(16)}  ${formatter.format(instruction)}   [${hex}]`);
    }
    instruction.free();
  }
  formatter.free();
  decoder.free();
  return lines.join("\n");
}

/** Tells what differs, and from what it came. */
export function describeSequence(
  sequence: Sequence,
  input: Uint8Array,
  host: Uint8Array,
  guest: Uint8Array,
  fields: readonly number[],
): string {
  return [describeCode(sequence), ...describeFields(input, host, guest, fields)].join("\n");
}
