/**
 * String instructions (SDM volume 2: CMPS, INS, LODS, MOVS, OUTS, SCAS, STOS), with whole pages at a time where a repeat
 * prefix allows it.
 *
 * @module
 */

import type { Emitter, Value } from "../emitter.ts";
import { ATTENTION, Flag, Gpr, Segment, STEPPING } from "../state.ts";
import { Repeat } from "../variant.ts";
import { type Expression, i32, i64, select } from "../wasm/expression.ts";
import { type FunctionBuilder, type Label, type Local, Memory, NOWHERE } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";

/** Bytes of an element: the operand size, or one for the byte forms. */
function elementSize(e: Emitter): number {
  return (e.variant.form.opcode & 1) === 0 ? 1 : e.operandSize === 8 ? ioLimited(e) : e.operandSize;
}

/** INS and OUTS have no 64-bit elements. */
function ioLimited(e: Emitter): number {
  return e.variant.form.opcode >= 0x6c && e.variant.form.opcode <= 0x6f ? 4 : 8;
}

function index(e: Emitter, register: Gpr): Value {
  return e.readGpr(register, e.addressSize);
}

function advance(e: Emitter, register: Gpr, by: Value): void {
  e.writeGpr(register, e.addressSize, index(e, register).add(by));
}

/** Linear address that RSI names, in DS or the segment of an override. */
function source(e: Emitter, size: number): Local<"i64"> {
  return e.stringSource(index(e, Gpr.RSI), size);
}

/** Linear address that RDI names, always in ES. */
function destination(e: Emitter, size: number, access: "read" | "write"): Local<"i64"> {
  const offset = e.let(index(e, Gpr.RDI));
  return e.unsegmented ? offset : e.segmentAddress(i32(Segment.ES), offset, size, access);
}

/** What the index registers change by after an element. */
function step(e: Emitter, size: number): Local<"i64"> {
  return e.choose(e.systemFlag(Flag.DF), i64(-size), i64(size));
}

/**
 * Runs `element` once, or as often as the repeat prefix says; between two elements the instruction can be interrupted,
 * and each counts as an instruction. `bulk` may do many elements at once, which count as one, and tells how many (0:
 * none). `until` gives the condition that ends REPE and REPNE besides the counter.
 */
function repeated(
  e: Emitter,
  element: () => void,
  bulk?: (count: Local<"i64">) => Local<"i64">,
  until?: () => Expression<"i32">,
): void {
  if (e.repeat === Repeat.None) return element();
  const { f } = e;
  f.block((done: Label) => {
    const count = e.let(index(e, Gpr.RCX));
    f.branchIf(count.eqz(), done);
    f.loop((next) => {
      const moved = f.let(i64(0));
      if (bulk !== undefined) {
        f.if(f.loadAs("i32.load", NOWHERE, STEPPING).eqz(), () => f.set(moved, bulk(count)));
      }
      f.if(moved.eqz(), () => {
        element();
        f.set(moved, i64(1));
      });
      f.set(count, count.sub(moved));
      e.writeGpr(Gpr.RCX, e.addressSize, count);
      if (until !== undefined) f.branchIf(until(), done);
      f.branchIf(count.eqz(), done);
      // ATTENTION and STEPPING lie side by side.
      const asked = f.load(8, NOWHERE, ATTENTION).ne(0n);
      f.branchIf(e.charge().or(asked).eqz(), next);
      e.restart();
    });
  });
  e.forgetFlags();
}

/** Elements that fit between an address and the end of its page; 0 if the first one does not. */
function inPage(linear: Local<"i64">, size: number): Expression<"i64"> {
  return i64(0x1000).sub(linear.and(0xfff)).shrU(Math.log2(size));
}

function least(a: Local<"i64">, b: Local<"i64">): Expression<"i64"> {
  return select(a.ltU(b), a, b);
}

define({
  name: "movs",
  encodings: ["A4 as", "A5 as"],
  repeat: true,
  semantics: (e) => {
    const size = elementSize(e);
    const { f } = e;
    repeated(
      e,
      () => {
        const value = e.load(size, source(e, size));
        e.store(size, destination(e, size, "write"), value);
        const by = step(e, size);
        advance(e, Gpr.RSI, by);
        advance(e, Gpr.RDI, by);
      },
      !e.unsegmented ? undefined : (count) => {
        const moved = f.let(i64(0));
        f.if(e.systemFlag(Flag.DF).eqz(), () => {
          const from = source(e, size);
          const to = destination(e, size, "write");
          const elements = e.let(
            least(e.let(least(e.let(inPage(from, size)), e.let(inPage(to, size)))), count),
          );
          f.if(elements.gtU(1n), () => {
            const bytes = f.let(elements.shl(Math.log2(size)).wrap());
            const hostFrom = e.hostAddress("read", size, from);
            const hostTo = e.hostAddress("modify", size, to);
            // Not where device memory takes part, nor where an element that was written is read again.
            const plain = e.isPlain(hostFrom).and(e.isPlain(hostTo)).and(hostTo.sub(hostFrom).geU(bytes));
            f.if(plain, () => {
              f.copy(hostTo, hostFrom, bytes);
              advance(e, Gpr.RSI, bytes.extendU());
              advance(e, Gpr.RDI, bytes.extendU());
              f.set(moved, elements);
            });
          });
        });
        return moved;
      },
    );
  },
});

/** Fills `bytes` bytes of RAM, more than one element, with an element. */
function fill(
  f: FunctionBuilder,
  host: Local<"i32">,
  size: number,
  value: Local<"i64">,
  bytes: Local<"i32">,
): void {
  // memory.fill takes one byte: all bytes of the element must be that.
  f.if(value.eq(value.and(0xff).mul(0x0101010101010101n).zeroExtend(size)), () => {
    f.fill(host, value.wrap().and(0xff), bytes, Memory.Ram);
  }, () => {
    // What has been written is copied behind itself.
    f.store(size, host, value, 0, Memory.Ram);
    const done = f.let(i32(size));
    f.loop((next) => {
      const left = f.let(bytes.sub(done));
      const more = f.let(select(left.ltU(done), left, done));
      f.copy(host.add(done), host, more);
      f.set(done, done.add(more));
      f.branchIf(done.ltU(bytes), next);
    });
  });
}

define({
  name: "stos",
  encodings: ["AA as", "AB as"],
  repeat: true,
  semantics: (e) => {
    const size = elementSize(e);
    const { f } = e;
    repeated(
      e,
      () => {
        e.store(size, destination(e, size, "write"), e.readGpr(Gpr.RAX, size));
        advance(e, Gpr.RDI, step(e, size));
      },
      !e.unsegmented ? undefined : (count) => {
        const moved = f.let(i64(0));
        const value = e.let(e.readGpr(Gpr.RAX, size));
        f.if(e.systemFlag(Flag.DF).eqz(), () => {
          const to = destination(e, size, "write");
          const elements = e.let(least(e.let(inPage(to, size)), count));
          f.if(elements.gtU(1n), () => {
            const bytes = f.let(elements.shl(Math.log2(size)).wrap());
            const host = e.hostAddress("modify", size, to);
            f.if(e.isPlain(host), () => {
              fill(f, host, size, value, bytes);
              advance(e, Gpr.RDI, bytes.extendU());
              f.set(moved, elements);
            });
          });
        });
        return moved;
      },
    );
  },
});

define({
  name: "lods",
  encodings: ["AC as", "AD as"],
  repeat: true,
  semantics: (e) => {
    const size = elementSize(e);
    repeated(e, () => {
      e.writeGpr(Gpr.RAX, size, e.load(size, source(e, size)));
      advance(e, Gpr.RSI, step(e, size));
    });
  },
});

/** Ends REPE when the elements differ, REPNE when they are equal. */
function mismatch(e: Emitter, zero: Local<"i32">): () => Expression<"i32"> {
  return () => e.repeat === Repeat.Equal ? zero.eqz() : zero;
}

define({
  name: "cmps",
  encodings: ["A6 as", "A7 as"],
  repeat: true,
  semantics: (e) => {
    const size = elementSize(e);
    const equal = e.f.local("i32");
    repeated(
      e,
      () => {
        const a = e.load(size, source(e, size));
        const b = e.load(size, destination(e, size, "read"));
        const by = step(e, size);
        advance(e, Gpr.RSI, by);
        advance(e, Gpr.RDI, by);
        e.f.set(equal, a.eq(b));
        e.compare(size, a, b);
      },
      undefined,
      mismatch(e, equal),
    );
  },
});

define({
  name: "scas",
  encodings: ["AE as", "AF as"],
  repeat: true,
  semantics: (e) => {
    const size = elementSize(e);
    const equal = e.f.local("i32");
    repeated(
      e,
      () => {
        const a = e.readGpr(Gpr.RAX, size);
        const b = e.load(size, destination(e, size, "read"));
        advance(e, Gpr.RDI, step(e, size));
        e.f.set(equal, a.eq(b));
        e.compare(size, a, b);
      },
      undefined,
      mismatch(e, equal),
    );
  },
});

define({
  name: "ins",
  encodings: ["6C as", "6D as"],
  repeat: true,
  semantics: (e) => {
    const size = elementSize(e);
    repeated(e, () => {
      const linear = destination(e, size, "write");
      e.system("ins", e.readGpr(Gpr.RDX, 2).or(size << 16), linear);
      advance(e, Gpr.RDI, step(e, size));
    });
  },
});
define({
  name: "outs",
  encodings: ["6E as", "6F as"],
  repeat: true,
  semantics: (e) => {
    const size = elementSize(e);
    repeated(e, () => {
      const linear = source(e, size);
      e.system("outs", e.readGpr(Gpr.RDX, 2).or(size << 16), linear);
      advance(e, Gpr.RSI, step(e, size));
    });
  },
});
