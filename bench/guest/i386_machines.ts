/**
 * The machine monitors that are compared on 32-bit guests, each started as its users start it.
 *
 * @module
 */

import { fromFileUrl, join } from "@std/path";
import { COMMAND_LINE, MEMORY } from "../guest_files.ts";
import type { Machine } from "../machines.ts";
import { unpackedPackages } from "./debian_packages.ts";

/** This kernel tests its cryptography at each boot, for longer than all the rest takes. */
const OPTIONS = `${COMMAND_LINE} cryptomgr.notests`;

const EMULATOR = fromFileUrl(new URL("./v86_emulator.ts", import.meta.url));

/** This project's command. */
export const ATOLL_I386: Machine = {
  name: "atoll",
  start: (host, { vmlinux, initrd }) =>
    host.start([
      ...["run", "--kernel", vmlinux, "--initrd", initrd],
      ...["--memory", `${MEMORY}MiB`, "--append", OPTIONS],
    ]),
};

/** The emulator v86 under Deno, with Debian's SeaBIOS. */
export async function v86(): Promise<Machine> {
  const firmware = join(
    await unpackedPackages({
      name: "seabios",
      architecture: "i386",
      packages: ["seabios"],
      follow: "-",
      without: "-",
      exclude: ["./usr/share/doc"],
    }),
    "usr/share/seabios",
  );
  return {
    name: "v86",
    start: (_host, { vmlinux, initrd }) =>
      new Deno.Command("sh", {
        args: [
          ...["-c", 'exec "$0" run --quiet --no-prompt --allow-read "$@"', Deno.execPath()],
          ...[EMULATOR, firmware, vmlinux, initrd, String(MEMORY), OPTIONS],
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
  };
}
