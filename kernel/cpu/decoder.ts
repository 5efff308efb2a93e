/**
 * Machine code to decoded instructions, by tables made from the definitions.
 *
 * @module
 */

import { type Form, forms, NOP, type OperandSpec } from "./isa/mod.ts";
import { CODE_BASE, CodeMode, GPR, Segment, SEGMENT_BASE, X87, XMM, ZERO } from "./state.ts";
import { hasWideImmediate, operandBytes, packVariant, Repeat, RmKind, type Variant } from "./variant.ts";

/** Longest instruction in bytes. */
export const MAXIMUM_LENGTH = 15;

/** What became of decoding. */
export enum DecodeResult {
  Ok,
  /** No such instruction: #UD. */
  Undefined,
  /** Longer than 15 bytes: #GP. */
  TooLong,
  /** The bytes at hand end within the instruction. */
  NeedsMore,
}

/** What the number of a register operand counts. */
enum RegisterKind {
  /** It is not an operand: ModRM's three bits as they are. */
  None,
  Byte,
  General,
  Xmm,
  Mmx,
  Segment,
  /** Control and debug registers. */
  Special,
}

/** A form with what the decoder asks about it, found once. */
interface Candidate {
  readonly form: Form;
  /** With which prefixes, in which code, it is this form: bits as {@link circumstances} numbers them. */
  readonly circumstances: number;
  /** Bits of ModRM that tell it from others, and their values. */
  readonly modrmMask: number;
  readonly modrmValue: number;
  readonly needsMemory: boolean;
  readonly needsRegister: boolean;
  /** ModRM always names a register, whatever its mod. */
  readonly moveSpecial: boolean;
  readonly hasModrm: boolean;
  readonly reg: RegisterKind;
  readonly rm: RegisterKind;
  readonly offset: boolean;
  /** The stack is used in any case: faults of an instruction without another memory operand are its. */
  readonly stack: boolean;
  readonly immediates: readonly OperandSpec[];
  /** The immediate operand may have more than 32 bits. */
  readonly wideImmediate: boolean;
  readonly lock: boolean;
  /** Only the effective address is asked for. */
  readonly addressOnly: boolean;
  /** The address size and the segment matter even without a memory operand. */
  readonly addressSized: boolean;
  /** 66 belongs to the encoding. */
  readonly prefix66: boolean;
  readonly size64: "default" | "fixed" | undefined;
}

const NO_CANDIDATES: readonly Candidate[] = [];

/** Number of a combination of prefixes and mode, 0 to 23. */
function circumstance(operandPrefix: boolean, repeat: Repeat, bits64: boolean, wide: boolean): number {
  return repeat * 8 + (operandPrefix ? 4 : 0) + (bits64 ? 2 : 0) + (wide ? 1 : 0);
}

function circumstances({ prefix, attributes }: Form): number {
  const repeats =
    { NP: [0], NFx: [0], "66": [0], F3: [Repeat.Equal], F2: [Repeat.NotEqual], none: [0, 1, 2] }[prefix];
  let set = 0;
  for (const repeat of repeats) {
    for (const operandPrefix of [false, true]) {
      if (prefix === "NP" && operandPrefix || prefix === "66" && !operandPrefix) continue;
      for (const bits64 of [false, true]) {
        for (const wide of [false, true]) {
          if (attributes.has(bits64 ? "i64" : "o64") || attributes.has(wide ? "w0" : "w1")) continue;
          set |= 1 << circumstance(operandPrefix, repeat, bits64, wide);
        }
      }
    }
  }
  return set;
}

function registerKind(spec: OperandSpec | undefined): RegisterKind {
  switch (spec?.place) {
    case undefined:
      return RegisterKind.None;
    case "xmm":
    case "xmm-rm":
      return RegisterKind.Xmm;
    case "mmx":
    case "mmx-rm":
      return RegisterKind.Mmx;
    case "segment":
      return RegisterKind.Segment;
    case "control":
    case "debug":
      return RegisterKind.Special;
    default:
      return spec!.size === 1 ? RegisterKind.Byte : RegisterKind.General;
  }
}

function candidate(form: Form): Candidate {
  const { operands, attributes } = form;
  const moveSpecial = operands.some((o) => o.place === "control" || o.place === "debug");
  return {
    form,
    circumstances: circumstances(form),
    modrmMask: form.modrm === "digit" ? 0x38 : form.modrm === "exact" ? 0xff : 0,
    modrmValue: form.modrm === "digit" ? form.digit << 3 : form.modrm === "exact" ? form.digit : 0,
    needsMemory: operands.some((o) => o.form === "memory"),
    // MOV to and from control and debug registers takes any mod for a register.
    needsRegister: operands.some((o) => o.form === "register") && !moveSpecial,
    moveSpecial,
    hasModrm: form.modrm !== "none",
    reg: registerKind(
      operands.find((o) => ["reg", "xmm", "mmx", "segment", "control", "debug"].includes(o.place)),
    ),
    rm: registerKind(
      operands.find((o) => o.place === "rm" || o.place === "memory" || o.place.endsWith("-rm")),
    ),
    offset: operands.some((o) => o.place === "offset"),
    stack: attributes.has("d64") || attributes.has("f64"),
    immediates: operands.filter((o) =>
      o.place === "immediate" || o.place === "relative" || o.place === "far"
    ),
    wideImmediate: hasWideImmediate(form, 8, 8),
    lock: attributes.has("lock"),
    addressOnly: attributes.has("ea"),
    addressSized: attributes.has("as"),
    prefix66: form.prefix === "66",
    size64: attributes.has("f64") ? "fixed" : attributes.has("d64") ? "default" : undefined,
  };
}

/** Specific encodings come before general ones. */
function specificity(form: Form): number {
  return (form.prefix === "none" ? 0 : 4) + (form.modrm === "exact" ? 2 : form.modrm === "digit" ? 1 : 0);
}

function buildTables(): readonly (readonly Candidate[])[] {
  const tables: Candidate[][] = Array.from({ length: 4 * 256 }, () => []);
  for (const form of [...forms].sort((a, b) => specificity(b) - specificity(a))) {
    if (form.map < 0) continue;
    const inOpcode = form.operands.some((o) => o.inOpcode);
    for (let low = 0; low < (inOpcode ? 8 : 1); low++) {
      tables[form.map * 256 + form.opcode + low]!.push(candidate(form));
    }
  }
  return tables;
}

/** 16-bit addressing: base and index register by ModRM.rm. */
const BASE16 = [3, 3, 5, 5, 6, 7, 5, 3] as const;
const INDEX16 = [6, 7, 6, 7, -1, -1, -1, -1] as const;

const NO_REGISTER = ZERO - GPR;

const PLAIN_NOP = candidate(NOP);

function match(candidates: readonly Candidate[], modrm: number, circumstance: number): Candidate | undefined {
  for (const found of candidates) {
    if ((found.circumstances >> circumstance & 1) === 0) continue;
    if ((modrm & found.modrmMask) !== found.modrmValue) continue;
    if (modrm >= 0xc0 ? found.needsMemory : found.needsRegister) continue;
    return found;
  }
  return undefined;
}

/** Where a register lies, as `Record` has it; `extension` is what REX adds to its number. */
function registerOffset(kind: RegisterKind, number: number, extension: number, rex: number): number {
  const full = number + extension;
  switch (kind) {
    case RegisterKind.None:
      return number;
    case RegisterKind.Byte:
      return rex === 0 && full >= 4 ? (full - 4) * 8 + 1 : full * 8;
    case RegisterKind.General:
      return full * 8;
    case RegisterKind.Xmm:
      return full * 8;
    case RegisterKind.Mmx:
      return (X87 - XMM) / 2 + (full & 7) * 8;
    case RegisterKind.Segment:
      return full & 7;
    case RegisterKind.Special:
      return full;
  }
}

/** Decodes one instruction at a time; its fields describe the last one. */
export class Decoder {
  static readonly #tables = buildTables();

  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #start = 0;

  /** Length in bytes. */
  length = 0;
  form!: Form;
  #candidate = PLAIN_NOP;
  operandSize = 4;
  addressSize = 8;
  rm: RmKind = RmKind.Register;
  lock = false;
  repeat: Repeat = Repeat.None;
  bits64 = true;
  /** 32-bit code in flat segments. */
  #flat = false;
  /** Fields as the interpreter's record has them. */
  register = 0;
  rmRegister = 0;
  index = 0;
  scale = 0;
  segment = 0;
  segmentNumber = 0;
  displacement = 0;
  /** Whether the address counts from the end of the instruction. */
  ripRelative = false;
  /** Immediate as 64 bits, low and high. */
  immediateLow = 0;
  immediateHigh = 0;

  /** Everything but the operands of the instruction just decoded. */
  variant(): Variant {
    const { form, operandSize, rm, bits64, lock } = this;
    return {
      form,
      operandSize,
      addressSize: this.#addressSizeOfVariant(),
      rm,
      bits64,
      flat: this.#flatVariant(),
      lock,
      repeat: form.definition.repeat === true ? this.repeat : Repeat.None,
    };
  }

  /** {@link variantKey} of the variant. */
  variantKey(): number {
    const repeat = this.form.definition.repeat === true ? this.repeat : Repeat.None;
    const { form, operandSize, rm, bits64, lock } = this;
    const addressSize = this.#addressSizeOfVariant();
    return packVariant(form, operandSize, addressSize, rm, bits64, this.#flatVariant(), lock, repeat);
  }

  /** `namesSegment` of the variant. */
  get namesSegment(): boolean {
    return this.rm === RmKind.MemoryGeneral || this.#candidate.addressSized;
  }

  /** `hasWideImmediate` of the variant. */
  get wideImmediate(): boolean {
    return this.#candidate.wideImmediate && hasWideImmediate(this.form, this.operandSize, this.addressSize);
  }

  /** With an override, what is no operand's address goes through the segments, too. */
  #flatVariant(): boolean {
    return this.#flat && (this.segment === NO_REGISTER || this.rm !== RmKind.Register);
  }

  #addressSizeOfVariant(): number {
    const general = this.rm === RmKind.MemoryGeneral || this.#candidate.addressSized;
    return general ? this.addressSize : this.bits64 ? 8 : 4;
  }

  /** Decodes the instruction at `start`; bytes from `end` on are not there. */
  decode(bytes: Uint8Array, start: number, end: number, mode: CodeMode): DecodeResult {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start;
    this.#end = Math.min(end, start + MAXIMUM_LENGTH);
    const result = this.#decode(mode);
    this.length = this.#at - start;
    if (result === DecodeResult.NeedsMore && end - start >= MAXIMUM_LENGTH) return DecodeResult.TooLong;
    return result;
  }

  #decode(mode: CodeMode): DecodeResult {
    const bits64 = mode === CodeMode.Bits64;
    this.bits64 = bits64;
    this.#flat = mode === CodeMode.Flat32;
    this.lock = false;
    this.repeat = Repeat.None;
    let operandPrefix = false;
    let addressPrefix = false;
    let segmentOverride = -1;
    let rex = 0;
    let byte = 0;
    for (;;) {
      if (this.#at >= this.#end) return DecodeResult.NeedsMore;
      byte = this.#bytes[this.#at++]!;
      if (bits64 && (byte & 0xf0) === 0x40) {
        rex = byte;
        continue;
      }
      if (byte === 0x66) operandPrefix = true;
      else if (byte === 0x67) addressPrefix = true;
      else if (byte === 0xf0) this.lock = true;
      else if (byte === 0xf2) this.repeat = Repeat.NotEqual;
      else if (byte === 0xf3) this.repeat = Repeat.Equal;
      else if ((byte & 0xe7) === 0x26) {
        // ES, CS, SS and DS overrides mean nothing in 64-bit mode, but they undo an earlier FS or GS no more than REX.
        if (!bits64) segmentOverride = (byte >> 3) & 3;
      } else if (byte === 0x64 || byte === 0x65) segmentOverride = byte - 0x60;
      else break;
      // REX counts only directly before the opcode.
      rex = 0;
    }
    let map = 0;
    if (byte === 0x0f) {
      map = 1;
      if (this.#at >= this.#end) return DecodeResult.NeedsMore;
      byte = this.#bytes[this.#at++]!;
      if (byte === 0x38 || byte === 0x3a) {
        map = byte === 0x38 ? 2 : 3;
        if (this.#at >= this.#end) return DecodeResult.NeedsMore;
        byte = this.#bytes[this.#at++]!;
      }
    }
    const candidates = Decoder.#tables[map * 256 + byte] ?? NO_CANDIDATES;
    if (candidates.length === 0) return DecodeResult.Undefined;
    let modrm = 0;
    // All forms of an opcode agree on having a ModRM byte, but for NOP and PAUSE beside XCHG.
    if (candidates[0]!.hasModrm) {
      if (this.#at >= this.#end) return DecodeResult.NeedsMore;
      modrm = this.#bytes[this.#at]!;
    }
    const found = match(candidates, modrm, circumstance(operandPrefix, this.repeat, bits64, (rex & 8) !== 0));
    if (found === undefined) return DecodeResult.Undefined;
    // 90 exchanges RAX with itself only in name: EAX keeps its upper half.
    const meant = map === 0 && byte === 0x90 && (rex & 1) === 0 ? PLAIN_NOP : found;
    this.#candidate = meant;
    this.form = meant.form;
    this.#setSizes(meant, mode, operandPrefix, addressPrefix, rex);
    const override = segmentOverride;
    this.rm = RmKind.Register;
    this.ripRelative = false;
    this.#setSegment(override >= 0 ? override : found.stack ? Segment.SS : Segment.DS);
    if (found.hasModrm) {
      this.#at++;
      this.#setRegister(found.reg, (modrm >> 3) & 7, rex, 4);
      if (modrm >= 0xc0 || found.moveSpecial) this.#setRm(found.rm, modrm & 7, rex);
      else {
        const result = this.#memory(meant, modrm, rex, override);
        if (result !== DecodeResult.Ok) return result;
      }
    } else if (found.reg !== RegisterKind.None) {
      this.#setRegister(found.reg, byte & 7, rex, 1);
    }
    const result = this.#immediates(found, modrm);
    if (result !== DecodeResult.Ok) return result;
    if (found.offset) this.#absolute();
    if (this.ripRelative) this.displacement = (this.displacement + this.#at - this.#start) | 0;
    if (this.lock && (!meant.lock || this.rm === RmKind.Register)) {
      return DecodeResult.Undefined;
    }
    return DecodeResult.Ok;
  }

  #setSizes(
    meant: Candidate,
    mode: CodeMode,
    operandPrefix: boolean,
    addressPrefix: boolean,
    rex: number,
  ): void {
    const short = operandPrefix && !meant.prefix66;
    if (mode === CodeMode.Bits64) {
      this.addressSize = addressPrefix ? 4 : 8;
      const byDefault = meant.size64 === "default" ? 8 : 4;
      this.operandSize = meant.size64 === "fixed" || (rex & 8) !== 0 ? 8 : short ? 2 : byDefault;
    } else {
      const wide = mode !== CodeMode.Bits16;
      this.addressSize = wide !== addressPrefix ? 4 : 2;
      this.operandSize = wide !== short ? 4 : 2;
    }
  }

  #setSegment(segment: number): void {
    this.segmentNumber = segment;
    // Nothing can be written through CS.
    const plain = this.bits64 || (this.#flat && segment !== Segment.CS);
    this.segment = plain && segment < Segment.FS ? NO_REGISTER : SEGMENT_BASE - GPR + segment * 8;
  }

  #setRegister(kind: RegisterKind, number: number, rex: number, bit: number): void {
    this.register = registerOffset(kind, number, (rex & bit) !== 0 ? 8 : 0, rex);
  }

  #setRm(kind: RegisterKind, number: number, rex: number): void {
    this.rmRegister = registerOffset(kind, number, (rex & 1) !== 0 ? 8 : 0, rex);
  }

  #memory(meant: Candidate, modrm: number, rex: number, override: number): DecodeResult {
    let displacementSize = 0;
    let stack = false;
    const mod = modrm >> 6;
    this.index = NO_REGISTER;
    this.scale = 0;
    if (this.addressSize === 2) {
      const rm = modrm & 7;
      const index = INDEX16[rm]!;
      this.rmRegister = BASE16[rm]! * 8;
      if (index >= 0) this.index = index * 8;
      stack = BASE16[rm] === 5;
      displacementSize = mod === 1 ? 1 : mod === 2 ? 2 : 0;
      if (mod === 0 && rm === 6) {
        this.rmRegister = NO_REGISTER;
        stack = false;
        displacementSize = 2;
      }
    } else {
      let base = modrm & 7;
      displacementSize = mod === 1 ? 1 : mod === 2 ? 4 : 0;
      if (base === 4) {
        if (this.#at >= this.#end) return DecodeResult.NeedsMore;
        const sib = this.#bytes[this.#at++]!;
        base = sib & 7;
        const index = ((sib >> 3) & 7) | ((rex & 2) !== 0 ? 8 : 0);
        if (index !== 4) {
          this.index = index * 8;
          this.scale = sib >> 6;
        }
        this.#setBase(base, mod, rex);
        if (mod === 0 && base === 5) displacementSize = 4;
      } else if (mod === 0 && base === 5) {
        displacementSize = 4;
        this.ripRelative = this.bits64;
        this.rmRegister = this.bits64 ? CODE_BASE - GPR : NO_REGISTER;
      } else this.#setBase(base, mod, rex);
      stack = this.rmRegister === 4 * 8 || this.rmRegister === 5 * 8;
    }
    if (this.#at + displacementSize > this.#end) return DecodeResult.NeedsMore;
    this.displacement = this.#signed(displacementSize);
    const segment = override >= 0 ? override : stack ? Segment.SS : Segment.DS;
    this.#setSegment(segment);
    this.#setRmKind(meant);
    return DecodeResult.Ok;
  }

  #setBase(base: number, mod: number, rex: number): void {
    if (base === 5 && mod === 0) this.rmRegister = NO_REGISTER;
    else this.rmRegister = (base | ((rex & 1) !== 0 ? 8 : 0)) * 8;
  }

  #setRmKind(meant: Candidate): void {
    const plain = this.bits64 ? this.addressSize === 8 : this.#flat && this.addressSize === 4;
    if (!plain) this.rm = RmKind.MemoryGeneral;
    else if (this.segment === NO_REGISTER || meant.addressOnly) {
      this.rm = this.index === NO_REGISTER ? RmKind.MemoryBase : RmKind.MemoryIndexed;
    } else if (this.bits64 && this.index === NO_REGISTER) {
      // The segment's base takes the place of the index.
      this.index = this.segment;
      this.scale = 0;
      this.rm = RmKind.MemoryIndexed;
    } else this.rm = RmKind.MemoryGeneral;
  }

  /** The immediate is the address. */
  #absolute(): void {
    this.rm = this.#flat && this.segment === NO_REGISTER ? RmKind.MemoryBase : RmKind.MemoryGeneral;
    this.rmRegister = NO_REGISTER;
    this.index = NO_REGISTER;
    this.displacement = this.immediateLow;
  }

  #immediates(found: Candidate, modrm: number): DecodeResult {
    this.immediateLow = 0;
    this.immediateHigh = 0;
    if (found.offset) return this.#wide(this.addressSize, false);
    if (found.immediates.length === 0) {
      // What tells instructions of the x87 apart is the ModRM byte itself.
      this.immediateLow = modrm;
      return DecodeResult.Ok;
    }
    const first = found.immediates[0]!;
    const second = found.immediates[1];
    const size = this.#immediateSize(first);
    if (first.place === "far") {
      if (this.#at + this.operandSize + 2 > this.#end) return DecodeResult.NeedsMore;
      this.immediateLow = this.operandSize === 2 ? this.#signed(2) & 0xffff : this.#signed(4);
      this.immediateHigh = this.#signed(2) & 0xffff;
      return DecodeResult.Ok;
    }
    if (size === 8) return this.#wide(8, true);
    if (this.#at + size > this.#end) return DecodeResult.NeedsMore;
    this.immediateLow = this.#signed(size);
    this.immediateHigh = this.immediateLow >> 31;
    if (second !== undefined) {
      if (this.#at >= this.#end) return DecodeResult.NeedsMore;
      this.immediateLow = (this.immediateLow & ((1 << (size * 8)) - 1)) |
        (this.#bytes[this.#at++]! << (size * 8));
      this.immediateHigh = 0;
    }
    return DecodeResult.Ok;
  }

  #immediateSize(spec: OperandSpec): number {
    const size = operandBytes(spec, this.operandSize);
    return spec.size === "z" ? Math.min(size, 4) : size;
  }

  #wide(size: number, signed: boolean): DecodeResult {
    if (this.#at + size > this.#end) return DecodeResult.NeedsMore;
    this.immediateLow = size === 2 ? this.#signed(2) & 0xffff : this.#signed(4);
    this.immediateHigh = size === 8 ? this.#signed(4) : signed ? this.immediateLow >> 31 : 0;
    return DecodeResult.Ok;
  }

  #signed(size: number): number {
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at += size;
    switch (size) {
      case 0:
        return 0;
      case 1:
        return (bytes[at]! << 24) >> 24;
      case 2:
        return ((bytes[at]! | (bytes[at + 1]! << 8)) << 16) >> 16;
      default:
        return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    }
  }
}
