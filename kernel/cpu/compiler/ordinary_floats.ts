/**
 * Which vector registers are known to hold floats that are ordinary: neither denormal nor NaN. Arithmetic on them need
 * not look at them again.
 *
 * @module
 */

import type { Expression } from "../wasm/expression.ts";
import { FIRST_XMM, REGISTERS } from "./registers.ts";

/** Bits of a shape that tell the width of its floats; how many there are is above them. */
const WIDTH = 0xff;

/** Whether what is known of `known` holds for `shape`, which has as many floats of the same width or fewer. */
function covers(known: number, shape: number): boolean {
  return (known & WIDTH) === (shape & WIDTH) && known >= shape;
}

/** What is known while code is being written. Shapes are those of `floatShape`, and 0 where nothing is known. */
export class OrdinaryFloats {
  /** By number of the XMM register; never changed in place. */
  held: readonly number[] = new Array(REGISTERS - FIRST_XMM).fill(0);
  /** Registers that values of the instruction have been read from. */
  readonly #sources = new Map<Expression, number>();
  /** What is known of the instruction's values. */
  readonly #values = new Map<Expression, number>();

  /** Another instruction begins: locals of the one before are used again. */
  begin(): void {
    this.#sources.clear();
    this.#values.clear();
  }

  /** A value has been read from the low floats of a register. */
  read(value: Expression, number: number): void {
    this.#sources.set(value, number);
    this.#values.set(value, this.held[number]!);
  }

  /** A value has been written to the low floats of a register, all of it or a scalar. */
  wrote(value: Expression, number: number): void {
    this.held = this.held.with(number, this.#values.get(value) ?? 0);
  }

  /** A value has turned out to be ordinary, and with it the register that it was read from. */
  note(value: Expression, shape: number): void {
    if (this.knows(value, shape)) return;
    this.#values.set(value, shape);
    const number = this.#sources.get(value);
    if (number !== undefined) this.held = this.held.with(number, shape);
  }

  /** Whether a value is known to be ordinary. */
  knows(value: Expression, shape: number): boolean {
    return covers(this.#values.get(value) ?? 0, shape);
  }

  /** Whether a register is known to hold ordinary floats. */
  holds(number: number, shape: number): boolean {
    return covers(this.held[number]!, shape);
  }

  /** Registers have been found to hold ordinary floats of shapes. */
  found(shapes: ReadonlyMap<number, number>): void {
    if (shapes.size > 0) this.held = this.held.map((held, number) => shapes.get(number) ?? held);
  }

  /** Registers of a set hold something else from now on. */
  change(set: number): void {
    this.held = this.held.map((shape, number) => (set & (1 << (FIRST_XMM + number))) !== 0 ? 0 : shape);
  }
}
