/**
 * The x87 unit on a vCPU's state.
 *
 * @module
 */

import { x87Alignment } from "./alignment.ts";
import { X87_SHORT } from "./core_functions.ts";
import { type Cpu, GuestFault } from "./cpu.ts";
import { type MemoryOperand, X87, type X87State } from "./float/x87.ts";
import {
  ARITHMETIC_FLAGS,
  CR,
  Cr0,
  Flag,
  Gpr,
  Segment,
  Vector,
  X87 as X87_REGISTERS,
  X87_CONTROL,
  X87_CS,
  X87_DP,
  X87_DS,
  X87_IP,
  X87_OPCODE,
  X87_STATUS,
  X87_TAG,
} from "./state.ts";

/** FWAIT, which is no escape opcode. */
const FWAIT = 0x9b;

/** The x87 registers in engine memory. */
class StateInMemory implements X87State {
  constructor(private readonly cpu: Cpu) {}

  get control(): number {
    return this.cpu.get32(X87_CONTROL);
  }
  set control(value: number) {
    this.cpu.set32(X87_CONTROL, value);
  }
  get status(): number {
    return this.cpu.get32(X87_STATUS);
  }
  set status(value: number) {
    this.cpu.set32(X87_STATUS, value);
  }
  get tag(): number {
    return this.cpu.get32(X87_TAG);
  }
  set tag(value: number) {
    this.cpu.set32(X87_TAG, value);
  }
  getRegister(physical: number): bigint {
    const { view } = this.cpu;
    const at = X87_REGISTERS + physical * 16;
    return (BigInt(view.getUint16(at + 8, true)) << 64n) | view.getBigUint64(at, true);
  }
  setRegister(physical: number, bits: bigint): void {
    const { view } = this.cpu;
    const at = X87_REGISTERS + physical * 16;
    view.setBigUint64(at, bits, true);
    view.setUint16(at + 8, Number(bits >> 64n), true);
  }
  get fip(): bigint {
    return this.cpu.get64(X87_IP);
  }
  set fip(value: bigint) {
    this.cpu.set64(X87_IP, value);
  }
  get fcs(): number {
    return this.cpu.get32(X87_CS);
  }
  set fcs(value: number) {
    this.cpu.set32(X87_CS, value);
  }
  get fdp(): bigint {
    return this.cpu.get64(X87_DP);
  }
  set fdp(value: bigint) {
    this.cpu.set64(X87_DP, value);
  }
  get fds(): number {
    return this.cpu.get32(X87_DS);
  }
  set fds(value: number) {
    this.cpu.set32(X87_DS, value);
  }
  get fop(): number {
    return this.cpu.get32(X87_OPCODE);
  }
  set fop(value: number) {
    this.cpu.set32(X87_OPCODE, value);
  }
}

/** Executes x87 instructions for generated code. */
export class X87Bridge {
  readonly #unit: X87;

  constructor(private readonly cpu: Cpu) {
    this.#unit = new X87(new StateInMemory(cpu));
  }

  /**
   * `modrm` has {@link X87_SHORT} beside it where the operand size is 16 bits; `linear` is -1n where the operand is a
   * register. @throws {GuestFault} #UD, #NM, #MF, or of the operand.
   */
  execute(opcode: number, modrm: number, linear: bigint): void {
    const { cpu } = this;
    const cr0 = cpu.get32(CR);
    if (opcode === FWAIT) {
      if ((cr0 & (Cr0.MP | Cr0.TS)) === (Cr0.MP | Cr0.TS)) throw new GuestFault(Vector.NM);
      if (this.#unit.checkPending()) throw new GuestFault(Vector.MF);
      return;
    }
    if ((cr0 & (Cr0.EM | Cr0.TS)) !== 0) throw new GuestFault(Vector.NM);
    const effect = this.#unit.execute(
      opcode,
      modrm & 0xff,
      linear === -1n ? undefined : this.#operand(linear),
      {
        offset: cpu.instructionRip,
        selector: cpu.segmentSelector(Segment.CS),
        eflags: cpu.rflags,
        operandSize: (modrm & X87_SHORT) !== 0 ? 16 : 32,
        realMode: (cr0 & Cr0.PE) === 0 || (cpu.rflags & Flag.VM) !== 0,
      },
    );
    if (effect.undefinedOpcode === true) throw new GuestFault(Vector.UD);
    if (effect.mathFault === true) throw new GuestFault(Vector.MF);
    if (effect.flags !== undefined) cpu.rflags = (cpu.rflags & ~ARITHMETIC_FLAGS) | effect.flags;
    if (effect.ax !== undefined) cpu.gpr[Gpr.RAX] = (cpu.gpr[Gpr.RAX]! & ~0xffffn) | BigInt(effect.ax);
  }

  #operand(linear: bigint): MemoryOperand {
    const { memory } = this.cpu;
    return {
      offset: BigInt.asUintN(64, linear),
      selector: this.cpu.segmentSelector(Segment.DS),
      read: (size) => {
        memory.requireAligned(linear, size, x87Alignment(size), false);
        const bytes = new Uint8Array(size);
        memory.readBytes(linear, bytes);
        return bytes;
      },
      write: (bytes) => {
        memory.requireAligned(linear, bytes.length, x87Alignment(bytes.length), true);
        memory.writeBytes(linear, bytes);
      },
    };
  }
}
