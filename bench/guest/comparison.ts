/**
 * Two machines' results against each other.
 *
 * @module
 */

import { median, type Table } from "../table.ts";
import { type Benchmark, type BenchmarkClass, CLASSES } from "./catalogue.ts";
import type { Measurement } from "./session.ts";

/** All that was measured of a machine, by benchmark, a measurement for each run. */
export type Measurements = ReadonlyMap<string, readonly Measurement[]>;

/** A benchmark on both machines. Times are medians in milliseconds. */
export interface ComparedBenchmark {
  readonly name: string;
  readonly class: BenchmarkClass;
  readonly ours: number;
  readonly theirs: number;
  /** Their time divided by ours: more than 1 if ours is faster. */
  readonly ratio: number;
  /** Single measurements, in the order of the runs. */
  readonly ourTimes: readonly number[];
  readonly theirTimes: readonly number[];
}

/** All benchmarks of a class. */
export interface ComparedClass {
  readonly class: BenchmarkClass;
  /** Geometric mean of the ratios. */
  readonly mean: number;
  readonly worst: ComparedBenchmark;
}

/** Compares what both machines have run. */
export function compareBenchmarks(
  benchmarks: readonly Benchmark[],
  ours: Measurements,
  theirs: Measurements,
): ComparedBenchmark[] {
  return benchmarks.flatMap((benchmark) => {
    const [ourTimes, theirTimes] = [ours, theirs].map((measurements) =>
      (measurements.get(benchmark.name) ?? []).map(({ milliseconds }) => milliseconds)
    ) as [number[], number[]];
    if (ourTimes.length === 0 || theirTimes.length === 0) return [];
    const [our, their] = [median(ourTimes), median(theirTimes)];
    return [{ ...benchmark, ours: our, theirs: their, ratio: their / our, ourTimes, theirTimes }];
  });
}

/** The classes that have benchmarks. */
export function compareClasses(benchmarks: readonly ComparedBenchmark[]): ComparedClass[] {
  return CLASSES.flatMap((name) => {
    const members = benchmarks.filter((benchmark) => benchmark.class === name);
    if (members.length === 0) return [];
    const mean = Math.exp(members.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / members.length);
    const worst = members.reduce((low, member) => member.ratio < low.ratio ? member : low);
    return [{ class: name, mean, worst }];
  });
}

/** Lines for benchmarks that did not compute the same everywhere, or gave nothing. */
export function findDifferences(
  benchmarks: readonly Benchmark[],
  machines: readonly (readonly [machine: string, Measurements])[],
): string[] {
  const silent = machines.flatMap(([machine, measurements]) => {
    const missing = benchmarks.filter(({ name }) => !measurements.has(name)).map(({ name }) => name);
    return missing.length === 0 ? [] : [`No result on ${machine}: ${missing.join(", ")}`];
  });
  const different = benchmarks.flatMap(({ name }) => {
    const sums = machines.map(([machine, measurements]) => ({
      machine,
      sums: new Set(measurements.get(name)?.map(({ checksum }) => checksum)),
    }));
    if (new Set(sums.flatMap(({ sums }) => [...sums])).size <= 1) return [];
    const texts = sums.map(({ machine, sums }) => `${[...sums].join(" and ")} on ${machine}`);
    return [`${name} computed different results: ${texts.join(", ")}`];
  });
  return [...silent, ...different];
}

/** Tables of the comparison, by benchmark and by class. */
export function comparisonTables(
  peer: string,
  benchmarks: readonly ComparedBenchmark[],
  runs: number,
  notes: readonly string[],
): Table[] {
  return [
    {
      title: `Benchmarks in the guest: ${peer} and atoll`,
      columns: [
        { name: "class" },
        { name: "benchmark" },
        { name: `${peer} ms` },
        { name: "atoll ms" },
        { name: `${peer} / atoll`, digits: 2 },
      ],
      rows: benchmarks.toSorted((a, b) => CLASSES.indexOf(a.class) - CLASSES.indexOf(b.class))
        .map((benchmark) => [
          benchmark.class,
          benchmark.name,
          benchmark.theirs,
          benchmark.ours,
          benchmark.ratio,
        ]),
      notes: [
        `Medians of runs in turns: ${runs}. More than 1: atoll is faster.`,
        ...notes,
      ],
    },
    {
      title: `Classes: ${peer}'s time divided by atoll's`,
      columns: [
        { name: "class" },
        { name: "geometric mean", digits: 2 },
        { name: "worst", digits: 2 },
        { name: "which is" },
      ],
      rows: compareClasses(benchmarks).map(({ class: name, mean, worst }) => [
        name,
        mean,
        worst.ratio,
        worst.name,
      ]),
    },
  ];
}
