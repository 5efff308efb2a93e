/**
 * Says in what two tiers of the CPU differ, for people.
 *
 * @module
 */

import { VcpuFailure } from "../../vcpu.ts";
import type { RamDifference } from "./ram_comparison.ts";
import type { RegisterDifference } from "./register_comparison.ts";

/** What is known about a difference. */
export interface Difference {
  /** In what they differ: one line without an end. */
  readonly what: string;
  /** CS and RIP of tier 1. */
  readonly at: string;
  /** Instructions that tier 1 had executed when both were the same last, and has executed now. */
  readonly instructions: readonly [bigint, bigint];
  /** What tier 1 did to the bus and what tier 0 did, where that differs. */
  readonly bus?: readonly [string, string] | undefined;
  readonly registers: readonly RegisterDifference[];
  readonly ram: readonly RamDifference[];
  /** The last instructions of tier 0, a line for each. */
  readonly trail: readonly string[];
}

/** The failure of a vCPU whose tiers differ. */
export function differenceFailure(difference: Difference): VcpuFailure {
  const { what, at, instructions: [same, now], bus, registers, ram, trail } = difference;
  const rows = [
    ...bus === undefined ? [] : [["bus", ...bus]],
    ...registers.map(({ name, values }) => [name, ...values]),
    ...ram.map(({ gpa, values }) => [`RAM ${gpa.toString(16).padStart(9, "0")}`, ...values]),
  ];
  const details = [
    `CPU check: compiled code (tier 1) and the interpreter (tier 0) differ at ${at}`,
    `They were the same after ${same} instructions, tier 1 has executed ${now}`,
    ...table([["", "tier 1", "tier 0"], ...rows]),
    "Last instructions of tier 0:",
    ...trail.map((line) => `  ${line}`),
  ];
  return new VcpuFailure(`CPU check found tiers that differ at ${at}: ${what}`, details.join("\n"));
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map(([name, first, second]) =>
    `  ${name!.padEnd(widths[0]!)}  ${first!.padEnd(widths[1]!)}  ${second}`
  );
}
