/**
 * Breakpoints of DR0 to DR3 and DR7 (SDM volume 3, 18.2).
 *
 * Instruction and port breakpoints are found by executing one instruction at a time. Data breakpoints cost nothing until
 * the guest touches a page that holds one: such pages are kept out of the TLBs, and the slow half of each access asks here.
 *
 * @module
 */

import { DR } from "./state.ts";

/** R/W fields of DR7. */
enum Kind {
  Instruction,
  Write,
  /** With CR4.DE; without it nothing. */
  Port,
  ReadWrite,
}

/** Bytes by LEN field of DR7. */
const LENGTHS = [1n, 2n, 8n, 4n] as const;
const PAGE_MASK = 0xfffn;

/** One enabled breakpoint. */
interface Breakpoint {
  /** Its bit in DR6. */
  readonly bit: number;
  readonly kind: Kind;
  readonly first: bigint;
  readonly last: bigint;
}

/** The enabled breakpoints of one vCPU. */
export class Breakpoints {
  #instructions: readonly Breakpoint[] = [];
  #ports: readonly Breakpoint[] = [];
  #data: readonly Breakpoint[] = [];
  /** Bits of DR6 of data and port breakpoints that the current instruction has met. */
  hits = 0;

  /** Whether any data breakpoint is enabled. */
  get watching(): boolean {
    return this.#data.length > 0;
  }

  /** Whether instructions have to be executed one at a time. */
  get stepping(): boolean {
    return this.#instructions.length > 0 || this.#ports.length > 0;
  }

  /** Takes over the debug registers; `extensions` is CR4.DE. */
  update(registers: DataView, extensions: boolean): void {
    const dr7 = registers.getUint32(DR + 7 * 8, true);
    const enabled: Breakpoint[] = [];
    for (let number = 0; number < 4; number++) {
      if ((dr7 >>> (number * 2) & 3) === 0) continue;
      const kind: Kind = dr7 >>> (16 + number * 4) & 3;
      // Of an instruction only the first byte counts.
      const length = kind === Kind.Instruction ? 1n : LENGTHS[dr7 >>> (18 + number * 4) & 3]!;
      const first = registers.getBigUint64(DR + number * 8, true) & ~(length - 1n);
      enabled.push({ bit: 1 << number, kind, first, last: first + length - 1n });
    }
    this.#instructions = enabled.filter(({ kind }) => kind === Kind.Instruction);
    this.#ports = enabled.filter(({ kind }) => kind === Kind.Port && extensions);
    this.#data = enabled.filter(({ kind }) => kind === Kind.Write || kind === Kind.ReadWrite);
    this.hits = 0;
  }

  /** Bits of DR6 of the instruction breakpoints at a linear address. */
  instruction(linear: bigint): number {
    let bits = 0;
    for (const { bit, first } of this.#instructions) if (first === linear) bits |= bit;
    return bits;
  }

  /** Notes an access to ports. */
  port(port: number, size: number): void {
    for (const breakpoint of this.#ports) {
      if (overlaps(breakpoint, BigInt(port), size)) this.hits |= breakpoint.bit;
    }
  }

  /** Whether a page that an access touches holds a watched byte. */
  near(linear: bigint, size: number): boolean {
    const first = linear & ~PAGE_MASK;
    const last = (linear + BigInt(size - 1)) | PAGE_MASK;
    return this.#data.some((breakpoint) => breakpoint.first <= last && breakpoint.last >= first);
  }

  /** Notes an access to memory. Gives whether it met a breakpoint. */
  access(linear: bigint, size: number, write: boolean): boolean {
    let met = false;
    for (const breakpoint of this.#data) {
      if ((write || breakpoint.kind === Kind.ReadWrite) && overlaps(breakpoint, linear, size)) {
        this.hits |= breakpoint.bit;
        met = true;
      }
    }
    return met;
  }
}

function overlaps({ first, last }: Breakpoint, start: bigint, size: number): boolean {
  return start <= last && start + BigInt(size - 1) >= first;
}
