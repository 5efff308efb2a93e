/**
 * Where guest RAM lies, by guest-physical address and in the file that it may be shared through.
 *
 * RAM below 3 GiB is at the same guest-physical address as in the file; what is more lies from 4 GiB on, since
 * devices have the addresses between.
 *
 * @module
 */

/** Where low RAM ends, as guest-physical address and as offset. */
export const LOW_RAM_END = 3 * 2 ** 30;
/** Guest-physical address of the RAM that does not fit below {@link LOW_RAM_END}. */
export const HIGH_RAM_START = 4 * 2 ** 30;

/** Offset of `length` bytes from `gpa` on, or -1 if not all of them are in one part of `size` bytes of RAM. */
export function ramOffset(size: number, gpa: number, length: number): number {
  if (!Number.isSafeInteger(gpa) || gpa < 0 || !(length >= 0)) return -1;
  if (gpa + length <= Math.min(size, LOW_RAM_END)) return gpa;
  if (gpa >= HIGH_RAM_START && gpa + length <= HIGH_RAM_START + size - LOW_RAM_END) {
    return gpa - HIGH_RAM_START + LOW_RAM_END;
  }
  return -1;
}
