/**
 * Which accesses have to be aligned while RFLAGS.AC and CR0.AM ask for it (SDM volume 3, 6.15, interrupt 17).
 *
 * @module
 */

/**
 * Address bits that an access of n bytes may not have set, beside those from n up. No data type has to be aligned to more
 * than 8 bytes: 16-byte operands that must be aligned raise #GP at all times. For those that need not be (MOVUPS, MOVDQU,
 * LDDQU), the manual leaves it to the processor whether an address that is no multiple of 8 faults; here it does.
 */
export const ALIGNMENT_MASK = 7;

/** Alignment of an x87 operand of `size` bytes. */
export function x87Alignment(size: number): number {
  switch (size) {
    case 2:
    case 4:
    case 8:
      return size;
    case 10:
      return 8;
    default:
      // Environments and states consist of words (14 and 94 bytes) or of doublewords (28 and 108).
      return size % 4 === 0 ? 4 : 2;
  }
}
