/**
 * The stack (SDM volume 2: ENTER, LEAVE, POP, POPA, PUSH, PUSHA).
 *
 * @module
 */

import { Gpr, Segment } from "../state.ts";
import { i64 } from "../wasm/expression.ts";
import { define } from "./definition.ts";
import { loadSegment } from "./segment_load.ts";

define({
  name: "push",
  encodings: ["50+r Zv d64", "FF /6 Ev d64"],
  semantics: (e) => e.push(e.stackSize, e.read(0)),
});
define({
  name: "push",
  encodings: ["68 Iz d64", "6A Is d64"],
  semantics: (e) => e.push(e.stackSize, e.immediate()),
});
define({
  name: "pop",
  encodings: ["58+r Zv d64"],
  semantics: (e) => {
    const { value, commit } = e.pop(e.stackSize);
    commit();
    // POP RSP keeps the value, not the incremented pointer.
    e.write(0, value);
  },
});
define({
  name: "pop",
  encodings: ["8F /0 Ev d64"],
  semantics: (e) => {
    const size = e.stackSize;
    const { value, commit } = e.pop(size);
    const before = e.readGpr(Gpr.RSP, 8);
    // An address that has RSP as its base uses the incremented pointer; a fault must leave the old one.
    commit();
    if (!e.isMemory(0)) {
      e.write(0, value);
      return;
    }
    const after = e.readGpr(Gpr.RSP, 8);
    const offset = e.let(e.effectiveAddress());
    e.writeGpr(Gpr.RSP, 8, before);
    const linear = e.addressAt(offset, size, "write");
    e.store(size, linear, value);
    e.writeGpr(Gpr.RSP, 8, after);
  },
});

const SEGMENTS: readonly [push: string, pop: string | undefined, segment: Segment][] = [
  ["06 i64", "07 i64", Segment.ES],
  ["0E i64", undefined, Segment.CS],
  ["16 i64", "17 i64", Segment.SS],
  ["1E i64", "1F i64", Segment.DS],
  ["0F A0 d64", "0F A1 d64", Segment.FS],
  ["0F A8 d64", "0F A9 d64", Segment.GS],
];
for (const [push, pop, segment] of SEGMENTS) {
  define({
    name: "push segment",
    encodings: [push],
    semantics: (e) => e.push(e.stackSize, e.selector(segment)),
  });
  if (pop === undefined) continue;
  define({
    name: "pop segment",
    encodings: [pop],
    semantics: (e) => {
      const { value, commit } = e.pop(e.stackSize);
      loadSegment(e, i64(segment), value.and(0xffff), commit);
    },
    ends: true,
  });
}

define({
  name: "pusha",
  encodings: ["60 i64"],
  semantics: (e) => {
    const size = e.operandSize;
    const first = e.readGpr(Gpr.RSP, size);
    // All of it must fit before any is written.
    e.probeWrite(size, e.stackAddress(i64(-8 * size), size, "write").linear);
    for (let register = Gpr.RAX; register <= Gpr.RDI; register++) {
      e.push(size, register === Gpr.RSP ? first : e.readGpr(register, size));
    }
  },
});
define({
  name: "popa",
  encodings: ["61 i64"],
  semantics: (e) => {
    const size = e.operandSize;
    const values = [];
    for (let index = 0; index < 8; index++) {
      values.push(e.load(size, e.stackAddress(i64(index * size), size, "read").linear));
    }
    e.setStackPointer(e.stackPointer(i64(8 * size)));
    for (const [index, value] of values.entries()) {
      const register = Gpr.RDI - index;
      if (register !== Gpr.RSP) e.writeGpr(register, size, value);
    }
  },
});

define({
  name: "leave",
  encodings: ["C9 d64"],
  semantics: (e) => {
    const size = e.stackSize;
    const { linear, pointer } = e.stackAddressFrom(e.readGpr(Gpr.RBP, 8), size, "read");
    const value = e.load(size, linear);
    e.setStackPointer(e.cutToStack(pointer.add(size)));
    e.writeGpr(Gpr.RBP, size, value);
  },
});

define({
  name: "enter",
  encodings: ["C8 Iw Ib d64"],
  semantics: (e) => {
    const { f } = e;
    const size = e.stackSize;
    const both = e.let(e.immediate());
    const room = e.let(both.and(0xffff));
    const level = e.let(both.shrU(16).and(31));
    // Nothing changes before the last byte of the new frame is known to be writable.
    const end = e.let(level.add(1).mul(size).add(room));
    e.probeWrite(1, e.stackAddress(i64(0).sub(end), 1, "write").linear);
    const frame = e.stackAddress(i64(-size), size, "write");
    e.store(size, frame.linear, e.readGpr(Gpr.RBP, size));
    const index = f.let(i64(1));
    f.if(level.ne(0n), () => {
      f.loop((next) => {
        f.if(index.ltU(level), () => {
          const offset = f.let(i64(0).sub(index.mul(size)));
          const link = e.stackAddressFrom(e.readGpr(Gpr.RBP, 8).add(offset), size, "read");
          const value = e.load(size, link.linear);
          e.store(size, e.stackAddress(i64(-size).add(offset), size, "write").linear, value);
          f.set(index, index.add(1));
          f.branch(next);
        });
      });
      const last = e.stackAddress(i64(-size).sub(level.mul(size)), size, "write");
      e.store(size, last.linear, frame.pointer);
    });
    const pointer = e.stackPointer(i64(0).sub(end));
    e.writeGpr(Gpr.RBP, size, frame.pointer);
    e.setStackPointer(pointer);
  },
});
