/**
 * A domain's counters.
 *
 * @module
 */

import type { DomainStatistics } from "../kernel/abi/control.ts";

/** Counters of a domain since its start. */
export interface Statistics {
  /** Guest time in nanoseconds, which stands still while the domain is paused. */
  readonly guestTime: number;
  /** Instructions that the guest has executed. */
  readonly instructions: bigint;
  /** Accesses to devices, by server. */
  readonly ioreqs: { readonly [server: string]: number };
  /** Nanoseconds for which the vCPU had nothing to do. */
  readonly idle: number;
  /**
   * Counters of the CPU by name: groups that are separated by points, then what is counted, as in
   * `tier0.instructionsDecoded`. Names that end in `Bytes` count bytes, those that end in `Time` nanoseconds.
   */
  readonly cpu: { readonly [name: string]: number };
}

/** Reads the body of the kernel process's answer. */
export function decodeStatistics(body: Uint8Array): Statistics {
  const statistics: DomainStatistics = JSON.parse(new TextDecoder().decode(body));
  return { ...statistics, instructions: BigInt(statistics.instructions) };
}

/**
 * The counters of a domain's CPU as text: a line for each, `name  value unit`, in groups with an empty line between.
 * Times are in milliseconds.
 *
 * @example
 * ```ts
 * import { formatCpuStatistics } from "@atoll/atoll";
 * import { assertEquals } from "@std/assert";
 *
 * const cpu = { "tier1.regions": 7, "tier1.codeBytes": 4096, "tier0.flushes": 1 };
 * const text = formatCpuStatistics({ guestTime: 2.5e9, instructions: 1000n, ioreqs: {}, idle: 5e8, cpu });
 * assertEquals(
 *   text,
 *   `cpu.instructions      1000
 * cpu.guestTime     2500.000 ms
 * cpu.idleTime       500.000 ms
 *
 * tier0.flushes            1
 *
 * tier1.regions            7
 * tier1.codeBytes       4096 bytes`,
 * );
 * ```
 */
export function formatCpuStatistics({ instructions, guestTime, idle, cpu }: Statistics): string {
  const rows = [
    ["cpu.instructions", String(instructions), ""],
    ...Object.entries({ "cpu.guestTime": guestTime, "cpu.idleTime": idle, ...cpu }).map(row),
  ] as const;
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const groups = Map.groupBy(rows, ([name]) => name!.slice(0, Math.max(name!.lastIndexOf("."), 0)));
  const texts = [...groups].sort(([first], [second]) => first < second ? -1 : 1).map(([, rows]) =>
    rows.map(([name, value, unit]) =>
      `${name!.padEnd(widths[0]!)}  ${value!.padStart(widths[1]!)} ${unit}`.trimEnd()
    ).join("\n")
  );
  return texts.join("\n\n");
}

function row([name, value]: [string, number]): readonly [string, string, string] {
  if (name.endsWith("Time")) return [name, (value / 1e6).toFixed(3), "ms"];
  return [name, String(value), name.endsWith("Bytes") ? "bytes" : ""];
}
