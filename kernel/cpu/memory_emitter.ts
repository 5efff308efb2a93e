/**
 * Memory by linear address, as generated code sees it: the inline half of translation.
 *
 * @module
 */

import type { CoreFunction } from "./core_functions.ts";
import { READ_TLB, WRITE_TLB } from "./layout.ts";
import { FAULT_ERROR, FAULT_VECTOR, TLB_CONTEXT, Vector } from "./state.ts";
import { tlbEntry } from "./tlb_entry.ts";
import type { Variant } from "./variant.ts";
import { type Expression, i32 } from "./wasm/expression.ts";
import { type FunctionBuilder, type Label, type Local, Memory, NOWHERE } from "./wasm/function_builder.ts";

/** An integer value. */
export type Value = Expression<"i64">;

/** What an access does with its operand. */
export type AccessKind = "read" | "write" | "modify";

/** Writes accesses to memory into a function under construction. */
export abstract class MemoryEmitter {
  constructor(
    /** For what has no method here: loops, locals. */
    readonly f: FunctionBuilder,
    /** What is being written. */
    public variant: Variant,
    /** Where RAM memory's bounce buffer lies. */
    protected readonly bounce: number,
  ) {}

  /** Index of a core function in the module under construction. */
  protected abstract core(name: CoreFunction): number;
  /** Leaves the function because of a fault that is pending. */
  protected abstract leaveFaulted(): void;
  /** What tags of the TLBs have in their low bits now: see `TLB_CONTEXT`. */
  protected context(): Local<"i64"> {
    return this.f.load(8, NOWHERE, TLB_CONTEXT);
  }

  /** What tags of the TLBs have in their low bits is another now. */
  contextChanged(): void {}

  /**
   * Whether accesses are to plain RAM that the TLBs know, and anything else leaves before the instruction, which is then
   * executed elsewhere.
   */
  protected get onlyKnown(): boolean {
    return false;
  }

  /** Leaves before the instruction, because of an access that the TLBs do not know. */
  protected leaveUnknown(): void {}

  /**
   * By which address the TLB's entry for another one is found: the same, or one at most a page below it. Where the tag
   * there is that of the last byte's page, all between the two lies in that page.
   */
  protected searched(linear: Local<"i64">): Local<"i64"> {
    return linear;
  }

  /** Raises an exception of this instruction. */
  fault(vector: number, error = 0): void {
    this.f.storeAs("i32.store", NOWHERE, i32(vector), FAULT_VECTOR);
    this.f.storeAs("i32.store", NOWHERE, i32(error), FAULT_ERROR);
    this.leaveFaulted();
  }

  /** Loads `size` bytes (1, 2, 4, 8). */
  load(size: number, linear: Local<"i64">): Local<"i64"> {
    return this.f.load(size, this.#offset("read", size, linear), 0, Memory.Ram);
  }

  /** Loads 16 bytes. */
  loadVector(linear: Local<"i64">): Local<"v128"> {
    return this.f.loadVector(this.#offset("read", 16, linear), 0, Memory.Ram);
  }

  /** Loads 4 or 8 bytes into the low ones of a vector, the others zero. */
  loadLow(size: 4 | 8, linear: Local<"i64">): Local<"v128"> {
    return this.f.loadLow(size, this.#offset("read", size, linear), Memory.Ram);
  }

  /** Loads a float. */
  loadFloat(type: "f32" | "f64", linear: Local<"i64">): Local {
    const offset = this.#offset("read", type === "f32" ? 4 : 8, linear);
    return this.f.loadAs(`${type}.load`, offset, 0, Memory.Ram);
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
    const host = this.hostAddress("write", size, linear);
    put(host);
    this.commitModified(size, linear, host);
  }

  #writeSlow(size: number, linear: Local<"i64">): void {
    const failed = this.f.callFor("i32", this.core("writeSlow"), linear, i32(size));
    this.f.ifRarely(failed, () => this.leaveFaulted());
    this.wroteSlowly();
  }

  /** A store was not to plain RAM: it may have been to code. */
  protected wroteSlowly(): void {}

  /** Offset in RAM memory of `size` bytes at a linear address: the inline half of translation. */
  hostAddress(access: AccessKind, size: number, linear: Local<"i64">): Local<"i32"> {
    return this.f.let(this.#offset(access, size, linear));
  }

  // The ways to an address meet at what is added: at the address itself, V8 would have to extend it to 64 bits.
  #offset(access: AccessKind, size: number, linear: Local<"i64">): Expression<"i32"> {
    return linear.wrap().add(this.addend(access, size, linear));
  }

  /**
   * What is added to a linear address to give the offset of `size` bytes in RAM memory, of a buffer if they are not plain
   * RAM. `known` takes what is right for the whole page, `unknown` is run where nothing is.
   */
  protected addend(
    access: AccessKind,
    size: number,
    linear: Local<"i64">,
    known: (addend: Local<"i32">) => void = () => {},
    unknown: () => void = () => {},
  ): Local<"i32"> {
    const { f } = this;
    const entry = tlbEntry(f, this.searched(linear));
    const table = access === "read" ? READ_TLB : WRITE_TLB;
    const context = this.context();
    const tag = f.load(8, entry, table);
    // The tag is that of the page of the last byte: an access that leaves its first page never matches.
    const page = linear.add(size - 1).and(~0xfffn).or(context);
    if (this.onlyKnown) {
      f.ifRarely(page.ne(tag), () => this.leaveUnknown());
      const addend = f.loadAs("i32.load", entry, table + 8);
      known(addend);
      return addend;
    }
    const addend = f.local("i32");
    f.ifMostly(page.eq(tag), () => {
      f.set(addend, f.loadAs("i32.load", entry, table + 8));
      known(addend);
    }, () => {
      unknown();
      f.set(addend, this.#slowOffset(access, size, linear).sub(linear.wrap()));
    });
    return addend;
  }

  /** Offset in RAM memory where an access is made that the TLBs do not answer. */
  #slowOffset(access: AccessKind, size: number, linear: Local<"i64">): Expression<"i32"> {
    if (access === "write") return i32(this.bounce);
    const slow = this.core(access === "read" ? "readSlow" : "modifySlow");
    const host = this.f.callFor("i32", slow, linear, i32(size));
    this.f.ifRarely(host.eq(-1), () => this.leaveFaulted());
    return host;
  }

  /** Ends what {@link hostAddress} began with `modify`: writes back what was changed at `host`. */
  commitModified(size: number, linear: Local<"i64">, host: Local<"i32">): void {
    if (!this.onlyKnown) this.f.ifRarely(host.eq(this.bounce), () => this.#writeSlow(size, linear));
  }

  /** Faults with #GP unless a linear address is a multiple of 16. */
  requireAligned(linear: Local<"i64">): void {
    this.f.ifRarely(linear.and(15).ne(0n), () => this.fault(Vector.GP));
  }

  /** Linear address of an offset in a segment outside 64-bit mode, with all checks. */
  segmentAddress(segment: Expression<"i32">, offset: Value, bytes: number, access: AccessKind): Local<"i64"> {
    const write = i32(access === "read" ? 0 : 1);
    const linear = this.f.callFor("i64", this.core("segmentAddress"), segment, offset, i32(bytes), write);
    this.f.if(linear.eq(-1), () => this.leaveFaulted());
    return linear;
  }
}
