/**
 * SYSCALL and SYSRET between 64-bit user and kernel code, SYSENTER and SYSEXIT between 32-bit code in flat segments (SDM
 * volume 2). What is out of the ordinary, single steps and alignment checks, is left to `system/`.
 *
 * @module
 */

import type { Emitter, Value } from "../emitter.ts";
import {
  ARITHMETIC_FLAGS,
  EFER,
  Efer,
  Flag,
  Gpr,
  LSTAR,
  Segment,
  SegmentAttribute,
  SFMASK,
  STAR,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
} from "../state.ts";
import { setPrivilege, setSegment } from "../segment_emitter.ts";
import {
  CODE32_ATTRIBUTES,
  CODE64_ATTRIBUTES,
  FLAT_DATA_ATTRIBUTES,
  SYSRET_FLAGS,
} from "../flat_segments.ts";
import { inLegacyProtectedMode, isCanonical } from "../state_emitter.ts";
import { type Expression, i32, i64 } from "../wasm/expression.ts";
import { type Local, NOWHERE } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";
import { inKernel, interruptsEnabled, setSystemFlags } from "./flag.ts";

/** Flags that make more of the instruction than is written here. */
const SPECIAL = Flag.TF | Flag.RF | Flag.VM | Flag.AC;

/** The privilege level of user code's segments, among their attributes. */
const USER = 3 << SegmentAttribute.DPL_SHIFT;

function enabled(e: Emitter): Expression<"i32"> {
  return e.f.loadAs("i32.load", NOWHERE, EFER).and(Efer.SCE).ne(0);
}

/** Makes a segment flat. */
function setFlat(e: Emitter, segment: Segment, selector: Expression<"i32">, attributes: number): void {
  setSegment(e.f, i32(segment), selector, i64(0), i32(-1), i32(attributes));
}

/** Sets all of RFLAGS. */
export function setFlags(e: Emitter, flags: Value): void {
  setSystemFlags(e, flags.wrap().and(~ARITHMETIC_FLAGS).or(2));
  e.setAllFlags(flags.and(ARITHMETIC_FLAGS));
}

define({
  name: "syscall",
  encodings: ["0F 05"],
  semantics: (e) => {
    const slow = () => {
      e.system("syscall");
      e.dispatch();
    };
    if (!e.bits64) return slow();
    const { f } = e;
    e.if(enabled(e).and(e.systemFlag(SPECIAL).eqz()), () => {
      const flags = e.let(e.allFlags().or(e.systemFlag(-1).extendU()));
      e.writeGpr(Gpr.RCX, 8, e.nextRip());
      e.writeGpr(Gpr.R11, 8, flags);
      const selector = f.let(f.loadAs("i32.load", NOWHERE, STAR + 4).and(0xfffc));
      setFlat(e, Segment.CS, selector, CODE64_ATTRIBUTES);
      setFlat(e, Segment.SS, selector.add(8), FLAT_DATA_ATTRIBUTES);
      setPrivilege(f, 0);
      setFlags(e, flags.and(f.load(8, NOWHERE, SFMASK).not()));
      e.jump(f.load(8, NOWHERE, LSTAR));
    }, slow);
  },
  ends: true,
});

define({
  name: "sysret",
  encodings: ["0F 07"],
  semantics: (e) => {
    const slow = () => {
      e.system("sysret", i64(0), i64(e.operandSize));
      e.dispatch();
    };
    if (!e.bits64 || e.operandSize !== 8) return slow();
    const { f } = e;
    const target = e.readGpr(Gpr.RCX, 8);
    const flags = e.let(e.readGpr(Gpr.R11, 8).and(SYSRET_FLAGS));
    const special = flags.wrap().or(e.systemFlag(-1)).and(SPECIAL);
    e.if(enabled(e).and(inKernel(e)).and(isCanonical(target)).and(special.eqz()), () => {
      const selector = f.loadAs("i32.load16_u", NOWHERE, STAR + 6);
      setFlat(e, Segment.CS, selector.add(16).and(0xffff).or(3), CODE64_ATTRIBUTES | USER);
      setFlat(e, Segment.SS, selector.add(8).and(0xffff).or(3), FLAT_DATA_ATTRIBUTES | USER);
      setPrivilege(f, 3);
      setFlags(e, flags);
      f.if(flags.wrap().and(Flag.IF), () => interruptsEnabled(e, () => {}));
      e.jump(target);
    }, slow);
  },
  ends: true,
});

/** What SYSENTER and SYSEXIT make selectors of. */
function sysenterSelector(e: Emitter): Local<"i32"> {
  return e.f.let(e.f.loadAs("i32.load", NOWHERE, SYSENTER_CS).and(0xfffc));
}

/** Whether 32-bit code is all there is, and SYSENTER and SYSEXIT are set up. */
function entersFlat(e: Emitter, selector: Local<"i32">): Expression<"i32"> {
  return inLegacyProtectedMode(e.f).and(selector.ne(0)).and(e.systemFlag(SPECIAL).eqz());
}

define({
  name: "sysenter",
  encodings: ["0F 34"],
  semantics: (e) => {
    const slow = () => {
      e.system("sysenter");
      e.dispatch();
    };
    if (!e.flat) return slow();
    const { f } = e;
    const selector = sysenterSelector(e);
    e.if(entersFlat(e, selector), () => {
      setFlat(e, Segment.CS, selector, CODE32_ATTRIBUTES);
      setFlat(e, Segment.SS, selector.add(8).and(0xffff), FLAT_DATA_ATTRIBUTES);
      setPrivilege(f, 0);
      setSystemFlags(e, e.systemFlag(~Flag.IF));
      e.writeGpr(Gpr.RSP, 4, f.load(4, NOWHERE, SYSENTER_ESP));
      e.jump(f.load(4, NOWHERE, SYSENTER_EIP));
    }, slow);
  },
  ends: true,
});

define({
  name: "sysexit",
  encodings: ["0F 35"],
  semantics: (e) => {
    const slow = () => {
      e.system("sysexit", i64(0), i64(e.operandSize));
      e.dispatch();
    };
    if (!e.flat) return slow();
    const selector = sysenterSelector(e);
    e.if(entersFlat(e, selector).and(inKernel(e)), () => {
      setFlat(e, Segment.CS, selector.add(16).and(0xffff).or(3), CODE32_ATTRIBUTES | USER);
      setFlat(e, Segment.SS, selector.add(24).and(0xffff).or(3), FLAT_DATA_ATTRIBUTES | USER);
      setPrivilege(e.f, 3);
      const target = e.readGpr(Gpr.RDX, 4);
      e.writeGpr(Gpr.RSP, 4, e.readGpr(Gpr.RCX, 4));
      e.jump(target);
    }, slow);
  },
  ends: true,
});
