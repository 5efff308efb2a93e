/**
 * What a kernel does at each entry and each access to user memory: SWAPGS, CLAC, STAC (SDM volume 2).
 *
 * @module
 */

import type { Emitter } from "../emitter.ts";
import {
  CONTEXT_OVERRIDE,
  CPL,
  Flag,
  KERNEL_GS_BASE,
  KERNEL_SPACE,
  RFLAGS,
  Segment,
  SEGMENT_BASE,
  SPACE,
  TLB_CONTEXT,
  Vector,
} from "../state.ts";
import { NOWHERE } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";

/** Faults with `vector` unless CPL is 0. */
function requireSupervisor(e: Emitter, vector: Vector.UD | Vector.GP): void {
  e.f.ifRarely(e.f.loadAs("i32.load", NOWHERE, CPL), () => e.fault(vector));
}

for (
  const [name, encoding, on] of [["clac", "NP 0F 01 /CA", false], ["stac", "NP 0F 01 /CB", true]] as const
) {
  define({
    name,
    encodings: [encoding],
    semantics: (e) => {
      requireSupervisor(e, Vector.UD);
      const flags = e.f.loadAs("i32.load", NOWHERE, RFLAGS);
      e.f.storeAs("i32.store", NOWHERE, on ? flags.or(Flag.AC) : flags.and(~Flag.AC), RFLAGS);
      // RFLAGS.AC overrides supervisor-mode access prevention (SDM volume 3, 4.6): what the TLBs answer depends on it.
      const space = e.f.loadAs("i32.load", NOWHERE, on ? SPACE : KERNEL_SPACE);
      e.f.storeAs("i32.store", NOWHERE, on ? space.or(CONTEXT_OVERRIDE) : space, TLB_CONTEXT);
      e.contextChanged();
    },
  });
}

define({
  name: "swapgs",
  encodings: ["0F 01 /F8 o64"],
  semantics: (e) => {
    requireSupervisor(e, Vector.GP);
    const base = SEGMENT_BASE + Segment.GS * 8;
    const user = e.f.load(8, NOWHERE, base);
    e.f.store(8, NOWHERE, e.f.load(8, NOWHERE, KERNEL_GS_BASE), base);
    e.f.store(8, NOWHERE, user, KERNEL_GS_BASE);
  },
});
