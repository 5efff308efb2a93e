/**
 * IRET of a kernel to 64-bit code, or between 32-bit code in flat segments (SDM volume 2, IRET). What is out of the
 * ordinary is left to `system/`.
 *
 * @module
 */

import type { Emitter } from "../emitter.ts";
import {
  CODE32,
  CODE64,
  DATA32,
  DATA64,
  type Halves,
  isUnlike,
  setCode,
  setDescribed,
  setNull,
  setPrivilege,
} from "../segment_emitter.ts";
import {
  ARITHMETIC_FLAGS,
  Flag,
  Gpr,
  NMI_BLOCKED,
  Segment,
  SEGMENT_ATTRIBUTES,
  SegmentAttribute,
  STEPPING,
} from "../state.ts";
import { inLegacyProtectedMode, isCanonical, state32 } from "../state_emitter.ts";
import { type Expression, i32, i64 } from "../wasm/expression.ts";
import type { Label, Local } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";
import { inKernel, interruptsEnabled } from "./flag.ts";
import { globalDescriptor } from "./segment_load.ts";
import { setFlags } from "./system_call.ts";

/** Flags that make more of the instruction than is written here. RF matters where each instruction is looked at. */
const SPECIAL = Flag.TF | Flag.NT | Flag.VM | Flag.AC | Flag.VIF | Flag.VIP;
/** The others that it loads in ring 0. */
const LOADED = ARITHMETIC_FLAGS | Flag.DF | Flag.IF | Flag.IOPL | Flag.ID;

/** Whether nothing is out of the ordinary in the mode and the flags of the code that returns. */
function returnsPlainly(e: Emitter): Expression<"i32"> {
  const { f } = e;
  const alone = state32(f, NMI_BLOCKED).or(state32(f, STEPPING));
  const plain = inKernel(e).and(alone.eqz()).and(e.systemFlag(SPECIAL).eqz());
  return e.bits64 ? plain : plain.and(inLegacyProtectedMode(f));
}

/** Goes to `other` if there is a data segment that user code may not use: the return makes it null. */
function leaveIfPrivileged(e: Emitter, other: Label): void {
  for (const segment of [Segment.ES, Segment.DS, Segment.FS, Segment.GS]) {
    const attributes = state32(e.f, SEGMENT_ATTRIBUTES + segment * 4);
    const user = 3 << SegmentAttribute.DPL_SHIFT;
    const usable = attributes.and(SegmentAttribute.UNUSABLE).eqz();
    e.f.branchIf(usable.and(attributes.and(user).ne(user)), other);
  }
}

define({
  name: "iret",
  encodings: ["CF"],
  semantics: (e) => {
    const slow = () => {
      e.system("iret", i64(0), i64(e.operandSize));
      e.dispatch();
    };
    const size = e.bits64 ? 8 : 4;
    if (!e.unsegmented || e.operandSize !== size) return slow();
    const { f } = e;
    const top = f.let(e.readGpr(Gpr.RSP, size));
    const popped = (index: number) => e.load(size, f.let(top.add(index * size).zeroExtend(size)));
    const usual = f.let(i32(0));
    const pointer = f.local("i64");
    const stackSelector = f.local("i32");
    // What is found in the block, and good only if that is left at its end.
    let target!: Local<"i64">;
    let flags!: Local<"i64">;
    let codeSelector!: Local<"i32">;
    let level!: Local<"i32">;
    let code!: Halves;
    let stack!: Halves;
    f.block((other) => {
      f.branchIf(returnsPlainly(e).eqz(), other);
      if (e.bits64) f.branchIf(isCanonical(top).eqz(), other);
      target = popped(0);
      codeSelector = f.let(popped(1).wrap().and(0xffff));
      flags = popped(2);
      if (e.bits64) f.branchIf(isCanonical(target).eqz(), other);
      f.branchIf(flags.wrap().and(SPECIAL), other);
      // Rings 1 and 2 are left to others.
      level = f.let(codeSelector.and(3));
      f.branchIf(level.sub(1).ltU(2), other);
      code = globalDescriptor(e, codeSelector, other);
      f.branchIf(isUnlike(code, e.bits64 ? CODE64 : CODE32, level), other);
      const popsStack = () => {
        f.set(pointer, popped(3));
        f.set(stackSelector, popped(4).wrap().and(0xffff));
        f.branchIf(stackSelector.and(3).ne(level), other);
      };
      const findStack = () => {
        stack = globalDescriptor(e, stackSelector, other);
        f.branchIf(isUnlike(stack, e.bits64 ? DATA64 : DATA32, level), other);
      };
      if (e.bits64) {
        popsStack();
        // A kernel's may be null.
        f.if(level.or(stackSelector), findStack);
      } else {
        f.if(level, () => {
          popsStack();
          findStack();
        }, () => f.set(pointer, top.add(3 * size).zeroExtend(size)));
      }
      f.if(level, () => leaveIfPrivileged(e, other));
      f.set(usual, i32(1));
    });
    e.if(usual, () => {
      setCode(f, codeSelector, code, e.bits64);
      const setStack = () => setDescribed(f, i32(Segment.SS), stackSelector, stack);
      if (!e.bits64) f.if(level, setStack);
      else f.if(level.or(stackSelector), setStack, () => setNull(f, i32(Segment.SS), stackSelector));
      f.if(level, () => setPrivilege(f, 3));
      e.writeGpr(Gpr.RSP, size, pointer);
      setFlags(e, flags.and(BigInt(LOADED)));
      f.if(flags.wrap().and(Flag.IF), () => interruptsEnabled(e, () => {}));
      e.jump(target);
    }, slow);
  },
  ends: true,
});
