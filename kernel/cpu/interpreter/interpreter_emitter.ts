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
  XMM,
  XMM_SIZE,
} from "../state.ts";
import { RmKind, type Variant } from "../variant.ts";
import { countEntry } from "./entry_counter.ts";
import { type Expression, i32 } from "../wasm/expression.ts";
import { type FunctionBuilder, type Local, NOWHERE } from "../wasm/function_builder.ts";
import type { HandlerSite } from "./handler.ts";
import { RECORD_SIZE } from "../layout.ts";
import { Record } from "./record.ts";

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

  #field16(offset: number): Local<"i32"> {
    return this.f.loadAs("i32.load16_u", this.#record, offset);
  }

  #registerField(spec: OperandSpec): Local<"i32"> {
    return this.#field16(spec.place === "reg" ? Record.REGISTER : Record.RM);
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
    return this.f.load(8, this.#record, Record.IMMEDIATE);
  }

  override registerNumber(): Value {
    return this.#field16(Record.REGISTER).extendU();
  }

  override effectiveAddress(): Value {
    const { f } = this;
    if (this.variant.form.operands.some((operand) => operand.place === "offset")) {
      return this.immediate().zeroExtend(this.addressSize);
    }
    const base = f.load(8, this.#field16(Record.RM), GPR);
    const displacement = f.loadAs("i64.load32_s", this.#record, Record.DISPLACEMENT);
    const start = base.add(displacement);
    if (this.variant.rm === RmKind.MemoryBase) return start.zeroExtend(this.addressSize);
    const index = f.load(8, this.#field16(Record.INDEX), GPR);
    const scale = f.loadAs("i64.load8_u", this.#record, Record.SCALE);
    return start.add(index.shl(scale)).zeroExtend(this.addressSize);
  }

  protected override linearAddress(bytes: number, access: NonNullable<Access>): Local<"i64"> {
    const { f } = this;
    const offset = this.effectiveAddress();
    if (this.variant.rm !== RmKind.MemoryGeneral) return f.let(offset);
    return this.#inSegment(offset, bytes, access);
  }

  #inSegment(offset: Value, bytes: number, access: NonNullable<Access>): Local<"i64"> {
    const { f } = this;
    if (this.bits64) return f.let(offset.add(f.load(8, this.#field16(Record.SEGMENT), GPR)));
    return this.segmentAddress(
      f.loadAs("i32.load8_u", this.#record, Record.SEGMENT_NUMBER),
      offset,
      bytes,
      access,
    );
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
    const { f } = this;
    const length = f.loadAs("i64.load8_u", this.#record, Record.LENGTH);
    return f.let(this.rip().add(length));
  }

  /** RIP of this instruction. */
  rip(): Value {
    const { f } = this;
    const offset = f.loadAs("i64.load16_u", this.#record, Record.OFFSET);
    return f.load(8, NOWHERE, CODE_BASE).add(offset);
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
    f.if(link.eqz(), () => f.set(link, f.callFor("i32", this.core("branch"), this.#record)), () => {
      const budget = f.let(f.loadAs("i32.load", NOWHERE, BUDGET).sub(this.#executed().add(1)));
      f.storeAs("i32.store", NOWHERE, budget, BUDGET);
      f.storeAs("i32.store", NOWHERE, link, RUN_START);
      const attention = f.loadAs("i32.load", NOWHERE, ATTENTION);
      f.if(
        budget.ltS(attention),
        () => f.set(link, f.callFor("i32", this.core("leaveBefore"), link)),
        () => {
          if (this.site.counts) countEntry(f, link, this.core("hot"));
        },
      );
    });
    this.#goTo(link);
  }

  override jump(target: Value): void {
    this.#goTo(this.f.callFor("i32", this.core("jump"), this.#record, target));
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
    return this.#record.sub(this.f.loadAs("i32.load", NOWHERE, RUN_START)).shrS(5);
  }

  protected override vectorAddress(index: number): Expression<"i32"> {
    // The field is a byte offset from XMM, for MMX registers too: see the decoder.
    const spec = this.spec(index);
    const field = spec.place === "xmm" || spec.place === "mmx" ? Record.REGISTER : Record.RM;
    return this.#field16(field).add(XMM);
  }

  override readXmm(number: number): Local<"v128"> {
    return this.f.loadVector(NOWHERE, XMM + number * XMM_SIZE);
  }

  override writeXmm(number: number, value: Expression<"v128">): void {
    this.f.storeVector(NOWHERE, value, XMM + number * XMM_SIZE);
  }
}
