/**
 * Makers of the faults that system instructions raise.
 *
 * @module
 */

import { type Cpu, GuestFault } from "../cpu.ts";
import { Vector } from "../state.ts";

/** #GP with an error code. */
export function generalProtection(error: number): GuestFault {
  return new GuestFault(Vector.GP, error);
}

/** #UD. */
export function undefinedOpcode(): GuestFault {
  return new GuestFault(Vector.UD);
}

/** #NM: the x87 or SSE unit is not available. */
export function deviceNotAvailable(): GuestFault {
  return new GuestFault(Vector.NM);
}

/** #SS with an error code. */
export function stackFault(error: number): GuestFault {
  return new GuestFault(Vector.SS, error);
}

/** #TS with an error code. */
export function invalidTss(error: number): GuestFault {
  return new GuestFault(Vector.TS, error);
}

/** #NP with an error code. */
export function notPresent(error: number): GuestFault {
  return new GuestFault(Vector.NP, error);
}

/**
 * Error code that names a selector. `external` is its EXT bit: 1 while an event is delivered that the program
 * did not ask for.
 */
export function selectorError(selector: number, external: number): number {
  return (selector & 0xfffc) | external;
}

/** @throws {GuestFault} #GP(0) unless CPL is 0. */
export function requirePrivilege(cpu: Cpu): void {
  if (cpu.cpl !== 0) throw generalProtection(0);
}
