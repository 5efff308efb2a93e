/**
 * Each guest prints here what it prints under QEMU. What it printed there is recorded in `expected/`, so that a machine
 * without QEMU checks it too; `deno run tests/guests/record.ts` records anew.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { expectedHere, type Guest, guestProgram } from "./guest.ts";
import { guestImage } from "./guest_image.ts";
import { guests } from "./programs/mod.ts";
import { type GuestRun, runHere } from "./run_here.ts";
import { qemuThere, runQemu } from "./run_qemu.ts";

const qemu = await qemuThere();

/** Output with how the guest ended as its last line. */
export function transcript({ output, exit }: GuestRun): string {
  return `${output}[${exit === undefined ? "shutdown" : `exit ${exit}`}]\n`;
}

/** File with what QEMU printed. */
export function recordOf(guest: Guest): URL {
  return new URL(`./expected/${guest.name}.txt`, import.meta.url);
}

for (const guest of guests) {
  Deno.test(`Guest ${guest.name} prints what it printed under QEMU`, async () => {
    const recorded = await Deno.readTextFile(recordOf(guest));
    assertEquals(transcript(runHere(guestProgram(guest))), expectedHere(guest, recorded));
  });

  Deno.test({
    name: `Guest ${guest.name} prints under QEMU what was recorded${
      qemu ? "" : " (needs qemu-system-x86_64)"
    }`,
    ignore: !qemu || guest.onlyHere !== undefined,
    fn: async () => {
      const run = await runQemu(guestImage(guestProgram(guest)));
      assertEquals(transcript(run), await Deno.readTextFile(recordOf(guest)));
    },
  });
}
