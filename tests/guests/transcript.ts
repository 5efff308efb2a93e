/**
 * What a guest printed, as it is recorded and compared.
 *
 * @module
 */

import type { Guest } from "./guest.ts";
import type { GuestRun } from "./run_here.ts";

/** Output with how the guest ended as its last line. */
export function transcript({ output, exit }: GuestRun): string {
  return `${output}[${exit === undefined ? "shutdown" : `exit ${exit}`}]\n`;
}

/** File with what a guest printed under QEMU, or, if it runs only here, with what it is to print. */
export function recordOf(guest: Guest): URL {
  return new URL(`./expected/${guest.name}.txt`, import.meta.url);
}
