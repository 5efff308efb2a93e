/**
 * The bus of a machine without devices, for tests of the CPU by itself.
 *
 * @module
 */

import type { VcpuBus } from "../vcpu.ts";

/** Reads give zeros, writes are lost, and time stands still. */
export const NO_DEVICES: VcpuBus = {
  readPort: () => 0,
  writePort: () => {},
  readPortString: () => {},
  writePortString: () => {},
  readMmio: () => 0n,
  writeMmio: () => {},
  now: () => 0,
  readApicMsr: () => undefined,
  writeApicMsr: () => false,
  cr8: 0,
};
