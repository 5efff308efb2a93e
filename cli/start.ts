/**
 * `atoll start`: boots Debian's kernel to a shell.
 *
 * @module
 */

import { debianBusybox, debianKernel } from "../toolstack/image/debian.ts";
import { buildInitramfs, listApplets } from "../toolstack/image/initramfs.ts";
import { domainConfig, type OptionValues, sessionOptions } from "./options.ts";
import { runDomain } from "./session.ts";

/** Runs the command and gives its exit code. */
export async function start(values: OptionValues): Promise<number> {
  const config = domainConfig(values);
  const session = sessionOptions(values);
  const kernel = await debianKernel();
  const path = await debianBusybox();
  const [busybox, applets] = await Promise.all([Deno.readFile(path), listApplets(path)]);
  const append = [terminalSize(), config.append ?? ""].join(" ").trim();
  const initrd = buildInitramfs({ busybox, applets });
  // The second serial port tells the guest when the size of the terminal changes.
  const serialPorts = Deno.stdin.isTerminal() ? 2 : 1;
  return await runDomain({ ...config, append, kernel, initrd, serialPorts }, session);
}

/** Size of the user's terminal, as init finds it in its environment. */
function terminalSize(): string {
  if (!Deno.stdin.isTerminal()) return "";
  const { rows, columns } = Deno.consoleSize();
  return `LINES=${rows} COLUMNS=${columns}`;
}
