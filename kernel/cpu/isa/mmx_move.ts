/**
 * Moves of MMX registers, and the end of their use (SDM volume 2: EMMS, MOVD, MOVDQ2Q, MOVNTQ, MOVQ, MOVQ2DQ).
 *
 * @module
 */

import { define } from "./definition.ts";
import { writeMmx } from "./sse_operand.ts";

define({
  name: "movd",
  encodings: ["NP 0F 6E /r Pq Ey"],
  semantics: (e) => {
    e.checkMmx();
    const value = e.read(1);
    e.enterMmx();
    writeMmx(e, 0, value);
  },
});
define({
  name: "movd",
  encodings: ["NP 0F 7E /r Ey Pq"],
  semantics: (e) => {
    e.checkMmx();
    e.write(0, e.readLow(1, e.size(0)));
    e.enterMmx();
  },
});
define({
  name: "movq",
  encodings: ["NP 0F 6F /r Pq Qq"],
  semantics: (e) => {
    e.checkMmx();
    const value = e.readLow(1, 8);
    e.enterMmx();
    writeMmx(e, 0, value);
  },
});
define({
  name: "movq",
  encodings: ["NP 0F 7F /r Qq Pq", "NP 0F E7 /r Mq Pq"],
  semantics: (e) => {
    e.checkMmx();
    const value = e.readLow(1, 8);
    if (e.isMemory(0)) e.writeLow(0, 8, value);
    e.enterMmx();
    if (!e.isMemory(0)) writeMmx(e, 0, value);
  },
});

define({
  name: "movq2dq",
  encodings: ["F3 0F D6 /r Vx Nq"],
  semantics: (e) => {
    e.requireSse();
    e.requireMmx();
    e.writeVector(0, e.readExtended(1, 8));
  },
});
define({
  name: "movdq2q",
  encodings: ["F2 0F D6 /r Pq Ux"],
  semantics: (e) => {
    e.requireSse();
    e.requireMmx();
    writeMmx(e, 0, e.readLow(1, 8));
  },
});

define({
  name: "emms",
  encodings: ["NP 0F 77"],
  semantics: (e) => {
    e.requireMmx();
    e.leaveMmx();
  },
});
