/**
 * Decoder for the x86 filter of the `.xz` format (filter 0x04).
 *
 * Before compression the filter turns the relative operand of what looks like a CALL or JMP (0xE8, 0xE9) into
 * an absolute one, so that calls of one function look the same. Only operands whose top byte is 0x00 or 0xFF
 * count, and an opcode byte close behind another is treated with care, because it may be part of an operand.
 *
 * @module
 */

/** How many bytes an operand has. */
const OPERAND = 4;

/** Undoes the filter in place. `bytes` is a whole block: addresses count from its start. */
export function decodeX86Filter(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  /** Opcode bytes that were left alone among the last three bytes: bit n is the one n + 1 bytes back. */
  let recent = 0;
  let last = -1;
  for (let at = 0; at + OPERAND < bytes.length; at++) {
    if ((bytes[at]! & 0xfe) !== 0xe8) continue;
    const distance = at - last;
    recent = distance > 3 ? 0 : (recent << (distance - 1)) & 7;
    last = at;
    const severalRecent = (recent & (recent - 1)) !== 0;
    const shift = 32 - Math.clz32(recent);
    const isCandidate = !severalRecent && !(recent !== 0 && isSignByte(bytes[at + OPERAND - shift]!));
    if (!isCandidate || !isSignByte(bytes[at + OPERAND]!)) {
      recent = recent << 1 | 1;
      continue;
    }
    const target = toRelative(view.getUint32(at + 1, true), at + 1 + OPERAND, shift * 8);
    // The top byte repeats bit 24, as it did before the filter.
    view.setUint32(at + 1, (target & 0x1ff_ffff) | -(target & 0x100_0000), true);
    at += OPERAND;
  }
}

/**
 * Takes `next`, the address behind the instruction, from an absolute operand. Where an opcode byte is close
 * before, the filter has gone on until the byte that would belong to that opcode's operand was no sign byte.
 */
function toRelative(operand: number, next: number, shift: number): number {
  let value = operand;
  for (;;) {
    const relative = (value - next) >>> 0;
    if (shift === 0 || !isSignByte((relative >>> (24 - shift)) & 0xff)) return relative;
    value = (relative ^ (2 ** (32 - shift) - 1)) >>> 0;
  }
}

/** Whether a byte can be the top one of an operand that the filter converts. */
function isSignByte(byte: number): boolean {
  return byte === 0x00 || byte === 0xff;
}
