/**
 * What an instruction's definition says its meaning with.
 *
 * Integer values are i64 with zeros above the operand's size. The order of a definition's statements is the order of
 * effects: whatever can fault comes before anything that changes the state.
 *
 * @module
 */

import type { CoreFunction } from "./core_functions.ts";
import {
  conditionValue,
  type FlagName,
  FlagsKind,
  flagsKindCode,
  type FlagsSource,
  flagValue,
} from "./flags.ts";
import type { OperandSpec } from "./isa/definition.ts";
import { READ_TLB, TLB_ENTRIES, TLB_ENTRY_SIZE, WRITE_TLB } from "./layout.ts";
import {
  CR,
  Cr0,
  Cr4,
  FAULT_ERROR,
  FAULT_VECTOR,
  FLAGS_KIND,
  FLAGS_RESULT,
  FLAGS_SOURCE,
  Gpr,
  RFLAGS,
  RIP,
  Segment,
  SEGMENT_ATTRIBUTES,
  SEGMENT_SELECTOR,
  SegmentAttribute,
  TLB_CONTEXT,
  Vector,
  X87_STATUS,
  X87_TAG,
} from "./state.ts";
import { operandBytes, type Repeat, type Variant } from "./variant.ts";
import { type Expression, i32, i64, select } from "./wasm/expression.ts";
import { type FunctionBuilder, type Label, type Local, Memory, NOWHERE } from "./wasm/function_builder.ts";
import { type SystemFunctionName, systemFunctionNumber } from "./system_functions.ts";

/** An integer value. */
export type Value = Expression<"i64">;

/** ES and TOP in the x87 status word. */
const X87_SUMMARY = 0x80;
const X87_TOP = 0x3800;

/** Kinds of accesses of {@link Emitter.hostAddress}. */
type AccessKind = "read" | "write" | "modify";

/** Meaning of one variant of an instruction, written into a function under construction. */
export abstract class Emitter {
  /** What this variant's condition on flags can be computed from, while that is known. */
  #flags: FlagsSource | undefined;

  constructor(
    /** For what has no method here: loops, locals. */
    readonly f: FunctionBuilder,
    readonly variant: Variant,
    /** Where RAM memory's bounce buffer lies. */
    protected readonly bounce: number,
  ) {}

  // What depends on the tier: where operands come from and where execution goes.

  /** Index of a core function in the module under construction. */
  protected abstract core(name: CoreFunction): number;
  /** Register operand `index`: `size` bytes, zero-extended. */
  protected abstract readRegister(operand: OperandSpec, size: number): Value;
  protected abstract writeRegister(operand: OperandSpec, size: number, value: Value): void;
  /** A general register by number. */
  abstract readGpr(register: Gpr, size: number): Value;
  /** Writes a general register: 4 bytes clear the upper half, 1 and 2 leave the rest as it is. */
  abstract writeGpr(register: Gpr, size: number, value: Value): void;
  /** The immediate operand, sign-extended to 64 bits. */
  abstract immediate(): Value;
  /** Number of the register that ModRM.reg names, for segment, control and debug registers. */
  abstract registerNumber(): Value;
  /** Effective address of the memory operand, as LEA gives it. */
  abstract effectiveAddress(): Value;
  /** Linear address of the memory operand; faults if its segment forbids `bytes` bytes. */
  protected abstract linearAddress(bytes: number, access: AccessKind): Local<"i64">;
  /** Linear address of an offset that is not the operand's own, in the operand's segment. */
  abstract addressAt(offset: Value, bytes: number, access: AccessKind): Local<"i64">;
  /** Offset added to the base of the segment that a string instruction's source has. */
  abstract stringSource(offset: Value, bytes: number): Local<"i64">;
  /** RIP of the next instruction. */
  abstract nextRip(): Value;
  /** Leaves the function because of a fault that is pending. */
  protected abstract leaveFaulted(): void;
  /** Tells where RIP is, before a system function runs. */
  protected abstract enterSystem(): void;
  /** Goes on at the target of a relative branch. */
  abstract branch(): void;
  /** Goes on at an address. */
  abstract jump(target: Value): void;
  /** Leaves the loop before this instruction, to come back to it: in the middle of a repeated one. */
  abstract restart(): void;
  /** Where XMM or MMX register operands lie in engine memory. */
  abstract vectorAddress(index: number): Expression<"i32">;

  // Operands.

  get operandSize(): number {
    return this.variant.operandSize;
  }
  get addressSize(): number {
    return this.variant.addressSize;
  }
  get bits64(): boolean {
    return this.variant.bits64;
  }
  get repeat(): Repeat {
    return this.variant.repeat;
  }
  /** Bytes of operand `index`. */
  size(index = 0): number {
    return operandBytes(this.spec(index), this.variant.operandSize);
  }
  protected spec(index: number): OperandSpec {
    const spec = this.variant.form.operands[index];
    if (spec === undefined) throw new Error(`"${this.variant.form.text}" has no operand ${index}`);
    return spec;
  }
  /** Whether operand `index` is in memory in this variant. */
  isMemory(index: number): boolean {
    const spec = this.spec(index);
    if (spec.place === "memory" || spec.place === "offset") return true;
    return (spec.place === "rm" || spec.place.endsWith("-rm")) && this.variant.rm !== 0;
  }

  /** Reads operand `index`, zero-extended (an immediate: its low bytes). */
  read(index: number): Value {
    const spec = this.spec(index);
    const size = this.size(index);
    switch (spec.place) {
      case "one":
        return i64(1);
      case "fixed":
        return this.readGpr(spec.register!, size);
      case "immediate":
        // A sign-extended byte is an operand of the first operand's size.
        return this.immediate().zeroExtend(spec.signExtended === true ? this.size(0) : size);
      case "relative":
        return this.immediate();
      default:
        if (this.isMemory(index)) return this.load(size, this.address(index, "read"));
        return this.readRegister(spec, size);
    }
  }

  /** Writes operand `index`. Bits above its size are dropped. */
  write(index: number, value: Value): void {
    const spec = this.spec(index);
    const size = this.size(index);
    if (spec.place === "fixed") this.writeGpr(spec.register!, size, value);
    else if (this.isMemory(index)) this.store(size, this.address(index, "write"), value);
    else this.writeRegister(spec, size, value);
  }

  /**
   * Reads operand `index`, and writes what `change` makes of it. Memory is checked for writing first. Under LOCK the
   * three are one, and `change` may run several times: flags and registers are to be written after it.
   */
  modify(index: number, change: (value: Value) => Value): void {
    const size = this.size(index);
    if (!this.isMemory(index)) {
      this.write(index, change(this.read(index)));
      return;
    }
    this.modifyMemory(size, this.address(index, "modify"), change);
  }

  /** Linear address of memory operand `index`; the segment's limit is checked. */
  address(index: number, access: AccessKind = "read", bytes = this.size(index)): Local<"i64"> {
    this.spec(index);
    return this.linearAddress(bytes, access);
  }

  /** The same, `displacement` bytes further: bit strings reach beyond their operand. */
  displacedAddress(displacement: Value, bytes: number, access: AccessKind): Local<"i64"> {
    return this.addressAt(this.f.let(this.effectiveAddress().add(displacement)), bytes, access);
  }

  /** All 64 bits of register operand `index`, whatever its size. */
  readWhole(index: number): Value {
    return this.readRegister(this.spec(index), 8);
  }
  /** Sets all 64 bits of register operand `index`. */
  writeWhole(index: number, value: Value): void {
    this.writeRegister(this.spec(index), 8, value);
  }
  /** Sets register operand `index` as wide as the mode makes registers. */
  writeRegisterWhole(index: number, value: Value): void {
    this.writeRegister(this.spec(index), this.bits64 ? 8 : 4, value);
  }

  // Memory by linear address.

  /** Loads `size` bytes (1, 2, 4, 8). */
  load(size: number, linear: Local<"i64">): Local<"i64"> {
    return this.f.load(size, this.hostAddress("read", size, linear), 0, Memory.Ram);
  }

  /** Loads 16 bytes. */
  loadVector(linear: Local<"i64">): Local<"v128"> {
    return this.f.loadVector(this.hostAddress("read", 16, linear), 0, Memory.Ram);
  }

  /** Stores the low `size` bytes (1, 2, 4, 8). */
  store(size: number, linear: Local<"i64">, value: Value): void {
    this.#store(size, linear, (at) => this.f.store(size, at, value, 0, Memory.Ram));
  }

  /** Stores 16 bytes. */
  storeVector(linear: Local<"i64">, value: Expression<"v128">): void {
    this.#store(16, linear, (at) => this.f.storeVector(at, value, 0, Memory.Ram));
  }

  /** Whether what {@link hostAddress} gave is RAM itself, not a buffer for device memory or for two pages. */
  isPlain(host: Local<"i32">): Expression<"i32"> {
    return host.ne(this.bounce);
  }

  /** Checks that `size` bytes can be written, before state that a later store must not undo is changed. */
  probeWrite(size: number, linear: Local<"i64">): void {
    this.hostAddress("modify", size, linear);
  }

  modifyMemory(
    size: number,
    linear: Local<"i64">,
    change: (value: Value) => Value,
    atomic = this.variant.lock,
  ): void {
    const { f } = this;
    const host = this.hostAddress("modify", size, linear);
    const attempt = (again?: Label) => {
      const old = f.load(size, host, 0, Memory.Ram);
      const changed = f.let(change(old).zeroExtend(size));
      const put = () => f.store(size, host, changed, 0, Memory.Ram);
      if (again === undefined) return put();
      f.if(host.and(size - 1).eqz(), () => {
        f.branchIf(f.compareExchange(size, host, old, changed, Memory.Ram).ne(old), again);
      }, put);
    };
    if (atomic) f.loop(attempt);
    else attempt();
    this.commitModified(size, linear, host);
  }

  #store(size: number, linear: Local<"i64">, put: (at: Expression<"i32">) => void): void {
    const { f } = this;
    const entry = this.#tlbEntry(linear);
    f.if(this.#tlbHit(WRITE_TLB, entry, size, linear), () => {
      const addend = f.loadAs("i32.load", entry, WRITE_TLB + 8);
      put(linear.wrap().add(addend));
    }, () => {
      put(i32(this.bounce));
      this.#writeSlow(size, linear);
    });
  }

  #writeSlow(size: number, linear: Local<"i64">): void {
    const failed = this.f.callFor("i32", this.core("writeSlow"), linear, i32(size));
    this.f.if(failed, () => this.leaveFaulted());
  }

  /** Offset in RAM memory of `size` bytes at a linear address: the inline half of translation. */
  hostAddress(access: "read" | "modify", size: number, linear: Local<"i64">): Local<"i32"> {
    const { f } = this;
    const host = f.local("i32");
    const entry = this.#tlbEntry(linear);
    const table = access === "read" ? READ_TLB : WRITE_TLB;
    f.if(this.#tlbHit(table, entry, size, linear), () => {
      f.set(host, linear.wrap().add(f.loadAs("i32.load", entry, table + 8)));
    }, () => {
      const slow = this.core(access === "read" ? "readSlow" : "modifySlow");
      f.set(host, f.callFor("i32", slow, linear, i32(size)));
      f.if(host.eq(-1), () => this.leaveFaulted());
    });
    return host;
  }

  #tlbEntry(linear: Local<"i64">): Local<"i32"> {
    return this.f.let(
      linear.shrU(12 - Math.log2(TLB_ENTRY_SIZE)).wrap().and((TLB_ENTRIES - 1) * TLB_ENTRY_SIZE),
    );
  }

  #tlbHit(table: number, entry: Local<"i32">, size: number, linear: Local<"i64">): Expression<"i32"> {
    // The tag is that of the page of the last byte: an access that leaves its first page never matches.
    const context = this.f.load(8, NOWHERE, TLB_CONTEXT);
    const tag = this.f.load(8, entry, table);
    return linear.add(size - 1).and(~0xfffn).or(context).eq(tag);
  }

  /** Ends what {@link hostAddress} began with `modify`: writes back what was changed at `host`. */
  commitModified(size: number, linear: Local<"i64">, host: Local<"i32">): void {
    this.f.if(host.eq(this.bounce), () => this.#writeSlow(size, linear));
  }

  /** XCHG with memory is locked even without a prefix. */
  exchange(index: number, change: (value: Value) => Value): void {
    if (!this.isMemory(index)) return this.modify(index, change);
    this.modifyMemory(this.size(index), this.address(index, "modify"), change, true);
  }

  // Vector registers.

  /** Faults unless SSE instructions may run: CR0.EM and TS clear, CR4.OSFXSR set. */
  requireSse(): void {
    const { f } = this;
    const cr0 = f.loadAs("i32.load", NOWHERE, CR);
    const cr4 = f.loadAs("i32.load", NOWHERE, CR + 4 * 8);
    f.if(cr0.and(Cr0.EM).or(cr4.and(Cr4.OSFXSR).eqz()), () => this.fault(Vector.UD));
    f.if(cr0.and(Cr0.TS), () => this.fault(Vector.NM));
  }

  /** Faults unless MMX instructions may run: CR0.EM and TS clear. Pending x87 exceptions are raised. */
  requireMmx(): void {
    this.checkMmx();
    this.enterMmx();
  }

  /** The first half of {@link requireMmx}, before operands that can fault are read. */
  checkMmx(): void {
    const { f } = this;
    const cr0 = f.loadAs("i32.load", NOWHERE, CR);
    f.if(cr0.and(Cr0.EM), () => this.fault(Vector.UD));
    f.if(cr0.and(Cr0.TS), () => this.fault(Vector.NM));
    const status = f.loadAs("i32.load", NOWHERE, X87_STATUS);
    f.if(status.and(X87_SUMMARY), () => this.fault(Vector.MF));
  }

  /** The second half of {@link requireMmx}: TOP becomes 0, and no register is empty any more. */
  enterMmx(): void {
    const { f } = this;
    const status = f.loadAs("i32.load", NOWHERE, X87_STATUS);
    f.storeAs("i32.store", NOWHERE, status.and(~X87_TOP), X87_STATUS);
    f.storeAs("i32.store", NOWHERE, i32(0xff), X87_TAG);
  }

  /** Reads XMM operand `index` whole: a register, or 16 bytes of memory that must lie aligned unless `unaligned`. */
  readVector(index: number, unaligned = false): Local<"v128"> {
    if (!this.isMemory(index)) return this.f.loadVector(this.vectorAddress(index));
    const linear = this.address(index, "read", 16);
    if (!unaligned) this.requireAligned(linear);
    return this.loadVector(linear);
  }

  /** Reads the low `size` bytes (1, 2, 4, 8) of XMM or MMX operand `index`, or that many bytes of memory. */
  readLow(index: number, size: number): Local<"i64"> {
    if (!this.isMemory(index)) return this.f.load(size, this.vectorAddress(index));
    return this.load(size, this.address(index, "read", size));
  }

  /** Writes XMM operand `index` whole. */
  writeVector(index: number, value: Expression<"v128">, unaligned = false): void {
    if (!this.isMemory(index)) {
      this.f.storeVector(this.vectorAddress(index), value);
      return;
    }
    const linear = this.address(index, "write", 16);
    if (!unaligned) this.requireAligned(linear);
    this.storeVector(linear, value);
  }

  /** Writes the low `size` bytes of XMM or MMX operand `index`; the rest of a register stays as it is. */
  writeLow(index: number, size: number, value: Value): void {
    if (!this.isMemory(index)) this.f.store(size, this.vectorAddress(index), value);
    else this.store(size, this.address(index, "write", size), value);
  }

  /** Faults with #GP unless a linear address is a multiple of 16. */
  requireAligned(linear: Local<"i64">): void {
    this.f.if(linear.and(15).ne(0n), () => this.fault(Vector.GP));
  }

  // The stack.

  /** Bytes that PUSH and POP move for the operand size. */
  get stackSize(): number {
    return this.bits64 && this.operandSize === 4 ? 8 : this.operandSize;
  }

  #stackMask(): Local<"i64"> {
    const { f } = this;
    const attributes = f.loadAs("i32.load", NOWHERE, SEGMENT_ATTRIBUTES + Segment.SS * 4);
    return f.let(select(attributes.and(SegmentAttribute.DB), i64(0xffffffff), i64(0xffff)));
  }

  /** Linear address of `size` bytes at an offset from the stack pointer, and the offset itself. */
  stackAddress(
    displacement: Value,
    size: number,
    access: AccessKind,
  ): { linear: Local<"i64">; pointer: Local<"i64"> } {
    return this.stackAddressFrom(this.readGpr(Gpr.RSP, 8).add(displacement), size, access);
  }

  /** The stack pointer moved by `displacement`, with no access to what it points to. */
  stackPointer(displacement: Value): Local<"i64"> {
    const pointer = this.f.let(this.readGpr(Gpr.RSP, 8).add(displacement));
    if (!this.bits64) this.f.set(pointer, pointer.and(this.#stackMask()));
    return pointer;
  }

  /** Sets the stack pointer, of the width that the stack segment says. */
  setStackPointer(pointer: Local<"i64">): void {
    if (this.bits64) {
      this.writeGpr(Gpr.RSP, 8, pointer);
      return;
    }
    this.f.if(this.#stackMask().eq(0xffff), () => this.writeGpr(Gpr.RSP, 2, pointer), () => {
      this.writeGpr(Gpr.RSP, 4, pointer);
    });
  }

  /** Pushes `size` bytes. */
  push(size: number, value: Value): void {
    const bound = this.f.let(value);
    const { linear, pointer } = this.stackAddress(i64(-size), size, "write");
    this.store(size, linear, bound);
    this.setStackPointer(pointer);
  }

  /** Pops `size` bytes; `use` gets the value after the stack pointer has been moved. */
  pop(size: number): { value: Local<"i64">; commit: () => void } {
    const { linear } = this.stackAddress(i64(0), size, "read");
    const value = this.load(size, linear);
    const commit = () => {
      const { f } = this;
      const pointer = f.let(this.readGpr(Gpr.RSP, 8).add(size));
      this.setStackPointer(pointer);
    };
    return { value, commit };
  }

  /** Linear address of `size` bytes at a stack offset that is not the stack pointer's, and the offset itself. */
  stackAddressFrom(
    offset: Value,
    size: number,
    access: AccessKind,
  ): { linear: Local<"i64">; pointer: Local<"i64"> } {
    const pointer = this.f.let(offset);
    if (this.bits64) return { linear: pointer, pointer };
    this.f.set(pointer, pointer.and(this.#stackMask()));
    return { linear: this.segmentAddress(i32(Segment.SS), pointer, size, access), pointer };
  }

  /** Linear address of an offset in a segment outside 64-bit mode, with all checks. */
  segmentAddress(segment: Expression<"i32">, offset: Value, bytes: number, access: AccessKind): Local<"i64"> {
    const write = i32(access === "read" ? 0 : 1);
    const linear = this.f.callFor("i64", this.core("segmentAddress"), segment, offset, i32(bytes), write);
    this.f.if(linear.eq(-1), () => this.leaveFaulted());
    return linear;
  }

  // Flags.

  /** Sets the six arithmetic flags. Values are bound here. */
  setFlags(kind: FlagsKind, size: number, result: Value, source: Value = i64(0), first?: Value): void {
    if (this.variant.flagsDead) return;
    const { f } = this;
    const bound = f.let(result);
    const other = source.constant === undefined ? f.let(source) : source;
    f.storeAs("i32.store", NOWHERE, i32(flagsKindCode(kind, size)), FLAGS_KIND);
    f.store(8, NOWHERE, bound, FLAGS_RESULT);
    if (kind !== FlagsKind.Logic && kind !== FlagsKind.Materialized) f.store(8, NOWHERE, other, FLAGS_SOURCE);
    this.#flags = { kind, size, result: bound, source: other, ...(first === undefined ? {} : { first }) };
  }

  /** Sets the flags of an addition or subtraction with a carry that is known only at run time. */
  setCarryFlags(
    kinds: readonly [without: FlagsKind, withCarry: FlagsKind],
    size: number,
    result: Value,
    source: Value,
    carry: Expression<"i32">,
  ): void {
    if (this.variant.flagsDead) return;
    const { f } = this;
    const kind = select(carry, i32(flagsKindCode(kinds[1], size)), i32(flagsKindCode(kinds[0], size)));
    f.storeAs("i32.store", NOWHERE, kind, FLAGS_KIND);
    f.store(8, NOWHERE, result, FLAGS_RESULT);
    f.store(8, NOWHERE, source, FLAGS_SOURCE);
    this.#flags = undefined;
  }

  /** Sets all six flags to bits of RFLAGS. */
  setAllFlags(bits: Value): void {
    this.setFlags(FlagsKind.Materialized, 1, bits);
  }

  /** The six arithmetic flags as bits of RFLAGS. */
  allFlags(): Local<"i64"> {
    return this.f.callFor("i64", this.core("materializeFlags"));
  }

  /** One arithmetic flag as 0 or 1. */
  flag(name: FlagName): Expression<"i32"> {
    if (this.#flags !== undefined) return this.f.let(flagValue(this.#flags, name));
    switch (name) {
      case "OF":
        return this.#condition(0);
      case "CF":
        return this.#condition(1);
      case "ZF":
        return this.#condition(2);
      case "SF":
        return this.#condition(4);
      case "PF":
        return this.#condition(5);
      case "AF":
        return this.f.let(this.allFlags().shrU(4).and(1).wrap());
    }
  }

  /** Condition 0 to 15 as in Jcc, as 0 or 1. */
  condition(code: number): Expression<"i32"> {
    if (this.#flags !== undefined) return this.f.let(conditionValue(this.#flags, code));
    const positive = this.#condition(code >> 1);
    return (code & 1) === 0 ? positive : positive.eqz();
  }

  /**
   * How the operands of a comparison that has just set the flags relate, or its result and zero after logic: bit 0
   * equal, bit 1 below, bit 2 less.
   */
  comparison(): Local<"i32"> {
    const flags = this.#flags;
    if (flags === undefined) throw new Error(`"${this.variant.form.definition.name}" leaves no comparison`);
    const [equal, below, less] = [4, 2, 12].map((code) => conditionValue(flags, code));
    return this.f.let(equal!.or(below!.shl(1)).or(less!.shl(2)));
  }

  #condition(index: number): Local<"i32"> {
    return this.f.callFor("i32", this.core(`condition${index}` as CoreFunction));
  }

  /** A flag outside the arithmetic ones: DF, IF, ... */
  systemFlag(mask: number): Expression<"i32"> {
    return this.f.loadAs("i32.load", NOWHERE, RFLAGS).and(mask);
  }

  /** What the flags are is not known any more: after code that ran only sometimes. */
  forgetFlags(): void {
    this.#flags = undefined;
  }

  /** Runs `then` if `condition` is not zero, else `otherwise`. */
  if(condition: Expression<"i32">, then: () => void, otherwise?: () => void): void {
    this.f.if(
      condition,
      () => {
        this.#flags = undefined;
        then();
      },
      otherwise === undefined ? undefined : () => {
        this.#flags = undefined;
        otherwise();
      },
    );
    this.#flags = undefined;
  }

  /** `condition ? yes : no`, bound. */
  choose(condition: Expression<"i32">, yes: Value, no: Value): Local<"i64"> {
    return this.f.let(select(condition, yes, no));
  }

  /** Selector in a segment register. */
  selector(segment: Segment): Local<"i64"> {
    return this.f.load(4, NOWHERE, SEGMENT_SELECTOR + segment * 4);
  }

  /** Selector in the segment register that ModRM.reg names; #UD if there is none of that number. */
  segmentSelector(): Local<"i64"> {
    const number = this.f.let(this.registerNumber().wrap());
    this.f.if(number.geU(6), () => this.fault(Vector.UD));
    return this.f.load(4, number.shl(2), SEGMENT_SELECTOR);
  }

  /** Binds a value, so that using it twice does not compute it twice. */
  let(value: Value): Local<"i64"> {
    return this.f.let(value);
  }

  // Faults and system functions.

  /** Raises an exception of this instruction. */
  fault(vector: number, error = 0): void {
    this.f.storeAs("i32.store", NOWHERE, i32(vector), FAULT_VECTOR);
    this.f.storeAs("i32.store", NOWHERE, i32(error), FAULT_ERROR);
    this.leaveFaulted();
  }

  /** Calls a function of `system/`; what it changed is in the state. */
  system(name: SystemFunctionName, a: Value = i64(0), b: Value = i64(0)): Local<"i64"> {
    this.enterSystem();
    const result = this.f.callFor("i64", this.core("system"), i32(systemFunctionNumber(name)), a, b);
    this.#leaveIfFaulted();
    this.#flags = undefined;
    return result;
  }

  /** Runs an x87 instruction. */
  x87(opcode: number, modrm: Expression<"i32">, linear: Value): void {
    this.enterSystem();
    this.f.call(this.core("x87"), i32(opcode), modrm, linear);
    this.#leaveIfFaulted();
    this.#flags = undefined;
  }

  /** Exact floating point on the slow path; faults with #XM are raised. */
  float(operation: number, a: Value, b: Value): Local<"i64"> {
    this.enterSystem();
    const result = this.f.callFor("i64", this.core("float"), i32(operation), a, b);
    this.#leaveIfFaulted();
    return result;
  }

  #leaveIfFaulted(): void {
    const vector = this.f.loadAs("i32.load", NOWHERE, FAULT_VECTOR);
    this.f.if(vector.geS(0), () => this.leaveFaulted());
  }

  /** Goes on where RIP now says: after a system function that transferred control or changed how code is decoded. */
  dispatch(): void {
    this.jump(this.f.load(8, NOWHERE, RIP));
  }
}
