/**
 * Which handlers stand in the interpreter's loops themselves: those that a boot of Linux executes most, by profile. Together
 * they are 98 % of what it executes; more of them make a loop compile and run worse. So there is one for 64-bit code and
 * one for 32-bit code in flat segments.
 *
 * @module
 */

import type { Handler } from "./handler.ts";
import { parseHandlerList } from "./handler_list.ts";

const SINGLE = `
  89 /r Ev Gv: 8R; 01 /r Ev Gv lock: 8R; 75 Jb f64: 8R; 8B /r Gv Ev: 8B; 39 /r Ev Gv: 8R; 89 /r Ev Gv: 4R;
  89 /r Ev Gv: 8B; 83 /0 Ev Is lock: 8R; 74 Jb f64: 8R; 39 /r Ev Gv: 4R; 31 /r Ev Gv lock: 4R;
  83 /0 Ev Is lock: 4R; 8B /r Gv Ev: 8I; 0F 92 /r Eb: 4R; 31 /r Ev Gv lock: 8R; 0F B6 /r Gv Eb: 4B;
  50+r Zv d64: 8R; 58+r Zv d64: 8R; 0F 85 Jz f64: 8R; C1 /5 Ev Ib: 8R; 63 /r Gv Ed o64: 8R; 84 /r Eb Gb: 4R;
  0F B6 /r Gv Eb: 4R; 29 /r Ev Gv lock: 8R; 0F AF /r Gv Ev: 8R; 72 Jb f64: 8R; 89 /r Ev Gv: 8I; 0F 84 Jz f64: 8R;
  8B /r Gv Ev: 4B; 85 /r Ev Gv: 4R; 3C AL Ib: 4R; C3 f64: 8R; 21 /r Ev Gv lock: 8R; E9 Jz f64: 8R;
  29 /r Ev Gv lock: 4R; E8 Jz f64: 8R; 83 /7 Ev Is: 8R; F7 /2 Ev lock: 8R; 8D /r Gv M ea: 8I; 80 /7 Eb Ib: 4B;
  73 Jb f64: 8R; F6 /0 Eb Ib: 4B; 8D /r Gv M ea: 8B; 33 /r Gv Ev: 8B; C1 /4 Ev Ib: 8R; 21 /r Ev Gv lock: 4R;
  83 /2 Ev Is lock: 8R; 09 /r Ev Gv lock: 4R; 0F 94 /r Eb: 4R; F7 /4 Ev: 8I; B8+r Zv Iv: 4R; EB Jb f64: 8R;
  83 /7 Ev Is: 4R; 79 Jb f64: 8R; C1 /0 Ev Ib: 8R; 89 /r Ev Gv: 4B; 09 /r Ev Gv lock: 8R; 8D /r Gv M ea: 4B;
  83 /4 Ev Is lock: 4R; 85 /r Ev Gv: 8R; 2B /r Gv Ev: 8I; 0F 45 /r Gv Ev: 8R; C1 /1 Ev Ib: 8R; 0F 43 /r Gv Ev: 8R;
  39 /r Ev Gv: 8B; 01 /r Ev Gv lock: 4R; 0F B6 /r Gv Eb: 4I; 83 /5 Ev Is lock: 8R; C7 /0 Ev Iz: 8B;
  3B /r Gv Ev: 4B; 11 /r Ev Gv lock: 8R; 3A /r Gb Eb: 4I; 0F 86 Jz f64: 8R; 0F 82 Jz f64: 8R; 0F 83 Jz f64: 8R;
  88 /r Eb Gb: 4B; 80 /7 Eb Ib: 4R; 03 /r Gv Ev: 8B; D1 /0 Ev 1: 8R; C6 /0 Eb Ib: 4B; 63 /r Gv Ed o64: 8B;
  7E Jb f64: 8R; 7D Jb f64: 8R; B8+r Zv Iv: 8R; 7C Jb f64: 8R; 19 /r Ev Gv lock: 4R; D1 /5 Ev 1: 8R;
  C7 /0 Ev Iz: 8R; 8B /r Gv Ev: 4I; 39 /r Ev Gv: 4B; C1 /7 Ev Ib: 8R; C1 /5 Ev Ib: 4R; C1 /0 Ev Ib: 4R;
  77 Jb f64: 8R; D1 /7 Ev 1: 8R; 83 /1 Ev Is lock: 4R; 03 /r Gv Ev: 8I; 83 /4 Ev Is lock: 8R; 76 Jb f64: 8R;
  0F 87 Jz f64: 8R; F6 /0 Eb Ib: 4R; 63 /r Gv Ed o64: 8I; 0F 8F Jz f64: 8R; 0F 48 /r Gv Ev: 8R; C1 /1 Ev Ib: 4R;
  0F 42 /r Gv Ev: 8R; 81 /7 Ev Iz: 8R; C7 /0 Ev Iz: 4B; 81 /0 Ev Iz lock: 8R; 31 /r Ev Gv lock: 8B;
  8D /r Gv M ea: 4I; 33 /r Gv Ev: 4I; 05 rAX Iz: 8R; 81 /4 Ev Iz lock: 4R; A8 AL Ib: 4R; 38 /r Eb Gb: 4R;
  0F 88 Jz f64: 8R`;

/** Comparisons with the conditional jump behind them. */
const FUSED = `
  39 /r Ev Gv: 8R+; 39 /r Ev Gv: 4R+; 84 /r Eb Gb: 4R+; 29 /r Ev Gv lock: 8R+; 85 /r Ev Gv: 4R+; 3C AL Ib: 4R+;
  21 /r Ev Gv lock: 8R+; 29 /r Ev Gv lock: 4R+; 83 /7 Ev Is: 8R+; 80 /7 Eb Ib: 4B+; F6 /0 Eb Ib: 4B+;
  21 /r Ev Gv lock: 4R+; 83 /7 Ev Is: 4R+; 83 /4 Ev Is lock: 4R+; 85 /r Ev Gv: 8R+; 2B /r Gv Ev: 8I+;
  39 /r Ev Gv: 8B+; 83 /5 Ev Is lock: 8R+; 3B /r Gv Ev: 4B+; 3A /r Gb Eb: 4I+; 80 /7 Eb Ib: 4R+; 39 /r Ev Gv: 4B+;
  83 /4 Ev Is lock: 8R+; F6 /0 Eb Ib: 4R+; 81 /7 Ev Iz: 8R+; A8 AL Ib: 4R+; 38 /r Eb Gb: 4R+`;

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
