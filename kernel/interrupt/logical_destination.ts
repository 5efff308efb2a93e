/**
 * Logical destinations of messages: the flat, cluster and x2APIC models.
 *
 * By the Intel SDM, volume 3A, sections "Logical Destination Mode" and "Logical Destination Mode in x2APIC
 * Mode". The broadcast destination is the caller's affair.
 *
 * @module
 */

/** Model field (bits 31:28) of a DFR whose logical destinations are flat: a bit for each processor. */
const DFR_FLAT = 0xf;

/** Whether a destination names the local APIC with these LDR and DFR. Wider ones than 8 bits never do. */
export function matchesLogical(destination: number, ldr: number, dfr: number): boolean {
  if (destination > 0xff) return false;
  const common = destination & (ldr >>> 24);
  if (dfr >>> 28 === DFR_FLAT) return common !== 0;
  return destination >>> 4 === ldr >>> 28 && (common & 0x0f) !== 0;
}

/** LDR in x2APIC mode: the cluster in the high half, a bit for the place in it in the low half. */
export function x2apicLogicalId(id: number): number {
  return ((id >> 4) << 16) | (1 << (id & 0x0f));
}

/** Whether a 32-bit destination names the local APIC with this logical ID. */
export function matchesX2apicLogical(destination: number, logicalId: number): boolean {
  return destination >>> 16 === logicalId >>> 16 && (destination & logicalId & 0xffff) !== 0;
}
