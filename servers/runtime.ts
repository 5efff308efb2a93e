/**
 * Makes a device model a server: in a process of its own, or in a Worker of the kernel process. The model
 * cannot tell which.
 *
 * @module
 */

import type { DeviceFactory, Manifest } from "../devices/device.ts";
import {
  ProcessServerChannel,
  type ServerChannel,
  WorkerServerChannel,
  type WorkerServerStart,
} from "../kernel/channel/server_channel.ts";
import { LogLevel } from "../kernel/abi/message.ts";
import { FileMemory } from "./guest_memory.ts";
import { Session } from "./session.ts";

/** Exit code of a server that ends since something went wrong. */
const EXIT_FAILED = 1;

/**
 * Serves the device that `factory` makes until the kernel ends it. To be called once, by a server's main module.
 *
 * As a process it talks over standard input and output. Where the manifest asks for DMA, its first argument names
 * the file that guest RAM is shared through; without one, the kernel copies.
 */
export function serve(manifest: Manifest, factory: DeviceFactory): void {
  if (!isWorker()) {
    const [ramFile] = Deno.args;
    const memory = manifest.dma && ramFile !== undefined ? new FileMemory(ramFile) : undefined;
    const channel = new ProcessServerChannel();
    run(new Session(channel, manifest, factory, memory), channel, Deno.exit);
    return;
  }
  const scope = self as unknown as { postMessage(message: null): void };
  addEventListener("message", (event) => {
    const { data: start } = event as MessageEvent<WorkerServerStart>;
    const channel = new WorkerServerChannel(start, () => scope.postMessage(null));
    run(new Session(channel, manifest, factory, undefined), channel, () => close());
  }, { once: true });
}

function isWorker(): boolean {
  return "WorkerGlobalScope" in globalThis;
}

function run(session: Session, channel: ServerChannel, exit: (code: number) => void): void {
  redirectConsole((level, text) => session.log(level, text));
  let code = 0;
  try {
    session.run();
  } catch (error) {
    code = EXIT_FAILED;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    session.log(LogLevel.Error, `Server ends: ${reason}`);
  }
  channel.close();
  exit(code);
}

/** Standard output is the channel: what a model prints goes to the log. */
function redirectConsole(log: (level: LogLevel, text: string) => void): void {
  const methods = [
    ["error", LogLevel.Error],
    ["warn", LogLevel.Warn],
    ["log", LogLevel.Info],
    ["info", LogLevel.Info],
    ["debug", LogLevel.Debug],
  ] as const;
  for (const [method, level] of methods) {
    console[method] = (...values: unknown[]) => {
      log(level, values.map((value) => typeof value === "string" ? value : Deno.inspect(value)).join(" "));
    };
  }
}
