/**
 * Who runs the same benchmarks as Atoll, and which of them each can.
 *
 * @module
 */

import { ATOLL, type Machine, qemu, QEMU_IS_MISSING } from "../machines.ts";
import { type Benchmark, runsAnywhere } from "./catalogue.ts";
import { hostItself } from "./host_itself.ts";
import { ATOLL_I386, v86 } from "./i386_machines.ts";
import { AMD64, I386, type Platform } from "./platforms.ts";

/** A peer, with the guests that it can run. */
export interface Comparison {
  readonly platform: Platform;
  readonly ours: Machine;
  readonly theirs: Machine;
  /** Those of the benchmarks asked for that it can run. */
  readonly benchmarks: readonly Benchmark[];
}

/** How to compare with a peer that runs `benchmarks`, whose files are in `folder`. */
type Compare = (benchmarks: readonly Benchmark[], folder: string) => Promise<Comparison>;

const PEERS: Readonly<Record<string, Compare>> = {
  async qemu(benchmarks) {
    const theirs = await qemu();
    if (theirs === undefined) throw new Error(QEMU_IS_MISSING);
    return { platform: AMD64, ours: ATOLL[0]!, theirs, benchmarks };
  },
  async v86(benchmarks) {
    return { platform: I386, ours: ATOLL_I386, theirs: await v86(), benchmarks };
  },
  host(benchmarks, folder) {
    const runnable = benchmarks.filter(runsAnywhere);
    const theirs = hostItself(folder, runnable);
    return Promise.resolve({ platform: AMD64, ours: ATOLL[0]!, theirs, benchmarks: runnable });
  },
};

/**
 * The peers that a name stands for.
 *
 * @throws {RangeError} if there is none
 */
export function choosePeers(name: string): [name: string, compare: Compare][] {
  const peers = Object.entries(PEERS).filter(([peer]) => name === "all" || name === peer);
  if (peers.length > 0) return peers;
  throw new RangeError(
    `Machine "${name}" does not exist: there are ${Object.keys(PEERS).join(", ")}, and all for all of them`,
  );
}
