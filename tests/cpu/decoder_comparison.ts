/**
 * The decoder beside iced-x86's: what is an instruction, how long it is, and what its operands are.
 *
 * @module
 */

import {
  Code,
  CpuidFeature,
  Decoder as IcedDecoder,
  DecoderOptions,
  Instruction as IcedInstruction,
  OpKind,
  Register,
} from "iced-x86";
import { Decoder, DecodeResult } from "../../kernel/cpu/decoder.ts";
import type { OperandSpec } from "../../kernel/cpu/isa/mod.ts";
import { CodeMode, GPR, Segment, X87, XMM, ZERO } from "../../kernel/cpu/state.ts";
import { RmKind } from "../../kernel/cpu/variant.ts";

/** Extensions that this CPU has: those of which CPUID tells, and what was always there. */
const FEATURES: ReadonlySet<string> = new Set([
  "INTEL8086",
  "INTEL8086_ONLY",
  "INTEL186",
  "INTEL286",
  "INTEL386",
  "INTEL486",
  "X64",
  "CLFSH",
  "CMOV",
  "CMPXCHG16B",
  "CPUID",
  "CX8",
  "FPU",
  "FPU287",
  "FPU387",
  "FSGSBASE",
  "FXSR",
  "INVPCID",
  "MMX",
  "MOVBE",
  "MSR",
  "MULTIBYTENOP",
  "PAUSE",
  "POPCNT",
  "RDPID",
  "RDPMC",
  "RDRAND",
  "RDSEED",
  "RDTSCP",
  "SEP",
  "SERIALIZE",
  "SMAP",
  "SSE",
  "SSE2",
  "SSE3",
  "SSE4_1",
  "SSE4_2",
  "SSSE3",
  "SYSCALL",
  "TSC",
  "XSAVE",
  "XSAVEOPT",
]);

/** Extensions whose encodings are older instructions with a prefix that these ignore. */
const PREFIX_IGNORED: ReadonlySet<string> = new Set(["BMI1", "LZCNT", "WBNOINVD"]);

/** Instructions whose register numbers and opcode extensions are checked when they are executed. */
const CHECKED_LATER = /^(mov (to|from) [cd]r|mov|x87)$/;

/** Instructions whose memory operand is not in the encoding, or not accessed. */
const IMPLIED_MEMORY = new Set(["nop", "xlat"]);

/** Bits of code in each mode. */
const BITS = {
  [CodeMode.Bits16]: 16,
  [CodeMode.Bits32]: 32,
  [CodeMode.Bits64]: 64,
  [CodeMode.Flat32]: 32,
} as const;
const IP = 0x10000n;
const NO_REGISTER = ZERO - GPR;

const SEGMENTS = ["ES", "CS", "SS", "DS", "FS", "GS"];
const WORDS = ["AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI"];
const BYTES = ["AL", "CL", "DL", "BL", "SPL", "BPL", "SIL", "DIL"];
const HIGH_BYTES = ["AH", "CH", "DH", "BH"];

/** What the decoder gives for a register, by iced's name. */
const REGISTER_OFFSETS: ReadonlyMap<string, number> = new Map([
  ...WORDS.flatMap((name, i) =>
    [[name, i * 8], [`E${name}`, i * 8], [`R${name}`, i * 8]] as [string, number][]
  ),
  ...BYTES.map((name, i) => [name, i * 8] as [string, number]),
  ...HIGH_BYTES.map((name, i) => [name, i * 8 + 1] as [string, number]),
  ...Array.from({ length: 8 }, (_, i) => i + 8).flatMap((i) =>
    ["", "L", "W", "D"].map((suffix) => [`R${i}${suffix}`, i * 8] as [string, number])
  ),
  ...Array.from({ length: 16 }, (_, i) => [`XMM${i}`, i * 8] as [string, number]),
  ...Array.from({ length: 8 }, (_, i) => [`MM${i}`, (X87 - XMM) / 2 + i * 8] as [string, number]),
  ...SEGMENTS.map((name, i) => [name, i] as [string, number]),
  ...Array.from({ length: 16 }, (_, i) => [[`CR${i}`, i], [`DR${i}`, i]] as [string, number][]).flat(),
]);

const codeNames = namesOf(Code);
const featureNames = namesOf(CpuidFeature);
const registerNames = namesOf(Register);

function namesOf(enumeration: object): ReadonlyMap<number, string> {
  return new Map(
    Object.entries(enumeration).filter(([, value]) => typeof value === "number").map((
      [name, value],
    ) => [value, name]),
  );
}

/** Both decoders, for one mode. */
export class DecoderComparison {
  readonly #decoder = new Decoder();
  readonly #instruction = new IcedInstruction();

  constructor(private readonly mode: CodeMode) {}

  /** What differs about the instruction at the start of `bytes` (at least 15), if anything. */
  compare(bytes: Uint8Array): string | undefined {
    const iced = new IcedDecoder(BITS[this.mode], bytes, DecoderOptions.ForceReservedNop);
    iced.ip = IP;
    iced.decodeOut(this.#instruction);
    iced.free();
    const result = this.#decoder.decode(bytes, 0, bytes.length, this.mode);
    const difference = this.#difference(result) ?? this.#truncated(result, bytes);
    if (difference === undefined) return undefined;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const form = result === DecodeResult.Ok ? this.#decoder.form.text : DecodeResult[result];
    return `${BITS[this.mode]} bits, ${hex}: ${
      codeNames.get(this.#instruction.code)
    } / ${form}: ${difference}`;
  }

  /** With its last byte missing, an instruction needs more. */
  #truncated(result: DecodeResult, bytes: Uint8Array): string | undefined {
    if (result !== DecodeResult.Ok) return undefined;
    const short = this.#decoder.decode(bytes, 0, this.#decoder.length - 1, this.mode);
    return short === DecodeResult.NeedsMore ? undefined : `truncated is ${DecodeResult[short]}`;
  }

  #difference(result: DecodeResult): string | undefined {
    const theirs = this.#instruction;
    const ours = this.#decoder;
    if (theirs.code === Code.INVALID) {
      const found = result === DecodeResult.Ok && !CHECKED_LATER.test(ours.form.definition.name);
      return found ? "is no instruction" : undefined;
    }
    const foreign = [...theirs.cpuidFeatures()].map((f) => featureNames.get(f)!).find((f) =>
      !FEATURES.has(f)
    );
    if (foreign !== undefined && !PREFIX_IGNORED.has(foreign)) {
      return result === DecodeResult.Ok ? `is ${foreign}` : undefined;
    }
    if (result !== DecodeResult.Ok) return "is an instruction";
    if (ours.length !== theirs.length) return `length is ${theirs.length}, not ${ours.length}`;
    return this.#memoryDifference() ?? this.#registerDifference() ?? this.#immediateDifference();
  }

  #memoryDifference(): string | undefined {
    const theirs = this.#instruction;
    const ours = this.#decoder;
    const kinds = Array.from({ length: theirs.opCount }, (_, i) => theirs.opKind(i));
    const memory = kinds.includes(OpKind.Memory);
    const oursIsMemory = ours.rm !== RmKind.Register;
    if (memory !== oursIsMemory) {
      return IMPLIED_MEMORY.has(ours.form.definition.name)
        ? undefined
        : memory
        ? "is in memory"
        : "is not in memory";
    }
    if (!memory) return undefined;
    const segment = SEGMENTS.indexOf(registerNames.get(theirs.memorySegment)!.toUpperCase());
    // In 64-bit mode only FS and GS differ from the others.
    const matters = !ours.bits64 || Math.max(segment, ours.segmentNumber) >= Segment.FS;
    if (segment !== ours.segmentNumber && matters && !ours.form.attributes.has("ea")) {
      return `segment is ${SEGMENTS[segment]}, not ${SEGMENTS[ours.segmentNumber]}`;
    }
    if (ours.form.operands.some((o) => o.place === "offset")) {
      const low = BigInt.asUintN(32, BigInt(ours.immediateLow));
      const value = (BigInt.asUintN(32, BigInt(ours.immediateHigh)) << 32n) | low;
      return value === BigInt.asUintN(64, theirs.memoryDisplacement) ? undefined : "offset differs";
    }
    if (ours.ripRelative) {
      const width = ours.addressSize * 8;
      const target = BigInt.asUintN(width, IP + BigInt(ours.displacement));
      const expected = BigInt.asUintN(width, theirs.memoryDisplacement);
      return target === expected ? undefined : `address is ${expected}, not ${target}`;
    }
    const bits = ours.addressSize * 8;
    if (BigInt.asUintN(bits, theirs.memoryDisplacement) !== BigInt.asUintN(bits, BigInt(ours.displacement))) {
      return `displacement is ${theirs.memoryDisplacement}, not ${ours.displacement}`;
    }
    const base = offsetOf(theirs.memoryBase);
    const index = offsetOf(theirs.memoryIndex);
    // The index of a 64-bit address with a segment base is that base, where it has no other.
    const oursIndex = ours.index === ours.segment ? NO_REGISTER : ours.index;
    if (base !== ours.rmRegister) return `base is ${base}, not ${ours.rmRegister}`;
    if (index !== oursIndex) return `index is ${index}, not ${ours.index}`;
    if (index !== NO_REGISTER && theirs.memoryIndexScale !== 1 << ours.scale) return "scale differs";
    return undefined;
  }

  #registerDifference(): string | undefined {
    const theirs = this.#instruction;
    const { operands } = this.#decoder.form;
    // The x87's registers are numbers in the ModRM byte; XCHG names its operands the other way round.
    if (operands.length !== theirs.opCount || /^(x87|xchg)$/.test(this.#decoder.form.definition.name)) {
      return undefined;
    }
    for (const [index, spec] of operands.entries()) {
      if (theirs.opKind(index) !== OpKind.Register) continue;
      const expected = offsetOf(theirs.opRegister(index));
      const actual = this.#registerOffset(spec);
      if (actual !== undefined && expected !== actual) {
        return `operand ${index} is ${registerNames.get(theirs.opRegister(index))}, not ${actual}`;
      }
    }
    return undefined;
  }

  #registerOffset(spec: OperandSpec): number | undefined {
    const ours = this.#decoder;
    switch (spec.place) {
      case "rm":
      case "xmm-rm":
      case "mmx-rm":
        return ours.rmRegister;
      case "fixed":
        return spec.register! * 8;
      case "reg":
      case "xmm":
      case "mmx":
      case "segment":
      case "control":
      case "debug":
        return ours.register;
    }
    return undefined;
  }

  #immediateDifference(): string | undefined {
    const theirs = this.#instruction;
    const ours = this.#decoder;
    const { operands } = ours.form;
    if (operands.length !== theirs.opCount) return undefined;
    for (const [index, spec] of operands.entries()) {
      const low = BigInt.asUintN(32, BigInt(ours.immediateLow));
      const value = (BigInt.asUintN(32, BigInt(ours.immediateHigh)) << 32n) | low;
      if (spec.place === "relative") {
        const kind = theirs.opKind(index);
        const bits = kind === OpKind.NearBranch16 ? 16 : kind === OpKind.NearBranch32 ? 32 : 64;
        const target = BigInt.asUintN(bits, IP + BigInt(ours.length) + value);
        if (theirs.nearBranchTarget !== target) return `target is ${theirs.nearBranchTarget}, not ${target}`;
      }
      if (spec.place === "immediate" && operands.filter((o) => o.place === "immediate").length === 1) {
        const bits = immediateBits(theirs.opKind(index));
        const expected = BigInt.asUintN(bits, BigInt(theirs.immediate(index)));
        if (expected !== BigInt.asUintN(bits, value)) return `immediate is ${expected}, not ${value}`;
      }
    }
    return undefined;
  }
}

/** Bits of an immediate that count, by iced's kind of operand. */
function immediateBits(kind: OpKind): number {
  switch (kind) {
    case OpKind.Immediate8:
    case OpKind.Immediate8_2nd:
      return 8;
    case OpKind.Immediate16:
    case OpKind.Immediate8to16:
      return 16;
    case OpKind.Immediate32:
    case OpKind.Immediate8to32:
      return 32;
    default:
      return 64;
  }
}

function offsetOf(register: Register): number {
  return REGISTER_OFFSETS.get(registerNames.get(register)!.toUpperCase()) ?? NO_REGISTER;
}
