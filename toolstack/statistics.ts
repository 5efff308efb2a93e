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
  /** Counters of the CPU, by name. */
  readonly cpu: { readonly [name: string]: number };
}

/** Reads the body of the kernel process's answer. */
export function decodeStatistics(body: Uint8Array): Statistics {
  const statistics: DomainStatistics = JSON.parse(new TextDecoder().decode(body));
  return { ...statistics, instructions: BigInt(statistics.instructions) };
}
