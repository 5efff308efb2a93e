/**
 * The machine monitors that are compared, each started as its users start it.
 *
 * @module
 */

import type { AtollHost } from "../tests/atoll_command.ts";
import { COMMAND_LINE, type GuestFiles, MEMORY } from "./guest_files.ts";

/** Added by atoll itself to every guest's command line. */
const ATOLL_COMMAND_LINE = "console=ttyS0 panic=-1";

/** A way to run a guest whose console is the process's standard output. */
export interface Machine {
  readonly name: string;
  start(host: AtollHost, files: Pick<GuestFiles, "vmlinux" | "initrd">): Deno.ChildProcess;
}

/** This project's command, by isolation of the device servers. */
export const ATOLL: readonly Machine[] = (["process", "worker"] as const).map((isolation) => ({
  name: `atoll, isolation ${isolation}`,
  start: (host, { vmlinux, initrd }) =>
    host.start([
      "run",
      ...["--kernel", vmlinux, "--initrd", initrd, "--memory", `${MEMORY}MiB`, "--isolation", isolation],
      ...["--append", COMMAND_LINE.slice(ATOLL_COMMAND_LINE.length).trim()],
    ]),
}));

// Hardware-reduced ACPI would have Linux do without the PIT. Then it has no clock at all when it cannot calibrate its TSC,
// as happens on a busy host, and stands still.
const MICROVM = "microvm,acpi=off,x-option-roms=off,pit=on,pic=on,rtc=on,isa-serial=on";

const QEMU: Machine = {
  name: "qemu, microvm, TCG",
  start: (_host, { vmlinux, initrd }) =>
    new Deno.Command("sh", {
      args: [
        ...["-c", 'exec qemu-system-x86_64 "$@"', "sh"],
        ...["-M", MICROVM, "-accel", "tcg,thread=single", "-cpu", "max", "-m", String(MEMORY)],
        ...["-nodefaults", "-no-user-config", "-nographic", "-serial", "stdio", "-no-reboot"],
        ...["-kernel", vmlinux, "-initrd", initrd, "-append", COMMAND_LINE],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
};

/** QEMU, if this host has it. */
export async function qemu(): Promise<Machine | undefined> {
  const find = new Deno.Command("sh", { args: ["-c", "command -v qemu-system-x86_64"], stdout: "null" });
  return (await find.output()).success ? QEMU : undefined;
}

/** Said where QEMU's row is missing. */
export const QEMU_IS_MISSING = `Skipped: ${QEMU.name}: qemu-system-x86_64 is not installed.`;
