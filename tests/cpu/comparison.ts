/**
 * Runs instructions on both CPUs and tells where they differ.
 *
 * @module
 */

import { type Form, forms } from "../../kernel/cpu/isa/mod.ts";
import { ARITHMETIC_FLAGS, Vector } from "../../kernel/cpu/state.ts";
import { BATCH, Case, CASE_LENGTH, Fx, WINDOW_LENGTH } from "./case_layout.ts";
import { GuestCpu } from "./guest_cpu.ts";
import { HostCpu } from "./host_cpu.ts";
import { generate, type Instruction } from "./instruction_generator.ts";
import { CaseWriter, isSafe } from "./operand_values.ts";
import { Random } from "./random.ts";
import { describeCase } from "./report.ts";
import { notCompared, undefinedFlags } from "./undefined_results.ts";

/** What a form's comparison came to. */
export interface FormOutcome {
  readonly form: Form;
  readonly cases: number;
  /** The first case that differs, for people. */
  readonly difference?: string;
}

/** Attempts to encode a form before it counts as one that cannot be. */
const ATTEMPTS = 1000;

/** Forms that user code in 64-bit mode can execute, and those that are not compared, with the reason. */
export function selectForms(): { readonly compared: Form[]; readonly skipped: Map<string, string> } {
  const compared: Form[] = [];
  const skipped = new Map<string, string>();
  for (const form of forms) {
    if (form.map < 0) continue;
    const name = `${form.definition.name} (${form.text})`;
    const reason = form.attributes.has("i64") ? "64-bit mode has it not" : notCompared(form);
    if (reason === undefined) compared.push(form);
    else skipped.set(name, reason);
  }
  return { compared, skipped };
}

/** Both CPUs. */
export class Comparison implements Disposable {
  readonly #host = new HostCpu();
  readonly #guest = new GuestCpu();
  readonly #results = new Uint8Array(BATCH * CASE_LENGTH);

  constructor() {
    this.#guest.data.set(this.#host.data);
  }

  /** Compares `encodings` encodings of a form, `cases` cases each (at most `BATCH`). */
  compareForm(form: Form, seed: number, encodings: number, cases: number): FormOutcome {
    const random = new Random(seed ^ Math.imul(form.index + 1, 0x9e3779b1));
    let done = 0;
    let attempts = 0;
    for (let encoding = 0; encoding < encodings;) {
      if (++attempts > ATTEMPTS + encodings) break;
      const instruction = generate(form, random);
      if (instruction === undefined || !isSafe(instruction) || notCompared(form, instruction) !== undefined) continue;
      encoding++;
      done += cases;
      const difference = this.#compareInstruction(instruction, random, cases);
      if (difference !== undefined) return { form, cases: done, difference };
    }
    return { form, cases: done };
  }

  #compareInstruction(instruction: Instruction, random: Random, count: number): string | undefined {
    const cases = this.#host.cases.subarray(0, count * CASE_LENGTH);
    const writer = new CaseWriter(cases, random);
    for (let index = 0; index < count; index++) writer.write(index, instruction);
    this.#host.place(instruction.bytes);
    this.#guest.place(instruction.bytes);
    this.#host.run(count);
    this.#guest.run(cases, this.#results, count, 1);
    for (let index = 0; index < count; index++) {
      const from = index * CASE_LENGTH;
      const input = cases.slice(from, from + CASE_LENGTH);
      const host = this.#host.results.slice(from, from + CASE_LENGTH);
      const guest = this.#results.slice(from, from + CASE_LENGTH);
      const fields = differences(instruction, input, host, guest);
      if (fields.length > 0) {
        this.#guest.data.set(this.#host.data);
        return describeCase(instruction, input, host, guest, fields);
      }
    }
    const at = this.#host.data.findIndex((byte, index) => byte !== this.#guest.data[index]);
    if (at < 0) return undefined;
    this.#guest.data.set(this.#host.data);
    return `${instruction.bytes.join(" ")}: memory outside the window differs at offset 0x${at.toString(16)}`;
  }

  [Symbol.dispose](): void {
    this.#host[Symbol.dispose]();
  }
}

/** Fields of a result that differ: byte offsets of words. */
function differences(instruction: Instruction, input: Uint8Array, host: Uint8Array, guest: Uint8Array): number[] {
  const a = new Int32Array(host.buffer);
  const b = new Int32Array(guest.buffer);
  const found: number[] = [];
  const compare = (from: number, length: number) => {
    for (let word = from >> 2; word < (from + length) >> 2; word++) {
      if (a[word] !== b[word]) found.push(word * 4);
    }
  };
  compare(Case.GPR, 128);
  const mask = ~undefinedFlags(instruction, input) & (ARITHMETIC_FLAGS | 0x400);
  const flags = Case.RFLAGS >> 2;
  if (((a[flags]! ^ b[flags]!) & mask) !== 0) found.push(Case.RFLAGS);
  compare(Case.RIP, 8);
  compare(Case.VECTOR, 4);
  if (a[Case.VECTOR >> 2] === Vector.PF) {
    compare(Case.ERROR, 4);
    compare(Case.ADDRESS, 8);
  }
  compare(Case.WINDOW, WINDOW_LENGTH);
  compare(Case.FX, 4);
  if (host[Case.FX + Fx.FTW] !== guest[Case.FX + Fx.FTW]) found.push(Case.FX + Fx.FTW);
  compare(Case.FX + Fx.MXCSR, 4);
  for (let register = 0; register < 8; register++) {
    const at = Case.FX + Fx.ST0 + register * 16;
    compare(at, 8);
    if (((a[(at + 8) >> 2]! ^ b[(at + 8) >> 2]!) & 0xffff) !== 0) found.push(at + 8);
  }
  compare(Case.FX + Fx.XMM0, 256);
  return found;
}

