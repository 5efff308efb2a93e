/**
 * Compares all registers of two vCPUs.
 *
 * @module
 */

import type { SoftwareCpu } from "../software_cpu.ts";
import {
  CODE_MODE,
  CPL,
  CR,
  DR,
  EFER,
  GDTR,
  GPR,
  Gpr,
  HALTED,
  IDTR,
  MXCSR,
  NMI_BLOCKED,
  PAGE_DIRECTORY_POINTERS,
  RIP,
  SCRATCH,
  Segment,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  STAR,
  STATE,
  TSC_OFFSET,
  X87,
  X87_CONTROL,
  X87_CS,
  X87_DP,
  X87_DS,
  X87_IP,
  X87_OPCODE,
  X87_STATUS,
  X87_TAG,
  XCR0,
  XMM,
} from "../state.ts";

/** A register in the state: its name, address, and size in bytes, a multiple of 4. */
type Field = readonly [name: string, address: number, size: number];

const count = (length: number) => Array.from({ length }, (_, index) => index);

/** All but RFLAGS, part of which is computed when it is asked for. */
const FIELDS: readonly Field[] = [
  ["RIP", RIP, 8],
  ...count(16).map((index): Field => [Gpr[index]!, GPR + index * 8, 8]),
  ["CPL", CPL, 4],
  ["mode", CODE_MODE, 4],
  ["halted", HALTED, 4],
  ["NMI blocked", NMI_BLOCKED, 4],
  ...count(Segment.TR + 1).flatMap((index): Field[] => [
    [Segment[index]!, SEGMENT_SELECTOR + index * 4, 4],
    [`${Segment[index]} base`, SEGMENT_BASE + index * 8, 8],
    [`${Segment[index]} limit`, SEGMENT_LIMIT + index * 4, 4],
    [`${Segment[index]} attributes`, SEGMENT_ATTRIBUTES + index * 4, 4],
  ]),
  ["GDTR base", GDTR, 8],
  ["GDTR limit", GDTR + 8, 8],
  ["IDTR base", IDTR, 8],
  ["IDTR limit", IDTR + 8, 8],
  ...[0, 2, 3, 4].map((index): Field => [`CR${index}`, CR + index * 8, 8]),
  ...[0, 1, 2, 3, 6, 7].map((index): Field => [`DR${index}`, DR + index * 8, 8]),
  ["XCR0", XCR0, 8],
  ["EFER", EFER, 8],
  ["MSRs", STAR, TSC_OFFSET + 8 - STAR],
  ...count(4).map((index): Field => [`PDPTE${index}`, PAGE_DIRECTORY_POINTERS + index * 8, 8]),
  ...count(16).map((index): Field => [`XMM${index}`, XMM + index * 16, 16]),
  ["MXCSR", MXCSR, 4],
  ...count(8).map((index): Field => [`x87 R${index}`, X87 + index * 16, 16]),
  ["x87 control", X87_CONTROL, 4],
  ["x87 status", X87_STATUS, 4],
  ["x87 tag", X87_TAG, 4],
  ["x87 opcode", X87_OPCODE, 4],
  ["x87 IP", X87_IP, 8],
  ["x87 DP", X87_DP, 8],
  ["x87 CS", X87_CS, 4],
  ["x87 DS", X87_DS, 4],
];

/** Indices of the 32-bit words of the state that all of these are in, in the order in which they are compared. */
const WORDS = Int32Array.from(
  FIELDS.flatMap(([, address, size]) => count(size / 4).map((word) => (address >> 2) + word)),
);

/** A register that is not the same in both. */
export interface RegisterDifference {
  readonly name: string;
  /** Values in hexadecimal. */
  readonly values: readonly [string, string];
}

/** A vCPU's registers at some time. */
export interface RegisterSnapshot {
  /** The state up to {@link SCRATCH}. */
  readonly bytes: Uint8Array;
  readonly rflags: number;
}

/** Two vCPUs' registers. */
export class RegisterComparison {
  readonly #first: Int32Array;
  readonly #second: Int32Array;

  constructor(private readonly first: SoftwareCpu, private readonly second: SoftwareCpu) {
    this.#first = new Int32Array(first.view.buffer);
    this.#second = new Int32Array(second.view.buffer);
  }

  /** Whether both stand at the same instruction. */
  get sameRip(): boolean {
    const index = RIP >> 2;
    return this.#first[index] === this.#second[index] && this.#first[index + 1] === this.#second[index + 1];
  }

  /** Whether all registers are the same. */
  get same(): boolean {
    const [first, second] = [this.#first, this.#second];
    for (let index = 0; index < WORDS.length; index++) {
      const word = WORDS[index]!;
      if (first[word] !== second[word]) return false;
    }
    return this.first.rflags === this.second.rflags;
  }

  /** In how many parts of registers they differ: cheaper than to name them. */
  get distance(): number {
    const [first, second] = [this.#first, this.#second];
    let distance = this.first.rflags === this.second.rflags ? 0 : 1;
    for (let index = 0; index < WORDS.length; index++) {
      const word = WORDS[index]!;
      if (first[word] !== second[word]) distance++;
    }
    return distance;
  }

  /** The second one's registers as they are. */
  snapshot(): RegisterSnapshot {
    return {
      bytes: new Uint8Array(this.second.view.buffer, STATE, SCRATCH - STATE).slice(),
      rflags: this.second.rflags,
    };
  }

  /** The registers in which the first one differs from what the second one's were. */
  differences(second: RegisterSnapshot): RegisterDifference[] {
    const first = new Uint8Array(this.first.view.buffer, STATE, SCRATCH - STATE);
    const differences = FIELDS.map(([name, address, size]): RegisterDifference => {
      const start = address - STATE;
      return { name, values: [text(first, start, size), text(second.bytes, start, size)] };
    });
    differences.splice(1, 0, { name: "RFLAGS", values: [flags(this.first.rflags), flags(second.rflags)] });
    return differences.filter(({ values: [first, second] }) => first !== second);
  }
}

function flags(rflags: number): string {
  return (rflags >>> 0).toString(16).padStart(8, "0");
}

function text(state: Uint8Array, start: number, size: number): string {
  return state.slice(start, start + size).reverse().toHex();
}
