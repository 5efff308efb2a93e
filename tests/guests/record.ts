/**
 * Records what the guests print under QEMU: `deno run -A tests/guests/record.ts [name...]`.
 *
 * A guest that QEMU cannot run is recorded as it runs here: read what changed before you believe it.
 *
 * @module
 */

import { guestProgram } from "./guest.ts";
import { guestImage } from "./guest_image.ts";
import { guests } from "./programs/mod.ts";
import { runHere } from "./run_here.ts";
import { runQemu } from "./run_qemu.ts";
import { recordOf, transcript } from "./transcript.ts";

for (const guest of guests) {
  if (Deno.args.length > 0 && !Deno.args.includes(guest.name)) continue;
  const program = guestProgram(guest);
  const run = guest.onlyHere === undefined ? await runQemu(guestImage(program)) : runHere(program);
  await Deno.writeTextFile(recordOf(guest), transcript(run));
}
