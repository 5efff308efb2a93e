/**
 * Runs a guest under QEMU's own CPU (TCG), to see what it prints there.
 *
 * @module
 */

import type { GuestRun } from "./run_here.ts";

/** After this long, in ms, a guest counts as stuck. */
const TIME_LIMIT = 15_000;
const COMMAND = "qemu-system-x86_64";

/** Whether QEMU can be started. */
export async function qemuThere(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(COMMAND, {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return false;
    throw error;
  }
}

/** Runs a guest file. Its console is QEMU's standard output. @throws {Error} if QEMU says that something is wrong. */
export async function runQemu(image: Uint8Array): Promise<GuestRun> {
  const file = await Deno.makeTempFile({ prefix: "guest-", suffix: ".elf" });
  try {
    await Deno.writeFile(file, image);
    const signal = AbortSignal.timeout(TIME_LIMIT);
    const { code, stdout, stderr } = await new Deno.Command(COMMAND, {
      args: [
        ...["-M", "pc", "-accel", "tcg", "-cpu", "max,vendor=GenuineIntel", "-m", "64", "-kernel", file],
        ...["-display", "none", "-monitor", "none", "-serial", "null", "-parallel", "null", "-net", "none"],
        ...["-no-reboot", "-nodefaults", "-vga", "none"],
        // The second serial port is COM1 of the guest: its interrupts are what some guests wait for.
        ...["-chardev", "stdio,id=console", "-device", "isa-debugcon,iobase=0xe9,chardev=console"],
        ...["-chardev", "null,id=com1", "-device", "isa-serial,chardev=com1"],
        ...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
      ],
      stdin: "null",
      signal,
      stdout: "piped",
      stderr: "piped",
    }).output();
    const problems = new TextDecoder().decode(stderr).split("\n").filter((line) => line.includes("qemu"));
    if (signal.aborted) {
      return { output: `${withoutFirmware(new TextDecoder().decode(stdout))}\n[stuck]\n`, exit: undefined };
    }
    if (problems.length > 0) throw new Error(`QEMU failed: ${problems.join("; ")}`);
    // isa-debug-exit ends with 2n + 1; a shutdown with -no-reboot ends with 0.
    return {
      output: withoutFirmware(new TextDecoder().decode(stdout)),
      exit: code === 0 ? undefined : code >> 1,
    };
  } finally {
    await Deno.remove(file);
  }
}

/** What the guest printed: SeaBIOS may talk on the same console. */
function withoutFirmware(output: string): string {
  const start = output.indexOf(GUEST_START);
  return start < 0 ? output : output.slice(start);
}

/** First characters of every guest's output. */
export const GUEST_START = "guest ";
