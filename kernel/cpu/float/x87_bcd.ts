/**
 * Packed decimal: FBLD and FBSTP.
 *
 * @module
 */

import { IE } from "./context.ts";
import { fromInteger, type IntegerType, toFormat, toInteger } from "./convert.ts";
import { F80 } from "./format.ts";
import { pushBits, store } from "./x87_load_store.ts";
import type { MemoryOperand, X87Unit } from "./x87_unit.ts";

/** Digits that FBLD and FBSTP have. */
const BCD_DIGITS = 18;
/** Packed decimal that FBSTP stores for what does not fit. */
const BCD_INDEFINITE = 0xffff_c000_0000_0000_0000n;

/** What FBSTP rounds to. */
const BCD: IntegerType = {
  bits: 64,
  minimum: 1n - 10n ** BigInt(BCD_DIGITS),
  maximum: 10n ** BigInt(BCD_DIGITS) - 1n,
  indefinite: 0n,
};

/** FBLD: 18 packed decimal digits and a sign. */
export function fbld(unit: X87Unit, bits: bigint): void {
  let value = 0n;
  for (let digit = BCD_DIGITS - 1; digit >= 0; digit--) {
    value = value * 10n + BigInt.asUintN(4, bits >> BigInt(4 * digit));
  }
  const sign = Number(bits >> 79n);
  pushBits(unit, toFormat(unit.context, F80, { ...fromInteger(value), sign }));
}

/** FBSTP */
export function fbstp(unit: X87Unit, memory: MemoryOperand): void {
  const compute = () => {
    const operand = unit.operand(0);
    const magnitude = toInteger(unit.context, operand, BCD);
    if ((unit.context.flags & IE) !== 0) return BCD_INDEFINITE;
    const value = BigInt.asIntN(BCD.bits, magnitude);
    const digits = BigInt(`0x${value < 0n ? -value : value}`);
    return (BigInt(operand.sign) << 79n) | digits;
  };
  store(unit, memory, 10, BCD_INDEFINITE, compute, true);
}
