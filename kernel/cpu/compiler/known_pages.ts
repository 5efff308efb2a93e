/**
 * Pages of which is known, where code is being written, that the TLB has been asked for them: what lies near an address
 * that was accessed before is mostly in the same page, which one comparison tells.
 *
 * @module
 */

import { type Expression, i32 } from "../wasm/expression.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { PAGE } from "./code_pages.ts";
import type { PageUse } from "./page_cache.ts";
import type { SymbolicValue } from "./register_values.ts";
import type { Reach } from "./stack_reach.ts";

/** An offset in a page that makes no address near it lie in that page. */
const NOWHERE_NEAR = 0x4000_0000;
/** How far from the first access others are taken for neighbours. */
const NEAR = 512;
/** Most pages at a time: each is two locals. */
const MOST_PAGES = 12;

/** A page that was accessed. */
export interface KnownPage {
  readonly address: SymbolicValue;
  readonly use: PageUse;
  /** Offset of that address in its page. */
  readonly offset: Local<"i32">;
  /** What is added to linear addresses in it to give offsets in RAM memory. */
  readonly addend: Local<"i32">;
  /** Bytes that are known to lie in it, by offsets from the address's origin. It never moves, and has no other offset. */
  readonly reach?: Reach;
}

/** The pages that are known. */
export class KnownPages {
  readonly #locals: { readonly offset: Local<"i32">; readonly addend: Local<"i32"> }[];
  /** Never changed in place. A page lies in the locals of its number. */
  held: readonly KnownPage[] = [];

  constructor(private readonly f: FunctionBuilder) {
    this.#locals = Array.from(
      { length: MOST_PAGES },
      () => ({ offset: f.local("i32"), addend: f.local("i32") }),
    );
  }

  /** A page that an address near one that was accessed for this use lies in, mostly. */
  near({ origin, offset }: SymbolicValue, use: PageUse): KnownPage | undefined {
    return this.held.findLast((page) =>
      page.reach === undefined && page.address.origin === origin &&
      Math.abs(offset - page.address.offset) < NEAR &&
      (page.use === "modify" || use === "read")
    );
  }

  /** A page that bytes of the stack are known to lie in. */
  holding({ origin, offset }: SymbolicValue, size: number, use: PageUse): KnownPage | undefined {
    return this.held.findLast(({ address, reach, use: known }) =>
      address.origin === origin && reach !== undefined && reach.from <= offset && offset + size <= reach.to &&
      (known === "modify" || use === "read")
    );
  }

  /** Whether `size` bytes at an address near a page's lie in that page. */
  holds(page: KnownPage, address: SymbolicValue, size: number): Expression<"i32"> {
    return page.offset.add(address.offset - page.address.offset).leU(PAGE - size);
  }

  /** A page of an address that is to be looked for, if there is room for one. It is known once it has been put. */
  vacant(address: SymbolicValue, use: PageUse, reach?: Reach): KnownPage | undefined {
    const locals = this.#locals[this.held.length];
    return locals === undefined
      ? undefined
      : { address, use, ...locals, ...reach === undefined ? {} : { reach } };
  }

  /** What is written next may use a page. */
  put(page: KnownPage): void {
    this.held = [...this.held, page];
  }

  /** `address` is `linear`, and that lies in a page from now on. */
  move(page: KnownPage, address: SymbolicValue, linear: Local<"i64">, addend: Expression<"i32">): void {
    const offset = linear.wrap().and(PAGE - 1);
    this.f.set(page.offset, offset.sub(address.offset - page.address.offset));
    this.f.set(page.addend, addend);
  }

  /** It is not known where a page is. */
  lose(page: KnownPage): void {
    this.f.set(page.offset, i32(NOWHERE_NEAR));
  }

  /** Forgets all: translations may have changed. */
  forget(): void {
    this.held = [];
  }
}
