/**
 * Moves of XMM registers (SDM volume 2: LDDQU, MOVAPS, MOVD, MOVDQA, MOVHPS, MOVLPS, MOVNT, MOVQ, MOVSD, MOVSS,
 * MOVUPS).
 *
 * @module
 */

import type { Emitter } from "../emitter.ts";
import { i32 } from "../wasm/expression.ts";
import type { Local } from "../wasm/function_builder.ts";
import { define } from "./definition.ts";

/** Moves of 16 bytes. */
function defineMove(name: string, encodings: readonly string[], unaligned: boolean): void {
  define({
    name,
    encodings,
    semantics: (e) => {
      e.requireSse();
      e.writeVector(0, e.readVector(1, unaligned), unaligned);
    },
  });
}
defineMove("movups", ["NP 0F 10 /r Vx Wx", "NP 0F 11 /r Wx Vx"], true);
defineMove("movupd", ["66 0F 10 /r Vx Wx", "66 0F 11 /r Wx Vx"], true);
defineMove("movdqu", ["F3 0F 6F /r Vx Wx", "F3 0F 7F /r Wx Vx"], true);
defineMove("lddqu", ["F2 0F F0 /r Vx Mx"], true);
defineMove("movaps", ["NP 0F 28 /r Vx Wx", "NP 0F 29 /r Wx Vx"], false);
defineMove("movapd", ["66 0F 28 /r Vx Wx", "66 0F 29 /r Wx Vx"], false);
defineMove("movdqa", ["66 0F 6F /r Vx Wx", "66 0F 7F /r Wx Vx"], false);
defineMove("movntps", ["NP 0F 2B /r Mx Vx"], false);
defineMove("movntpd", ["66 0F 2B /r Mx Vx"], false);
defineMove("movntdq", ["66 0F E7 /r Mx Vx"], false);
defineMove("movntdqa", ["66 0F 38 2A /r Vx Mx"], false);

define({
  name: "movd",
  encodings: ["66 0F 6E /r Vx Ey"],
  semantics: (e) => {
    e.requireSse();
    e.writeVector(0, e.readExtended(1, e.size(1) as 4 | 8));
  },
});
define({
  name: "movd",
  encodings: ["66 0F 7E /r Ey Vx"],
  semantics: (e) => {
    e.requireSse();
    e.write(0, e.readLow(1, e.size(0)));
  },
});
define({
  name: "movq",
  encodings: ["F3 0F 7E /r Vx Wq"],
  semantics: (e) => {
    e.requireSse();
    e.writeVector(0, e.readExtended(1, 8));
  },
});
define({
  name: "movq",
  encodings: ["66 0F D6 /r Wq Vx"],
  semantics: (e) => {
    e.requireSse();
    if (e.isMemory(0)) e.writeLow(0, 8, e.readLow(1, 8));
    else e.writeVector(0, e.readExtended(1, 8));
  },
});

for (const [name, prefix, letter, size] of [["movss", "F3", "d", 4], ["movsd", "F2", "q", 8]] as const) {
  define({
    name,
    encodings: [`${prefix} 0F 10 /r Vx W${letter}`],
    semantics: (e) => {
      e.requireSse();
      // From memory the rest becomes zero, from a register it stays as it is.
      if (e.isMemory(1)) e.writeVector(0, e.readExtended(1, size));
      else e.writeLow(0, size, e.readLow(1, size));
    },
  });
  define({
    name,
    encodings: [`${prefix} 0F 11 /r W${letter} Vx`],
    semantics: (e) => {
      e.requireSse();
      e.writeLow(0, size, e.readLow(1, size));
    },
  });
}

/** Offset of the upper 64 bits. */
const HIGH = i32(8);

/** Writes the upper 64 bits of an XMM register. */
function writeHigh(e: Emitter, index: number, value: Local<"i64">): void {
  e.writeElement(index, 8, value, HIGH);
}
function readHigh(e: Emitter, index: number): Local<"i64"> {
  return e.readElement(index, 8, HIGH);
}

define({
  name: "movlps",
  encodings: ["NP 0F 12 /r Vx Mq", "66 0F 12 /r Vx Mq", "NP 0F 13 /r Mq Vx", "66 0F 13 /r Mq Vx"],
  semantics: (e) => {
    e.requireSse();
    e.writeLow(0, 8, e.readLow(1, 8));
  },
});
define({
  name: "movhps",
  encodings: ["NP 0F 16 /r Vx Mq", "66 0F 16 /r Vx Mq"],
  semantics: (e) => {
    e.requireSse();
    writeHigh(e, 0, e.readLow(1, 8));
  },
});
define({
  name: "movhps",
  encodings: ["NP 0F 17 /r Mq Vx", "66 0F 17 /r Mq Vx"],
  semantics: (e) => {
    e.requireSse();
    e.writeLow(0, 8, readHigh(e, 1));
  },
});
define({
  name: "movhlps",
  encodings: ["NP 0F 12 /r Vx Ux"],
  semantics: (e) => {
    e.requireSse();
    e.writeLow(0, 8, readHigh(e, 1));
  },
});
define({
  name: "movlhps",
  encodings: ["NP 0F 16 /r Vx Ux"],
  semantics: (e) => {
    e.requireSse();
    writeHigh(e, 0, e.readLow(1, 8));
  },
});
