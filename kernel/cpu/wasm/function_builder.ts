/**
 * Writes the body of one WebAssembly function, statement by statement.
 *
 * @module
 */

import { Expression, i32, type Type, TYPE_CODE } from "./expression.ts";
import { Writer } from "./writer.ts";

/** Loads by name: result type, opcode, log2 of the natural alignment. */
const LOADS = {
  "i32.load": ["i32", 0x28, 2],
  "i64.load": ["i64", 0x29, 3],
  "f32.load": ["f32", 0x2a, 2],
  "f64.load": ["f64", 0x2b, 3],
  "i32.load8_s": ["i32", 0x2c, 0],
  "i32.load8_u": ["i32", 0x2d, 0],
  "i32.load16_s": ["i32", 0x2e, 1],
  "i32.load16_u": ["i32", 0x2f, 1],
  "i64.load8_s": ["i64", 0x30, 0],
  "i64.load8_u": ["i64", 0x31, 0],
  "i64.load16_s": ["i64", 0x32, 1],
  "i64.load16_u": ["i64", 0x33, 1],
  "i64.load32_s": ["i64", 0x34, 2],
  "i64.load32_u": ["i64", 0x35, 2],
} as const;

/** Stores by name: opcode. */
const STORES = {
  "i32.store": 0x36,
  "i64.store": 0x37,
  "f32.store": 0x38,
  "f64.store": 0x39,
  "i32.store8": 0x3a,
  "i32.store16": 0x3b,
  "i64.store8": 0x3c,
  "i64.store16": 0x3d,
  "i64.store32": 0x3e,
} as const;

/** Name of a load that gives an i64 with zeros above, by size in bytes. */
const LOAD_BY_SIZE: { readonly [size: number]: keyof typeof LOADS } = {
  1: "i64.load8_u",
  2: "i64.load16_u",
  4: "i64.load32_u",
  8: "i64.load",
};
const STORE_BY_SIZE: { readonly [size: number]: keyof typeof STORES } = {
  1: "i64.store8",
  2: "i64.store16",
  4: "i64.store32",
  8: "i64.store",
};

/** Which memory an access goes to: the engine's own, or guest RAM. */
export enum Memory {
  Engine = 0,
  Ram = 1,
}

/** Tables of functions, in the order in which modules import them. */
export enum Table {
  /** Compiled regions. */
  Regions = 0,
  /** Handlers of the interpreter. */
  Handlers = 1,
}

/** A local variable. As an expression it is the value that it has when the expression is written. */
export class Local<T extends Type = Type> extends Expression<T> {
  constructor(type: T, readonly index: number) {
    super(type, index < 0x80 ? [0x20, index] : [0x20, (index & 0x7f) | 0x80, index >>> 7]);
  }
}

/** Target of a branch. */
export class Label {
  constructor(readonly depth: number) {}
}

/** Room for the body of a function at first. */
const BODY_CAPACITY = 2048;

/** Body of one function. */
export class FunctionBuilder {
  #body = new Writer(BODY_CAPACITY);
  readonly #params: readonly Type[];
  readonly #types: Type[] = [];
  #hints: (readonly [offset: number, likely: 0 | 1])[] = [];
  readonly #free: { readonly [T in Type]: Local[] } = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  #taken: Local[] = [];
  #depth = 0;

  constructor(params: readonly Type[]) {
    this.#params = params;
  }

  /** How many blocks, loops and conditions there are around what is written next. */
  get depth(): number {
    return this.#depth;
  }

  /** Parameter `index`. */
  param<T extends Type>(type: T, index: number): Local<T> {
    return new Local(type, index);
  }

  /** A new local variable, zero at first unless an ended {@link scope} used it before. */
  local<T extends Type>(type: T): Local<T> {
    const local = this.#free[type].pop() as Local<T> | undefined ??
      new Local(type, this.#params.length + this.#types.push(type) - 1);
    this.#taken.push(local);
    return local;
  }

  /** Locals made within `body` are free for others after it: few locals make V8 compile big functions well. */
  scope(body: () => void): void {
    const before = this.#taken;
    this.#taken = [];
    body();
    for (const local of this.#taken) this.#free[local.type].push(local);
    this.#taken = before;
  }

  /** Binds a value to a new local. */
  let<T extends Type>(value: Expression<T>): Local<T> {
    const local = this.local(value.type);
    this.set(local, value);
    return local;
  }

  set<T extends Type>(local: Local<T>, value: Expression<T>): void {
    value.write(this.#body);
    this.#body.byte(0x21);
    this.#body.unsigned(local.index);
  }

  /** Loads an i64 of `size` bytes with zeros above it, into a new local. */
  load(size: number, address: Expression<"i32">, offset = 0, memory = Memory.Engine): Local<"i64"> {
    return this.loadAs(LOAD_BY_SIZE[size] ?? "i64.load", address, offset, memory) as Local<"i64">;
  }

  /** Loads by instruction name into a new local. */
  loadAs<N extends keyof typeof LOADS>(
    name: N,
    address: Expression<"i32">,
    offset = 0,
    memory = Memory.Engine,
  ): Local<(typeof LOADS)[N][0]> {
    const [type, opcode] = LOADS[name];
    const local = this.local(type as (typeof LOADS)[N][0]);
    address.write(this.#body);
    this.#body.byte(opcode);
    this.#memarg(offset, memory);
    this.#body.byte(0x21);
    this.#body.unsigned(local.index);
    return local;
  }

  /** Loads 4, 8 or 16 bytes into a local of that size that there is. */
  reload(local: Local, size: number, offset: number): void {
    NOWHERE.write(this.#body);
    this.#body.bytes(size === 4 ? [0x28] : size === 8 ? [0x29] : [0xfd, 0x00]);
    this.#memarg(offset, Memory.Engine);
    this.#body.byte(0x21);
    this.#body.unsigned(local.index);
  }

  /** Loads 16 bytes into a new local. */
  loadVector(address: Expression<"i32">, offset = 0, memory = Memory.Engine): Local<"v128"> {
    return this.#loadVectorAs(0x00, address, offset, memory);
  }

  /** Loads 8 bytes into both halves of a new local. */
  loadTwice(address: Expression<"i32">): Local<"v128"> {
    return this.#loadVectorAs(0x0a, address, 0, Memory.Engine);
  }

  /** Loads 4 or 8 bytes into the low ones of a new local, the others zero. */
  loadLow(size: 4 | 8, address: Expression<"i32">, memory: Memory): Local<"v128"> {
    return this.#loadVectorAs(size === 4 ? 0x5c : 0x5d, address, 0, memory);
  }

  #loadVectorAs(opcode: number, address: Expression<"i32">, offset: number, memory: Memory): Local<"v128"> {
    const local = this.local("v128");
    address.write(this.#body);
    this.#body.bytes([0xfd, opcode]);
    this.#memarg(offset, memory);
    this.#body.byte(0x21);
    this.#body.unsigned(local.index);
    return local;
  }

  /** Stores the low `size` bytes of an i64. */
  store(
    size: number,
    address: Expression<"i32">,
    value: Expression<"i64">,
    offset = 0,
    memory = Memory.Engine,
  ): void {
    this.storeAs(STORE_BY_SIZE[size] ?? "i64.store", address, value, offset, memory);
  }

  storeAs(
    name: keyof typeof STORES,
    address: Expression<"i32">,
    value: Expression,
    offset = 0,
    memory = Memory.Engine,
  ): void {
    address.write(this.#body);
    value.write(this.#body);
    this.#body.byte(STORES[name]);
    this.#memarg(offset, memory);
  }

  storeVector(
    address: Expression<"i32">,
    value: Expression<"v128">,
    offset = 0,
    memory = Memory.Engine,
  ): void {
    address.write(this.#body);
    value.write(this.#body);
    this.#body.bytes([0xfd, 0x0b]);
    this.#memarg(offset, memory);
  }

  /**
   * Compare and exchange of `size` bytes, which must lie aligned. Gives what was there, zero-extended, in a new local.
   */
  compareExchange(
    size: number,
    address: Expression<"i32">,
    expected: Expression<"i64">,
    replacement: Expression<"i64">,
    memory: Memory,
  ): Local<"i64"> {
    const [opcode, alignment] =
      ({ 1: [0x4c, 0], 2: [0x4d, 1], 4: [0x4e, 2], 8: [0x49, 3] } as const)[size as 1]!;
    address.write(this.#body);
    expected.write(this.#body);
    replacement.write(this.#body);
    this.#body.bytes([0xfe, opcode]);
    // Atomic accesses must state their natural alignment.
    this.#memarg(0, memory, alignment);
    const local = this.local("i64");
    this.#body.byte(0x21);
    this.#body.unsigned(local.index);
    return local;
  }

  /** Atomic OR of an i64 or i32 that lies aligned; the old value is dropped. */
  atomicOr(size: 4 | 8, address: Expression<"i32">, value: Expression<"i64">, memory: Memory): void {
    address.write(this.#body);
    value.write(this.#body);
    this.#body.bytes([0xfe, size === 8 ? 0x34 : 0x39]);
    this.#memarg(0, memory, size === 8 ? 3 : 2);
    this.#body.byte(0x1a);
  }

  /** `atomic.fence`: accesses before it come before those after it, for all threads. */
  fence(): void {
    this.#body.bytes([0xfe, 0x03, 0x00]);
  }

  /** `memory.copy` of `length` bytes from and to guest RAM. */
  copy(to: Expression<"i32">, from: Expression<"i32">, length: Expression<"i32">): void {
    to.write(this.#body);
    from.write(this.#body);
    length.write(this.#body);
    this.#body.bytes([0xfc, 10, Memory.Ram, Memory.Ram]);
  }

  /** `memory.fill` of `length` bytes. */
  fill(to: Expression<"i32">, value: Expression<"i32">, length: Expression<"i32">, memory: Memory): void {
    to.write(this.#body);
    value.write(this.#body);
    length.write(this.#body);
    this.#body.bytes([0xfc, 11, memory]);
  }

  /** Calls a function that gives nothing. */
  call(index: number, ...args: readonly Expression[]): void {
    for (const arg of args) arg.write(this.#body);
    this.#body.byte(0x10);
    this.#body.unsigned(index);
  }

  /** Calls a function and binds its result to a new local. */
  callFor<T extends Type>(type: T, index: number, ...args: readonly Expression[]): Local<T> {
    const local = this.local(type);
    this.call(index, ...args);
    this.#body.byte(0x21);
    this.#body.unsigned(local.index);
    return local;
  }

  /** The upper half of a product of 128 bits, bound to a new local: `i64.mul_wide_s` or `i64.mul_wide_u`. */
  multiplyHigh(signed: boolean, a: Expression<"i64">, b: Expression<"i64">): Local<"i64"> {
    const local = this.local("i64");
    a.write(this.#body);
    b.write(this.#body);
    this.#body.bytes([0xfc, signed ? 0x15 : 0x16, 0x21]);
    this.#body.unsigned(local.index);
    this.#body.byte(0x1a);
    return local;
  }

  /** Calls through a table, and binds the result. */
  callIndirect<T extends Type>(
    type: T,
    signature: number,
    table: Table,
    entry: Expression<"i32">,
    ...args: readonly Expression[]
  ): Local<T> {
    const local = this.local(type);
    this.#indirect(0x11, signature, table, entry, args);
    this.#body.byte(0x21);
    this.#body.unsigned(local.index);
    return local;
  }

  /** Calls a function in place of returning: `return_call`. */
  returnCall(index: number, ...args: readonly Expression[]): void {
    for (const arg of args) arg.write(this.#body);
    this.#body.byte(0x12);
    this.#body.unsigned(index);
  }

  /** Calls through a table in place of returning: `return_call_indirect`. */
  returnCallIndirect(
    signature: number,
    table: Table,
    entry: Expression<"i32">,
    ...args: readonly Expression[]
  ): void {
    this.#indirect(0x13, signature, table, entry, args);
  }

  #indirect(
    opcode: number,
    signature: number,
    table: Table,
    entry: Expression<"i32">,
    args: readonly Expression[],
  ): void {
    for (const arg of args) arg.write(this.#body);
    entry.write(this.#body);
    this.#body.byte(opcode);
    this.#body.unsigned(signature);
    this.#body.unsigned(table);
  }

  /** Runs `then` if a condition holds that rarely does: it is laid out apart. */
  ifRarely(condition: Expression<"i32">, then: () => void): void {
    condition.write(this.#body);
    this.#hint(0);
    this.if(undefined, then);
  }

  /** Runs `otherwise` unless all conditions hold, which they mostly do. They are looked at one after another. */
  unlessAll(conditions: readonly Expression<"i32">[], otherwise: () => void): void {
    const [last, ...others] = conditions.toReversed();
    if (last === undefined) return;
    if (others.length === 0) return this.ifRarely(last.eqz(), otherwise);
    this.block((end) => {
      this.block((failed) => {
        for (const condition of others.reverse()) this.#branchIf(condition.eqz(), failed, 0);
        this.#branchIf(last, end, 1);
      });
      otherwise();
    });
  }

  #branchIf(condition: Expression<"i32">, label: Label, likely: 0 | 1): void {
    condition.write(this.#body);
    this.#hint(likely);
    this.branchIf(undefined, label);
  }

  /** Runs `then`, unless a condition that mostly holds does not. */
  ifMostly(condition: Expression<"i32">, then: () => void, otherwise?: () => void): void {
    condition.write(this.#body);
    this.#hint(1);
    this.if(undefined, then, otherwise);
  }

  #hint(likely: 0 | 1): void {
    this.#hints.push([this.#body.length, likely]);
  }

  /** Where in the finished function's code its branch hints stand: offset from the start of the local declarations. */
  hints(): readonly (readonly [offset: number, likely: 0 | 1])[] {
    const shift = this.#locals().length;
    return this.#hints.map(([offset, likely]) => [offset + shift, likely]);
  }

  /** `undefined`: the condition has been written already. */
  if(condition: Expression<"i32"> | undefined, then: () => void, otherwise?: () => void): void {
    condition?.write(this.#body);
    this.#body.bytes([0x04, 0x40]);
    this.#depth++;
    then();
    if (otherwise !== undefined) {
      this.#body.byte(0x05);
      otherwise();
    }
    this.#depth--;
    this.#body.byte(0x0b);
  }

  /** A block: a branch to its label goes past its end. */
  block(body: (label: Label) => void): void {
    this.#structured(0x02, body);
  }

  /** A loop: a branch to its label goes back to its start. */
  loop(body: (label: Label) => void): void {
    this.#structured(0x03, body);
  }

  branch(label: Label): void {
    this.#body.byte(0x0c);
    this.#body.unsigned(this.#depth - label.depth);
  }

  /** Branches if a condition holds; `undefined`: it has been written. */
  branchIf(condition: Expression<"i32"> | undefined, label: Label): void {
    condition?.write(this.#body);
    this.#body.byte(0x0d);
    this.#body.unsigned(this.#depth - label.depth);
  }

  /** Branches to `labels[index]`, or to `otherwise` if there is none. */
  branchTable(index: Expression<"i32">, labels: readonly Label[], otherwise: Label): void {
    index.write(this.#body);
    this.#body.byte(0x0e);
    this.#body.unsigned(labels.length);
    for (const label of labels) this.#body.unsigned(this.#depth - label.depth);
    this.#body.unsigned(this.#depth - otherwise.depth);
  }

  return(value?: Expression): void {
    value?.write(this.#body);
    this.#body.byte(0x0f);
  }

  unreachable(): void {
    this.#body.byte(0x00);
  }

  /** Writes statements that come before all that have been written. */
  prologue(body: () => void): void {
    const rest = this.#body;
    const hints = this.#hints;
    this.#body = new Writer();
    this.#hints = [];
    body();
    const shift = this.#body.length;
    this.#body.bytes(rest.view());
    this.#hints.push(...hints.map(([offset, likely]) => [offset + shift, likely] as const));
  }

  /** The function as the code section holds it. */
  finish(): Writer {
    const code = this.#locals(this.#body.length + 1);
    code.bytes(this.#body.view());
    code.byte(0x0b);
    return code;
  }

  /** `more`: bytes that will follow. */
  #locals(more = 0): Writer {
    const code = new Writer(64 + more);
    const groups: [Type, number][] = [];
    for (const type of this.#types) {
      const last = groups.at(-1);
      if (last !== undefined && last[0] === type) last[1]++;
      else groups.push([type, 1]);
    }
    code.unsigned(groups.length);
    for (const [type, count] of groups) {
      code.unsigned(count);
      code.byte(TYPE_CODE[type]);
    }
    return code;
  }

  #structured(opcode: number, body: (label: Label) => void): void {
    this.#body.bytes([opcode, 0x40]);
    this.#depth++;
    body(new Label(this.#depth));
    this.#depth--;
    this.#body.byte(0x0b);
  }

  #memarg(offset: number, memory: Memory, alignment = 0): void {
    if (memory === Memory.Engine) {
      this.#body.unsigned(alignment);
    } else {
      this.#body.unsigned(alignment | 0x40);
      this.#body.unsigned(memory);
    }
    this.#body.unsigned(offset);
  }
}

/** Address 0, for accesses whose whole address is the static offset. */
export const NOWHERE: Expression<"i32"> = i32(0);
