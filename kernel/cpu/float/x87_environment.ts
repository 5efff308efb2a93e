/**
 * The x87 environment and whole state in memory: FSTENV, FLDENV, FSAVE, FRSTOR and the x87 part of FXSAVE.
 *
 * @module
 */

import { INTEGER_BIT } from "./format.ts";
import { decodeInteger, encodeInteger } from "./x87_load_store.ts";
import type { X87State, X87Unit } from "./x87_unit.ts";

/** The four layouts of the environment (SDM volume 1, 8.1.10). */
export interface EnvironmentLayout {
  /** Operand size: 14 bytes with 16 bits, 28 with 32. */
  readonly operandSize: 16 | 32;
  /** Real-address and virtual-8086 mode: linear addresses instead of selectors and offsets. */
  readonly realMode: boolean;
}

/** Bytes of a register in FSAVE's image. */
const REGISTER_BYTES = 10;
/** Control word, status word and tag word after FNINIT. */
const INITIAL_CONTROL = 0x37f;
/** Control word bits that software can change; bit 6 reads as one. */
const CONTROL_WRITABLE = 0x1f3f;
const CONTROL_FIXED = 0x40;

/** Sets the control word as FLDCW does. */
export function setControl(unit: X87Unit, control: number): void {
  unit.state.control = (control & CONTROL_WRITABLE) | CONTROL_FIXED;
  unit.updateSummary();
}

/** FNINIT. The registers keep their contents; they are empty. */
export function initialize(state: X87State): void {
  state.control = INITIAL_CONTROL;
  state.status = 0;
  state.tag = 0;
  state.fip = 0n;
  state.fcs = 0;
  state.fdp = 0n;
  state.fds = 0;
  state.fop = 0;
}

/** The full tag word: two bits a physical register, 0 valid, 1 zero, 2 special, 3 empty. */
export function fullTag(state: X87State): number {
  let tag = 0;
  for (let i = 0; i < 8; i++) tag |= tagOf(state, i) << (2 * i);
  return tag;
}

function tagOf(state: X87State, physical: number): number {
  if (((state.tag >> physical) & 1) === 0) return 3;
  const bits = state.getRegister(physical);
  const biased = Number(BigInt.asUintN(15, bits >> 64n));
  const significand = BigInt.asUintN(64, bits);
  if (biased === 0) return significand === 0n ? 1 : 2;
  return biased === 0x7fff || significand < INTEGER_BIT ? 2 : 0;
}

/** Bytes of an environment in a layout. */
export function environmentSize(layout: EnvironmentLayout): 14 | 28 {
  return layout.operandSize === 16 ? 14 : 28;
}

/** The image that FNSTENV writes. */
export function encodeEnvironment(state: X87State, layout: EnvironmentLayout): Uint8Array {
  const { operandSize, realMode } = layout;
  const bytes = new Uint8Array(environmentSize(layout));
  const view = new DataView(bytes.buffer);
  const ip = Number(BigInt.asUintN(32, state.fip));
  const dp = Number(BigInt.asUintN(32, state.fdp));
  const linearIp = (ip + state.fcs * 16) % 2 ** 32;
  const linearDp = (dp + state.fds * 16) % 2 ** 32;
  const words = [state.control, state.status, fullTag(state)];
  if (operandSize === 16) {
    if (realMode) {
      words.push(linearIp & 0xffff, ((linearIp >>> 4) & 0xf000) | state.fop);
      words.push(linearDp & 0xffff, (linearDp >>> 4) & 0xf000);
    } else {
      words.push(ip & 0xffff, state.fcs, dp & 0xffff, state.fds);
    }
    words.forEach((word, i) => view.setUint16(2 * i, word, true));
    return bytes;
  }
  words.forEach((word, i) => view.setUint32(4 * i, word | 0xffff0000, true));
  if (realMode) {
    view.setUint32(12, (linearIp & 0xffff) | 0xffff0000, true);
    view.setUint32(16, ((linearIp >>> 16) << 12) | state.fop, true);
    view.setUint32(20, (linearDp & 0xffff) | 0xffff0000, true);
    view.setUint32(24, (linearDp >>> 16) << 12, true);
  } else {
    view.setUint32(12, ip, true);
    view.setUint32(16, (state.fop << 16) | state.fcs, true);
    view.setUint32(20, dp, true);
    view.setUint32(24, state.fds | 0xffff0000, true);
  }
  return bytes;
}

/** Takes over an environment, as FLDENV does; `bytes` may be longer. */
export function loadEnvironment(unit: X87Unit, bytes: Uint8Array, layout: EnvironmentLayout): void {
  const { state } = unit;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const step = layout.operandSize / 8;
  const word = (i: number) => view.getUint16(i * step, true);
  state.status = word(1);
  const tag = word(2);
  state.tag = 0;
  for (let i = 0; i < 8; i++) if (((tag >> (2 * i)) & 3) !== 3) state.tag |= 1 << i;
  setControl(unit, word(0));
  if (layout.realMode) {
    const high = layout.operandSize === 16
      ? (i: number) => (word(i) & 0xf000) << 4
      : (i: number) => ((view.getUint32(i * 4, true) >>> 12) << 16) >>> 0;
    state.fip = BigInt(word(3) + high(4));
    state.fdp = BigInt(word(5) + high(6));
    state.fcs = 0;
    state.fds = 0;
    state.fop = word(4) & 0x7ff;
    return;
  }
  const offset = (i: number) => layout.operandSize === 16 ? word(i) : view.getUint32(i * 4, true);
  state.fip = BigInt(offset(3));
  state.fcs = word(4);
  state.fdp = BigInt(offset(5));
  state.fds = word(6);
  // The 16-bit protected layout has no opcode.
  state.fop = layout.operandSize === 32 ? view.getUint16(18, true) & 0x7ff : 0;
}

/** The image that FNSAVE writes: the environment, then ST(0) to ST(7). */
export function encodeState(unit: X87Unit, layout: EnvironmentLayout): Uint8Array {
  const environment = encodeEnvironment(unit.state, layout);
  const bytes = new Uint8Array(environment.length + 8 * REGISTER_BYTES);
  bytes.set(environment);
  for (let i = 0; i < 8; i++) {
    bytes.set(encodeInteger(unit.bits(i), REGISTER_BYTES), environment.length + i * REGISTER_BYTES);
  }
  return bytes;
}

/** Takes over a state, as FRSTOR does. */
export function loadState(unit: X87Unit, bytes: Uint8Array, layout: EnvironmentLayout): void {
  loadEnvironment(unit, bytes, layout);
  const start = environmentSize(layout);
  for (let i = 0; i < 8; i++) {
    const at = start + i * REGISTER_BYTES;
    unit.state.setRegister((unit.top + i) & 7, decodeInteger(bytes.subarray(at, at + REGISTER_BYTES)));
  }
}

/**
 * Writes the x87 part of FXSAVE's area into `area`; bytes 24 to 31, MXCSR and its mask, stay as they are.
 *
 * @param wide FXSAVE64: 64-bit offsets, no selectors
 */
export function encodeFxsave(unit: X87Unit, area: Uint8Array, wide: boolean): void {
  const { state } = unit;
  const view = new DataView(area.buffer, area.byteOffset, area.length);
  view.setUint16(0, state.control, true);
  view.setUint16(2, state.status, true);
  view.setUint8(4, state.tag);
  view.setUint8(5, 0);
  view.setUint16(6, state.fop, true);
  if (wide) {
    view.setBigUint64(8, state.fip, true);
    view.setBigUint64(16, state.fdp, true);
  } else {
    view.setUint32(8, Number(BigInt.asUintN(32, state.fip)), true);
    view.setUint32(12, state.fcs, true);
    view.setUint32(16, Number(BigInt.asUintN(32, state.fdp)), true);
    view.setUint32(20, state.fds, true);
  }
  for (let i = 0; i < 8; i++) {
    area.fill(0, 32 + 16 * i, 48 + 16 * i);
    area.set(encodeInteger(unit.bits(i), REGISTER_BYTES), 32 + 16 * i);
  }
}

/** Takes over the x87 part of FXSAVE's area. */
export function loadFxsave(unit: X87Unit, area: Uint8Array, wide: boolean): void {
  const { state } = unit;
  const view = new DataView(area.buffer, area.byteOffset, area.length);
  state.status = view.getUint16(2, true);
  state.tag = view.getUint8(4);
  state.fop = view.getUint16(6, true) & 0x7ff;
  setControl(unit, view.getUint16(0, true));
  state.fip = wide ? view.getBigUint64(8, true) : BigInt(view.getUint32(8, true));
  state.fdp = wide ? view.getBigUint64(16, true) : BigInt(view.getUint32(16, true));
  state.fcs = wide ? 0 : view.getUint16(12, true);
  state.fds = wide ? 0 : view.getUint16(20, true);
  for (let i = 0; i < 8; i++) {
    const at = 32 + 16 * i;
    state.setRegister((unit.top + i) & 7, decodeInteger(area.subarray(at, at + REGISTER_BYTES)));
  }
}
