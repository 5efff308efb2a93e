/**
 * The jump cache as generated code looks into it: where execution goes on at an address.
 *
 * @module
 */

import {
  JUMP_CACHE,
  JUMP_CACHE_SIZE,
  JUMP_ENTRY_SIZE,
  JUMP_GROUP_SIZE,
  JUMP_NEIGHBOURS,
  RETURN_CACHE,
  RETURN_CACHE_SIZE,
} from "../layout.ts";
import { CODE_BASE, JUMP_CONTEXT, RIP } from "../state.ts";
import { type Expression, i32 } from "../wasm/expression.ts";
import { type FunctionBuilder, type Local, NOWHERE, Table } from "../wasm/function_builder.ts";

function jumpEntry(f: FunctionBuilder, linear: Local<"i64">): Local<"i32"> {
  const low = linear.wrap();
  const spread = low.mul(JUMP_ENTRY_SIZE).and(JUMP_GROUP_SIZE - JUMP_ENTRY_SIZE);
  // The host computes both sides at once: it waits for this at each jump that it has not predicted.
  return f.let(low.and(JUMP_CACHE_SIZE - JUMP_ENTRY_SIZE).xor(spread));
}

/** The tag of the entry for a linear address. */
function jumpTag(f: FunctionBuilder, linear: Local<"i64">): Expression<"i64"> {
  return linear.xor(f.load(8, NOWHERE, JUMP_CONTEXT));
}

/** Runs `found` with the offset of the entry for a linear address, or `otherwise`. */
export function findJump(
  f: FunctionBuilder,
  linear: Local<"i64">,
  found: (entry: Local<"i32">) => void,
  otherwise?: () => void,
): void {
  const entry = jumpEntry(f, linear);
  const tag = f.load(8, entry, JUMP_CACHE);
  f.ifMostly(jumpTag(f, linear).eq(tag), () => found(entry), otherwise);
}

/** Runs `found` if a neighbour of an entry holds a linear address; the two have changed places then. */
export function findDrivenOut(
  f: FunctionBuilder,
  linear: Local<"i64">,
  found: (entry: Local<"i32">) => void,
  otherwise: () => void,
): void {
  const entry = jumpEntry(f, linear);
  const tag = f.let(jumpTag(f, linear));
  const neighbour = f.local("i32");
  const way = f.let(i32(1));
  f.block((done) => {
    f.loop((next) => {
      f.set(neighbour, entry.xor(way.mul(JUMP_ENTRY_SIZE)));
      f.if(tag.eq(f.load(8, neighbour, JUMP_CACHE)), () => {
        const value = f.load(8, neighbour, JUMP_CACHE + 8);
        f.store(8, neighbour, f.load(8, entry, JUMP_CACHE), JUMP_CACHE);
        f.store(8, neighbour, f.load(8, entry, JUMP_CACHE + 8), JUMP_CACHE + 8);
        f.store(8, entry, tag, JUMP_CACHE);
        f.store(8, entry, value, JUMP_CACHE + 8);
        found(entry);
        f.branch(done);
      });
      f.set(way, way.add(1));
      f.branchIf(way.ltS(JUMP_NEIGHBOURS), next);
    });
    otherwise();
  });
}

function returnEntry(f: FunctionBuilder, linear: Local<"i64">): Local<"i32"> {
  const low = linear.wrap();
  return f.let(low.xor(low.shrU(8)).mul(JUMP_ENTRY_SIZE).and(RETURN_CACHE_SIZE - JUMP_ENTRY_SIZE));
}

/** A call has been made that returns to a linear address, where a record begins. */
export function noteReturn(f: FunctionBuilder, linear: Local<"i64">, record: Expression<"i32">): void {
  const entry = returnEntry(f, linear);
  f.store(8, entry, jumpTag(f, linear), RETURN_CACHE);
  f.storeAs("i32.store", entry, record, RETURN_CACHE + 8);
}

/** Runs `found` with the record at a linear address, if a call was made that returns there, or `otherwise`. */
export function findReturn(
  f: FunctionBuilder,
  linear: Local<"i64">,
  found: (record: Local<"i32">) => void,
  otherwise: () => void,
): void {
  const entry = returnEntry(f, linear);
  const tag = f.load(8, entry, RETURN_CACHE);
  f.ifMostly(
    jumpTag(f, linear).eq(tag),
    () => found(f.loadAs("i32.load", entry, RETURN_CACHE + 8)),
    otherwise,
  );
}

/** The region is entered that begins with a record: the next jump there, in compiled modes, is to find it at once. */
export function noteRegion(
  f: FunctionBuilder,
  linear: Local<"i64">,
  record: Local<"i32">,
  region: Local<"i32">,
): void {
  const entry = jumpEntry(f, linear);
  f.if(f.loadAs("i32.load", entry, JUMP_CACHE + 8).eq(record), () => {
    f.storeAs("i32.store", entry, region, JUMP_CACHE + 12);
  });
}

/** Goes on with the region that an entry names, if there is one. CODE_BASE has been set. */
export function enterRegion(
  f: FunctionBuilder,
  entry: Local<"i32">,
  target: Local<"i64">,
  regionType: number,
): void {
  const region = f.loadAs("i32.load", entry, JUMP_CACHE + 12);
  f.ifMostly(region, () => {
    f.store(8, NOWHERE, target, RIP);
    f.returnCallIndirect(regionType, Table.Regions, region, i32(0));
  });
}

/**
 * Goes on at an address from compiled code, whose RIP is the linear address: with the region there, or as `leave`, the
 * core function of this name, does.
 */
export function leaveTo(
  f: FunctionBuilder,
  target: Local<"i64">,
  leave: number,
  regionType: number,
): void {
  const enter = (entry: Local<"i32">) => {
    f.store(8, NOWHERE, target.and(~0xfffn), CODE_BASE);
    enterRegion(f, entry, target, regionType);
  };
  findJump(f, target, enter);
  f.returnCall(leave, target);
}
