/**
 * Translations that a region keeps in locals: for each register that addresses are made with, the page that was used
 * last. Most code goes on in the page where it has been, and finds it with a subtraction and a comparison.
 *
 * @module
 */

import { NO_PAGE } from "../state.ts";
import { UNUSED } from "../layout.ts";
import { i32, i64 } from "../wasm/expression.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/** A page, and what is added to linear addresses in it to give offsets in RAM memory. */
export interface CachedPage {
  readonly page: Local<"i64">;
  readonly addend: Local<"i32">;
  /** Nothing is known yet where code is being written: there is no use in looking. */
  empty: boolean;
}

/** What a page may be used for. */
export type PageUse = "read" | "modify";

/** Pages by what an address is made with: see `baseOf`. */
export class PageCache {
  readonly #pages = new Map<string, CachedPage>();

  /** `bases`: all that there may be in the region. */
  constructor(
    private readonly f: FunctionBuilder,
    bases: Iterable<string>,
    /** Where RAM memory's bounce buffer lies. */
    private readonly bounce: number,
  ) {
    for (const base of bases) {
      for (const use of ["read", "modify"]) {
        this.#pages.set(base + use, { page: f.local("i64"), addend: f.local("i32"), empty: true });
      }
    }
  }

  /** The page that addresses made with `base` were last in. */
  page(base: string, use: PageUse): CachedPage | undefined {
    return this.#pages.get(base + use);
  }

  /** Forgets all pages: translations may have changed. */
  forget(): void {
    for (const cached of this.#pages.values()) {
      this.f.set(cached.page, i64(NO_PAGE));
      // An access to that page itself, which no program makes, must not get to the guest's RAM.
      this.f.set(cached.addend, i32(this.bounce + UNUSED));
      cached.empty = true;
    }
  }

  /** Several ways lead to what is written next: pages may be known. */
  join(): void {
    for (const cached of this.#pages.values()) cached.empty = false;
  }

  /** Which pages are empty where code is being written. */
  get empty(): ReadonlySet<CachedPage> {
    return new Set([...this.#pages.values()].filter((cached) => cached.empty));
  }
  set empty(pages: ReadonlySet<CachedPage>) {
    for (const cached of this.#pages.values()) cached.empty = pages.has(cached);
  }

  /** Takes the page of a linear address that was found in a TLB. */
  set({ page, addend }: CachedPage, linear: Local<"i64">, found: Local<"i32">): void {
    this.f.set(page, linear.and(~0xfffn));
    this.f.set(addend, found);
  }
}
