/**
 * Accesses to memory in compiled code: through the page that the same register pointed to before, else through the TLB.
 *
 * @module
 */

import type { AccessKind } from "../memory_emitter.ts";
import type { Value } from "../emitter.ts";
import { Gpr } from "../state.ts";
import { RmKind, type Variant } from "../variant.ts";
import type { Expression } from "../wasm/expression.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { PAGE } from "./code_pages.ts";
import { type Instruction, NO_REGISTER } from "./instruction.ts";
import { KnownPages } from "./known_pages.ts";
import { OperandEmitter } from "./operands.ts";
import { type CachedPage, PageCache, type PageUse } from "./page_cache.ts";
import { displaced, RegisterValues, type SymbolicValue } from "./register_values.ts";
import { stackReach } from "./stack_reach.ts";

const STACK = `g${Gpr.RSP}`;

/**
 * Most pages that are kept for a region's loops, besides the stack's. With more of them, and the guest's registers, the
 * host has no registers left, and looking into the TLB each time is faster.
 */
const LOOP_PAGES = 3;

/** What an instruction's address is made with, as a name; `undefined` where the last page says little about the next. */
function baseOf({ variant, address, displacement, ripRelative, rm, index }: Instruction): string | undefined {
  if (variant.rm === RmKind.Register || variant.rm === RmKind.MemoryGeneral) return undefined;
  if (ripRelative) return `p${(address + displacement) >> 12}`;
  // A segment base stands in the place of an index.
  if (index > NO_REGISTER) return `s${index}`;
  if (rm === NO_REGISTER) return index === NO_REGISTER ? `a${displacement >> 12}` : undefined;
  return `g${rm >> 3}`;
}

/**
 * How many bytes of a list's element lie in one page, mostly, wherever it begins: `malloc` aligns what it gives to as many.
 */
const ELEMENT_ALIGNMENT = 16;

/** Whether an instruction follows a list. */
function chases({ variant, rm, register }: Instruction): boolean {
  return variant.rm !== RmKind.Register && variant.form.definition.name === "mov" && register === rm;
}

/** An instruction of a region, and whether it is in a loop. */
export interface PlacedInstruction {
  readonly instruction: Instruction;
  readonly repeated: boolean;
}

/** The registers with which a region's loops follow lists, as bases. */
function chasedBy(instructions: readonly PlacedInstruction[]): Set<string> {
  const chased = new Set<string>();
  for (const { instruction, repeated } of instructions) {
    if (repeated && chases(instruction)) chased.add(`g${instruction.rm >> 3}`);
  }
  return chased;
}

/** The bases of a region's loops whose pages are worth keeping: the stack, and those of small loops. */
function basesOf(instructions: readonly PlacedInstruction[], chased: ReadonlySet<string>): Set<string> {
  const bases = new Set<string>();
  for (const { instruction, repeated } of instructions) {
    if (!repeated) continue;
    bases.add(STACK);
    const base = baseOf(instruction);
    if (base !== undefined) bases.add(base);
  }
  // Following a list leads from page to page.
  for (const base of chased) bases.delete(base);
  return bases.size > 1 + LOOP_PAGES ? new Set([STACK]) : bases;
}

function useOf(access: AccessKind): PageUse {
  return access === "read" ? "read" : "modify";
}

/** Writes accesses through pages that are kept in locals. */
export abstract class CachedMemoryEmitter extends OperandEmitter {
  /** Pages that loops keep. */
  protected readonly pages: PageCache;
  /** Pages of objects that have been accessed on the way to what is being written. */
  protected readonly known: KnownPages;
  protected readonly values: RegisterValues;
  /** What linear addresses of the instruction that is being written are made with. */
  readonly #bases = new Map<Expression, string>();
  /** What they are, and values of the stack pointer. */
  readonly #symbols = new Map<Expression, SymbolicValue>();
  /** Pointers to the elements of lists that they lie in. */
  readonly #elements = new Map<Expression, Local<"i64">>();
  /** What registers held before the instruction. */
  protected before: readonly SymbolicValue[] = [];
  /** Bases that loops follow lists with. */
  readonly #chased: ReadonlySet<string>;
  /** Values that the stack pointer was made of. */
  readonly #stackOrigins = new Set<number>();

  constructor(
    f: FunctionBuilder,
    variant: Variant,
    bounce: number,
    instructions: readonly PlacedInstruction[],
  ) {
    super(f, variant, bounce);
    this.#chased = chasedBy(instructions);
    this.pages = new PageCache(f, basesOf(instructions, this.#chased), bounce);
    this.known = new KnownPages(f);
    this.values = new RegisterValues(variant.bits64 ? 8 : 4);
  }

  /** The instruction that is being written, and those behind it in its block. */
  protected abstract get upcoming(): Iterable<Instruction>;

  /** Another instruction begins: locals of the one before are used again. */
  protected beginInstruction(): void {
    this.before = this.values.held;
    this.#stackOrigins.add(this.values.get(Gpr.RSP).origin);
    this.#bases.clear();
    this.#elements.clear();
    this.#symbols.clear();
  }

  /** A register has been written. */
  protected wrote(number: number, value: Value): void {
    this.values.set(number, this.always ? this.#symbols.get(value) : undefined);
  }

  /** Whether what is being written is done whenever the instruction is executed. */
  protected abstract get always(): boolean;
  /** Whether a loop is being written. */
  protected abstract get repeated(): boolean;

  protected override linearAddress(bytes: number, access: AccessKind): Local<"i64"> {
    const linear = super.linearAddress(bytes, access);
    const base = baseOf(this.instruction);
    if (base !== undefined) this.#bases.set(linear, base);
    const symbol = this.values.operand(this.instruction);
    if (symbol === undefined) return linear;
    this.#symbols.set(linear, symbol);
    const { displacement, rm } = this.instruction;
    const inElement = displacement > 0 && displacement + bytes <= ELEMENT_ALIGNMENT;
    if (inElement && this.#chased.has(`g${rm >> 3}`)) {
      this.#elements.set(linear, this.f.let(this.register(rm >> 3)));
    }
    return linear;
  }

  // The next element of a list is waited for: adding to its address would make that longer.
  protected override searched(linear: Local<"i64">): Local<"i64"> {
    return this.#elements.get(linear) ?? linear;
  }

  override stackAddress(
    displacement: Value,
    size: number,
    access: AccessKind,
  ): { linear: Local<"i64">; pointer: Local<"i64"> } {
    const address = super.stackAddress(displacement, size, access);
    this.#noteStack(address.linear, displacement);
    return address;
  }

  override stackPointer(displacement: Value): Local<"i64"> {
    const pointer = super.stackPointer(displacement);
    this.#noteStack(pointer, displacement);
    return pointer;
  }

  /** A local is what the stack pointer is, moved. */
  #noteStack(local: Local<"i64">, { constant }: Value): void {
    if (!this.unsegmented || constant === undefined) return;
    this.#symbols.set(local, displaced(this.values.get(Gpr.RSP), Number(constant)));
  }

  override stackAddressFrom(
    offset: Value,
    size: number,
    access: AccessKind,
  ): { linear: Local<"i64">; pointer: Local<"i64"> } {
    const address = super.stackAddressFrom(offset, size, access);
    if (this.unsegmented) this.#bases.set(address.linear, STACK);
    return address;
  }

  /** A page that is kept, and where it is worth something. */
  #kept(linear: Local<"i64">, use: PageUse): CachedPage | undefined {
    const base = this.repeated ? this.#bases.get(linear) : undefined;
    return base === undefined ? undefined : this.pages.page(base, use);
  }

  /** As in a page that was accessed near an address before, in the one that is kept, or as the TLB has it. */
  protected override addend(access: AccessKind, size: number, linear: Local<"i64">): Local<"i32"> {
    const use = useOf(access);
    const symbol = this.#symbols.get(linear);
    if (symbol === undefined) return this.#keptAddend(access, size, linear);
    const holding = this.known.holding(symbol, size, use);
    if (holding !== undefined) return holding.addend;
    const inStack = this.#stackAddend(access, size, linear, symbol);
    if (inStack !== undefined) return inStack;
    const near = this.known.near(symbol, use);
    if (near !== undefined) {
      const elsewhere = this.known.holds(near, symbol, size).eqz();
      return this.#unless(elsewhere, near.addend, () =>
        super.addend(
          access,
          size,
          linear,
          (addend) => this.known.move(near, symbol, linear, addend),
          () => this.known.lose(near),
        ));
    }
    const page = this.always ? this.known.vacant(symbol, use) : undefined;
    if (page === undefined) return this.#keptAddend(access, size, linear);
    const addend = this.#keptAddend(
      access,
      size,
      linear,
      (addend) => this.known.move(page, symbol, linear, addend),
      () => this.known.lose(page),
    );
    this.known.put(page);
    return addend;
  }

  /**
   * Looks for all of the stack that the block goes on to access, as one range: if that is not in one page, execution leaves.
   * `undefined`: it is not the stack, or the access has to be made here whatever it takes.
   */
  #stackAddend(
    access: AccessKind,
    size: number,
    linear: Local<"i64">,
    address: SymbolicValue,
  ): Local<"i32"> | undefined {
    const { origin, offset } = address;
    if (!this.onlyKnown || !this.always || !this.#stackOrigins.has(origin)) return undefined;
    const own = { from: offset, to: offset + size };
    const reach = stackReach(this.upcoming, this.values, this.before, origin, own);
    const page = this.known.vacant(address, useOf(access), reach);
    if (page === undefined) return undefined;
    const start = this.f.let(linear.add(reach.from - offset));
    const base = this.#bases.get(linear);
    if (base !== undefined) this.#bases.set(start, base);
    const addend = this.#keptAddend(
      access,
      reach.to - reach.from,
      start,
      (addend) => this.f.set(page.addend, addend),
    );
    this.known.put(page);
    return addend;
  }

  #keptAddend(
    access: AccessKind,
    size: number,
    linear: Local<"i64">,
    known: (addend: Local<"i32">) => void = () => {},
    unknown: () => void = () => {},
  ): Local<"i32"> {
    const kept = this.#kept(linear, useOf(access));
    if (kept === undefined) return super.addend(access, size, linear, known, unknown);
    const search = () =>
      super.addend(access, size, linear, (addend) => {
        this.pages.set(kept, linear, addend);
        known(addend);
      }, unknown);
    if (!kept.empty) {
      const elsewhere = linear.sub(kept.page).gtU(PAGE - size);
      known(kept.addend);
      return this.#unless(elsewhere, kept.addend, search);
    }
    const addend = search();
    kept.empty = false;
    return addend;
  }

  /** What is known of a page, unless it is another one: what `search` finds, which makes that known. */
  #unless(elsewhere: Expression<"i32">, known: Local<"i32">, search: () => Local<"i32">): Local<"i32"> {
    const { f } = this;
    if (this.onlyKnown) {
      f.ifRarely(elsewhere, () => void search());
      return known;
    }
    // What is found may be right for this access alone.
    const addend = f.local("i32");
    f.set(addend, known);
    f.ifRarely(elsewhere, () => f.set(addend, search()));
    return addend;
  }

  override store(size: number, linear: Local<"i64">, value: Value): void {
    const bits = value.uncut(size);
    super.store(size, linear, bits.args.length > 0 ? this.f.let(bits) : bits);
  }

  override storeVector(linear: Local<"i64">, value: Expression<"v128">): void {
    super.storeVector(linear, value.args.length > 0 ? this.f.let(value) : value);
  }
}
