/**
 * The constants that FLD1 to FLDZ push.
 *
 * @module
 */

import { Rounding } from "./context.ts";
import { pushBits } from "./x87_load_store.ts";
import type { X87Unit } from "./x87_unit.ts";

/** A constant between two numbers: the lower one, and whether the upper one is nearer. */
interface Constant {
  readonly truncated: bigint;
  readonly nearestIsUp: boolean;
}

/** By the low three bits of ModRM, D9 E8 to D9 EE. FLD1 and FLDZ are exact. */
const CONSTANTS: readonly (Constant | bigint)[] = [
  0x3fff_8000000000000000n, // FLD1
  { truncated: 0x4000_d49a784bcd1b8afen, nearestIsUp: false }, // FLDL2T: log2 10
  { truncated: 0x3fff_b8aa3b295c17f0bbn, nearestIsUp: true }, // FLDL2E: log2 e
  { truncated: 0x4000_c90fdaa22168c234n, nearestIsUp: true }, // FLDPI
  { truncated: 0x3ffd_9a209a84fbcff798n, nearestIsUp: true }, // FLDLG2: log10 2
  { truncated: 0x3ffe_b17217f7d1cf79abn, nearestIsUp: true }, // FLDLN2
  0n, // FLDZ
];

/** Pushes a constant, rounded by the control word; that raises no precision exception. */
export function loadConstant(unit: X87Unit, index: number): void {
  const constant = CONSTANTS[index] ?? 0n;
  if (typeof constant === "bigint") return pushBits(unit, constant);
  const { rounding } = unit.context;
  const up = rounding === Rounding.Up || (rounding === Rounding.Nearest && constant.nearestIsUp);
  pushBits(unit, up ? constant.truncated + 1n : constant.truncated);
}
