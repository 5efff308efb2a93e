/**
 * Functions that generated code calls: the slow halves of what it does inline.
 *
 * @module
 */

import type { Type } from "./wasm/expression.ts";

type Signature = readonly [params: readonly Type[], results: readonly Type[]];

/** Names and types. A result of i32 -1 or record 0 means that a fault is pending, unless said otherwise. */
export const CORE_FUNCTIONS = {
  /** (linear, bytes) -> offset in RAM memory at which the bytes can be loaded; -1: fault. */
  readSlow: [["i64", "i32"], ["i32"]],
  /** (linear, bytes): stores what lies in the bounce buffer; 1: fault. */
  writeSlow: [["i64", "i32"], ["i32"]],
  /** (linear, bytes) -> offset in RAM memory to load, change and store at; if it is the bounce buffer, `writeSlow` follows. */
  modifySlow: [["i64", "i32"], ["i32"]],
  /** (linear): puts the page that code goes on in into the fetch TLB. Gives where it is in RAM memory; -1: it cannot. */
  fetchPage: [["i64"], ["i32"]],
  /** (segment, offset, bytes, write) -> linear address outside 64-bit mode; -1: fault. */
  segmentAddress: [["i32", "i64", "i32", "i32"], ["i64"]],
  /** (record, target): goes on at an address. Gives the record there; 0: leave the loop. */
  jump: [["i32", "i64"], ["i32"]],
  /** (record): follows a direct branch whose link is not known yet. Gives the record; 0: leave. */
  branch: [["i32"], ["i32"]],
  /** (record): the counter of a record's entries has run out. */
  hot: [["i32"], []],
  /** (target): leaves compiled code for an address: goes on with the region there, or gives the record; 0: leave. */
  leaveTo: [["i64"], ["i32"]],
  /** (RIP, budget, why, slot): leaves a region before an instruction, see {@link Leaving}. Gives its record; 0: leave. */
  leaveEarly: [["i64", "i32", "i32", "i32"], ["i32"]],
  /** (record): leaves the loop before that record. Gives 0. */
  leaveBefore: [["i32"], ["i32"]],
  /** (record): notes that the instruction of that record has faulted. */
  faulted: [["i32"], []],
  /** (record): notes RIP and the next RIP for a system function. */
  enterSystem: [["i32"], []],
  /** (function, a, b): calls a function of `system/`. Whether it faulted tells FAULT_VECTOR. */
  system: [["i32", "i64", "i64"], ["i64"]],
  /** (opcode, modrm and perhaps {@link X87_SHORT}, linear or -1): x87 instruction. */
  x87: [["i32", "i32", "i64"], []],
  /** (operation, a, b): exact floating point, see `float_operations.ts`. */
  float: [["i32", "i64", "i64"], ["i64"]],
  /** All six arithmetic flags as bits of RFLAGS. */
  materializeFlags: [[], ["i64"]],
  /** Positive condition 0 to 7: O, B, Z, BE, S, P, L, LE. */
  condition0: [[], ["i32"]],
  condition1: [[], ["i32"]],
  condition2: [[], ["i32"]],
  condition3: [[], ["i32"]],
  condition4: [[], ["i32"]],
  condition5: [[], ["i32"]],
  condition6: [[], ["i32"]],
  condition7: [[], ["i32"]],
} as const satisfies { readonly [name: string]: Signature };

/** Why a region is left before an instruction; 0: there is a fault, or something to look at. */
export enum Leaving {
  /** An access to the stack has faulted. */
  Stack = 1,
  /** An access that the TLBs do not answer: the interpreter executes the instruction. */
  Unknown = 2,
}

/** Beside an x87 instruction's ModRM byte: its operand size is 16 bits. */
export const X87_SHORT = 0x100;

/** Name of a core function. */
export type CoreFunction = keyof typeof CORE_FUNCTIONS;
