/**
 * Bytes that are instructions from wherever one begins to decode them, and a model of what they do.
 *
 * @module
 */

import type { Random } from "./random.ts";

/** ADC, ADD and their like on AL, by opcode; one higher the form on EAX or RAX. */
const ARITHMETIC = [0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c] as const;
const MOV_EAX = 0xb8;
const REX_W = 0x48;
const CS = 0x2e;
const [CLC, STC, CMC] = [0xf8, 0xf9, 0xf5] as const;
const [JB, JAE, JMP] = [0x72, 0x73, 0xeb] as const;
const RET = 0xc3;

/** What any byte may be. Displacements of jumps are picked from the arithmetic opcodes, so that all lead forward. */
const BYTES = [...ARITHMETIC, ...ARITHMETIC.map((code) => code + 1), MOV_EAX, CLC, STC, CMC] as const;
/** Longest reach of a jump or an instruction, and more. */
const TAIL = 0x50;

/** Whether a byte may take the place of any other such byte: what is an instruction stays one, of the same length. */
export function isMovable(byte: number): boolean {
  return ARITHMETIC.some((code) => code === byte);
}

/** `length` bytes that always come to a RET in the end. */
export function makeSoup(random: Random, length: number): Uint8Array {
  const soup: number[] = [];
  let prefixes = 0;
  while (soup.length < length - TAIL) {
    const kind = random.below(16);
    // With more than four prefixes the longest MOV would be too long.
    if (kind < 3 && prefixes < 4) {
      soup.push(kind === 0 ? CS : REX_W);
      prefixes++;
      continue;
    }
    prefixes = 0;
    if (kind === 3) soup.push(RET);
    else if (kind < 6) soup.push(random.pick([JB, JAE, JMP]), random.pick(ARITHMETIC));
    else soup.push(random.pick(BYTES));
  }
  while (soup.length < length) soup.push(RET);
  return Uint8Array.from(soup);
}

/** What a CPU is left with. */
export interface Outcome {
  readonly rax: bigint;
  readonly carry: boolean;
  readonly instructions: number;
}

/** Executes the soup from `at` up to a RET, with CF clear. */
export function model(soup: Uint8Array, at: number, rax: bigint): Outcome {
  const view = new DataView(soup.buffer, soup.byteOffset, soup.length);
  let carry = false;
  for (let instructions = 1;; instructions++) {
    let wide = false;
    while (soup[at] === CS || soup[at] === REX_W) wide = soup[at++] === REX_W;
    const code = soup[at++]!;
    if (code === RET) return { rax, carry, instructions };
    if (code === CLC) carry = false;
    else if (code === STC) carry = true;
    else if (code === CMC) carry = !carry;
    else if (code === JB || code === JAE || code === JMP) {
      const taken = code === JMP || carry === (code === JB);
      at += 1 + (taken ? soup[at]! : 0);
    } else if (code === MOV_EAX) {
      rax = wide ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
      at += wide ? 8 : 4;
    } else {
      const bytes = (code & 1) === 0 ? 1 : 4;
      const immediate = BigInt(bytes === 1 ? view.getInt8(at) : view.getInt32(at, true));
      at += bytes;
      const result = arithmetic(code >> 3, bytes === 1 ? 8 : wide ? 64 : 32, rax, immediate, carry);
      rax = result.rax;
      carry = result.carry;
    }
  }
}

function arithmetic(operation: number, bits: number, rax: bigint, immediate: bigint, carry: boolean) {
  const a = BigInt.asUintN(bits, rax);
  const b = BigInt.asUintN(bits, immediate);
  const c = carry ? 1n : 0n;
  const exact = [a + b, a | b, a + b + c, a - b - c, a & b, a - b, a ^ b, a - b][operation]!;
  const value = operation === 7 ? a : BigInt.asUintN(bits, exact);
  return {
    // 32 bits clear the upper half, 8 bits leave it; CMP EAX writes nothing.
    rax: bits === 8 ? rax & ~0xffn | value : operation === 7 ? rax : value,
    carry: exact < 0n || exact >> BigInt(bits) !== 0n,
  };
}
