/**
 * Handlers that most systems need, and that are functions: what a boot of Linux with busybox executes besides those that
 * stand in the loops. Each time code came to the first of them, they would be some 370 modules.
 *
 * @module
 */

import type { Handler } from "./handler.ts";
import { parseHandlerList } from "./handler_list.ts";

const COMMON = `
  00 /r Eb Gb lock: 4R; 01 /r Ev Gv lock: 2B 4B 4I 8B 8I; 02 /r Gb Eb: 4B 4I; 03 /r Gv Ev: 2B 4I;
  05 rAX Iz: 2R 4R 8R; 08 /r Eb Gb lock: 4R 4B 4I 4R+; 09 /r Ev Gv lock: 2B 2I 4B 4I 8B 8I 4R+ 8R+;
  0A /r Gb Eb: 4B+; 0B /r Gv Ev: 2B 4B 8B 8I 2B+ 4B+ 8B+; 0C AL Ib: 4R; 0D rAX Iz: 2R 4R 8R; 0F 00 /2 Ew: 4R;
  0F 00 /3 Ew: 4R; 0F 01 /0 M: 4B; 0F 01 /2 M: 4B; 0F 01 /3 M: 4B; 0F 01 /7 M: 4B; 0F 01 /F8 o64: 4R;
  0F 01 /F9: 4R; 0F 05: 4R; 0F 07: 8R; 0F 09: 4R; 0F 0B: 4R; 0F 18 /r Ev: 4B; 0F 1F /r Ev: 2I 4B;
  0F 20 /r Rq Cq: 4R; 0F 22 /r Cq Rq: 4R; 0F 23 /r Dq Rq: 4R; 0F 30: 4R; 0F 31: 4R; 0F 32: 4R; 0F 40 /r Gv Ev: 8R;
  0F 42 /r Gv Ev: 4R 4B 8R 8B; 0F 43 /r Gv Ev: 4R 8R 8B; 0F 44 /r Gv Ev: 4R 4B 4I 8R 8B;
  0F 45 /r Gv Ev: 2B 4R 4B 8B; 0F 46 /r Gv Ev: 4R 8R; 0F 47 /r Gv Ev: 4R 8R; 0F 48 /r Gv Ev: 4R 8R;
  0F 49 /r Gv Ev: 4R 8R; 0F 4C /r Gv Ev: 4R 8R; 0F 4D /r Gv Ev: 4R 8R; 0F 4E /r Gv Ev: 4R 8R;
  0F 4F /r Gv Ev: 4R 8R; 0F 80 Jz f64: 8R; 0F 82 Jz f64: 8R; 0F 83 Jz f64: 8R; 0F 86 Jz f64: 8R; 0F 87 Jz f64: 8R;
  0F 88 Jz f64: 8R; 0F 89 Jz f64: 8R; 0F 8C Jz f64: 8R; 0F 8D Jz f64: 8R; 0F 8E Jz f64: 8R; 0F 8F Jz f64: 8R;
  0F 90 /r Eb: 4R; 0F 92 /r Eb: 4B; 0F 93 /r Eb: 4R 4B; 0F 94 /r Eb: 4B; 0F 95 /r Eb: 4B; 0F 96 /r Eb: 4R;
  0F 97 /r Eb: 4R; 0F 98 /r Eb: 4R; 0F 9C /r Eb: 4R; 0F 9D /r Eb: 4R; 0F 9E /r Eb: 4R; 0F 9F /r Eb: 4B; 0F A2: 4R;
  0F A3 /r Ev Gv: 4R 8R 8B 8I; 0F AB /r Ev Gv lock: 8R 8B; 0F AC /r Ev Gv Ib: 8R; 0F AD /r Ev Gv CL: 8R;
  0F AF /r Gv Ev: 4R 4B 4I 8B 8I; 0F B0 /r Eb Gb lock: 4I; 0F B1 /r Ev Gv lock: 4B 4I 8B 8I;
  0F B3 /r Ev Gv lock: 4R 8R 8B 8I; 0F B6 /r Gv Eb: 8B 8I; 0F B7 /r Gv Ew: 4I; 0F BA /4 Ev Ib: 4R 4B 8R 8B;
  0F BA /5 Ev Ib lock: 4R 8R 8B 8I; 0F BA /6 Ev Ib lock: 4R 8R 8B; 0F BB /r Ev Gv lock: 8B;
  0F BC /r Gv Ev: 4R 8R 8B; 0F BD /r Gv Ev: 4R 4B 8R 8B 8I; 0F BE /r Gv Eb: 2B 4B 4I 8R 8B 8I;
  0F BF /r Gv Ew: 4R 4B 4I 8R 8B 8I; 0F C0 /r Eb Gb lock: 4I; 0F C1 /r Ev Gv lock: 2I 4B 4I 8B 8I;
  0F C7 /1 Mx lock w1: 8B 8I; 0F C8+r Zv: 4R 8R; 11 /r Ev Gv lock: 8R; 18 /r Eb Gb lock: 4R;
  19 /r Ev Gv lock: 2R 8R; 1C AL Ib: 4R; 20 /r Eb Gb lock: 4R 4B 4R+;
  21 /r Ev Gv lock: 2R 2B 2I 4B 8B 8I 2R+ 4R+ 8R+; 22 /r Gb Eb: 4B 4I 4B+;
  23 /r Gv Ev: 2B 4B 4I 8B 8I 2B+ 4B+ 4I+ 8B+ 8I+; 24 AL Ib: 4R; 25 rAX Iz: 2R 2R+ 4R+ 8R+; 28 /r Eb Gb lock: 4R;
  29 /r Ev Gv lock: 4B 8B 8I; 2A /r Gb Eb: 4B; 2B /r Gv Ev: 2B 4B 4I 4B+ 4I+ 8B+; 2D rAX Iz: 2R 4R 8R 8R+;
  30 /r Eb Gb lock: 4R 4B; 31 /r Ev Gv lock: 2R 8B 8I; 32 /r Gb Eb: 4B 4I; 33 /r Gv Ev: 2B 2I 4B 8I; 34 AL Ib: 4R;
  35 rAX Iz: 4R 8R; 38 /r Eb Gb: 4R 4B 4I 4B+ 4I+; 39 /r Ev Gv: 2R 2B 4B 4I 8B 8I 2R+ 2B+ 4I+ 8I+;
  3A /r Gb Eb: 4B 4I 4B+; 3B /r Gv Ev: 2B 4B 4I 8B 8I 2B+ 4I+ 8I+; 3C AL Ib: 4R; 3D rAX Iz: 2R 4R 8R 2R+;
  66 0F 38 00 /r Vx Wx: 4R; 66 0F 38 82 /r Gy Mx: 4B; 66 0F 3A 0F /r Vx Wx Ib: 4I;
  66 0F 3A 63 /r Vx Wx Ib: 4R 4B 4I; 66 0F 60 /r Vx Wx: 4R; 66 0F 61 /r Vx Wx: 4R; 66 0F 62 /r Vx Wx: 4R;
  66 0F 64 /r Vx Wx: 4R; 66 0F 6C /r Vx Wx: 4R; 66 0F 6E /r Vx Ey: 4R 4B 4I 8R; 66 0F 6F /r Vx Wx: 4R 4B 4I;
  66 0F 70 /r Vx Wx Ib: 4R; 66 0F 72 /2 Ux Ib: 4R; 66 0F 72 /6 Ux Ib: 4R; 66 0F 73 /7 Ux Ib: 4R;
  66 0F 74 /r Vx Wx: 4R 4B; 66 0F 76 /r Vx Wx: 4R; 66 0F 7F /r Wx Vx: 4B; 66 0F D4 /r Vx Wx: 4R;
  66 0F D6 /r Wq Vx: 4B; 66 0F D7 /r Gd Ux: 4R; 66 0F DA /r Vx Wx: 4B; 66 0F DB /r Vx Wx: 4R;
  66 0F DF /r Vx Wx: 4R; 66 0F EB /r Vx Wx: 4R; 66 0F EF /r Vx Wx: 4R 4B; 66 0F F8 /r Vx Wx: 4R;
  66 0F FC /r Vx Wx: 4R; 66 0F FE /r Vx Wx: 4R; 68 Iz d64: 8R; 69 /r Gv Ev Iz: 4R 4B 8R 8B; 6A Is d64: 8R;
  6B /r Gv Ev Is: 4R 4B 8R; 70 Jb f64: 8R; 72 Jb f64: 8R; 73 Jb f64: 8R; 76 Jb f64: 8R; 77 Jb f64: 8R;
  78 Jb f64: 8R; 79 Jb f64: 8R; 7C Jb f64: 8R; 7D Jb f64: 8R; 7E Jb f64: 8R; 7F Jb f64: 8R; 80 /0 Eb Ib lock: 4B;
  80 /1 Eb Ib lock: 4R 4B 4I; 80 /3 Eb Ib lock: 4R; 80 /4 Eb Ib lock: 4R 4B 4I 4R+; 80 /5 Eb Ib lock: 4B;
  80 /6 Eb Ib lock: 4R 4B 4I; 80 /7 Eb Ib: 4R 4I 4I+; 81 /0 Ev Iz lock: 4R 4B 4I 8B 8I;
  81 /1 Ev Iz lock: 2R 2B 4R 4B 4I 8R 8B; 81 /3 Ev Iz lock: 4R; 81 /4 Ev Iz lock: 2R 2B 4B 4I 8B 2R+ 4R+ 8R+;
  81 /5 Ev Iz lock: 2R 4R 4B 8B 4R+ 8R+; 81 /6 Ev Iz lock: 4R 4B 8R 4R+;
  81 /7 Ev Iz: 2R 2B 4B 4I 8R 8B 8I 2R+ 2B+ 4I+ 8I+; 83 /0 Ev Is lock: 2B 4I 8I; 83 /1 Ev Is lock: 2B 4B 8R 8B 8I;
  83 /2 Ev Is lock: 4R 4B 8R; 83 /3 Ev Is lock: 2R 4R 8R; 83 /4 Ev Is lock: 2R 2B 4B 8B 2R+ 8R+;
  83 /5 Ev Is lock: 2B 4B 8I 4R+; 83 /6 Ev Is lock: 4R 4B 8R 8R+;
  83 /7 Ev Is: 2R 2B 2I 4B 4I 8R 8I 2B+ 2I+ 4I+ 8I+; 84 /r Eb Gb: 4R 4B 4B+; 85 /r Ev Gv: 2R 4B 8B 2R+ 4B+ 8B+;
  87 /r Ev Gv lock: 4B 8R 8B 8I; 88 /r Eb Gb: 4R 4I; 89 /r Ev Gv: 2R 2I; 8A /r Gb Eb: 4B 4I; 8B /r Gv Ev: 2B 2I;
  8C /r Ev Sw: 2R 4R; 8E /r Sw Ew: 4R; 90+r rAX Zv: 4R; 99: 4R 8R; 9B: 4R; 9C d64: 8R; 9D d64: 8R; A4 as: 4R;
  A5 as: 2R; A8 AL Ib: 4R; A9 rAX Iz: 2R 4R 8R 2R+ 8R+; B0+r Zb Ib: 4R; B8+r Zv Iv: 2R; C0 /0 Eb Ib: 4R;
  C0 /5 Eb Ib: 4R; C0 /7 Eb Ib: 4R; C1 /0 Ev Ib: 2R; C1 /7 Ev Ib: 4R; C6 /0 Eb Ib: 4I; C7 /0 Ev Iz: 2B 2I 4I 8I;
  C9 d64: 8R; CB: 8R; CC: 4R; CF: 8R; D0 /5 Eb 1: 4R 4B; D0 /7 Eb 1: 4B; D1 /0 Ev 1: 4R 8R; D1 /1 Ev 1: 8R;
  D1 /5 Ev 1: 2R 4R; D1 /7 Ev 1: 2B 4R 8R; D3 /0 Ev CL: 4R 8R; D3 /4 Ev CL: 4R; D3 /5 Ev CL: 4R 8R 8B;
  D3 /7 Ev CL: 4R 8R; DB /r Eb: 4R; E4 AL Ib: 4R; E6 Ib AL: 4R; EC AL DX: 4R; ED rAX DX: 2R 4R; EE DX AL: 4R;
  EF DX rAX: 2R 4R; F3 0F 6F /r Vx Wx: 4B 4I; F3 0F 7E /r Vx Wq: 4B; F3 0F 7F /r Wx Vx: 4B 4I;
  F3 0F AE /0 Ry o64: 8R; F3 0F AE /1 Ry o64: 8R; F3 0F AE /2 Ry o64: 8R; F3 0F AE /3 Ry o64: 8R;
  F3 0F B8 /r Gv Ev: 4R 8R; F4: 4R; F6 /0 Eb Ib: 4R 4B 4I 4I+; F6 /3 Eb lock: 4R; F6 /4 Eb: 4R;
  F7 /0 Ev Iz: 2R 2B 4R 4B 4I 8R 8B 2R+ 2B+ 4B+ 4I+ 8R+ 8B+; F7 /2 Ev lock: 4R; F7 /3 Ev lock: 4R 8R;
  F7 /4 Ev: 4R 8R 8I; F7 /5 Ev: 8R; F7 /6 Ev: 4R 4B 8R 8B; F7 /7 Ev: 4R 4B 8R; FA: 4R; FB: 4R; FC: 4R;
  FE /0 Eb lock: 4B; FE /1 Eb lock: 4R; FF /0 Ev lock: 4R 4B 8R 8B 8I; FF /1 Ev lock: 4R 4B 8R 8B 8I;
  FF /2 Ev f64: 8I; FF /4 Ev f64: 8I; FF /6 Ev d64: 8B 8I; NFx 0F C7 /6 Rv: 8R; NFx 0F C7 /7 Rv: 8R;
  NP 0F 01 /CA: 4R; NP 0F 01 /CB: 4R; NP 0F 01 /D0: 4R; NP 0F 01 /D1: 4R; NP 0F 01 /E8: 4R;
  NP 0F 10 /r Vx Wx: 4B 4I; NP 0F 11 /r Wx Vx: 4B 4I; NP 0F 16 /r Vx Mq: 4B; NP 0F 28 /r Vx Wx: 4B 4I;
  NP 0F 29 /r Wx Vx: 4B; NP 0F AE /0 M: 4B 8B; NP 0F AE /2 Md: 4B; NP 0F AE /4 M: 8B; NP 0F AE /5 M: 8B;
  NP 0F AE /5 Rd: 4R; NP 0F AE /6 M: 8B; NP 0F AE /6 Rd: 4R; NP 0F AE /7 Rd: 4R`;

/** Those of 64-bit code, or of 32-bit code in flat segments. */
export function commonHandlers(bits64: boolean): Handler[] {
  return parseHandlerList(COMMON, bits64);
}
