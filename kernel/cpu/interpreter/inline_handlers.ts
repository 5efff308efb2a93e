/**
 * Which handlers stand in the interpreter's loops themselves: those that it executes most while Linux boots and programs
 * run whose hot code is compiled. Together they are 94 % of what it executes; more of them make a loop compile and run
 * worse. So there is one for 64-bit code and one for 32-bit code in flat segments. What only loops have that are soon
 * compiled stands here, too, for when they are not.
 *
 * @module
 */

import type { Handler } from "./handler.ts";
import { parseHandlerList } from "./handler_list.ts";

const SINGLE = `
  89 /r Ev Gv: 8R 8B 4R 4B 8I 2B 4I; 8B /r Gv Ev: 8B 4B 8I 4I; 58+r Zv d64: 8R; 50+r Zv d64: 8R; E8 Jz f64: 8R;
  31 /r Ev Gv lock: 4R 8R; 83 /0 Ev Is lock: 8R 4R 8B 4B; C3 f64: 8R; 8D /r Gv M ea: 8B 8I 4B 4I;
  01 /r Ev Gv lock: 8R 4R; E9 Jz f64: 8R; 0F B6 /r Gv Eb: 4B 4R 4I; B8+r Zv Iv: 4R 8R; 63 /r Gv Ed o64: 8R 8B 8I;
  83 /5 Ev Is lock: 8R 4R 8B; C7 /0 Ev Iz: 8B 4B 8R; 0F 1E /r Ev: 4R; 83 /4 Ev Is lock: 4R 8R;
  29 /r Ev Gv lock: 8R 4R; EB Jb f64: 8R; C1 /5 Ev Ib: 8R 4R 2R; C1 /4 Ev Ib: 8R 4R; 39 /r Ev Gv: 8R 4R;
  0F B7 /r Gv Ew: 4B 4R; 21 /r Ev Gv lock: 8R 4R; 0F 84 Jz f64: 8R; 09 /r Ev Gv lock: 8R 4R; 88 /r Eb Gb: 4B;
  0F 92 /r Eb: 4R; C6 /0 Eb Ib: 4B; 0F 1F /r Ev: 4I 2B; C1 /0 Ev Ib: 8R 4R; 74 Jb f64: 8R; 75 Jb f64: 8R;
  81 /4 Ev Iz lock: 4R 8R; 03 /r Gv Ev: 8B 8I 4B; F7 /2 Ev lock: 8R; 80 /7 Eb Ib: 4B; FF /4 Ev f64: 8B 8R;
  81 /0 Ev Iz lock: 8R; 0F 94 /r Eb: 4R; 0F AF /r Gv Ev: 8R; 0F 85 Jz f64: 8R; 33 /r Gv Ev: 4I 8B;
  0F 45 /r Gv Ev: 8R; FF /2 Ev f64: 8R 8B; 85 /r Ev Gv: 4R 8R; 98: 8R; C1 /7 Ev Ib: 8R; 0F 95 /r Eb: 4R;
  25 rAX Iz: 4R 8R; D3 /4 Ev CL: 8R; 2B /r Gv Ev: 8I 8B; 83 /1 Ev Is lock: 4R; 0F BE /r Gv Eb: 4R;
  D1 /5 Ev 1: 8R; FF /0 Ev lock: 4I; C1 /1 Ev Ib: 4R 8R; 81 /5 Ev Iz lock: 8R; 83 /7 Ev Is: 8B 4R;
  0F 9F /r Eb: 4R; FF /1 Ev lock: 4I; 19 /r Ev Gv lock: 4R; 0A /r Gb Eb: 4B; 81 /7 Ev Iz: 4R`;

/** Comparisons with the conditional jump behind them. */
const FUSED = `
  85 /r Ev Gv: 8R+ 4R+; 39 /r Ev Gv: 8R+ 4R+ 8B+ 4B+; 83 /7 Ev Is: 4R+ 8R+ 8B+ 4B+ 2R+; 84 /r Eb Gb: 4R+;
  F6 /0 Eb Ib: 4B+ 4R+; 80 /7 Eb Ib: 4B+ 4R+; 3C AL Ib: 4R+; 3D rAX Iz: 8R+ 4R+; 3B /r Gv Ev: 4B+ 8B+;
  81 /7 Ev Iz: 8R+ 4B+ 4R+ 8B+; A8 AL Ib: 4R+; 2B /r Gv Ev: 8I+; 83 /4 Ev Is lock: 4R+; F7 /0 Ev Iz: 4R+;
  A9 rAX Iz: 4R+; 3A /r Gb Eb: 4I+; 83 /5 Ev Is lock: 8R+; 29 /r Ev Gv lock: 8R+ 4R+; 38 /r Eb Gb: 4R+`;

/** What 32-bit code has besides. */
const FLAT = `
  40+r Zv i64: 4R; 48+r Zv i64: 4R; A1 rAX Ov: 4B; A3 Ov rAX: 4B; FF /6 Ev d64: 4B; 6A Is d64: 4R; C9 d64: 4R`;

/** The handlers of each loop. */
export interface InlineHandlers {
  /** For 64-bit code. */
  readonly long: readonly Handler[];
  /** For 32-bit code in flat segments. */
  readonly flat: readonly Handler[];
}

/** The handlers of each loop, in the order of their numbers: first those for 64-bit code, then the others. */
export function inlineHandlers(): InlineHandlers {
  return {
    long: parseHandlerList([SINGLE, FUSED].join(";"), true),
    flat: parseHandlerList([SINGLE, FLAT, FUSED].join(";"), false),
  };
}
