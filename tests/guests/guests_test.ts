/**
 * Each guest prints here what it prints under QEMU. What it printed there is recorded in `expected/`, so that a machine
 * without QEMU checks it too; `record.ts` records anew.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { createCheckedVcpu } from "../../kernel/cpu/check/checked_vcpu.ts";
import { Disassembler } from "../../kernel/cpu/disassembler.ts";
import { expectedHere, guestProgram } from "./guest.ts";
import { guestImage } from "./guest_image.ts";
import { guests } from "./programs/mod.ts";
import { runHere } from "./run_here.ts";
import { qemuThere, runQemu } from "./run_qemu.ts";
import { recordOf, transcript } from "./transcript.ts";

const qemu = await qemuThere();
const disassembler = await Disassembler.load();

/** Guests that wait for timers, or fill the caches of code: they are not compared step by step in reasonable time. */
const UNCHECKED = ["long_interrupts", "long_self_modifying"];

for (const guest of guests) {
  Deno.test(`Guest ${guest.name} prints what is recorded`, async () => {
    const recorded = await Deno.readTextFile(recordOf(guest));
    const run = runHere(guestProgram(guest));
    assertEquals(transcript(run).split("\n"), expectedHere(guest, recorded).split("\n"));
  });

  Deno.test(`Guest ${guest.name} prints the same when its code is compiled at once`, async () => {
    const recorded = await Deno.readTextFile(recordOf(guest));
    const run = runHere(guestProgram(guest), 1);
    assertEquals(transcript(run).split("\n"), expectedHere(guest, recorded).split("\n"));
  });

  if (!UNCHECKED.includes(guest.name)) {
    Deno.test(`Guest ${guest.name} is found to do the same in both tiers of the CPU`, async () => {
      const recorded = await Deno.readTextFile(recordOf(guest));
      const run = runHere(
        guestProgram(guest),
        1,
        (options) => createCheckedVcpu({ ...options, disassembler }),
      );
      assertEquals(transcript(run).split("\n"), expectedHere(guest, recorded).split("\n"));
    });
  }

  if (guest.onlyHere !== undefined) continue;
  Deno.test({
    name: `Guest ${guest.name} prints the same under QEMU${qemu ? "" : " (needs qemu-system-x86_64)"}`,
    ignore: !qemu,
    fn: async () => {
      const run = await runQemu(guestImage(guestProgram(guest)));
      assertEquals(transcript(run).split("\n"), (await Deno.readTextFile(recordOf(guest))).split("\n"));
    },
  });
}
