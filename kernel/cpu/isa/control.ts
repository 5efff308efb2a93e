/**
 * Near transfers of control (SDM volume 2: CALL, Jcc, JCXZ, JMP, LOOPcc, RET).
 *
 * @module
 */

import type { Emitter, Value } from "../emitter.ts";
import { Gpr, Vector } from "../state.ts";
import { isCanonical } from "../state_emitter.ts";
import { i64 } from "../wasm/expression.ts";
import { define } from "./definition.ts";

/**
 * An indirect target as the operand size cuts it. One that is not canonical faults before anything changes, but after
 * the faults of `before`.
 */
function target(e: Emitter, value: Value, before: () => void = () => {}): Value {
  const to = e.let(value.zeroExtend(e.stackSize));
  if (e.bits64) {
    e.if(isCanonical(to).eqz(), () => {
      before();
      e.fault(Vector.GP);
    });
  }
  return to;
}

for (let condition = 0; condition < 16; condition++) {
  const hex = condition.toString(16).toUpperCase();
  define({
    name: "jcc",
    encodings: [`7${hex} Jb f64`, `0F 8${hex} Jz f64`],
    semantics: (e) => e.if(e.condition(condition), () => e.branch()),
  });
}

define({ name: "jmp", encodings: ["EB Jb f64", "E9 Jz f64"], semantics: (e) => e.branch(), ends: true });
define({
  name: "jmp",
  encodings: ["FF /4 Ev f64"],
  semantics: (e) => {
    const to = target(e, e.read(0));
    e.noteTarget(to);
    e.jump(to);
  },
  ends: true,
});

define({
  name: "call",
  encodings: ["E8 Jz f64"],
  semantics: (e) => {
    const back = e.nextRip();
    e.push(e.stackSize, back);
    e.noteReturn(back);
    e.branch();
  },
  ends: true,
  comesBack: true,
});
define({
  name: "call",
  encodings: ["FF /2 Ev f64"],
  semantics: (e) => {
    const size = e.stackSize;
    // AMD's CPUs check the stack first.
    const checkStack = () => e.probeWrite(size, e.stackAddress(i64(-size), size, "write").linear);
    const to = target(e, e.read(0), checkStack);
    const back = e.nextRip();
    e.push(size, back);
    e.noteReturn(back);
    e.noteTarget(to);
    e.jump(to);
  },
  ends: true,
  comesBack: true,
});

define({
  name: "ret",
  encodings: ["C3 f64", "C2 Iw f64"],
  semantics: (e) => {
    const { value, commit } = e.pop(e.stackSize);
    const to = target(e, value);
    commit();
    if (e.variant.form.operands.length > 0) {
      e.setStackPointer(e.stackPointer(e.read(0)));
    }
    e.jumpBack(to);
  },
  ends: true,
});

/** Counter register of LOOP and JCXZ, by address size. */
function counter(e: Emitter): Value {
  return e.readGpr(Gpr.RCX, e.addressSize);
}

for (const [opcode, wanted] of [["E0", 0], ["E1", 1], ["E2", undefined]] as const) {
  define({
    name: "loop",
    encodings: [`${opcode} Jb f64 as`],
    semantics: (e) => {
      const zero = wanted === undefined ? undefined : e.f.let(e.flag("ZF"));
      const left = e.let(counter(e).sub(1).zeroExtend(e.addressSize));
      e.writeGpr(Gpr.RCX, e.addressSize, left);
      const again = left.ne(0n);
      e.if(zero === undefined ? again : again.and(zero.eq(wanted!)), () => e.branch());
    },
  });
}
define({
  name: "jcxz",
  encodings: ["E3 Jb f64 as"],
  semantics: (e) => e.if(counter(e).eqz(), () => e.branch()),
});

// Far transfers.

define({
  name: "jmp far",
  encodings: ["EA A i64"],
  semantics: (e) => farPointer(e, "farJump"),
  ends: true,
});
define({
  name: "call far",
  encodings: ["9A A i64"],
  semantics: (e) => farPointer(e, "farCall"),
  ends: true,
});

function farPointer(e: Emitter, name: "farJump" | "farCall"): void {
  const pointer = e.immediate();
  e.system(name, pointer.and(0xffffffffn), pointer.shrU(32).and(0xffff).or(e.operandSize << 16));
  e.dispatch();
}

for (const [digit, name] of [[5, "farJump"], [3, "farCall"]] as const) {
  define({
    name: digit === 5 ? "jmp far" : "call far",
    encodings: [`FF /${digit} M`],
    semantics: (e) => {
      const size = e.operandSize;
      const linear = e.address(0, "read", size + 2);
      const offset = e.load(size, linear);
      const selector = e.load(2, e.let(linear.add(size)));
      e.system(name, offset, selector.or(size << 16));
      e.dispatch();
    },
    ends: true,
  });
}

define({
  name: "ret far",
  encodings: ["CB", "CA Iw"],
  semantics: (e) => {
    const release = e.variant.form.operands.length > 0 ? e.read(0) : i64(0);
    e.system("farReturn", i64(0), release.shl(8).or(e.operandSize));
    e.dispatch();
  },
  ends: true,
});
