/**
 * All benchmarks that run in a guest.
 *
 * @module
 */

/** Classes of benchmarks, in the order in which they are shown. */
export const CLASSES = ["loops", "dispersed", "programs", "kernel", "boot"] as const;

/** What kind of work a benchmark does. */
export type BenchmarkClass = typeof CLASSES[number];

/** A benchmark, which one command in the guest runs. */
export interface Benchmark {
  readonly name: string;
  readonly class: BenchmarkClass;
  /** Shell command among Debian's programs; without it, the benchmark is one of `programs`. */
  readonly command?: string;
}

/** The time until a script runs; measured by the host. */
export const COLD_BOOT = "cold_boot";

/** Starts the guest's busybox. */
const EXEC = "exec";

/** Whether a benchmark is one of `programs` that needs nothing of a guest. */
export function runsAnywhere({ name, command }: Benchmark): boolean {
  return command === undefined && name !== COLD_BOOT && name !== EXEC;
}

const LOOPS = [
  ...["integer", "sieve", "crc32", "recursion", "calls", "indirect", "qsort", "chase", "chase_32m"],
  ...[
    "stream_copy",
    "stream_fill",
    "rep_movs",
    "rep_stos",
    "matrix",
    "sse_double",
    "sse_single",
    "sse_integer",
  ],
  ...["multiply", "divide"],
];

/** Starting a large program runs much code, and little of it often. */
const STARTS = {
  python_start: "for i in 1 2 3 4 5; do python3 -c pass; done",
  gcc_empty: "for i in 1 2 3 4 5; do gcc -c -o /tmp/empty.o /work/empty.c; done",
};

/** The Mersenne number with this exponent is a prime. */
const MERSENNE_EXPONENT = 1279;
const PRIME = "7" + "F".repeat((MERSENNE_EXPONENT - 3) / 4);

const KEY = "00112233445566778899aabbccddeeff".repeat(2);
const VECTOR = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

const PROGRAMS = {
  gzip: "gzip -nc </work/text",
  xz: "xz -1 -T1 -c /work/text",
  xz_unpack: "for i in 1 2 3 4 5; do xz -dc /work/text.xz; done",
  sha256sum: `sha256sum ${"/work/text ".repeat(10)}`,
  sort: "sort -k 2 /work/text /work/text /work/text",
  openssl_digest: `openssl dgst -sha512 ${"/work/text ".repeat(10)}`,
  openssl_cipher: `openssl enc -camellia-256-cbc -K ${KEY} -iv ${VECTOR} -in /work/text`,
  openssl_prime: `openssl prime -hex ${PRIME}`,
  sqlite3: "sqlite3 :memory: </work/load.sql",
  perl: "perl /work/words.pl",
  python3: "python3 /work/work.py",
  gcc: "cd /work/programs && gcc -O2 -o /tmp/program chase.c main.c measure.c && cat /tmp/program",
};

const KERNEL = ["getpid", "fork", EXEC, "pipe", "yield", "page_faults", "file_reads"];

/** All benchmarks, in the order in which they run. */
export const BENCHMARKS: readonly Benchmark[] = [
  ...compiled("loops", LOOPS),
  ...compiled("dispersed", ["ring_2000"]),
  ...commands("dispersed", STARTS),
  ...commands("programs", PROGRAMS),
  ...compiled("kernel", KERNEL),
  { name: COLD_BOOT, class: "boot" },
];

function compiled(kind: BenchmarkClass, names: readonly string[]): Benchmark[] {
  return names.map((name) => ({ name, class: kind }));
}

function commands(kind: BenchmarkClass, table: Readonly<Record<string, string>>): Benchmark[] {
  return Object.entries(table).map(([name, command]) => ({ name, class: kind, command }));
}

/**
 * The benchmarks that `names` choose, which are names of benchmarks or of classes; all if there are none.
 *
 * @throws {RangeError} if a name is not known
 */
export function chooseBenchmarks(names: readonly string[]): Benchmark[] {
  const isNamed = (benchmark: Benchmark, name: string) => benchmark.name === name || benchmark.class === name;
  const unknown = names.find((name) => !BENCHMARKS.some((benchmark) => isNamed(benchmark, name)));
  if (unknown !== undefined) {
    throw new RangeError(
      `Benchmark "${unknown}" does not exist: there are the classes ${CLASSES.join(", ")} and ` +
        BENCHMARKS.map(({ name }) => name).join(", "),
    );
  }
  return BENCHMARKS.filter((benchmark) =>
    names.length === 0 || names.some((name) => isNamed(benchmark, name))
  );
}
