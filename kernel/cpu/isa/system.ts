/**
 * Instructions whose meaning is written in TypeScript, in `system/`.
 *
 * @module
 */

import type { Emitter, Value } from "../emitter.ts";
import type { SystemFunctionName } from "../system_functions.ts";
import { CPL, Flag, Gpr, Segment, Vector } from "../state.ts";
import { i64 } from "../wasm/expression.ts";
import { NOWHERE } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";

type Arguments = (e: Emitter) => readonly [a?: Value, b?: Value];

const none: Arguments = () => [];

/** An instruction that only calls its function. */
function plain(name: SystemFunctionName, encodings: readonly string[], operands: Arguments = none): void {
  define({ name, encodings, semantics: (e) => void e.system(name, ...operands(e)) });
}

/** An instruction that changes where or how execution goes on. */
function transfer(name: SystemFunctionName, encodings: readonly string[], operands: Arguments = none): void {
  define({
    name,
    encodings,
    semantics: (e) => {
      e.system(name, ...operands(e));
      e.dispatch();
    },
    ends: true,
  });
}

/** An instruction whose result goes to its first operand. */
function result(name: SystemFunctionName, encodings: readonly string[], operands: Arguments = none): void {
  define({ name, encodings, semantics: (e) => e.write(0, e.system(name, ...operands(e))) });
}

/** The operand, which only ring 0 of protected mode gets to read. */
function privilegedOperand(e: Emitter): [Value] {
  const unprivileged = e.f.loadAs("i32.load", NOWHERE, CPL).ne(0);
  e.if(unprivileged.and(e.systemFlag(Flag.VM).eqz()), () => e.fault(Vector.GP));
  return [e.read(0)];
}

// Descriptor tables and selectors. In 64-bit mode bases have 8 bytes, whatever the operand size.
const tableSize = (e: Emitter) => i64(e.bits64 ? 8 : e.operandSize);
plain("sgdt", ["0F 01 /0 M"], (e) => [e.address(0, "write", 10)]);
plain("sidt", ["0F 01 /1 M"], (e) => [e.address(0, "write", 10)]);
plain("lgdt", ["0F 01 /2 M"], (e) => [e.address(0, "read", 10), tableSize(e)]);
plain("lidt", ["0F 01 /3 M"], (e) => [e.address(0, "read", 10), tableSize(e)]);
plain("lldt", ["0F 00 /2 Ew"], privilegedOperand);
plain("ltr", ["0F 00 /3 Ew"], privilegedOperand);
plain("verr", ["0F 00 /4 Ew"], (e) => [e.read(0)]);
plain("verw", ["0F 00 /5 Ew"], (e) => [e.read(0)]);

/** SLDT, STR and SMSW store 16 bits in memory, and as many as the operand size in a register. */
function store16(name: SystemFunctionName, encoding: string): void {
  define({
    name,
    encodings: [encoding],
    semantics: (e) => {
      const value = e.system(name);
      if (e.isMemory(0)) e.store(2, e.address(0, "write", 2), value);
      else e.write(0, value);
    },
  });
}
store16("sldt", "0F 00 /0 Ev");
store16("str", "0F 00 /1 Ev");
store16("smsw", "0F 01 /4 Ev");

const selectorAndSize: Arguments = (e) => [e.read(1).or(e.operandSize << 16), e.readWhole(0)];
for (const [name, opcode] of [["lar", "0F 02"], ["lsl", "0F 03"]] as const) {
  define({
    name,
    encodings: [`${opcode} /r Gv Ew`],
    semantics: (e) => e.writeWhole(0, e.system(name, ...selectorAndSize(e))),
  });
}
define({
  name: "arpl",
  encodings: ["63 /r Ew Gw i64"],
  semantics: (e) => {
    const old = e.read(0);
    const source = e.read(1);
    const raised = e.f.let(old.and(3).ltU(source.and(3)));
    // What stays as it is need not be writable; else a fault must leave ZF.
    if (e.isMemory(0)) e.if(raised, () => e.probeWrite(2, e.address(0, "write")));
    const adjusted = e.system("arpl", old, source);
    e.if(raised, () => e.write(0, adjusted));
  },
});

// Control and debug registers.
transfer("lmsw", ["0F 01 /6 Ew"], privilegedOperand);
transfer("clts", ["0F 06"]);
define({
  name: "mov from cr",
  encodings: ["0F 20 /r Rq Cq"],
  semantics: (e) => e.writeRegisterWhole(0, e.system("moveFromControl", e.registerNumber())),
});
define({
  name: "mov to cr",
  encodings: ["0F 22 /r Cq Rq"],
  semantics: (e) => {
    e.system("moveToControl", e.bits64 ? e.read(1) : e.read(1).zeroExtend(4), e.registerNumber());
    e.dispatch();
  },
  ends: true,
});
define({
  name: "mov from dr",
  encodings: ["0F 21 /r Rq Dq"],
  semantics: (e) => e.writeRegisterWhole(0, e.system("moveFromDebug", e.registerNumber())),
});
define({
  name: "mov to dr",
  encodings: ["0F 23 /r Dq Rq"],
  semantics: (e) => {
    e.system("moveToDebug", e.bits64 ? e.read(1) : e.read(1).zeroExtend(4), e.registerNumber());
    e.dispatch();
  },
  ends: true,
});
transfer("xsetbv", ["NP 0F 01 /D1"]);
plain("xgetbv", ["NP 0F 01 /D0"]);

// Model-specific registers, identification, time.
plain("rdmsr", ["0F 32"]);
transfer("wrmsr", ["0F 30"]);
plain("cpuid", ["0F A2"]);
plain("rdtsc", ["0F 31"]);
plain("rdtscp", ["0F 01 /F9"]);
plain("rdpmc", ["0F 33"]);
define({
  name: "rdpid",
  encodings: ["F3 0F C7 /7 Rq"],
  semantics: (e) => e.writeRegisterWhole(0, e.system("rdpid")),
});
result("rdrand", ["NFx 0F C7 /6 Rv", "NFx 0F C7 /7 Rv"]);

// Bases of FS and GS.
for (const [digit, segment] of [[0, Segment.FS], [1, Segment.GS]] as const) {
  result("readSegmentBase", [`F3 0F AE /${digit} Ry o64`], () => [i64(segment)]);
  plain(
    "writeSegmentBase",
    [`F3 0F AE /${digit + 2} Ry o64`],
    (e) => [e.read(0), i64(segment).or(e.size() << 8)],
  );
}

// Interrupts.
transfer("int3", ["CC"]);
transfer("int", ["CD Ib"], (e) => [e.read(0)]);
transfer("int1", ["F1"]);
transfer("into", ["CE i64"]);
plain(
  "bound",
  ["62 /r Gv M i64"],
  (e) => [e.read(0).or(i64(e.operandSize).shl(32)), e.address(1, "read", e.operandSize * 2)],
);
transfer("hlt", ["F4"]);
plain("ud", ["0F 0B", "0F B9 /r Gv Ev", "0F FF /r Gv Ev"]);

// Translations and caches.
transfer("invlpg", ["0F 01 /7 M"], (e) => [e.address(0, "read", 1)]);
transfer("invpcid", ["66 0F 38 82 /r Gy Mx"], (e) => [e.address(1, "read", 16), e.readWhole(0)]);
plain("wbinvd", ["0F 08", "0F 09"]);

// Ports.
const portSize = (e: Emitter, index: number) => Math.min(e.size(index), 4);
for (const encoding of ["E4 AL Ib", "E5 rAX Ib", "EC AL DX", "ED rAX DX"]) {
  define({
    name: "in",
    encodings: [encoding],
    semantics: (e) => {
      const size = portSize(e, 0);
      e.writeGpr(Gpr.RAX, size, e.system("portIn", e.read(1), i64(size)));
    },
  });
}
for (const encoding of ["E6 Ib AL", "E7 Ib rAX", "EE DX AL", "EF DX rAX"]) {
  define({
    name: "out",
    encodings: [encoding],
    semantics: (e) => {
      const size = portSize(e, 1);
      e.system("portOut", e.read(0).or(size << 16), e.readGpr(Gpr.RAX, size));
    },
  });
}

// Extended state.
const area = (access: "read" | "write", bytes: number): Arguments => (e) => [
  e.address(0, access, bytes),
  i64(e.operandSize),
];
plain("fxsave", ["NP 0F AE /0 M"], area("write", 512));
plain("fxrstor", ["NP 0F AE /1 M"], area("read", 512));
plain("ldmxcsr", ["NP 0F AE /2 Md"], (e) => [e.address(0, "read", 4)]);
plain("stmxcsr", ["NP 0F AE /3 Md"], (e) => [e.address(0, "write", 4)]);
plain("xsave", ["NP 0F AE /4 M", "NP 0F AE /6 M"], area("write", 576));
plain("xrstor", ["NP 0F AE /5 M"], area("read", 576));

// The x87 tells its instructions apart by the ModRM byte, which is the immediate here.
for (let opcode = 0xd8; opcode <= 0xdf; opcode++) {
  const hex = opcode.toString(16).toUpperCase();
  define({
    name: "x87",
    encodings: [`${hex} /r M`],
    semantics: (e) => e.x87(opcode, e.immediate().wrap(), e.address(0, "read", 1)),
  });
  define({
    name: "x87",
    encodings: [`${hex} /r Eb`],
    semantics: (e) => e.x87(opcode, e.immediate().wrap(), i64(-1)),
  });
}
define({ name: "fwait", encodings: ["9B"], semantics: (e) => e.x87(0x9b, i64(0).wrap(), i64(-1)) });
