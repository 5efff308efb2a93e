/**
 * Runs instructions on both CPUs and tells where they differ.
 *
 * @module
 */

import type { CompileServiceFactory } from "../../kernel/cpu/compiler/compile_service.ts";
import { type Form, forms } from "../../kernel/cpu/isa/mod.ts";
import { CodeMode } from "../../kernel/cpu/state.ts";
import { BATCH, Case, CASE_LENGTH, PADS } from "./case_layout.ts";
import { isComparable } from "./comparable.ts";
import { differences, mayDiffer } from "./differences.ts";
import { GuestCpu, type Pace, SINGLY, TO_A_JUMP } from "./guest_cpu.ts";
import type { HeldCompiler } from "./held_compiler.ts";
import { HostCpu } from "./host_cpu.ts";
import { generate, type Instruction } from "./instruction_generator.ts";
import { CaseWriter } from "./operand_values.ts";
import { Random } from "./random.ts";
import { describeCase, describeInstruction } from "./report.ts";
import { generateSequence, type Sequence } from "./sequence_generator.ts";
import { describeCode, describeSequence } from "./sequence_report.ts";
import { SequenceCaseWriter } from "./sequence_values.ts";
import { generateRun } from "./unbroken_runs.ts";
import { notCompared, undefinedFlags } from "./undefined_results.ts";

/** What a comparison came to. */
export interface Outcome {
  readonly cases: number;
  /** Encodings that were executed as compiled code. */
  readonly compiled: number;
  /** The first case that differs, for people. */
  readonly difference?: string;
}

/** A case and its results. */
interface Compared {
  readonly input: Uint8Array;
  readonly host: Uint8Array<ArrayBuffer>;
  readonly guest: Uint8Array<ArrayBuffer>;
}

/** How a sequence is run. */
interface Way {
  readonly pace: Pace;
  readonly held: HeldCompiler | undefined;
  /** One in how many places is compiled, of those that are held. */
  readonly wanted: number;
}

const NOP = 0x90;

/** Attempts to encode a form before it counts as one that cannot be. */
const ATTEMPTS = 1000;

/** A form, for people. */
export function formName(form: Form): string {
  return `${form.definition.name} (${form.text})`;
}

/** Forms that user code of a mode can execute, and those that are not compared, with the reason. */
export function selectForms(
  mode: CodeMode,
): { readonly compared: Form[]; readonly skipped: Map<string, string> } {
  const compared: Form[] = [];
  const skipped = new Map<string, string>();
  for (const form of forms) {
    if (form.map < 0) continue;
    const missing = (mode === CodeMode.Bits64 ? ["i64"] : ["o64", "w1"]).some((name) =>
      form.attributes.has(name)
    );
    const reason = missing ? "this mode does not have it" : notCompared(form, mode);
    if (reason === undefined) compared.push(form);
    else skipped.set(formName(form), reason);
  }
  return { compared, skipped };
}

/** Both CPUs. */
export class Comparison implements Disposable {
  readonly #host = new HostCpu();
  readonly #guest: GuestCpu;
  #mode = CodeMode.Bits64;
  readonly #results = new Uint8Array(BATCH * CASE_LENGTH);

  /** Compares with the interpreter, or with code that `compile` compiles when it is entered first. */
  constructor(private readonly compile?: CompileServiceFactory) {
    this.#guest = new GuestCpu(compile);
    this.#guest.data.set(this.#host.data);
  }

  /** Whether the host runs 32-bit code. */
  get hasCompatibilityMode(): boolean {
    const available = this.#host.hasCompatibilityMode;
    this.enter(this.#mode);
    return available;
  }

  /** Chooses between 64-bit and 32-bit code. */
  enter(mode: CodeMode): void {
    this.#mode = mode;
    this.#host.enter(mode);
    this.#guest.enter(mode);
  }

  /** Compares `encodings` encodings of a form, `cases` cases each (at most `BATCH`). */
  compareForm(form: Form, seed: number, encodings: number, cases: number): Outcome {
    const random = new Random(seed ^ Math.imul(form.index + 1, 0x9e3779b1));
    const next = () => {
      const instruction = generate(form, random, this.#mode);
      return instruction !== undefined && isComparable(instruction) &&
          notCompared(form, this.#mode, instruction) === undefined
        ? instruction
        : undefined;
    };
    // Code that is stepped through is not compiled.
    return this.#compareMany(next, random, encodings, cases, this.compile === undefined ? SINGLY : TO_A_JUMP);
  }

  /** Compares instructions that are executed without a stop behind each. */
  compareRuns(seed: number, runs: number, cases: number): Outcome {
    const random = new Random(seed);
    return this.#compareMany(() => generateRun(random, this.#mode), random, runs, cases, TO_A_JUMP);
  }

  #compareMany(
    next: () => Instruction | undefined,
    random: Random,
    encodings: number,
    cases: number,
    pace: Pace,
  ): Outcome {
    let done = 0;
    let compiled = 0;
    for (let attempt = 0; attempt < ATTEMPTS + 2 * encodings && done < encodings * cases; attempt++) {
      const instruction = next();
      if (instruction === undefined) continue;
      done += cases;
      const difference = this.#compareInstruction(instruction, random, cases, pace);
      if (this.#guest.compiled) compiled++;
      if (difference !== undefined) return { cases: done, compiled, difference };
    }
    return { cases: done, compiled };
  }

  #compareInstruction(
    instruction: Instruction,
    random: Random,
    count: number,
    pace: Pace,
  ): string | undefined {
    const cases = this.#host.cases.subarray(0, count * CASE_LENGTH);
    const writer = new CaseWriter(cases, random);
    for (let index = 0; index < count; index++) writer.write(index, instruction);
    this.#host.place(instruction.bytes);
    this.#guest.place(instruction.bytes);
    this.#host.run(count);
    this.#guest.run(cases, this.#results, count, pace);
    for (const { input, host, guest } of this.#different(count)) {
      const fields = differences(instruction, host, guest, undefinedFlags(instruction, input));
      if (fields.length > 0) {
        this.#guest.data.set(this.#host.data);
        return describeCase(instruction, input, host, guest, fields);
      }
    }
    return this.#compareData(() => describeInstruction(instruction));
  }

  /** Cases whose results may differ. */
  *#different(count: number): Generator<Compared> {
    const hostWords = wordsOf(this.#host.results);
    const guestWords = wordsOf(this.#results);
    for (let index = 0; index < count; index++) {
      if (!mayDiffer(hostWords, guestWords, index * CASE_LENGTH / 4)) continue;
      const one = (all: Uint8Array) => all.slice(index * CASE_LENGTH, (index + 1) * CASE_LENGTH);
      yield { input: one(this.#host.cases), host: one(this.#host.results), guest: one(this.#results) };
    }
  }

  /** Compares `count` sequences with `cases` cases each; in 64-bit mode. Code that `held` holds is compiled later. */
  compareSequences(seed: number, count: number, cases: number, held?: HeldCompiler): Outcome {
    const random = new Random(seed);
    let compiled = 0;
    for (let done = 0; done < count;) {
      const sequence = generateSequence(random);
      if (sequence === undefined) continue;
      done++;
      const batch = this.#host.cases.subarray(0, cases * CASE_LENGTH);
      const writer = new SequenceCaseWriter(batch, random);
      for (let index = 0; index < cases; index++) writer.write(index);
      const way: Way = {
        pace: { singly: false, budget: random.pick([0, 1, 20, 3000]), end: PADS[2] },
        held: random.once(4) ? undefined : held,
        wanted: random.pick([1, 1, 2, 4]),
      };
      const difference = this.#compareSequence(sequence, cases, way);
      if (this.#guest.compiled) compiled++;
      if (difference !== undefined) {
        const least = this.#reduce(sequence, cases, way);
        return { cases: done * cases, compiled, difference: this.#compareSequence(least, cases, way)! };
      }
    }
    return { cases: count * cases, compiled };
  }

  #compareSequence(sequence: Sequence, count: number, { pace, held, wanted }: Way): string | undefined {
    const cases = this.#host.cases.subarray(0, count * CASE_LENGTH);
    for (const cpu of [this.#host, this.#guest]) {
      cpu.place(sequence.entry.bytes);
      cpu.placeAt(sequence.start, sequence.bytes);
    }
    if (held !== undefined) {
      held.holding = true;
      this.#guest.run(cases, this.#results, count, pace);
      // As if that had not been.
      this.#guest.data.set(this.#host.data);
      this.#guest.placeAt(sequence.start, sequence.bytes);
      held.release((request) => request.host % wanted === 0);
    }
    this.#host.run(count);
    this.#guest.run(cases, this.#results, count, pace);
    for (const { input, host, guest } of this.#different(count)) {
      const rip = new DataView(host.buffer).getUint32(Case.RIP, true);
      const fields = differences(sequence.entry, host, guest, sequence.undefinedAt.get(rip) ?? 0);
      if (fields.length > 0) {
        this.#guest.data.set(this.#host.data);
        return describeSequence(sequence, input, host, guest, fields);
      }
    }
    return this.#compareData(() => describeCode(sequence));
  }

  /** Leaves out of a sequence that differs what it differs without. */
  #reduce(sequence: Sequence, count: number, way: Way): Sequence {
    const batch = this.#host.cases.slice(0, count * CASE_LENGTH);
    let least = sequence;
    for (const [offset, length] of sequence.removable) {
      const bytes = least.bytes.slice().fill(NOP, offset, offset + length);
      const candidate = { ...least, bytes };
      this.#host.cases.set(batch);
      if (this.#compareSequence(candidate, count, way) !== undefined) least = candidate;
    }
    this.#host.cases.set(batch);
    return least;
  }

  /** What instructions wrote outside the window. */
  #compareData(describe: () => string): string | undefined {
    const host = wordsOf(this.#host.data);
    const guest = wordsOf(this.#guest.data);
    for (let word = 0; word < host.length; word++) {
      if (host[word] === guest[word]) continue;
      guest.set(host);
      return `${describe()}: memory differs at offset 0x${(word * 4).toString(16)}`;
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#host[Symbol.dispose]();
  }
}

function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}
