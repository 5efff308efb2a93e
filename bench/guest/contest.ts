/**
 * Two machine monitors that run the same guests in turns.
 *
 * @module
 */

import type { AtollHost } from "../../tests/atoll_command.ts";
import type { Machine } from "../machines.ts";
import { type Benchmark, COLD_BOOT } from "./catalogue.ts";
import { compareBenchmarks, type ComparedBenchmark, findDifferences } from "./comparison.ts";
import type { GuestImages } from "./guest_image.ts";
import { type Measurement, runSession, type SessionResult } from "./session.ts";

/** Who runs what. */
export interface Contest {
  readonly ours: Machine;
  readonly theirs: Machine;
  readonly images: GuestImages;
  readonly benchmarks: readonly Benchmark[];
  readonly runs: number;
}

/** How it went. */
export interface ContestResult {
  readonly compared: readonly ComparedBenchmark[];
  /** What went wrong, in lines for people. */
  readonly problems: readonly string[];
  /** How fast each machine's guest's clock ran, as a part of the host's. */
  readonly clocks: Readonly<Record<string, number>>;
}

/** Runs all benchmarks on both machines. */
export async function runContest(host: AtollHost, contest: Contest): Promise<ContestResult> {
  const [ours, theirs] = [contest.ours, contest.theirs].map((machine) => new Contestant(machine)) as [
    Contestant,
    Contestant,
  ];
  for (let run = 0; run < contest.runs; run++) {
    await ours.run(host, contest);
    await theirs.run(host, contest);
  }
  return {
    compared: compareBenchmarks(contest.benchmarks, ours.measurements, theirs.measurements),
    clocks: { [ours.machine.name]: ours.clock, [theirs.machine.name]: theirs.clock },
    problems: [
      ...new Set([...ours.problems, ...theirs.problems]),
      ...findDifferences(contest.benchmarks, [
        [ours.machine.name, ours.measurements],
        [theirs.machine.name, theirs.measurements],
      ]),
    ],
  };
}

/** A machine with all that was measured of it. */
class Contestant {
  readonly machine: Machine;
  readonly measurements = new Map<string, Measurement[]>();
  readonly problems: string[] = [];

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Speed of the guest's clock over all benchmarks, as a part of the host's. */
  get clock(): number {
    const all = [...this.measurements.values()].flat();
    const sum = (time: (measurement: Measurement) => number) => all.reduce((sum, one) => sum + time(one), 0);
    return sum(({ guestMilliseconds }) => guestMilliseconds) / sum(({ milliseconds }) => milliseconds);
  }

  /** Runs each benchmark once. */
  async run(host: AtollHost, { images, benchmarks }: Contest): Promise<void> {
    if (benchmarks.some(({ name }) => name === COLD_BOOT)) {
      const { boot } = await this.#session(() => this.machine.start(host, images.boot));
      if (boot !== undefined) {
        this.#keep({ name: COLD_BOOT, milliseconds: boot, guestMilliseconds: boot, checksum: "" });
      }
    }
    if (benchmarks.some(({ name }) => name !== COLD_BOOT)) {
      await this.#session(() => this.machine.start(host, images.work));
    }
  }

  async #session(start: () => Deno.ChildProcess): Promise<SessionResult> {
    const session = await runSession(start, (measurement) => this.#keep(measurement));
    this.problems.push(...session.problems.map((problem) => `${this.machine.name}: ${problem}`));
    return session;
  }

  /** Tells what was measured at once, since the tables come much later. */
  #keep(measurement: Measurement): void {
    const { name, milliseconds } = measurement;
    console.error(`${this.machine.name}: ${name} ${milliseconds.toFixed(0)} ms`);
    this.measurements.set(name, [...this.measurements.get(name) ?? [], measurement]);
  }
}
