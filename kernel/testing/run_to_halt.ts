/**
 * Runs a vCPU to its HLT, for tests of the CPU by itself.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Vcpu, VcpuExit } from "../vcpu.ts";

/** Runs a program to its HLT, `slice` instructions at a time. */
export function runToHalt(vcpu: Vcpu, slice: number): void {
  let exit = VcpuExit.Budget;
  while (exit === VcpuExit.Budget) exit = vcpu.run(slice);
  assertEquals(exit, VcpuExit.Halt);
}
