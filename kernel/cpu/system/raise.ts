/**
 * Exceptions on their way to the guest: debug and page-fault registers, double and triple faults
 * (SDM volume 3, 6.15, table 6-5).
 *
 * @module
 */

import { type Cpu, GuestFault } from "../cpu.ts";
import { CR, DR, Vector } from "../state.ts";
import { HARDWARE } from "./interrupt_source.ts";
import { deliverInterrupt } from "./interrupts.ts";

/** DR7.GD: debug registers are protected. */
const DR7_GD = 1n << 13n;
/** B0 to B3. */
const DR6_BREAKPOINTS = 0xfn;
const CR2 = CR + 2 * 8;
const DR6 = DR + 6 * 8;
const DR7 = DR + 7 * 8;

/** Vector 21, #CP, is the last that has an error code. */
const WITH_ERROR_CODE = (1 << Vector.DF) | (1 << Vector.TS) | (1 << Vector.NP) | (1 << Vector.SS) |
  (1 << Vector.GP) | (1 << Vector.PF) | (1 << Vector.AC) | (1 << 21);

const CONTRIBUTORY = (1 << Vector.DE) | (1 << Vector.TS) | (1 << Vector.NP) | (1 << Vector.SS) |
  (1 << Vector.GP) | (1 << 21);

/** EXT in the error code of #AC: it was met while another event was delivered. */
const EXTERNAL = 1;

function contributory(vector: number): boolean {
  return (CONTRIBUTORY & (1 << vector)) !== 0;
}

/** Whether `second`, raised while `first` is delivered, makes a double fault. */
function isDoubleFault(first: number, second: number): boolean {
  if (first === Vector.PF) return second === Vector.PF || contributory(second);
  return contributory(first) && contributory(second);
}

/**
 * Delivers the fault of the instruction at `cpu.instructionRip`, which will be executed again. If its handler
 * cannot be entered, that fault is delivered instead, or a double fault; and if that is not possible either, the
 * vCPU shuts down.
 */
export function raise(cpu: Cpu, { vector, error, address }: GuestFault): void {
  cpu.rip = cpu.instructionRip;
  deliverException(cpu, vector, error, address);
}

/**
 * Delivers a debug trap, for which `cpu.rip` is the next instruction, or the fault of an instruction breakpoint there.
 * `causes` are bits of DR6 (B0 to B3, BS, BT); of earlier ones only B0 to B3 are forgotten.
 */
export function raiseDebugTrap(cpu: Cpu, causes: number): void {
  cpu.set64(DR6, (cpu.get64(DR6) & ~DR6_BREAKPOINTS) | BigInt(causes));
  deliverException(cpu, Vector.DB, undefined, undefined);
}

/** Delivers an interrupt from outside (vector 2: an NMI), and whatever fault doing so raises. */
export function interrupt(cpu: Cpu, vector: number): void {
  try {
    deliverInterrupt(cpu, vector, HARDWARE);
  } catch (fault) {
    if (!(fault instanceof GuestFault)) throw fault;
    deliverException(cpu, fault.vector, deliveryError(fault), fault.address);
  }
}

/** Error code of a fault that the delivery of an exception or hardware interrupt has met. */
function deliveryError(fault: GuestFault): number | undefined {
  return fault.vector === Vector.AC ? EXTERNAL : fault.error;
}

function deliverException(
  cpu: Cpu,
  first: number,
  firstError: number | undefined,
  address: bigint | undefined,
): void {
  let vector = first;
  let error = firstError;
  if (address !== undefined) cpu.set64(CR2, address);
  for (;;) {
    const hasError = (WITH_ERROR_CODE & (1 << vector)) !== 0;
    try {
      deliverInterrupt(cpu, vector, { kind: "exception", error: hasError ? error ?? 0 : undefined });
      if (vector === Vector.DB) cpu.set64(DR7, cpu.get64(DR7) & ~DR7_GD);
      return;
    } catch (next) {
      if (!(next instanceof GuestFault)) throw next;
      if (vector === Vector.DF && (next.vector === Vector.PF || contributory(next.vector))) {
        cpu.shutdown(`Triple fault: vector ${next.vector} while a double fault was delivered`);
        return;
      }
      if (next.address !== undefined) cpu.set64(CR2, next.address);
      const double = isDoubleFault(vector, next.vector);
      vector = double ? Vector.DF : next.vector;
      error = double ? 0 : deliveryError(next);
    }
  }
}
