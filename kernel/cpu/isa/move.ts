/**
 * Moves and exchanges (SDM volume 2: BSWAP, CMOVcc, CMPXCHG, CMPXCHG8B, CMPXCHG16B, LEA, MOV, MOVBE, MOVSX, MOVSXD,
 * MOVZX, SETcc, XADD, XCHG, XLAT).
 *
 * @module
 */

import type { Emitter, Value } from "../emitter.ts";
import { FlagsKind } from "../flags.ts";
import { Flag, Gpr, Vector } from "../state.ts";
import { i64, select } from "../wasm/expression.ts";
import { Memory } from "../wasm/function_builder.ts";
import { define, definePseudo } from "./definition.ts";
import { loadSegment } from "./segment_load.ts";

define({
  name: "mov",
  encodings: [
    "88 /r Eb Gb",
    "89 /r Ev Gv",
    "8A /r Gb Eb",
    "8B /r Gv Ev",
    "A0 AL Ob",
    "A1 rAX Ov",
    "A2 Ob AL",
    "A3 Ov rAX",
    "B0+r Zb Ib",
    "B8+r Zv Iv",
    "C6 /0 Eb Ib",
    "C7 /0 Ev Iz",
  ],
  semantics: (e) => e.write(0, e.read(1)),
});

define({
  name: "movzx",
  encodings: ["0F B6 /r Gv Eb", "0F B7 /r Gv Ew"],
  semantics: (e) => e.write(0, e.read(1)),
});
define({
  name: "movsx",
  encodings: ["0F BE /r Gv Eb", "0F BF /r Gv Ew", "63 /r Gv Ed o64"],
  semantics: (e) => e.write(0, e.read(1).signExtend(e.size(1)).zeroExtend(e.size(0))),
});

define({
  name: "lea",
  encodings: ["8D /r Gv M ea"],
  semantics: (e) => e.write(0, e.effectiveAddress()),
});

define({
  name: "xchg",
  encodings: ["86 /r Eb Gb lock", "87 /r Ev Gv lock", "90+r rAX Zv"],
  semantics: (e) => {
    const b = e.read(1);
    let old!: Value;
    e.exchange(0, (a) => {
      old = a;
      return b;
    });
    e.write(1, old);
  },
});
/** 90, and with a repeat prefix PAUSE. */
export const NOP = definePseudo("nop", () => {}, false);
define({
  name: "nop",
  encodings: ["0D", "18", "19", "1A", "1B", "1C", "1D", "1E", "1F"].map((opcode) => `0F ${opcode} /r Ev`),
  semantics: () => {},
});

for (let condition = 0; condition < 16; condition++) {
  const hex = condition.toString(16).toUpperCase();
  define({
    name: "cmov",
    encodings: [`0F 4${hex} /r Gv Ev`],
    semantics: (e) => {
      const value = e.read(1);
      // Read whether or not it is needed, and the register written: 32 bits clear the upper half either way.
      e.write(0, select(e.condition(condition), value, e.read(0)));
    },
  });
  define({
    name: "set",
    encodings: [`0F 9${hex} /r Eb`],
    semantics: (e) => e.write(0, e.condition(condition).extendU()),
  });
}

define({
  name: "bswap",
  encodings: ["0F C8+r Zv"],
  semantics: (e) => e.write(0, swapBytes(e, e.read(0), e.size())),
});

define({
  name: "movbe",
  encodings: ["NFx 0F 38 F0 /r Gv Mv", "NFx 0F 38 F1 /r Mv Gv"],
  semantics: (e) => {
    const value = e.read(1);
    e.write(0, e.size() === 2 ? swap16(e.let(value)) : swapBytes(e, value, e.size()));
  },
});

function swap16(value: Value): Value {
  return value.shl(8).or(value.shrU(8)).and(0xffff);
}

/** The bytes of a value in the opposite order. BSWAP of 16 bits is undefined; processors give zero. */
function swapBytes(e: Emitter, value: Value, size: number): Value {
  if (size === 2) return i64(0);
  if (size === 4) {
    const word = e.f.let(value.wrap());
    return word.rotl(8).and(0x00ff00ff).or(word.rotl(24).and(~0x00ff00ff)).extendU();
  }
  const pairs = e.let(value.and(0x00ff00ff00ff00ffn).shl(8).or(value.shrU(8).and(0x00ff00ff00ff00ffn)));
  const words = e.let(pairs.and(0x0000ffff0000ffffn).shl(16).or(pairs.shrU(16).and(0x0000ffff0000ffffn)));
  return words.rotl(32);
}

define({
  name: "xadd",
  encodings: ["0F C0 /r Eb Gb lock", "0F C1 /r Ev Gv lock"],
  semantics: (e) => {
    const size = e.size();
    const b = e.read(1);
    let old!: Value;
    let result!: Value;
    e.modify(0, (a) => {
      old = a;
      return result = e.let(a.add(b).zeroExtend(size));
    });
    // The destination wins where both operands are one register.
    if (!e.isMemory(0)) {
      e.write(1, old);
      e.write(0, result);
    } else e.write(1, old);
    e.setFlags(FlagsKind.Add, size, result, b, old);
  },
});

define({
  name: "cmpxchg",
  encodings: ["0F B0 /r Eb Gb lock", "0F B1 /r Ev Gv lock"],
  semantics: (e) => {
    const size = e.size();
    const accumulator = e.readGpr(Gpr.RAX, size);
    const replacement = e.read(1);
    let old!: Value;
    if (e.isMemory(0)) {
      e.modify(0, (a) => {
        old = a;
        return select(a.eq(accumulator), replacement, a);
      });
      e.if(old.ne(accumulator), () => e.writeGpr(Gpr.RAX, size, old));
    } else {
      // A register that is not replaced keeps its upper half as well.
      old = e.read(0);
      e.if(old.eq(accumulator), () => e.write(0, replacement), () => e.writeGpr(Gpr.RAX, size, old));
    }
    e.compare(size, accumulator, old);
  },
});

/** Compares two halves of `half` bytes each with RDX:RAX, and exchanges them for RCX:RBX. */
function compareExchangePair(e: Emitter, half: number): void {
  const { f } = e;
  const linear = e.address(0, "modify", half * 2);
  if (half === 8) {
    f.if(linear.and(15).ne(0n), () => e.fault(Vector.GP));
  }
  const host = e.hostAddress("modify", half * 2, linear);
  const low = f.load(half, host, 0, Memory.Ram);
  const high = f.load(half, host, half, Memory.Ram);
  const equal = f.let(
    low.eq(e.readGpr(Gpr.RAX, half)).and(high.eq(e.readGpr(Gpr.RDX, half))),
  );
  const newLow = f.let(select(equal, e.readGpr(Gpr.RBX, half), low));
  const newHigh = f.let(select(equal, e.readGpr(Gpr.RCX, half), high));
  f.store(half, host, newLow, 0, Memory.Ram);
  f.store(half, host, newHigh, half, Memory.Ram);
  e.commitModified(half * 2, linear, host);
  const others = e.allFlags().and(~BigInt(Flag.ZF));
  e.if(equal.eqz(), () => {
    e.writeGpr(Gpr.RAX, half, low);
    e.writeGpr(Gpr.RDX, half, high);
  });
  e.setAllFlags(others.or(equal.extendU().shl(6)));
}

define({
  name: "cmpxchg8b",
  encodings: ["0F C7 /1 Mq lock w0"],
  semantics: (e) => compareExchangePair(e, 4),
});
define({
  name: "cmpxchg16b",
  encodings: ["0F C7 /1 Mx lock w1"],
  semantics: (e) => compareExchangePair(e, 8),
});

define({
  name: "xlat",
  encodings: ["D7 as"],
  semantics: (e) => {
    const offset = e.readGpr(Gpr.RBX, 8).add(e.readGpr(Gpr.RAX, 1)).zeroExtend(e.addressSize);
    e.writeGpr(Gpr.RAX, 1, e.load(1, e.stringSource(offset, 1)));
  },
});

define({
  name: "mov",
  encodings: ["8C /r Ev Sw"],
  semantics: (e) => {
    const selector = e.segmentSelector();
    // Memory takes 16 bits whatever the operand size.
    if (e.isMemory(0)) e.store(2, e.address(0, "write", 2), selector);
    else e.write(0, selector);
  },
});
define({
  name: "mov",
  encodings: ["8E /r Sw Ew"],
  semantics: (e) => {
    const selector = e.read(1);
    e.if(e.registerNumber().eq(1), () => e.fault(Vector.UD));
    loadSegment(e, e.registerNumber(), selector, () => {});
  },
  ends: true,
});

for (const [opcode, segment] of [["C4", 0], ["C5", 3], ["0F B2", 2], ["0F B4", 4], ["0F B5", 5]] as const) {
  define({
    name: "load far pointer",
    encodings: [`${opcode} /r Gv M${opcode.length === 2 ? " i64" : ""}`],
    semantics: (e) => {
      const size = e.operandSize;
      const linear = e.address(1, "read", size + 2);
      const offset = e.load(size, linear);
      const selector = e.load(2, e.let(linear.add(size)));
      e.system("loadFarPointer", selector, i64(segment));
      e.write(0, offset);
      e.dispatch();
    },
    ends: true,
  });
}
