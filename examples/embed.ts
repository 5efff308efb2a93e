/**
 * A virtual machine in ten lines: boots a kernel, runs one command in its shell and powers off.
 *
 * Run it with the permissions that `deno task atoll` has: `deno run ... examples/embed.ts VMLINUZ INITRD`.
 */

import { Domain } from "@atoll/atoll";

const [kernel = "vmlinuz", initrd = "initrd.img"] = Deno.args;
await using domain = await Domain.create({ kernel, initrd, memory: "256MiB", append: "quiet" });
const keyboard = domain.console.writable.getWriter();
await domain.start();
let screen = "";
for await (const text of domain.console.readable.pipeThrough(new TextDecoderStream())) {
  screen += text;
  if (screen.endsWith("# ")) await keyboard.write(new TextEncoder().encode("uname -a; poweroff -f\n"));
}
console.log(screen, (await domain.wait()).detail);
