/** An x87 state and operands for tests. */

import type { MemoryOperand, X87State } from "../x87.ts";

/** A plain state, as FNINIT leaves it. */
export class PlainState implements X87State {
  control = 0x37f;
  status = 0;
  tag = 0;
  fip = 0n;
  fcs = 0;
  fdp = 0n;
  fds = 0;
  fop = 0;
  readonly registers: bigint[] = new Array(8).fill(0n);

  getRegister(physical: number): bigint {
    return this.registers[physical] ?? 0n;
  }

  setRegister(physical: number, bits: bigint): void {
    this.registers[physical] = bits;
  }

  /** Pattern in ST(i). */
  st(i: number): bigint {
    return this.getRegister(((this.status >> 11) + i) & 7);
  }

  setSt(i: number, bits: bigint): void {
    this.setRegister(((this.status >> 11) + i) & 7, bits);
  }
}

/** Memory that keeps what was written to it. */
export class Bytes implements MemoryOperand {
  bytes: Uint8Array;

  constructor(bytes: Uint8Array | number[], readonly offset: bigint = 0n, readonly selector = 0) {
    this.bytes = Uint8Array.from(bytes);
  }

  read(size: number): Uint8Array {
    return this.bytes.slice(0, size);
  }

  write(bytes: Uint8Array): void {
    this.bytes = bytes.slice();
  }
}

/** An operand that cannot be accessed. */
export class Faulting implements MemoryOperand {
  read(): Uint8Array {
    throw new RangeError("Page is not present");
  }

  write(): void {
    throw new RangeError("Page is not present");
  }
}
