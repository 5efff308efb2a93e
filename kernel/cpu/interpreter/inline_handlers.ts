/**
 * Which handlers stand in the interpreter's loops themselves: those that a boot of Linux executes most, by profile. Together
 * they are 98 % of what it executes; more of them make a loop compile and run worse. So there is one for 64-bit code and
 * one for 32-bit code in flat segments.
 *
 * @module
 */

import { forms } from "../isa/mod.ts";
import { Repeat, RmKind } from "../variant.ts";
import type { Handler } from "./handler.ts";

/** Encoding, operand size in bytes, what ModRM.rm names. */
type Row = readonly [encoding: string, operandSize: number, rm: RmKind];

const { Register, MemoryBase, MemoryIndexed } = RmKind;

const SINGLE: readonly Row[] = [
  ["89 /r Ev Gv", 8, Register],
  ["01 /r Ev Gv lock", 8, Register],
  ["75 Jb f64", 8, Register],
  ["8B /r Gv Ev", 8, MemoryBase],
  ["39 /r Ev Gv", 8, Register],
  ["89 /r Ev Gv", 4, Register],
  ["89 /r Ev Gv", 8, MemoryBase],
  ["83 /0 Ev Is lock", 8, Register],
  ["74 Jb f64", 8, Register],
  ["39 /r Ev Gv", 4, Register],
  ["31 /r Ev Gv lock", 4, Register],
  ["83 /0 Ev Is lock", 4, Register],
  ["8B /r Gv Ev", 8, MemoryIndexed],
  ["0F 92 /r Eb", 4, Register],
  ["31 /r Ev Gv lock", 8, Register],
  ["0F B6 /r Gv Eb", 4, MemoryBase],
  ["50+r Zv d64", 8, Register],
  ["58+r Zv d64", 8, Register],
  ["0F 85 Jz f64", 8, Register],
  ["C1 /5 Ev Ib", 8, Register],
  ["63 /r Gv Ed o64", 8, Register],
  ["84 /r Eb Gb", 4, Register],
  ["0F B6 /r Gv Eb", 4, Register],
  ["29 /r Ev Gv lock", 8, Register],
  ["0F AF /r Gv Ev", 8, Register],
  ["72 Jb f64", 8, Register],
  ["89 /r Ev Gv", 8, MemoryIndexed],
  ["0F 84 Jz f64", 8, Register],
  ["8B /r Gv Ev", 4, MemoryBase],
  ["85 /r Ev Gv", 4, Register],
  ["3C AL Ib", 4, Register],
  ["C3 f64", 8, Register],
  ["21 /r Ev Gv lock", 8, Register],
  ["E9 Jz f64", 8, Register],
  ["29 /r Ev Gv lock", 4, Register],
  ["E8 Jz f64", 8, Register],
  ["83 /7 Ev Is", 8, Register],
  ["F7 /2 Ev lock", 8, Register],
  ["8D /r Gv M ea", 8, MemoryIndexed],
  ["80 /7 Eb Ib", 4, MemoryBase],
  ["73 Jb f64", 8, Register],
  ["F6 /0 Eb Ib", 4, MemoryBase],
  ["8D /r Gv M ea", 8, MemoryBase],
  ["33 /r Gv Ev", 8, MemoryBase],
  ["C1 /4 Ev Ib", 8, Register],
  ["21 /r Ev Gv lock", 4, Register],
  ["83 /2 Ev Is lock", 8, Register],
  ["09 /r Ev Gv lock", 4, Register],
  ["0F 94 /r Eb", 4, Register],
  ["F7 /4 Ev", 8, MemoryIndexed],
  ["B8+r Zv Iv", 4, Register],
  ["EB Jb f64", 8, Register],
  ["83 /7 Ev Is", 4, Register],
  ["79 Jb f64", 8, Register],
  ["C1 /0 Ev Ib", 8, Register],
  ["89 /r Ev Gv", 4, MemoryBase],
  ["09 /r Ev Gv lock", 8, Register],
  ["8D /r Gv M ea", 4, MemoryBase],
  ["83 /4 Ev Is lock", 4, Register],
  ["85 /r Ev Gv", 8, Register],
  ["2B /r Gv Ev", 8, MemoryIndexed],
  ["0F 45 /r Gv Ev", 8, Register],
  ["C1 /1 Ev Ib", 8, Register],
  ["0F 43 /r Gv Ev", 8, Register],
  ["39 /r Ev Gv", 8, MemoryBase],
  ["01 /r Ev Gv lock", 4, Register],
  ["0F B6 /r Gv Eb", 4, MemoryIndexed],
  ["83 /5 Ev Is lock", 8, Register],
  ["C7 /0 Ev Iz", 8, MemoryBase],
  ["3B /r Gv Ev", 4, MemoryBase],
  ["11 /r Ev Gv lock", 8, Register],
  ["3A /r Gb Eb", 4, MemoryIndexed],
  ["0F 86 Jz f64", 8, Register],
  ["0F 82 Jz f64", 8, Register],
  ["0F 83 Jz f64", 8, Register],
  ["88 /r Eb Gb", 4, MemoryBase],
  ["80 /7 Eb Ib", 4, Register],
  ["03 /r Gv Ev", 8, MemoryBase],
  ["D1 /0 Ev 1", 8, Register],
  ["C6 /0 Eb Ib", 4, MemoryBase],
  ["63 /r Gv Ed o64", 8, MemoryBase],
  ["7E Jb f64", 8, Register],
  ["7D Jb f64", 8, Register],
  ["B8+r Zv Iv", 8, Register],
  ["7C Jb f64", 8, Register],
  ["19 /r Ev Gv lock", 4, Register],
  ["D1 /5 Ev 1", 8, Register],
  ["C7 /0 Ev Iz", 8, Register],
  ["8B /r Gv Ev", 4, MemoryIndexed],
  ["39 /r Ev Gv", 4, MemoryBase],
  ["C1 /7 Ev Ib", 8, Register],
  ["C1 /5 Ev Ib", 4, Register],
  ["C1 /0 Ev Ib", 4, Register],
  ["77 Jb f64", 8, Register],
  ["D1 /7 Ev 1", 8, Register],
  ["83 /1 Ev Is lock", 4, Register],
  ["03 /r Gv Ev", 8, MemoryIndexed],
  ["83 /4 Ev Is lock", 8, Register],
  ["76 Jb f64", 8, Register],
  ["0F 87 Jz f64", 8, Register],
  ["F6 /0 Eb Ib", 4, Register],
  ["63 /r Gv Ed o64", 8, MemoryIndexed],
  ["0F 8F Jz f64", 8, Register],
  ["0F 48 /r Gv Ev", 8, Register],
  ["C1 /1 Ev Ib", 4, Register],
  ["0F 42 /r Gv Ev", 8, Register],
  ["81 /7 Ev Iz", 8, Register],
  ["C7 /0 Ev Iz", 4, MemoryBase],
  ["81 /0 Ev Iz lock", 8, Register],
  ["31 /r Ev Gv lock", 8, MemoryBase],
  ["8D /r Gv M ea", 4, MemoryIndexed],
  ["33 /r Gv Ev", 4, MemoryIndexed],
  ["05 rAX Iz", 8, Register],
  ["81 /4 Ev Iz lock", 4, Register],
  ["A8 AL Ib", 4, Register],
  ["38 /r Eb Gb", 4, Register],
  ["0F 88 Jz f64", 8, Register],
];

/** Comparisons with the conditional jump behind them. */
const FUSED: readonly Row[] = [
  ["39 /r Ev Gv", 8, Register],
  ["39 /r Ev Gv", 4, Register],
  ["84 /r Eb Gb", 4, Register],
  ["29 /r Ev Gv lock", 8, Register],
  ["85 /r Ev Gv", 4, Register],
  ["3C AL Ib", 4, Register],
  ["21 /r Ev Gv lock", 8, Register],
  ["29 /r Ev Gv lock", 4, Register],
  ["83 /7 Ev Is", 8, Register],
  ["80 /7 Eb Ib", 4, MemoryBase],
  ["F6 /0 Eb Ib", 4, MemoryBase],
  ["21 /r Ev Gv lock", 4, Register],
  ["83 /7 Ev Is", 4, Register],
  ["83 /4 Ev Is lock", 4, Register],
  ["85 /r Ev Gv", 8, Register],
  ["2B /r Gv Ev", 8, MemoryIndexed],
  ["39 /r Ev Gv", 8, MemoryBase],
  ["83 /5 Ev Is lock", 8, Register],
  ["3B /r Gv Ev", 4, MemoryBase],
  ["3A /r Gb Eb", 4, MemoryIndexed],
  ["80 /7 Eb Ib", 4, Register],
  ["39 /r Ev Gv", 4, MemoryBase],
  ["83 /4 Ev Is lock", 8, Register],
  ["F6 /0 Eb Ib", 4, Register],
  ["81 /7 Ev Iz", 8, Register],
  ["A8 AL Ib", 4, Register],
  ["38 /r Eb Gb", 4, Register],
];

/** What 32-bit code has besides. */
const FLAT: readonly Row[] = [
  ["40+r Zv i64", 4, Register],
  ["48+r Zv i64", 4, Register],
  ["A1 rAX Ov", 4, MemoryBase],
  ["A3 Ov rAX", 4, MemoryBase],
  ["FF /6 Ev d64", 4, MemoryBase],
  ["6A Is d64", 4, Register],
  ["C9 d64", 4, Register],
];

/** Marks an encoding that there is in 64-bit mode alone. */
const LONG_ONLY = " o64";

/** The handlers of each loop, in the order of their numbers: first those for 64-bit code, then the others. */
export interface InlineHandlers {
  readonly long: readonly Handler[];
  readonly flat: readonly Handler[];
}

function handler([encoding, operandSize, rm]: Row, bits64: boolean, fused: boolean): Handler {
  const form = forms.find((form) => form.text === encoding);
  if (form === undefined) throw new Error(`No instruction is encoded "${encoding}"`);
  const addressSize = bits64 ? 8 : 4;
  const { None: repeat } = Repeat;
  return {
    variant: { form, operandSize, addressSize, rm, bits64, flat: !bits64, lock: false, repeat },
    fused,
  };
}

/** The same instructions in 32-bit code. */
function flatRows(rows: readonly Row[]): Row[] {
  const flat = rows.filter(([encoding]) => !encoding.endsWith(LONG_ONLY))
    .map(([encoding, size, rm]): Row => [encoding, Math.min(size, 4), rm]);
  return [...new Map(flat.map((row) => [row.join(), row])).values()];
}

/** The handlers. */
export function inlineHandlers(): InlineHandlers {
  const all = (single: readonly Row[], fused: readonly Row[], bits64: boolean) => [
    ...single.map((row) => handler(row, bits64, false)),
    ...fused.map((row) => handler(row, bits64, true)),
  ];
  return {
    long: all(SINGLE, FUSED, true),
    flat: all([...flatRows(SINGLE), ...FLAT], flatRows(FUSED), false),
  };
}
