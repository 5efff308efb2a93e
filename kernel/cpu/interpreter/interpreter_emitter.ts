/**
 * Definitions as handlers of the interpreter: operands are looked up in the record at run time.
 *
 * @module
 */

import type { CoreFunction } from "../core_functions.ts";
import { Emitter, type Value } from "../emitter.ts";
import type { OperandSpec } from "../isa/definition.ts";
import { FlagsKind, type FlagsSource } from "../flags.ts";
import {
  ATTENTION,
  BUDGET,
  CODE_BASE,
  FLAGS_KIND,
  FLAGS_RESULT,
  FLAGS_SOURCE,
  GPR,
  type Gpr,
  RUN_START,
  Segment,
  SEGMENT_BASE,
  XMM,
  XMM_SIZE,
} from "../state.ts";
import { hasWideImmediate, RmKind, type Variant } from "../variant.ts";
import { countEntry } from "./entry_counter.ts";
import { type Expression, i32, i64, select } from "../wasm/expression.ts";
import { type FunctionBuilder, type Local, NOWHERE } from "../wasm/function_builder.ts";
import type { HandlerSite } from "./handler.ts";
import { findReturn, noteReturn } from "./jump_cache.ts";
import { RECORD_SHIFT, RECORD_SIZE } from "../layout.ts";
import { namesSegment, Record, recordLength, recordRip, REGISTER_FIELD } from "./record.ts";

type Access = Parameters<Emitter["address"]>[1];

/** Writes one variant as a handler. */
export class InterpreterEmitter extends Emitter {
  readonly #record: Local<"i32">;

  constructor(f: FunctionBuilder, variant: Variant, bounce: number, private readonly site: HandlerSite) {
    super(f, variant, bounce);
    this.#record = site.record;
  }

  protected override core(name: CoreFunction): number {
    return this.site.core(name);
  }

  #field(offset: number): Local<"i32"> {
    return this.f.loadAs("i32.load8_u", this.#record, offset);
  }

  #rm(): Expression<"i32"> {
    const rm = this.#field(Record.RM);
    return namesSegment(this.variant) ? rm.and(REGISTER_FIELD) : rm;
  }

  #registerField(spec: OperandSpec): Expression<"i32"> {
    return spec.place === "reg" ? this.#field(Record.REGISTER) : this.#rm();
  }

  protected override readRegister(spec: OperandSpec, size: number): Value {
    return this.f.load(size, this.#registerField(spec), GPR);
  }

  protected override writeRegister(spec: OperandSpec, size: number, value: Value): void {
    this.#storeRegister(this.#registerField(spec), 0, size, value);
  }

  #storeRegister(at: Expression<"i32">, offset: number, size: number, value: Value): void {
    // Writing 32 bits clears the upper half.
    if (size === 4) this.f.store(8, at, value.zeroExtend(4), GPR + offset);
    else this.f.store(size, at, value, GPR + offset);
  }

  override readGpr(register: Gpr, size: number): Value {
    return this.f.load(size, NOWHERE, GPR + register * 8);
  }

  override writeGpr(register: Gpr, size: number, value: Value): void {
    this.#storeRegister(NOWHERE, register * 8, size, value);
  }

  override immediate(): Value {
    const { form, operandSize, addressSize } = this.variant;
    const wide = hasWideImmediate(form, operandSize, addressSize);
    return this.f.loadAs(wide ? "i64.load" : "i64.load32_s", this.#record, Record.IMMEDIATE);
  }

  override registerNumber(): Value {
    return this.#field(Record.REGISTER).extendU();
  }

  override effectiveAddress(): Value {
    const { f } = this;
    if (this.variant.form.operands.some((operand) => operand.place === "offset")) {
      return this.immediate().zeroExtend(this.addressSize);
    }
    const base = f.load(8, this.#rm(), GPR);
    const displacement = f.loadAs("i64.load32_s", this.#record, Record.DISPLACEMENT);
    const start = base.add(displacement);
    if (this.variant.rm === RmKind.MemoryBase) return start.zeroExtend(this.addressSize);
    const field = this.#field(Record.INDEX);
    const index = f.load(8, field.and(REGISTER_FIELD), GPR);
    return start.add(index.shl(field.and(3).extendU())).zeroExtend(this.addressSize);
  }

  protected override linearAddress(bytes: number, access: NonNullable<Access>): Local<"i64"> {
    const { f } = this;
    const offset = this.effectiveAddress();
    if (this.variant.rm !== RmKind.MemoryGeneral) return f.let(offset);
    return this.#inSegment(offset, bytes, access);
  }

  #inSegment(offset: Value, bytes: number, access: NonNullable<Access>): Local<"i64"> {
    const { f } = this;
    const segment = f.let(this.#field(Record.RM).and(7));
    if (!this.bits64) return this.segmentAddress(segment, offset, bytes, access);
    const base = f.load(8, segment.shl(3), SEGMENT_BASE);
    return f.let(offset.add(select(segment.geU(Segment.FS), base, i64(0))));
  }

  override addressAt(offset: Value, bytes: number, access: NonNullable<Access>): Local<"i64"> {
    if (this.variant.rm !== RmKind.MemoryGeneral) {
      // A segment base stands in the index, and so is in the effective address already.
      return this.f.let(offset.zeroExtend(this.addressSize));
    }
    return this.#inSegment(this.f.let(offset.zeroExtend(this.addressSize)), bytes, access);
  }

  override stringSource(offset: Value, bytes: number): Local<"i64"> {
    return this.flat ? this.f.let(offset) : this.#inSegment(offset, bytes, "read");
  }

  override nextRip(): Value {
    const length = recordLength(this.f, this.#record).extendU();
    return this.f.let(recordRip(this.f, this.#record).add(length));
  }

  protected override leaveFaulted(): void {
    this.f.call(this.core("faulted"), this.#record);
    this.f.return(i32(0));
  }

  protected override enterSystem(): void {
    this.f.call(this.core("enterSystem"), this.#record);
  }

  protected override leaveSystem(): void {}

  protected override keepFlags(kind: Expression<"i32">, flags: FlagsSource): FlagsSource {
    const { f } = this;
    const result = f.let(flags.result);
    const source = flags.source.constant === undefined ? f.let(flags.source) : flags.source;
    f.storeAs("i32.store", NOWHERE, kind, FLAGS_KIND);
    f.store(8, NOWHERE, result, FLAGS_RESULT);
    const needed = flags.kind !== FlagsKind.Logic && flags.kind !== FlagsKind.Materialized;
    if (needed) f.store(8, NOWHERE, source, FLAGS_SOURCE);
    return { ...flags, result, source };
  }

  protected override exposeFlags(): void {}

  override branch(): void {
    if (this.operandSize === 2) {
      this.jump(this.nextRip().add(this.immediate()).zeroExtend(2));
      return;
    }
    const { f } = this;
    const link = f.loadAs("i32.load", this.#record, Record.LINK);
    f.if(
      link.eqz(),
      () => f.set(link, f.callFor("i32", this.core("branch"), this.#record)),
      () => this.#enter(link),
    );
    this.#goTo(link);
  }

  /** Begins another run; `record` is 0 if there is a reason to leave before it. */
  #enter(record: Local<"i32">): void {
    const { f } = this;
    const budget = f.let(f.loadAs("i32.load", NOWHERE, BUDGET).sub(this.#executed().add(1)));
    f.storeAs("i32.store", NOWHERE, budget, BUDGET);
    f.storeAs("i32.store", NOWHERE, record, RUN_START);
    const attention = f.loadAs("i32.load", NOWHERE, ATTENTION);
    f.if(
      budget.ltS(attention),
      () => f.set(record, f.callFor("i32", this.core("leaveBefore"), record)),
      () => {
        if (this.site.counts) countEntry(f, record, this.core("hot"));
      },
    );
  }

  override jump(target: Value): void {
    this.#goTo(this.f.callFor("i32", this.core("jump"), this.#record, target));
  }

  /** Whether the code segment begins at 0. */
  get #linearCode(): boolean {
    return this.bits64 || this.flat;
  }

  override noteTarget(target: Value): void {
    if (this.site.counts) this.f.store(4, this.#record, target, Record.TARGET);
  }

  override noteReturn(target: Value): void {
    if (!this.#linearCode) return;
    const { f } = this;
    const known = this.#field(Record.COMES_BACK);
    f.if(known, () => noteReturn(f, f.let(target), this.#record.add(RECORD_SIZE)));
  }

  override jumpBack(target: Value): void {
    if (!this.#linearCode) return this.jump(target);
    const { f } = this;
    const linear = f.let(target);
    const record = f.local("i32");
    findReturn(f, linear, (found) => {
      f.store(8, NOWHERE, linear.and(~0xfffn), CODE_BASE);
      f.set(record, found);
      this.#enter(record);
    }, () => f.set(record, f.callFor("i32", this.core("jump"), this.#record, linear)));
    this.#goTo(record);
  }

  #goTo(record: Local<"i32">): void {
    if (this.site.loop === undefined) {
      this.f.return(record);
      return;
    }
    this.f.set(this.#record, record);
    this.f.branchIf(record, this.site.loop);
    this.f.return(i32(0));
  }

  /** Goes on with the record behind this one. */
  next(): void {
    const next = this.#record.add(RECORD_SIZE);
    if (this.site.loop === undefined) {
      this.f.return(next);
      return;
    }
    this.f.set(this.#record, next);
    this.f.branch(this.site.loop);
  }

  override restart(): void {
    const { f } = this;
    f.storeAs("i32.store", NOWHERE, f.loadAs("i32.load", NOWHERE, BUDGET).sub(this.#executed()), BUDGET);
    f.return(f.callFor("i32", this.core("leaveBefore"), this.#record));
  }

  override charge(): Expression<"i32"> {
    const { f } = this;
    const budget = f.let(f.loadAs("i32.load", NOWHERE, BUDGET).sub(1));
    f.storeAs("i32.store", NOWHERE, budget, BUDGET);
    return budget.sub(this.#executed()).ltS(0);
  }

  /** Instructions that come before this one and have not been charged yet. */
  #executed(): Expression<"i32"> {
    return this.#record.sub(this.f.loadAs("i32.load", NOWHERE, RUN_START)).shrS(RECORD_SHIFT);
  }

  protected override vectorAddress(index: number): Expression<"i32"> {
    const { place } = this.spec(index);
    const field = place === "xmm" || place === "mmx" ? this.#field(Record.REGISTER) : this.#rm();
    return field.shl(1).add(XMM);
  }

  override readXmm(number: number): Local<"v128"> {
    return this.f.loadVector(NOWHERE, XMM + number * XMM_SIZE);
  }

  override writeXmm(number: number, value: Expression<"v128">): void {
    this.f.storeVector(NOWHERE, value, XMM + number * XMM_SIZE);
  }
}
