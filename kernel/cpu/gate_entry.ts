/**
 * Delivery of interrupts and exceptions as kernels have it all the time, in generated WebAssembly: through an interrupt
 * or trap gate to 64-bit code, or to 32-bit code in flat segments, in ring 0 (SDM volume 3, 6.12 and 6.14). Everything
 * else, and all that faults, is left to `system/interrupts.ts`.
 *
 * @module
 */

import { Access } from "./page_walk.ts";
import {
  CODE32,
  CODE64,
  DATA32,
  type Halves,
  isUnlike,
  setCode,
  setDescribed,
  setNull,
  setPrivilege,
} from "./segment_emitter.ts";
import {
  ARITHMETIC_FLAGS,
  CODE_MODE,
  CodeMode,
  CPL,
  Flag,
  GDTR,
  GPR,
  Gpr,
  IDTR,
  RFLAGS,
  RIP,
  Segment,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  STEPPING,
  WATCHING,
} from "./state.ts";
import { inLegacyProtectedMode, isCanonical, state32 } from "./state_emitter.ts";
import { type Expression, i32, select } from "./wasm/expression.ts";
import { type FunctionBuilder, type Label, type Local, Memory, NOWHERE } from "./wasm/function_builder.ts";

/** Flags that make more of a delivery than is written here. */
const SPECIAL = Flag.TF | Flag.NT | Flag.RF | Flag.VM | Flag.AC;
const RSP = GPR + Gpr.RSP * 8;
/** Bits of a gate's upper half but for its DPL, and what those of interrupt gates have. A trap gate has one more. */
const GATE_MASK = 0x9e00;
const GATE = 0x8e00;
const TRAP = 0x100;
/** Of a TSS: whether it is a wide one (in long mode they all are). */
const WIDE_TSS = 8;
/** Where a wide TSS has the stack of ring 0, and the stacks of gates in long mode. */
const RING0_STACK = 4;
const GATE_STACKS = 28;

/** What the module under construction has for a delivery. */
export interface GateEntryFunctions {
  /** See `MmuFunctions`. */
  readonly plainPage: number;
  /** () -> the arithmetic flags. */
  readonly materializeFlags: number;
}

/** (vector, error code or -1, flags pushed besides) -> 1 if the handler has been entered; 0: nothing has changed. */
export function gateEntryBody(f: FunctionBuilder, functions: GateEntryFunctions): void {
  f.block((other) => {
    const special = state32(f, RFLAGS).and(SPECIAL).or(state32(f, STEPPING)).or(state32(f, WATCHING));
    f.branchIf(special, other);
    const mode = f.let(state32(f, CODE_MODE));
    f.if(mode.eq(CodeMode.Bits64), () => new GateEntry(f, functions, other, true).write());
    f.branchIf(mode.ne(CodeMode.Flat32).or(inLegacyProtectedMode(f).eqz()), other);
    new GateEntry(f, functions, other, false).write();
  });
  f.return(i32(0));
}

class GateEntry {
  readonly #wordSize: 4 | 8;

  constructor(
    private readonly f: FunctionBuilder,
    private readonly functions: GateEntryFunctions,
    private readonly other: Label,
    private readonly bits64: boolean,
  ) {
    this.#wordSize = bits64 ? 8 : 4;
  }

  write(): void {
    const { f, bits64 } = this;
    const outer = f.let(state32(f, CPL));
    const vector = f.param("i32", 0);
    const error = f.param("i32", 1);
    const entrySize = bits64 ? 16 : 8;
    const gate = this.#inTable(IDTR, vector.mul(entrySize), entrySize);
    const low = this.#ram32(gate, 0);
    const high = this.#ram32(gate, 4);
    this.#unless(high.and(GATE_MASK).eq(GATE));
    const near = low.and(0xffff).or(high.and(0xffff_0000 | 0)).extendU();
    const target = f.let(bits64 ? near.or(f.load(4, gate, 8, Memory.Ram).shl(32)) : near);
    if (bits64) this.#unless(isCanonical(target));
    const selector = f.let(low.shrU(16));
    const code = this.#descriptor(selector);
    f.branchIf(isUnlike(code, bits64 ? CODE64 : CODE32, i32(0)), this.other);
    const stack = bits64 ? this.#longStack(outer, high.and(7)) : this.#flatStack(outer);

    const pushesStack = bits64 ? i32(1) : outer.ne(0);
    const words = f.let(i32(3).add(select(pushesStack, i32(2), i32(0))).add(error.ne(-1)));
    const size = f.let(words.mul(this.#wordSize));
    const top = f.let(stack.pointer.sub(size.extendU()));
    // A 32-bit stack that wraps around is left to others.
    if (!bits64) f.branchIf(top.ltS(0n), this.other);
    const frame = this.#bytes(top, size, true);
    this.#writeFrame(frame, error, pushesStack);

    f.storeAs("i32.store", NOWHERE, this.#flagsInside(high), RFLAGS);
    setCode(f, selector.and(0xfffc), code, bits64);
    f.if(outer, () => {
      stack.set();
      setPrivilege(f, 0);
    });
    f.store(8, NOWHERE, top, RSP);
    f.store(8, NOWHERE, target, RIP);
    f.return(i32(1));
  }

  #unless(condition: Expression<"i32">): void {
    this.f.branchIf(condition.eqz(), this.other);
  }

  #ram32(at: Local<"i32">, offset: number): Local<"i32"> {
    return this.f.loadAs("i32.load", at, offset, Memory.Ram);
  }

  /** Offset in RAM memory of bytes that must lie in one page. */
  #bytes(linear: Local<"i64">, size: Expression<"i32">, write: boolean): Local<"i32"> {
    const { f } = this;
    f.branchIf(linear.wrap().and(0xfff).add(size).gtU(0x1000), this.other);
    const access = Access.SYSTEM | (write ? Access.WRITE : 0);
    const host = f.callFor("i32", this.functions.plainPage, linear, i32(access));
    f.branchIf(host.eq(-1), this.other);
    return host;
  }

  /** The entry of a descriptor table that lies `offset` bytes behind its start. */
  #inTable(register: number, offset: Expression<"i32">, size: number): Local<"i32"> {
    const { f } = this;
    const start = f.let(offset);
    const limit = f.loadAs("i32.load16_u", NOWHERE, register + 8);
    f.branchIf(start.add(size - 1).gtU(limit), this.other);
    const linear = f.load(8, NOWHERE, register).add(start.extendU());
    return this.#bytes(f.let(linear.zeroExtend(this.#wordSize)), i32(size), false);
  }

  /** What a selector names in the GDT. */
  #descriptor(selector: Local<"i32">): Halves {
    // Neither null nor in the LDT.
    this.#unless(selector.and(4).eqz().and(selector.and(0xfffc).ne(0)));
    const at = this.#inTable(GDTR, selector.and(0xfff8), 8);
    return { low: this.#ram32(at, 0), high: this.#ram32(at, 4) };
  }

  /** Bytes of the TSS. */
  #tss(offset: Expression<"i32">): Local<"i32"> {
    const { f } = this;
    const start = f.let(offset);
    f.branchIf(start.add(7).gtU(state32(f, SEGMENT_LIMIT + Segment.TR * 4)), this.other);
    const linear = f.load(8, NOWHERE, SEGMENT_BASE + Segment.TR * 8).add(start.extendU());
    return this.#bytes(f.let(linear.zeroExtend(this.#wordSize)), i32(8), false);
  }

  /** Where the frame ends, and what becomes of SS when an outer ring is left. */
  #longStack(
    outer: Local<"i32">,
    gateStack: Expression<"i32">,
  ): { pointer: Local<"i64">; set: () => void } {
    const { f } = this;
    const number = f.let(gateStack);
    const pointer = f.local("i64");
    f.if(outer.or(number), () => {
      const offset = select(number, number.mul(8).add(GATE_STACKS), i32(RING0_STACK));
      f.set(pointer, f.load(8, this.#tss(offset), 0, Memory.Ram));
    }, () => f.set(pointer, f.load(8, NOWHERE, RSP)));
    this.#unless(isCanonical(pointer));
    f.set(pointer, pointer.and(~0xfn));
    return { pointer, set: () => setNull(f, i32(Segment.SS), i32(0)) };
  }

  #flatStack(outer: Local<"i32">): { pointer: Local<"i64">; set: () => void } {
    const { f } = this;
    const pointer = f.let(f.load(4, NOWHERE, RSP));
    const selector = f.local("i32");
    let stack!: Halves;
    f.if(outer, () => {
      this.#unless(state32(f, SEGMENT_ATTRIBUTES + Segment.TR * 4).and(WIDE_TSS));
      const at = this.#tss(i32(RING0_STACK));
      f.set(pointer, f.load(4, at, 0, Memory.Ram));
      f.set(selector, f.loadAs("i32.load16_u", at, 4, Memory.Ram));
      f.branchIf(selector.and(3), this.other);
      stack = this.#descriptor(selector);
      f.branchIf(isUnlike(stack, DATA32, i32(0)), this.other);
    });
    return { pointer, set: () => setDescribed(f, i32(Segment.SS), selector, stack) };
  }

  /** Error code if there is one, RIP, CS, RFLAGS, and the stack that is left. */
  #writeFrame(frame: Local<"i32">, error: Local<"i32">, pushesStack: Expression<"i32">): void {
    const { f } = this;
    const size = this.#wordSize;
    const at = f.let(frame);
    const put = (index: number, value: Expression<"i64">) =>
      f.store(size, at, value, index * size, Memory.Ram);
    const selector = (segment: Segment) => f.load(4, NOWHERE, SEGMENT_SELECTOR + segment * 4);
    f.if(error.ne(-1), () => {
      put(0, error.extendU());
      f.set(at, at.add(size));
    });
    put(0, f.load(8, NOWHERE, RIP));
    put(1, selector(Segment.CS));
    const arithmetic = f.callFor("i64", this.functions.materializeFlags);
    const flags = state32(f, RFLAGS).and(~ARITHMETIC_FLAGS).or(2).or(f.param("i32", 2)).extendU();
    put(2, flags.or(arithmetic));
    f.if(pushesStack, () => {
      put(3, f.load(8, NOWHERE, RSP));
      put(4, selector(Segment.SS));
    });
  }

  /** RFLAGS in the handler. An interrupt gate clears IF. */
  #flagsInside(high: Local<"i32">): Expression<"i32"> {
    const flags = state32(this.f, RFLAGS);
    return select(high.and(TRAP), flags, flags.and(~Flag.IF));
  }
}
