/**
 * x87 loads, stores and register moves.
 *
 * @module
 */

import { DE, IE, OE, PE, PRE_COMPUTATION, Rounding, UE } from "./context.ts";
import { fromInteger, type IntegerType, toFormat, toInteger } from "./convert.ts";
import { F32, F64, F80, unpack32, unpack64, type Unpacked } from "./format.ts";
import { C1, INDEFINITE, type MemoryOperand, type X87Unit } from "./x87_unit.ts";

/** Reads a little-endian unsigned integer of `size` bytes. */
export function readInteger(memory: MemoryOperand, size: number): bigint {
  return decodeInteger(memory.read(size));
}

/** A little-endian unsigned integer. */
export function decodeInteger(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (bytes.length) {
    case 2:
      return BigInt(view.getUint16(0, true));
    case 4:
      return BigInt(view.getUint32(0, true));
    case 8:
      return view.getBigUint64(0, true);
    default:
      return view.getBigUint64(0, true) | (BigInt(view.getUint16(8, true)) << 64n);
  }
}

/** `size` bytes (2, 4, 8 or 10) of a little-endian integer. */
export function encodeInteger(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  switch (size) {
    case 2:
      view.setUint16(0, Number(value), true);
      break;
    case 4:
      view.setUint32(0, Number(value), true);
      break;
    case 8:
      view.setBigUint64(0, value, true);
      break;
    default:
      view.setBigUint64(0, BigInt.asUintN(64, value), true);
      view.setUint16(8, Number(value >> 64n), true);
  }
  return bytes;
}

/** A single or double in memory as an operand. */
export function readReal(memory: MemoryOperand, size: 4 | 8): Unpacked {
  const bits = readInteger(memory, size);
  return size === 4 ? unpack32(bits) : unpack64(bits);
}

/** A signed integer in memory as an operand. */
export function readSigned(memory: MemoryOperand, size: 2 | 4 | 8): Unpacked {
  return fromInteger(BigInt.asIntN(size * 8, readInteger(memory, size)));
}

/** Pushes a pattern; no exception other than stack overflow. FLD m80, FLD ST(i), FILD, FBLD. */
export function pushBits(unit: X87Unit, bits: bigint): void {
  if (!unit.isEmpty(7)) {
    if (unit.overflow()) unit.push(INDEFINITE);
    return;
  }
  unit.push(bits);
  unit.setConditions(0, C1);
}

/** FLD ST(i) */
export function fldRegister(unit: X87Unit, i: number): void {
  if (unit.isEmpty(i)) {
    if (unit.underflow()) unit.push(INDEFINITE);
    return;
  }
  pushBits(unit, unit.bits(i));
}

/** FLD m32 and m64. A denormal is loaded even if its exception is unmasked. */
export function fldReal(unit: X87Unit, operand: Unpacked): void {
  if (!unit.isEmpty(7)) {
    if (unit.overflow()) unit.push(INDEFINITE);
    return;
  }
  const bits = toFormat(unit.context, F80, operand);
  if (operand.denormal) unit.context.flags |= DE;
  unit.finish();
  if (!unit.context.hasUnmasked(IE)) unit.push(bits);
}

/** FILD */
export function fild(unit: X87Unit, operand: Unpacked): void {
  pushBits(unit, toFormat(unit.context, F80, operand));
}

/** Writes what a store gives, unless an unmasked exception forbids it, and then changes the x87 state. */
export function store(
  unit: X87Unit,
  memory: MemoryOperand,
  size: number,
  indefinite: bigint,
  compute: () => bigint,
  pops: boolean,
): void {
  const empty = unit.isEmpty(0);
  const value = empty ? indefinite : compute();
  if (empty) unit.context.flags |= IE;
  const stores = !unit.context.hasUnmasked(PRE_COMPUTATION | OE | UE);
  if (stores) memory.write(encodeInteger(value, size));
  if (empty) unit.underflow();
  else unit.finish();
  if (stores && pops) unit.pop();
}

/** FST and FSTP to m32 and m64. */
export function fstReal(unit: X87Unit, memory: MemoryOperand, size: 4 | 8, pops: boolean): void {
  const format = size === 4 ? F32 : F64;
  const { context } = unit;
  const compute = () => {
    const bits = toFormat(context, format, unit.operand(0));
    // Nothing is stored, so that nothing is rounded.
    if (context.hasUnmasked(OE | UE)) {
      context.flags &= ~PE;
      context.roundedUp = false;
    }
    return bits;
  };
  store(unit, memory, size, format.indefinite, compute, pops);
}

/** FSTP m80: the pattern as it is. */
export function fstpExtended(unit: X87Unit, memory: MemoryOperand): void {
  store(unit, memory, 10, INDEFINITE, () => unit.bits(0), true);
}

/** FIST and FISTP; FISTTP with `rounding` zero. */
export function fist(
  unit: X87Unit,
  memory: MemoryOperand,
  type: IntegerType,
  pops: boolean,
  rounding: Rounding = unit.context.rounding,
): void {
  const compute = () => toInteger(unit.context, unit.operand(0), type, rounding);
  store(unit, memory, type.bits / 8, type.indefinite, compute, pops);
}

/** FISTTP */
export function fisttp(unit: X87Unit, memory: MemoryOperand, type: IntegerType): void {
  fist(unit, memory, type, true, Rounding.Zero);
}

/** FST ST(i) and FSTP ST(i) */
export function fstRegister(unit: X87Unit, i: number, pops: boolean): void {
  let bits = INDEFINITE;
  if (unit.isEmpty(0)) {
    if (!unit.underflow()) return;
  } else {
    bits = unit.bits(0);
    unit.setConditions(0, C1);
  }
  unit.write(i, bits);
  if (pops) unit.pop();
}

/** D9 D8, undocumented: FSTP ST(i) that pops an empty register without an exception. */
export function fstpUnchecked(unit: X87Unit, i: number): void {
  if (!unit.isEmpty(0)) return fstRegister(unit, i, true);
  unit.pop();
  unit.setConditions(0, C1);
}

/** FXCH */
export function fxch(unit: X87Unit, i: number): void {
  const emptyTop = unit.isEmpty(0);
  const emptyOther = unit.isEmpty(i);
  if ((emptyTop || emptyOther) && !unit.underflow()) return;
  const top = emptyTop ? INDEFINITE : unit.bits(0);
  unit.write(0, emptyOther ? INDEFINITE : unit.bits(i));
  unit.write(i, top);
  unit.setConditions(0, C1);
}
