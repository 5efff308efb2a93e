/**
 * Segment registers with their hidden parts, and privilege, as generated code sets them.
 *
 * @module
 */

import {
  CONTEXT_USER,
  CPL,
  JUMP_CONTEXT,
  JUMP_CONTEXT_SHIFT,
  KERNEL_SPACE,
  Segment,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SegmentAttribute,
  SPACE,
  SPACE_MASK,
  TLB_CONTEXT,
} from "./state.ts";
import { type Expression, i32, i64, select } from "./wasm/expression.ts";
import { type FunctionBuilder, type Local, NOWHERE } from "./wasm/function_builder.ts";

/** The two halves of a descriptor (SDM volume 3, 3.4.5). */
export interface Halves {
  readonly low: Local<"i32">;
  readonly high: Local<"i32">;
}

/** An ordinary kind of segment: what the upper half of its descriptor has to be, but for DPL. */
export interface OrdinarySegment {
  readonly mask: number;
  readonly value: number;
  /** It has to reach from 0 to 4 GiB. */
  readonly flat: boolean;
}

const DPL = 0x6000;
const DPL_BIT = 13;
/** Present, accessed, not conforming; L and not D. */
export const CODE64: OrdinarySegment = { mask: 0x60_9d00, value: 0x20_9900, flat: false };
/** Present, accessed, writable. */
export const DATA64: OrdinarySegment = { mask: 0x9b00, value: 0x9300, flat: false };
/** All but AVL counts, and whether code may be read. */
export const CODE32: OrdinarySegment = { mask: ~(0x10_0200 | DPL), value: 0xcf_9900, flat: true };
export const DATA32: OrdinarySegment = { mask: ~(0x10_0000 | DPL), value: 0xcf_9300, flat: true };
/** Lower half of the descriptor of a segment from 0 to 4 GiB. */
const FLAT_LOW = 0xffff;

/** Whether a descriptor is not that of an ordinary segment of a privilege level. */
export function isUnlike(
  { low, high }: Halves,
  { mask, value, flat }: OrdinarySegment,
  level: Expression<"i32">,
): Expression<"i32"> {
  const unlike = high.and(mask | DPL).ne(level.shl(DPL_BIT).or(value));
  return flat ? unlike.or(low.ne(FLAT_LOW)) : unlike;
}

/** Sets a segment register, by its number, with its hidden part. */
export function setSegment(
  f: FunctionBuilder,
  number: Expression<"i32">,
  selector: Expression<"i32">,
  base: Expression<"i64">,
  limit: Expression<"i32">,
  attributes: Expression<"i32">,
): void {
  f.storeAs("i32.store", number.shl(2), selector, SEGMENT_SELECTOR);
  f.store(8, number.shl(3), base, SEGMENT_BASE);
  f.storeAs("i32.store", number.shl(2), limit, SEGMENT_LIMIT);
  f.storeAs("i32.store", number.shl(2), attributes, SEGMENT_ATTRIBUTES);
}

/** Makes a segment register null. A stack segment keeps its privilege level: 0. */
export function setNull(f: FunctionBuilder, number: Expression<"i32">, selector: Expression<"i32">): void {
  setSegment(f, number, selector, i64(0), i32(0), i32(SegmentAttribute.UNUSABLE));
}

/** Sets a segment register, by its number, to a segment that its descriptor tells of. */
export function setDescribed(
  f: FunctionBuilder,
  number: Expression<"i32">,
  selector: Expression<"i32">,
  { low, high }: Halves,
): void {
  const base = low.shrU(16).or(high.and(0xff).shl(16)).or(high.and(0xff00_0000 | 0)).extendU();
  const count = f.let(low.and(0xffff).or(high.and(0xf0000)));
  const bytes = select(high.and(0x80_0000), count.shl(12).or(0xfff), count);
  setSegment(f, number, selector, base, bytes, high.shrU(8).and(0xff).or(high.shrU(12).and(0xf00)));
}

/** Sets CS. In 64-bit mode its base counts as 0. */
export function setCode(
  f: FunctionBuilder,
  selector: Expression<"i32">,
  descriptor: Halves,
  bits64: boolean,
): void {
  setDescribed(f, i32(Segment.CS), selector, descriptor);
  if (bits64) f.store(8, NOWHERE, i64(0), SEGMENT_BASE + Segment.CS * 8);
}

/** Enters privilege level 0 or 3, with RFLAGS.AC clear. Code is decoded as before, so only that changes in what tags say. */
export function setPrivilege(f: FunctionBuilder, cpl: 0 | 3): void {
  f.storeAs("i32.store", NOWHERE, i32(cpl), CPL);
  const space = f.loadAs("i32.load", NOWHERE, cpl === 3 ? SPACE : KERNEL_SPACE);
  const context = cpl === 3 ? f.let(space.or(CONTEXT_USER)) : space;
  f.storeAs("i32.store", NOWHERE, context, TLB_CONTEXT);
  const jumps = f.loadAs("i32.load", NOWHERE, JUMP_CONTEXT + 4);
  const mask = (SPACE_MASK | CONTEXT_USER) << JUMP_CONTEXT_SHIFT;
  f.storeAs("i32.store", NOWHERE, jumps.and(~mask).or(context.shl(JUMP_CONTEXT_SHIFT)), JUMP_CONTEXT + 4);
}
