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
import { type FunctionBuilder, type Local, Memory } from "../wasm/function_builder.ts";
import { PAGE } from "./code_pages.ts";
import { type Instruction, NO_REGISTER } from "./instruction.ts";
import { KnownPages } from "./known_pages.ts";
import { OperandEmitter } from "./operands.ts";
import { type CachedPage, PageCache, type PageUse } from "./page_cache.ts";
import { displaced, RegisterValues, type SymbolicValue } from "./register_values.ts";

const STACK = `g${Gpr.RSP}`;

/**
 * Most pages that are kept for a region's loops, besides the stack's. With more of them, and the guest's registers, the
 * host has no registers left, and looking into the TLB each time is faster.
 */
const LOOP_PAGES = 3;

/** What an instruction's address is made with, as a name; `undefined` where the last page says little about the next. */
function baseOf({ variant, address, displacement, ripRelative, rm, index, register }: Instruction) {
  if (variant.rm === RmKind.Register || variant.rm === RmKind.MemoryGeneral) return undefined;
  if (ripRelative) return `p${(address + displacement) >> 12}`;
  // A segment base stands in the place of an index.
  if (index > NO_REGISTER) return `s${index}`;
  if (rm === NO_REGISTER) return index === NO_REGISTER ? `a${displacement >> 12}` : undefined;
  // Following a list leads from page to page.
  const chases = variant.form.definition.name === "mov" && register === rm;
  return chases ? undefined : `g${rm >> 3}`;
}

/** An instruction of a region, and whether it is in a loop. */
export interface PlacedInstruction {
  readonly instruction: Instruction;
  readonly repeated: boolean;
}

/** The bases of a region's loops whose pages are worth keeping: the stack, and those of small loops. */
function basesOf(instructions: Iterable<PlacedInstruction>): Set<string> {
  const bases = new Set<string>();
  for (const { instruction, repeated } of instructions) {
    if (!repeated) continue;
    bases.add(STACK);
    const base = baseOf(instruction);
    if (base !== undefined) bases.add(base);
  }
  return bases.size > 1 + LOOP_PAGES ? new Set([STACK]) : bases;
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

  constructor(
    f: FunctionBuilder,
    variant: Variant,
    bounce: number,
    instructions: Iterable<PlacedInstruction>,
  ) {
    super(f, variant, bounce);
    this.pages = new PageCache(f, basesOf(instructions), bounce);
    this.known = new KnownPages(f);
    this.values = new RegisterValues(variant.bits64 ? 8 : 4);
  }

  /** Another instruction begins: locals of the one before are used again. */
  protected forgetAddresses(): void {
    this.#bases.clear();
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
    if (symbol !== undefined) this.#symbols.set(linear, symbol);
    return linear;
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

  #cached(linear: Local<"i64">, use: PageUse): CachedPage | undefined {
    const base = this.repeated ? this.#bases.get(linear) : undefined;
    return base === undefined ? undefined : this.pages.page(base, use);
  }

  /**
   * Runs `take` with the offset of an address in a page that is known, and `search` where it is in another. What that
   * finds is known from then on.
   */
  #throughKnown(
    use: PageUse,
    size: number,
    linear: Local<"i64">,
    take: (at: Expression<"i32">) => void,
    search: () => void,
  ): void {
    const symbol = this.#symbols.get(linear);
    if (symbol === undefined) return search();
    const page = this.known.near(symbol, use);
    if (page !== undefined) {
      const inPage = this.known.holds(page, symbol, size);
      return this.f.ifMostly(inPage, () => take(linear.wrap().add(page.addend)), search);
    }
    if (this.always) this.known.lookFor(symbol, use, search);
    else search();
  }

  /** Runs `take` with the offset of an address in the page that is kept, and `otherwise` where it is in another. */
  #throughKept(
    use: PageUse,
    size: number,
    linear: Local<"i64">,
    take: (at: Expression<"i32">) => void,
    otherwise: () => void,
  ): void {
    const cached = this.#cached(linear, use);
    if (cached === undefined || cached.empty) return otherwise();
    const kept = linear.sub(cached.page).leU(PAGE - size);
    this.f.ifMostly(kept, () => {
      this.known.found(linear, cached.addend);
      take(linear.wrap().add(cached.addend));
    }, otherwise);
  }

  /** Runs `take` with the offset of an address in a page that is known or kept, and `otherwise` where it is in neither. */
  #access(
    use: PageUse,
    size: number,
    linear: Local<"i64">,
    take: (at: Expression<"i32">) => void,
    otherwise: () => void,
  ): void {
    const search = () => this.#throughKept(use, size, linear, take, otherwise);
    this.#throughKnown(use, size, linear, take, search);
  }

  protected override translate(
    use: PageUse,
    size: number,
    linear: Local<"i64">,
    take: (at: Expression<"i32">) => void,
  ): void {
    this.#access(use, size, linear, take, () => super.translate(use, size, linear, take));
  }

  protected override found(use: PageUse, linear: Local<"i64">, addend: Local<"i32">): void {
    this.known.found(linear, addend);
    const cached = this.#cached(linear, use);
    if (cached === undefined) return;
    this.pages.set(cached, linear, addend);
    cached.empty = false;
  }

  protected override missed(): void {
    this.known.missed();
  }

  override store(size: number, linear: Local<"i64">, value: Value): void {
    const { f } = this;
    const bound = value.args.length > 0 ? f.let(value) : value;
    const put = (at: Expression<"i32">) => f.store(size, at, bound, 0, Memory.Ram);
    this.#access("modify", size, linear, put, () => super.store(size, linear, bound));
  }

  override storeVector(linear: Local<"i64">, value: Expression<"v128">): void {
    const { f } = this;
    const bound = value.args.length > 0 ? f.let(value) : value;
    const put = (at: Expression<"i32">) => f.storeVector(at, bound, 0, Memory.Ram);
    this.#access("modify", 16, linear, put, () => super.storeVector(linear, bound));
  }
}
