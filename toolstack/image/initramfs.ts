/**
 * An initramfs of one busybox, with a shell on the console.
 *
 * @module
 */

import { ConfigurationError } from "../configuration_error.ts";
import { CpioArchive } from "./cpio.ts";

/** Something to put into an initramfs besides busybox. */
export interface InitramfsFile {
  /** Relative to the root, as in `bin/hello`. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Permission bits. Default 0o644. */
  readonly mode?: number;
}

/** What an initramfs is made of. */
export interface InitramfsOptions {
  /** A statically linked busybox for x86-64. */
  readonly busybox: Uint8Array;
  /** Names of its applets, as {@link listApplets} gives them. */
  readonly applets: readonly string[];
  /** Shell script that runs on the console instead of an interactive shell. */
  readonly script?: string;
  readonly files?: readonly InitramfsFile[];
}

/** Device numbers, from the Linux kernel's Documentation/admin-guide/devices.txt. */
const CONSOLE = { major: 5, minor: 1 };
const NULL = { major: 1, minor: 3 };

/** Mount points, beside `dev`, that have to be there. */
const DIRECTORIES = ["proc", "sys", "tmp", "run", "mnt", "root", "etc"];

/**
 * Builds an initramfs. Its init mounts the kernel's file systems and starts a shell that owns the console,
 * so that job control and Ctrl-C work; when the shell ends, the machine is powered off.
 */
export function buildInitramfs(options: InitramfsOptions): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const archive = new CpioArchive();
  for (const directory of DIRECTORIES) archive.addDirectory(directory, directory === "tmp" ? 0o1777 : 0o755);
  // The kernel opens the console for init before devtmpfs is mounted.
  archive.addDevice("dev/console", "char", CONSOLE).addDevice("dev/null", "char", NULL, 0o666);
  archive.addFile("bin/busybox", options.busybox, 0o755);
  for (const applet of new Set(options.applets)) {
    if (applet !== "busybox") archive.addSymlink(`bin/${applet}`, "busybox");
  }
  archive.addSymlink("sbin", "bin").addSymlink("usr/bin", "../bin").addSymlink("usr/sbin", "../bin");
  archive.addFile("etc/passwd", encoder.encode("root:x:0:0:root:/root:/bin/sh\n"));
  archive.addFile("etc/group", encoder.encode("root:x:0:\n"));
  archive.addFile("init", encoder.encode(INIT_SCRIPT), 0o755);
  const command = options.script === undefined ? "sh -l" : "sh /etc/script";
  archive.addFile("etc/session", encoder.encode(sessionScript(command)));
  if (options.script !== undefined) {
    archive.addFile("etc/script", encoder.encode(`${options.script}\n`), 0o755);
  }
  for (const file of options.files ?? []) archive.addFile(file.path, file.bytes, file.mode ?? 0o644);
  return archive.finish();
}

// cttyhack finds the console's real terminal in sysfs and makes it the controlling one.
const INIT_SCRIPT = `#!/bin/sh
export PATH=/bin HOME=/root TERM=\${TERM:-linux} PS1='\\w # '
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
hostname atoll
cd /root
setsid cttyhack sh /etc/session
poweroff -f
`;

/**
 * What runs on the console. The terminal's size comes as LINES= and COLUMNS= on the kernel's command line, which the kernel
 * makes init's environment; later sizes come through the second serial port, so that nothing is typed into what the user
 * does.
 */
function sessionScript(command: string): string {
  return `if [ -n "$LINES" ]; then
  stty rows "$LINES" cols "$COLUMNS"
  terminal=$(tty)
  { stty -echo; while read -r rows columns; do stty -F "$terminal" rows "$rows" cols "$columns"; done; } </dev/ttyS1 &
fi
unset LINES COLUMNS terminal
exec ${command}
`;
}

/**
 * Asks a busybox for the names of its applets by running it on this host; needs permission to run it.
 *
 * @throws {ConfigurationError} if it cannot be run
 */
export async function listApplets(path: string): Promise<string[]> {
  try {
    const { success, stdout } = await new Deno.Command(path, { args: ["--list"], stderr: "null" }).output();
    const applets = new TextDecoder().decode(stdout).split("\n").filter((name) => name !== "");
    if (success && applets.includes("sh")) return applets;
  } catch (error) {
    throw new ConfigurationError(`Busybox "${path}" cannot be run: check the file and its permissions`, {
      cause: error,
    });
  }
  throw new ConfigurationError(`Busybox "${path}" does not list a shell: name a busybox binary`);
}
