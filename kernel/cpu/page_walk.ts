/**
 * The page walk in generated WebAssembly.
 *
 * @module
 */

import { CODE_PAGES, LARGE_REGIONS, LARGE_REGIONS_COUNT } from "./layout.ts";
import { HIGH_RAM_START, LOW_RAM_END } from "../abi/ram_layout.ts";
import {
  CPL,
  CR,
  Cr0,
  Cr4,
  EFER,
  Efer,
  FAULT_ADDRESS,
  FAULT_ERROR,
  FAULT_VECTOR,
  Flag,
  NON_CANONICAL,
  PAGE_DIRECTORY_POINTERS,
  PAGE_IS_GLOBAL,
  PAGE_IS_WRITABLE,
  RFLAGS,
  Vector,
} from "./state.ts";
import { isCanonical, state32, state64 } from "./state_emitter.ts";
import { type Expression, i32, i64, select } from "./wasm/expression.ts";
import { type FunctionBuilder, type Local, Memory, NOWHERE } from "./wasm/function_builder.ts";

/** Bits of what `translate` is asked for. */
export const Access = {
  WRITE: 1,
  FETCH: 2,
  /** Implicit supervisor access: descriptor tables, TSS. */
  SYSTEM: 4,
  /** Only look: no fault is left, accessed and dirty bits stay. */
  PROBE: 8,
} as const;

/** Physical address bits; those above are reserved in page-table entries. */
export const PHYSICAL_BITS = 40;

const ADDRESS_MASK = ((1n << BigInt(PHYSICAL_BITS)) - 1n) & ~0xfffn;
/** Of a leaf: the page is the same in all address spaces. */
const GLOBAL = 1n << 8n;
/** Bits 40 to 51 of an entry. */
const RESERVED_MASK = ((1n << 52n) - 1n) & ~((1n << BigInt(PHYSICAL_BITS)) - 1n);

/** Page-table entry bits. */
const PRESENT = 1;
const WRITABLE = 2;
const USER = 4;
const ACCESSED = 0x20;
const DIRTY = 0x40;
const LARGE = 0x80;

/** How many pages a 4 MiB page covers, as a power of two. */
const LARGE_PAGE_4M = 10;

/** Page-fault error code bits. */
const PF_PROTECTION = 1;
const PF_WRITE = 2;
const PF_USER = 4;
const PF_RESERVED = 8;
const PF_FETCH = 16;

/** Offset in RAM memory of a guest-physical address; -1 (i32) where there is no RAM. */
export function ramOffset(f: FunctionBuilder, gpa: Local<"i64">, ramSize: number): Local<"i32"> {
  const host = f.let(i32(-1));
  const low = Math.min(ramSize, LOW_RAM_END);
  f.if(gpa.ltU(BigInt(low)), () => f.set(host, gpa.wrap()), () => {
    if (ramSize <= LOW_RAM_END) return;
    const above = f.let(gpa.sub(BigInt(HIGH_RAM_START)));
    f.if(above.ltU(BigInt(ramSize - LOW_RAM_END)), () => f.set(host, above.wrap().add(LOW_RAM_END | 0)));
  });
  return host;
}

/** Whether a page of RAM holds decoded code. */
export function holdsCode(f: FunctionBuilder, host: Local<"i32">): Expression<"i32"> {
  return f.loadAs("i32.load8_u", host.shrU(12), CODE_PAGES);
}

function raisePageFault(f: FunctionBuilder, linear: Expression<"i64">, error: Expression<"i32">): void {
  f.storeAs("i32.store", NOWHERE, i32(Vector.PF), FAULT_VECTOR);
  f.storeAs("i32.store", NOWHERE, error, FAULT_ERROR);
  f.store(8, NOWHERE, linear, FAULT_ADDRESS);
}

/**
 * (linear, access) -> gpa or -1 with a fault pending (unless PROBE). `codeWritten`: see `MmuImports`; a page table may
 * hold code.
 */
export function translateBody(f: FunctionBuilder, ramSize: number, codeWritten: number): void {
  const linear = f.param("i64", 0);
  const access = f.param("i32", 1);
  const cr0 = state32(f, CR);
  f.if(cr0.and(Cr0.PG | 0).eqz(), () => f.return(linear.and(0xffffffffn)));
  const cr4 = state32(f, CR + 4 * 8);
  const efer = state32(f, EFER);
  const write = f.let(access.and(Access.WRITE));
  const fetch = f.let(access.and(Access.FETCH));
  const user = f.let(state32(f, CPL).eq(3).and(access.and(Access.SYSTEM).eqz()));
  const noExecute = f.let(efer.and(Efer.NXE).ne(0));
  // Error code, but for its P and RSVD bits.
  const reportsFetch = fetch.ne(0).and(noExecute.or(cr4.and(Cr4.SMEP).ne(0)));
  const error = f.let(
    write.shl(Math.log2(PF_WRITE)).or(user.shl(Math.log2(PF_USER))).or(reportsFetch.shl(Math.log2(PF_FETCH))),
  );
  const fail = (bits: Expression<"i32">) => {
    f.if(access.and(Access.PROBE).eqz(), () => raisePageFault(f, linear, bits));
    f.return(i64(-1));
  };
  // Bits that all levels grant, and the level and size of the leaf.
  const granted = f.let(i32(WRITABLE | USER));
  const denyExecute = f.local("i32");
  f.set(denyExecute, i32(0));
  const entry = f.local("i64");
  const host = f.local("i32");
  const shift = f.local("i64");
  const table = f.local("i64");
  const leaf = f.local("i32");
  f.set(leaf, i32(0));
  const readEntry = (at: Expression<"i64">, bytes: number) => {
    const gpa = f.let(at);
    f.set(host, ramOffset(f, gpa, ramSize));
    f.if(host.eq(-1), () => f.set(entry, i64(0)), () => f.set(entry, f.load(bytes, host, 0, Memory.Ram)));
    f.if(entry.and(PRESENT).eqz(), () => fail(error));
  };
  const setBits = (bytes: 4 | 8, bits: number) => {
    f.if(access.and(Access.PROBE).eqz(), () => {
      f.if(entry.and(bits).ne(BigInt(bits)), () => {
        f.if(holdsCode(f, host), () => f.call(codeWritten, host, i32(bytes)));
        f.atomicOr(bytes, host, i64(bits), Memory.Ram);
      });
    });
  };
  /** Fails unless the leaf permits the access, and notes whether its page is global, and may be written at once. */
  const checkLeaf = () => {
    const refused = f.let(i32(0));
    f.if(user, () => {
      f.set(refused, granted.and(USER).eqz());
      f.if(write, () => f.set(refused, refused.or(granted.and(WRITABLE).eqz())));
    }, () => {
      f.if(write.ne(0).and(cr0.and(Cr0.WP).ne(0)), () => f.set(refused, granted.and(WRITABLE).eqz()));
      f.if(granted.and(USER), () => {
        f.if(fetch, () => f.set(refused, refused.or(cr4.and(Cr4.SMEP).ne(0))), () => {
          f.if(cr4.and(Cr4.SMAP), () => {
            const override = state32(f, RFLAGS).and(Flag.AC).ne(0).and(access.and(Access.SYSTEM).eqz());
            f.set(refused, refused.or(override.eqz()));
          });
        });
      });
    });
    f.if(fetch, () => f.set(refused, refused.or(denyExecute)));
    f.if(refused, () => fail(error.or(PF_PROTECTION)));
    const global = cr4.and(Cr4.PGE).ne(0).and(entry.and(GLOBAL).ne(0n));
    f.storeAs("i32.store", NOWHERE, global, PAGE_IS_GLOBAL);
    const writable = granted.and(WRITABLE).ne(0).and(entry.and(DIRTY).ne(0n));
    f.storeAs("i32.store", NOWHERE, writable, PAGE_IS_WRITABLE);
  };
  const cr3 = state64(f, CR + 3 * 8);

  f.if(cr4.and(Cr4.PAE).eqz(), () => {
    // 32-bit paging: two levels of 4-byte entries.
    const directory = cr3.and(0xfffff000n);
    readEntry(directory.add(linear.shrU(22).and(0x3ff).shl(2)), 4);
    f.set(granted, granted.and(entry.wrap()));
    f.if(entry.and(LARGE).ne(0n).and(cr4.and(Cr4.PSE).ne(0)), () => {
      f.if(entry.and(1n << 21n).ne(0n), () => fail(error.or(PF_PROTECTION | PF_RESERVED)));
      checkLeaf();
      f.if(write, () => setBits(4, ACCESSED | DIRTY), () => setBits(4, ACCESSED));
      // A 4 MiB page covers two regions of 2 MiB.
      const region = f.let(linear.shrU(21).wrap().and(LARGE_REGIONS_COUNT - 2));
      f.storeAs("i32.store16", region, i32(LARGE_PAGE_4M * 0x101), LARGE_REGIONS);
      const high = entry.shrU(13).and(0xff).shl(32);
      f.return(entry.and(0xffc00000n).or(high).or(linear.and(0x3fffffn)));
    });
    setBits(4, ACCESSED);
    readEntry(entry.and(0xfffff000n).add(linear.shrU(12).and(0x3ff).shl(2)), 4);
    f.set(granted, granted.and(entry.wrap()));
    checkLeaf();
    f.if(write, () => setBits(4, ACCESSED | DIRTY), () => setBits(4, ACCESSED));
    f.return(entry.and(0xfffff000n).or(linear.and(0xfff)));
  });

  f.if(efer.and(Efer.LMA), () => {
    f.if(isCanonical(linear).eqz(), () => {
      f.if(access.and(Access.PROBE).eqz(), () => {
        f.storeAs("i32.store", NOWHERE, select(fetch, i32(Vector.GP), i32(NON_CANONICAL)), FAULT_VECTOR);
        f.storeAs("i32.store", NOWHERE, i32(0), FAULT_ERROR);
      });
      f.return(i64(-1));
    });
    f.set(shift, i64(39));
    f.set(table, cr3.and(ADDRESS_MASK));
  }, () => {
    // PAE: the four page-directory pointers, checked when they were loaded, carry no permissions.
    f.set(entry, f.load(8, linear.shrU(30).and(3).shl(3).wrap(), PAGE_DIRECTORY_POINTERS));
    f.if(entry.and(PRESENT).eqz(), () => fail(error));
    f.set(shift, i64(21));
    f.set(table, entry.and(ADDRESS_MASK));
  });
  f.loop((next) => {
    readEntry(table.add(linear.shrU(shift).and(0x1ff).shl(3)), 8);
    f.set(granted, granted.and(entry.wrap()));
    const executeDisable = f.let(entry.shrU(63).wrap());
    f.set(denyExecute, denyExecute.or(executeDisable));
    const large = f.let(entry.and(LARGE).ne(0n).and(shift.ne(12)));
    const reserved = f.let(
      entry.and(RESERVED_MASK).ne(0n)
        .or(executeDisable.and(noExecute.eqz()))
        .or(large.and(shift.eq(39)))
        // In a large page the address bits below its size, but for PAT (bit 12), are reserved.
        .or(large.and(entry.and(i64(1).shl(shift).sub(1)).and(~0x1fffn).ne(0n))),
    );
    f.if(reserved, () => fail(error.or(PF_PROTECTION | PF_RESERVED)));
    f.set(leaf, large.or(shift.eq(12)));
    f.if(leaf.eqz(), () => {
      setBits(8, ACCESSED);
      f.set(table, entry.and(ADDRESS_MASK));
      f.set(shift, shift.sub(9));
      f.branch(next);
    });
  });
  checkLeaf();
  f.if(write, () => setBits(8, ACCESSED | DIRTY), () => setBits(8, ACCESSED));
  f.if(shift.ne(12), () => {
    const region = linear.shrU(shift).wrap().and(LARGE_REGIONS_COUNT - 1);
    const mark = shift.wrap().sub(12);
    f.storeAs("i32.store8", region.add(shift.eq(30).mul(LARGE_REGIONS_COUNT)), mark, LARGE_REGIONS);
  });
  const offset = f.let(i64(1).shl(shift).sub(1));
  f.return(entry.and(ADDRESS_MASK).and(offset.not()).or(linear.and(offset)));
}
