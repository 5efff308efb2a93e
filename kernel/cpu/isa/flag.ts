/**
 * Instructions on RFLAGS (SDM volume 2: CLC, CLD, CLI, CMC, LAHF, POPF, PUSHF, SAHF, STC, STD, STI).
 *
 * @module
 */

import { ATTENTION_RAISED } from "../../attention.ts";
import type { Emitter } from "../emitter.ts";
import {
  ARITHMETIC_FLAGS,
  ATTENTION,
  CPL,
  Flag,
  Gpr,
  INTERRUPT_WAITING,
  RFLAGS,
  SHADOW_RIP,
} from "../state.ts";
import { type Expression, i32, i64 } from "../wasm/expression.ts";
import { NOWHERE } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";

define({
  name: "clc",
  encodings: ["F8"],
  semantics: (e) => e.setAllFlags(e.allFlags().and(~BigInt(Flag.CF))),
});
define({ name: "stc", encodings: ["F9"], semantics: (e) => e.setAllFlags(e.allFlags().or(BigInt(Flag.CF))) });
define({
  name: "cmc",
  encodings: ["F5"],
  semantics: (e) => e.setAllFlags(e.allFlags().xor(BigInt(Flag.CF))),
});

/** Sets RFLAGS but for the arithmetic flags, which are kept apart. */
export function setSystemFlags(e: Emitter, value: Expression<"i32">): void {
  e.f.storeAs("i32.store", NOWHERE, value, RFLAGS);
}

define({ name: "cld", encodings: ["FC"], semantics: (e) => setSystemFlags(e, e.systemFlag(~Flag.DF)) });
define({ name: "std", encodings: ["FD"], semantics: (e) => setSystemFlags(e, e.systemFlag(-1).or(Flag.DF)) });

const AH_FLAGS = BigInt(Flag.SF | Flag.ZF | Flag.AF | Flag.PF | Flag.CF);

define({
  name: "lahf",
  encodings: ["9F"],
  semantics: (e) => {
    const flags = e.allFlags().and(AH_FLAGS).or(2);
    e.writeGpr(Gpr.RAX, 2, e.readGpr(Gpr.RAX, 1).or(flags.shl(8)));
  },
});
define({
  name: "sahf",
  encodings: ["9E"],
  semantics: (e) => {
    const flags = e.readGpr(Gpr.RAX, 2).shrU(8).and(AH_FLAGS);
    e.setAllFlags(e.allFlags().and(BigInt(Flag.OF)).or(flags));
  },
});

/** Whether the mode is none in which these instructions may have to be emulated: not virtual-8086 mode. */
function neverVirtual(e: Emitter): boolean {
  return e.bits64 || e.flat;
}

/** Whether the plain case holds that kernels are in: ring 0, where IOPL does not matter. */
export function inKernel(e: Emitter): Expression<"i32"> {
  return e.f.loadAs("i32.load", NOWHERE, CPL).eqz();
}

/** IF has become set: if an interrupt waits for that, or may, `leave` goes on where the loop is left. */
export function interruptsEnabled(e: Emitter, leave: () => void): void {
  const { f } = e;
  const waiting = f.loadAs("i32.load", NOWHERE, INTERRUPT_WAITING);
  const attention = f.loadAs("i32.load", NOWHERE, ATTENTION);
  f.if(waiting.or(attention), () => {
    f.storeAs("i32.store", NOWHERE, i32(ATTENTION_RAISED), ATTENTION);
    leave();
  });
}

define({
  name: "cli",
  encodings: ["FA"],
  semantics: (e) => {
    if (!neverVirtual(e)) return void e.system("cli");
    e.if(inKernel(e), () => setSystemFlags(e, e.systemFlag(~Flag.IF)), () => void e.system("cli"));
  },
});
define({
  name: "sti",
  encodings: ["FB"],
  semantics: (e) => {
    // The interrupt comes after the next instruction, which need not be followed by any branch.
    const leave = () => e.jump(e.nextRip());
    const slow = () => {
      e.system("sti");
      interruptsEnabled(e, leave);
    };
    if (!neverVirtual(e)) return slow();
    e.if(inKernel(e), () => {
      e.if(e.systemFlag(Flag.IF).eqz(), () => {
        setSystemFlags(e, e.systemFlag(-1).or(Flag.IF));
        e.f.store(8, NOWHERE, e.nextRip(), SHADOW_RIP);
        interruptsEnabled(e, leave);
      });
    }, slow);
  },
});

/** Flags that POPF in ring 0 may change without anything else following from it. */
const PLAIN = Flag.IF | Flag.DF | Flag.IOPL | Flag.NT | Flag.ID;
/** Flags that change how code runs: TF, AC, VM. RF and VM are not PUSHF's. */
const SPECIAL = Flag.TF | Flag.AC;

define({
  name: "pushf",
  encodings: ["9C d64"],
  semantics: (e) => {
    if (!neverVirtual(e)) return e.push(e.stackSize, e.system("pushf"));
    const image = e.allFlags().or(e.systemFlag(~(Flag.RF | Flag.VM)).extendU()).or(2);
    e.push(e.stackSize, image);
  },
});
define({
  name: "popf",
  encodings: ["9D d64"],
  semantics: (e) => {
    const { value, commit } = e.pop(e.stackSize);
    const slow = () => {
      e.system("popf", value, i64(e.operandSize));
      commit();
      e.dispatch();
    };
    if (!neverVirtual(e) || e.operandSize === 2) return slow();
    const before = e.f.let(e.systemFlag(-1));
    const changed = e.f.let(value.wrap().xor(before));
    e.if(inKernel(e).and(changed.and(SPECIAL).eqz()), () => {
      commit();
      setSystemFlags(e, before.and(~PLAIN).or(value.wrap().and(PLAIN)));
      e.setAllFlags(value.and(ARITHMETIC_FLAGS));
      e.f.if(changed.and(value.wrap()).and(Flag.IF), () => interruptsEnabled(e, () => {}));
      e.jump(e.nextRip());
    }, slow);
  },
  ends: true,
});
