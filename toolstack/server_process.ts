/**
 * The process of one device server, as the toolstack sees it.
 *
 * @module
 */

import { join } from "@std/path";
import { ControlType } from "../kernel/abi/control.ts";
import type { ServerEntry } from "../servers/mod.ts";
import type { ControlClient } from "./control_client.ts";
import { type FifoPair, HostProcess, type ProcessPlan } from "./host_process.ts";
import type { RuntimePaths } from "./runtime_directory.ts";

/** Paths of the FIFOs between a server and the kernel process. */
export function fifoPaths(paths: RuntimePaths, server: string): FifoPair {
  return {
    requests: join(paths.directory, `${server}.requests`),
    replies: join(paths.directory, `${server}.replies`),
  };
}

/** Makes FIFOs that nobody but this user can open. @throws {Error} what `mkfifo` says */
export async function makeFifos(pairs: readonly FifoPair[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("mkfifo", {
    args: ["-m", "600", "--", ...pairs.flatMap(({ requests, replies }) => [requests, replies])],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot make FIFOs: ${new TextDecoder().decode(stderr).trim()}`);
}

/** A server's process. */
export class ServerProcess {
  readonly host: HostProcess;
  readonly #entry: ServerEntry;
  readonly #fifos: FifoPair;
  /** Both ends of both FIFOs: the server waits for the kernel process instead of reading end of file. */
  readonly #held: Deno.FsFile[];

  private constructor(entry: ServerEntry, fifos: FifoPair, held: Deno.FsFile[], host: HostProcess) {
    this.#entry = entry;
    this.#fifos = fifos;
    this.#held = held;
    this.host = host;
  }

  /** Starts the process; its FIFOs are there already. */
  static async start(
    entry: ServerEntry,
    plan: ProcessPlan,
    fifos: FifoPair,
    onLine: (line: string) => void,
  ): Promise<ServerProcess> {
    const held = await Promise.all(
      [fifos.requests, fifos.replies].map((path) => Deno.open(path, { read: true, write: true })),
    );
    const server = new ServerProcess(entry, fifos, held, new HostProcess(plan, fifos, onLine));
    // Then the kernel process sees end of file too.
    server.host.ended.then(() => server.#release());
    return server;
  }

  /** Brings the server and the kernel process together. @throws {Error} if that fails, in one line */
  async attach(control: ControlClient): Promise<void> {
    const { name, interrupts, dma, ranges } = this.#entry.manifest;
    const ended = Promise.withResolvers<never>();
    this.host.ended.then(async () => ended.reject(new Error(await this.host.describeEnd())));
    // The process may also end later, when nobody waits here any more.
    ended.promise.catch(() => {});
    try {
      await Promise.race([
        ended.promise,
        control.requestJson(ControlType.Attach, {
          name,
          interrupts,
          dma,
          ranges,
          transport: { kind: "fifo", ...this.#fifos },
        }),
      ]);
    } catch (error) {
      throw new Error(
        `Device server "${name}" cannot start: ${error instanceof Error ? error.message : error}`,
      );
    }
    this.#release();
    await Promise.all([this.#fifos.requests, this.#fifos.replies].map((path) => Deno.remove(path)));
  }

  #release(): void {
    for (const file of this.#held.splice(0)) file.close();
  }
}
