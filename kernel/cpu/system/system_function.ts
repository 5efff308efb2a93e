/**
 * What generated code calls for an instruction that is written in TypeScript.
 *
 * @module
 */

import type { Cpu } from "../cpu.ts";

/**
 * Carries out one instruction.
 *
 * `a` and `b` are 64-bit operands that generated code has computed; they arrive as a WebAssembly i64 does, so an
 * address in the upper half is negative until `BigInt.asUintN`. A result goes to the destination. A fault is
 * thrown as a `GuestFault`, before any state has changed (a task switch is the exception, as it is in hardware).
 */
export type SystemFunction = (cpu: Cpu, a: bigint, b: bigint) => bigint | void;
