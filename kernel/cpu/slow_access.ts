/**
 * The slow half of every memory access in generated WebAssembly: TLB fill, device memory, pages with decoded code, data
 * breakpoints, alignment checks.
 *
 * @module
 */

import { ALIGNMENT_MASK } from "./alignment.ts";
import { CrossingAccess } from "./crossing_access.ts";
import {
  FETCH_TLB,
  FETCHED_PAGES,
  FETCHED_PAGES_COUNT,
  MOST_PRIVATE,
  PRIVATE_ENTRIES,
  READ_TLB,
  WRITABLE_PAGES,
  WRITE_TLB,
} from "./layout.ts";
import { Access, holdsCode, ramOffset } from "./page_walk.ts";
import {
  ALIGNMENT_CHECKED,
  CODE_MODE,
  CodeMode,
  FAULT_ERROR,
  FAULT_VECTOR,
  KERNEL_SPACE,
  NON_CANONICAL,
  PAGE_IS_GLOBAL,
  PAGE_IS_WRITABLE,
  PRIVATE_COUNT,
  SPACE_MASK,
  TLB_CONTEXT,
  TLB_MISSES,
  Vector,
  WATCHING,
} from "./state.ts";
import { tlbEntry } from "./tlb_entry.ts";
import { type Expression, i32, select } from "./wasm/expression.ts";
import { type FunctionBuilder, type Local, Memory, NOWHERE } from "./wasm/function_builder.ts";
import type { ModuleBuilder } from "./wasm/module_builder.ts";

/** What data breakpoints mean for an access. */
export const Watch = {
  NOTHING: 0,
  /** The page must not get into the TLBs. */
  NEAR: 1,
  /** The access meets a breakpoint: a fault is pending that has the instruction executed again, alone. */
  LEAVE: 2,
} as const;

/** Functions that the host gives the MMU. */
export interface MmuImports {
  /** (gpa, bytes) -> value. */
  readonly readMmio: number;
  /** (gpa, bytes, value). */
  readonly writeMmio: number;
  /** (offset in RAM memory, bytes): RAM that may hold decoded code is about to be written. */
  readonly codeWritten: number;
  /** (linear, bytes, write) -> a number of {@link Watch}, while data breakpoints are enabled. */
  readonly watched: number;
}

/** What happens to an access that the inline probe does not find in the TLB. */
export class SlowAccess {
  readonly #crossing: CrossingAccess;
  /** (linear, bytes, access) -> whether that is misaligned, with #AC pending. */
  readonly #misaligned: number;

  constructor(
    private readonly m: ModuleBuilder,
    private readonly imports: MmuImports,
    private readonly translate: number,
    private readonly ramSize: number,
    private readonly bounce: number,
  ) {
    this.#crossing = new CrossingAccess(imports, ramSize, bounce);
    this.#misaligned = m.exportFunction("misaligned", ["i64", "i32", "i32"], ["i32"], (f) => {
      misalignedBody(f, translate);
    });
  }

  read(): number {
    return this.m.exportFunction("readSlow", ["i64", "i32"], ["i32"], (f) => {
      countMiss(f, TLB_MISSES);
      const linear = f.param("i64", 0);
      const size = f.param("i32", 1);
      this.#checkAlignment(f, linear, size, 0, i32(-1));
      const watch = this.#watch(f, linear, size, 0, i32(-1));
      this.#ifCrossing(f, linear, size, 0, i32(-1), (first, second, split) => {
        this.#crossing.gather(f, first, second, split, size);
        f.return(i32(this.bounce));
      });
      const gpa = this.#translated(f, linear, i32(0), i32(-1));
      const host = ramOffset(f, gpa, this.ramSize);
      f.if(host.ne(-1), () => {
        f.if(watch, () => {
          f.copy(i32(this.bounce), host, size);
          f.return(i32(this.bounce));
        });
        fillTlb(f, READ_TLB, linear, host);
        const writable = f.loadAs("i32.load", NOWHERE, PAGE_IS_WRITABLE).and(holdsCode(f, host).eqz());
        f.if(writable, () => fillWriteTlb(f, linear, host));
        f.return(host);
      });
      this.#readMmio(f, gpa, size);
      f.return(i32(this.bounce));
    });
  }

  write(): number {
    return this.m.exportFunction("writeSlow", ["i64", "i32"], ["i32"], (f) => {
      countMiss(f, TLB_MISSES + 8);
      const linear = f.param("i64", 0);
      const size = f.param("i32", 1);
      this.#checkAlignment(f, linear, size, Access.WRITE, i32(1));
      const watch = this.#watch(f, linear, size, 1, i32(1));
      this.#ifCrossing(f, linear, size, Access.WRITE, i32(1), (first, second, split) => {
        this.#crossing.scatter(f, first, second, split, size);
        f.return(i32(0));
      });
      const gpa = this.#translated(f, linear, i32(Access.WRITE), i32(1));
      const host = ramOffset(f, gpa, this.ramSize);
      f.if(host.ne(-1), () => {
        f.if(holdsCode(f, host), () => f.call(this.imports.codeWritten, host, size), () => {
          f.if(watch.eqz(), () => fillBothTlbs(f, linear, host));
        });
        f.copy(host, i32(this.bounce), size);
        f.return(i32(0));
      });
      f.if(size.eq(16), () => {
        f.call(this.imports.writeMmio, gpa, i32(8), f.load(8, i32(this.bounce), 0, Memory.Ram));
        f.call(this.imports.writeMmio, gpa.add(8), i32(8), f.load(8, i32(this.bounce), 8, Memory.Ram));
      }, () => f.call(this.imports.writeMmio, gpa, size, f.load(8, i32(this.bounce), 0, Memory.Ram)));
      f.return(i32(0));
    });
  }

  modify(): number {
    return this.m.exportFunction("modifySlow", ["i64", "i32"], ["i32"], (f) => {
      countMiss(f, TLB_MISSES + 8);
      const linear = f.param("i64", 0);
      const size = f.param("i32", 1);
      this.#checkAlignment(f, linear, size, Access.WRITE, i32(-1));
      const watch = this.#watch(f, linear, size, 1, i32(-1));
      this.#ifCrossing(f, linear, size, Access.WRITE, i32(-1), (first, second, split) => {
        this.#crossing.gather(f, first, second, split, size);
        f.return(i32(this.bounce));
      });
      const gpa = this.#translated(f, linear, i32(Access.WRITE), i32(-1));
      const host = ramOffset(f, gpa, this.ramSize);
      f.if(host.ne(-1), () => {
        f.if(holdsCode(f, host).or(watch), () => {
          f.copy(i32(this.bounce), host, size);
          f.return(i32(this.bounce));
        });
        fillBothTlbs(f, linear, host);
        f.return(host);
      });
      this.#readMmio(f, gpa, size);
      f.return(i32(this.bounce));
    });
  }

  fetch(): number {
    return this.m.exportFunction("fetchPage", ["i64"], ["i32"], (f) => {
      countMiss(f, TLB_MISSES + 16);
      const linear = f.param("i64", 0);
      const host = this.#hostWithoutFault(f, linear, i32(Access.FETCH));
      f.if(host.ne(-1), () => {
        const page = linear.wrap().shrU(12).and(FETCHED_PAGES_COUNT - 1);
        f.storeAs("i32.store8", page, i32(1), FETCHED_PAGES);
        fillTlb(f, FETCH_TLB, linear, host);
      });
      f.return(host);
    });
  }

  /** What an implicit supervisor access finds is good for a kernel's own, too. */
  plain(): number {
    return this.m.exportFunction("plainPage", ["i64", "i32"], ["i32"], (f) => {
      const linear = f.param("i64", 0);
      const access = f.param("i32", 1);
      const write = access.and(Access.WRITE);
      const context = f.let(f.load(8, NOWHERE, TLB_CONTEXT));
      f.if(access.and(Access.SYSTEM), () => f.set(context, f.load(4, NOWHERE, KERNEL_SPACE)));
      const entry = f.let(tlbEntry(f, linear).add(select(write, i32(WRITE_TLB), i32(READ_TLB))));
      f.if(f.load(8, entry).eq(linear.and(~0xfffn).or(context)), () => {
        f.return(linear.wrap().add(f.loadAs("i32.load", entry, 8)));
      });
      const host = this.#hostWithoutFault(f, linear, access);
      f.if(host.eq(-1), () => f.return(host));
      f.if(write, () => {
        f.if(holdsCode(f, host), () => f.return(i32(-1)));
        fillWriteTlb(f, linear, host, context);
      }, () => fillTlb(f, READ_TLB, linear, host, context));
      f.return(host);
    });
  }

  /** Offset in RAM memory, -1 outside of it; -1 is returned where the access would fault, with nothing pending. */
  #hostWithoutFault(
    f: FunctionBuilder,
    linear: Local<"i64">,
    access: Expression<"i32">,
  ): Local<"i32"> {
    const probe = f.callFor("i64", this.translate, linear, access.or(Access.PROBE));
    f.if(probe.eq(-1), () => f.return(i32(-1)));
    // Once more, for the accessed and dirty bits.
    return ramOffset(f, f.callFor("i64", this.translate, linear, access), this.ramSize);
  }

  /** Returns `failed` if the access is misaligned where that counts. */
  #checkAlignment(
    f: FunctionBuilder,
    linear: Local<"i64">,
    size: Local<"i32">,
    access: number,
    failed: Expression<"i32">,
  ): void {
    f.if(alignmentChecked(f), () => {
      f.if(f.callFor("i32", this.#misaligned, linear, size, i32(access)), () => f.return(failed));
    });
  }

  /** Asks about data breakpoints; `failed` is returned if the instruction is to be executed alone. */
  #watch(
    f: FunctionBuilder,
    linear: Local<"i64">,
    size: Local<"i32">,
    write: number,
    failed: Expression<"i32">,
  ): Local<"i32"> {
    const watch = f.let(i32(Watch.NOTHING));
    f.if(f.loadAs("i32.load", NOWHERE, WATCHING), () => {
      f.set(watch, f.callFor("i32", this.imports.watched, linear, size, i32(write)));
      f.if(watch.eq(Watch.LEAVE), () => f.return(failed));
    });
    return watch;
  }

  #translated(
    f: FunctionBuilder,
    linear: Expression<"i64">,
    access: Expression<"i32">,
    failed: Expression<"i32">,
  ): Local<"i64"> {
    const gpa = f.callFor("i64", this.translate, linear, access);
    f.if(gpa.eq(-1), () => f.return(failed));
    return gpa;
  }

  /** Runs `body` with both pages' addresses and the number of bytes in the first, if the access leaves its page. */
  #ifCrossing(
    f: FunctionBuilder,
    linear: Local<"i64">,
    size: Local<"i32">,
    access: number,
    failure: Expression<"i32">,
    body: (first: Local<"i64">, second: Local<"i64">, split: Local<"i32">) => void,
  ): void {
    const split = f.let(i32(0x1000).sub(linear.wrap().and(0xfff)));
    f.if(size.gtU(split), () => {
      this.#checkFlatLimit(f, linear, split, failure);
      const first = this.#translated(f, linear, i32(access), failure);
      const second = this.#translated(f, linear.add(split.extendU()), i32(access), failure);
      body(first, second, split);
    });
  }

  /** Nobody has looked at the limit of a flat segment: an access that reaches beyond 4 GiB faults as its segment has it. */
  #checkFlatLimit(
    f: FunctionBuilder,
    linear: Local<"i64">,
    split: Local<"i32">,
    failure: Expression<"i32">,
  ): void {
    const flat = f.loadAs("i32.load", NOWHERE, CODE_MODE).eq(CodeMode.Flat32);
    f.if(flat.and(linear.add(split.extendU()).gtU(0xffffffffn)), () => {
      f.storeAs("i32.store", NOWHERE, i32(NON_CANONICAL), FAULT_VECTOR);
      f.storeAs("i32.store", NOWHERE, i32(0), FAULT_ERROR);
      f.return(failure);
    });
  }

  #readMmio(f: FunctionBuilder, gpa: Local<"i64">, size: Local<"i32">): void {
    const bounce = i32(this.bounce);
    f.if(size.eq(16), () => {
      f.store(8, bounce, f.callFor("i64", this.imports.readMmio, gpa, i32(8)), 0, Memory.Ram);
      f.store(8, bounce, f.callFor("i64", this.imports.readMmio, gpa.add(8), i32(8)), 8, Memory.Ram);
    }, () => f.store(8, bounce, f.callFor("i64", this.imports.readMmio, gpa, size), 0, Memory.Ram));
  }
}

function alignmentChecked(f: FunctionBuilder): Expression<"i32"> {
  return f.loadAs("i32.load", NOWHERE, ALIGNMENT_CHECKED);
}

/**
 * (linear, bytes, access) -> 1 with #AC pending. A page fault comes before it (SDM volume 3, 6.9), and until that is
 * known no page is marked as accessed: then this answers 0, and the access itself meets the fault.
 */
function misalignedBody(f: FunctionBuilder, translate: number): void {
  const linear = f.param("i64", 0);
  const size = f.param("i32", 1);
  const probe = f.let(f.param("i32", 2).or(Access.PROBE));
  f.if(linear.wrap().and(size.sub(1)).and(ALIGNMENT_MASK).eqz(), () => f.return(i32(0)));
  const last = linear.add(size.sub(1).extendU());
  for (const address of [linear, last]) {
    f.if(f.callFor("i64", translate, address, probe).eq(-1), () => f.return(i32(0)));
  }
  f.storeAs("i32.store", NOWHERE, i32(Vector.AC), FAULT_VECTOR);
  f.storeAs("i32.store", NOWHERE, i32(0), FAULT_ERROR);
  f.return(i32(1));
}

function countMiss(f: FunctionBuilder, counter: number): void {
  f.store(8, NOWHERE, f.load(8, NOWHERE, counter).add(1n), counter);
}

/** Remembers a translation, unless each access has to come here for its alignment. */
function fillTlb(
  f: FunctionBuilder,
  table: number,
  linear: Local<"i64">,
  host: Local<"i32">,
  context = f.load(8, NOWHERE, TLB_CONTEXT),
): void {
  f.if(alignmentChecked(f).eqz(), () => {
    const entry = tlbEntry(f, linear);
    f.store(8, entry, linear.and(~0xfffn).or(context), table);
    f.storeAs("i32.store", entry, host.sub(linear.wrap()), table + 8);
    const global = f.loadAs("i32.load", NOWHERE, PAGE_IS_GLOBAL);
    const shared = context.and(BigInt(SPACE_MASK)).eqz();
    f.if(shared.and(global.eqz()), () => notePrivate(f, entry.add(table)));
  });
}

/** Notes an entry that goes with the address space. */
function notePrivate(f: FunctionBuilder, entry: Expression<"i32">): void {
  const count = f.loadAs("i32.load", NOWHERE, PRIVATE_COUNT);
  f.if(count.ltU(MOST_PRIVATE), () => f.storeAs("i32.store", count.shl(2), entry, PRIVATE_ENTRIES));
  f.storeAs("i32.store", NOWHERE, count.add(1), PRIVATE_COUNT);
}

/** Remembers a translation for writing, and that there may be one of that page. */
function fillWriteTlb(
  f: FunctionBuilder,
  linear: Local<"i64">,
  host: Local<"i32">,
  context?: Local<"i64">,
): void {
  fillTlb(f, WRITE_TLB, linear, host, context);
  f.storeAs("i32.store8", host.shrU(12), i32(1), WRITABLE_PAGES);
}

/** Remembers a translation for writing, and for reading: what may be written may be read. */
function fillBothTlbs(f: FunctionBuilder, linear: Local<"i64">, host: Local<"i32">): void {
  fillTlb(f, READ_TLB, linear, host);
  fillWriteTlb(f, linear, host);
}
