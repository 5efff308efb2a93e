/**
 * Loads of DS, ES, FS and GS as the kernels of 32-bit systems make them at each entry and exit (SDM volume 3, 5.6). What
 * is out of the ordinary, SS and all that faults, is left to `system/`.
 *
 * @module
 */

import type { Emitter, Value } from "../emitter.ts";
import { type Halves, setDescribed, setNull } from "../segment_emitter.ts";
import { CPL, CR, Cr0, GDTR, Segment } from "../state.ts";
import { type Label, type Local, NOWHERE } from "../wasm/function_builder.ts";

/** In the upper half of a descriptor: data that is present and has been accessed. */
const KIND = 0x9900;
const DATA = 0x9100;
/** Both halves, without DPL, AVL and D/B, of data that reaches from 0 to 4 GiB and may be written. */
const FLAT_LOW = 0xffff;
const FLAT_HIGH = 0x8f0200;
const FLAT_HIGH_MASK = 0xff8f06ff;

/** Selectors that name no descriptor have none of these bits. */
const NOT_NULL = 0xfffc;
const LOCAL = 4;

/** Loads a segment register by its number, then goes on behind the instruction. `commit`: what else that does. */
export function loadSegment(e: Emitter, segment: Value, selector: Value, commit: () => void): void {
  const slow = () => {
    e.system("moveToSegment", selector, segment);
    commit();
    e.dispatch();
  };
  // Other code is that of firmware, or may have to be decoded otherwise behind any load.
  if (!e.flat) return slow();
  const { f } = e;
  const done = () => {
    commit();
    e.jump(e.nextRip());
  };
  const number = segment.wrap();
  const named = f.let(selector.wrap());
  f.block((other) => {
    // PE is 1, and CPL 0.
    const kernel = f.loadAs("i32.load", NOWHERE, CR).and(Cr0.PE).gtU(f.loadAs("i32.load", NOWHERE, CPL));
    f.branchIf(kernel.and(number.ne(Segment.SS)).eqz(), other);
    const free = number.geU(Segment.FS);
    e.if(free, () => {
      f.if(named.and(NOT_NULL).eqz(), () => {
        setNull(f, number, named);
        done();
      });
    });
    const descriptor = globalDescriptor(e, named, other);
    const { low, high } = descriptor;
    f.branchIf(high.and(KIND).ne(DATA).or(high.shrU(13).and(3).ltU(named.and(3))), other);
    const flat = low.eq(FLAT_LOW).and(high.and(FLAT_HIGH_MASK).eq(FLAT_HIGH));
    // Then this code is decoded as before. It never depends on FS and GS.
    e.if(free.eqz(), () => f.branchIf(flat.eqz(), other));
    setDescribed(f, number, named, descriptor);
    done();
  });
  slow();
}

/** Reads what a selector names in the GDT; goes to `other` if it names the LDT, or nothing. */
export function globalDescriptor(e: Emitter, selector: Local<"i32">, other: Label): Halves {
  const { f } = e;
  const limit = f.loadAs("i32.load16_u", NOWHERE, GDTR + 8);
  f.branchIf(selector.and(LOCAL).ne(0).or(selector.or(7).gtU(limit)), other);
  const address = f.load(8, NOWHERE, GDTR).add(selector.and(0xfff8).extendU());
  const descriptor = e.load(8, f.let(e.bits64 ? address : address.zeroExtend(4)));
  return { low: f.let(descriptor.wrap()), high: f.let(descriptor.shrU(32).wrap()) };
}
