/**
 * A process in which v86 runs a guest whose console is standard output: the paths of the folder of SeaBIOS, of the
 * kernel and of the initramfs, the RAM in MiB and the command line are its arguments.
 *
 * @module
 */

import { fromFileUrl, join } from "@std/path";
import { V86 } from "v86";

/** The kernel's last words. The emulator goes on when its guest has ended. */
const END = /reboot: (?:Power down|System halted|Restarting|machine restart)/;

const [firmware, kernel, initrd, memory, commandLine] = Deno.args as [string, string, string, string, string];

function image(path: string): { buffer: ArrayBuffer } {
  return { buffer: Deno.readFileSync(path).buffer };
}

const emulator = new V86({
  wasm_path: fromFileUrl(new URL("v86.wasm", import.meta.resolve("v86"))),
  bios: image(join(firmware, "bios.bin")),
  vga_bios: image(join(firmware, "vgabios.bin")),
  bzimage: image(kernel),
  initrd: image(initrd),
  cmdline: commandLine,
  memory_size: Number(memory) << 20,
  autostart: true,
});
let line = "";
emulator.add_listener("serial0-output-byte", (byte: number) => {
  Deno.stdout.writeSync(Uint8Array.of(byte));
  line = byte === 10 ? "" : line + String.fromCharCode(byte);
  if (END.test(line)) Deno.exit(0);
});
