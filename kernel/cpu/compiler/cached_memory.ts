/**
 * Accesses to memory in compiled code: through the page that the same register pointed to before, else by a core
 * function.
 *
 * @module
 */

import type { AccessKind } from "../memory_emitter.ts";
import type { Value } from "../emitter.ts";
import { GPR, Gpr, ZERO } from "../state.ts";
import { RmKind, type Variant } from "../variant.ts";
import type { Expression } from "../wasm/expression.ts";
import { type FunctionBuilder, type Local, Memory } from "../wasm/function_builder.ts";
import type { Instruction } from "./instruction.ts";
import { OperandEmitter } from "./operands.ts";
import { type CachedPage, PageCache, type PageUse } from "./page_cache.ts";

const NO_REGISTER = ZERO - GPR;
const PAGE = 4096;
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

/** The bases of a region whose pages are worth keeping: the stack, and those of small loops. */
function basesOf(instructions: Iterable<PlacedInstruction>): Set<string> {
  const bases = new Set([STACK]);
  for (const { instruction, repeated } of instructions) {
    const base = repeated ? baseOf(instruction) : undefined;
    if (base !== undefined) bases.add(base);
  }
  return bases.size > 1 + LOOP_PAGES ? new Set([STACK]) : bases;
}

/** Writes accesses through pages that are kept in locals. */
export abstract class CachedMemoryEmitter extends OperandEmitter {
  protected readonly pages: PageCache;
  /** What linear addresses of the instruction that is being written are made with. */
  readonly #bases = new Map<Local, string>();

  constructor(
    f: FunctionBuilder,
    variant: Variant,
    bounce: number,
    instructions: Iterable<PlacedInstruction>,
  ) {
    super(f, variant, bounce);
    this.pages = new PageCache(f, basesOf(instructions), bounce);
  }

  /** Another instruction begins: locals of the one before are used again. */
  protected forgetAddresses(): void {
    this.#bases.clear();
  }

  protected override linearAddress(bytes: number, access: AccessKind): Local<"i64"> {
    const linear = super.linearAddress(bytes, access);
    const base = baseOf(this.instruction);
    if (base !== undefined) this.#bases.set(linear, base);
    return linear;
  }

  override stackAddressFrom(
    offset: Value,
    size: number,
    access: AccessKind,
  ): { linear: Local<"i64">; pointer: Local<"i64"> } {
    const address = super.stackAddressFrom(offset, size, access);
    if (this.bits64 || this.flat) this.#bases.set(address.linear, STACK);
    return address;
  }

  #cached(linear: Local<"i64">, use: PageUse): CachedPage | undefined {
    const base = this.#bases.get(linear);
    return base === undefined ? undefined : this.pages.page(base, use);
  }

  protected override translate(
    use: PageUse,
    size: number,
    linear: Local<"i64">,
    take: (at: Expression<"i32">) => void,
  ): void {
    const cached = this.#cached(linear, use);
    if (cached === undefined || cached.empty) return super.translate(use, size, linear, take);
    this.f.ifMostly(
      linear.sub(cached.page).leU(PAGE - size),
      () => take(linear.wrap().add(cached.addend)),
      () => super.translate(use, size, linear, take),
    );
  }

  protected override found(use: PageUse, linear: Local<"i64">, addend: Local<"i32">): void {
    const cached = this.#cached(linear, use);
    if (cached === undefined) return;
    this.pages.set(cached, linear, addend);
    cached.empty = false;
  }

  override store(size: number, linear: Local<"i64">, value: Value): void {
    const cached = this.#cached(linear, "modify");
    if (cached === undefined || cached.empty) return super.store(size, linear, value);
    const { f } = this;
    const bound = value.args.length > 0 ? f.let(value) : value;
    f.ifMostly(linear.sub(cached.page).leU(PAGE - size), () => {
      f.store(size, linear.wrap().add(cached.addend), bound, 0, Memory.Ram);
    }, () => super.store(size, linear, bound));
  }

  override storeVector(linear: Local<"i64">, value: Expression<"v128">): void {
    const cached = this.#cached(linear, "modify");
    if (cached === undefined || cached.empty) return super.storeVector(linear, value);
    const { f } = this;
    const bound = value.args.length > 0 ? f.let(value) : value;
    f.ifMostly(linear.sub(cached.page).leU(PAGE - 16), () => {
      f.storeVector(linear.wrap().add(cached.addend), bound, 0, Memory.Ram);
    }, () => super.storeVector(linear, bound));
  }
}
