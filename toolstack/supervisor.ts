/**
 * Starts a domain's processes, watches them, and leaves nothing behind.
 *
 * @module
 */

import { CONTROL_VERSION, ControlType, type DomainEvent } from "../kernel/abi/control.ts";
import type { ServerEntry } from "../servers/mod.ts";
import type { ControlClient } from "./control_client.ts";
import type { FifoPair, HostProcess } from "./host_process.ts";
import { Janitor } from "./janitor.ts";
import { KernelProcess } from "./kernel_process.ts";
import { type Isolation, kernelPlan, serverPlan } from "./permissions.ts";
import { makeRuntimeDirectory, type RuntimePaths, runtimePaths } from "./runtime_directory.ts";
import { fifoPaths, makeFifos, ServerProcess } from "./server_process.ts";
import { inTime } from "./timeout.ts";

/** Time in milliseconds in which a process that seems to be gone may still end by itself. */
const LAST_WORDS_TIMEOUT = 300;

/** What the processes are to be. */
export interface SupervisorOptions {
  /** RAM in bytes, a multiple of 2 MiB. */
  readonly memory: number;
  readonly isolation: Isolation;
  readonly shareMemory: boolean;
  /** Files that the kernel process may read, to put them into RAM. */
  readonly images: readonly string[];
  readonly logLevel: number;
  readonly trace?: string | undefined;
  readonly cpuCheck?: boolean;
  readonly servers: readonly ServerEntry[];
  /** Fills the kernel process's RAM, while the servers start. */
  load(kernel: KernelProcess): Promise<void>;
}

/** Called for what happens. */
export interface SupervisorHandlers {
  event(event: DomainEvent): void;
  serverOutput(server: string, bytes: Uint8Array): void;
  /** A process wrote a line to its standard error. */
  line(process: string, line: string): void;
  /** The domain cannot go on; called once at most. `details`: some lines for people. */
  failed(reason: string, details?: string): void;
}

/** The processes of one domain. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #handlers: SupervisorHandlers;
  readonly #paths: RuntimePaths = runtimePaths();
  readonly #servers = new Map<string, ServerProcess>();
  readonly #startFailed = Promise.withResolvers<never>();
  #janitor: Janitor | undefined;
  #kernel: KernelProcess | undefined;
  /** Settle once each server is up or has failed. */
  #starting: readonly Promise<void>[] = [];
  #state: "starting" | "up" | "down" = "starting";
  #closing: Promise<void> | undefined;

  private constructor(options: SupervisorOptions, handlers: SupervisorHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#startFailed.promise.catch(() => {});
  }

  /**
   * Starts the processes and brings them together. If that fails, nothing is left.
   *
   * @throws {Error} in one line, naming the process
   */
  static async start(options: SupervisorOptions, handlers: SupervisorHandlers): Promise<Supervisor> {
    const supervisor = new Supervisor(options, handlers);
    try {
      await Promise.race([supervisor.#start(), supervisor.#startFailed.promise]);
      supervisor.#state = "up";
      return supervisor;
    } catch (error) {
      await supervisor.close();
      throw error;
    }
  }

  /** The kernel process. */
  get kernel(): KernelProcess {
    if (this.#kernel === undefined) throw new Error("Kernel process has not been started");
    return this.#kernel;
  }

  /** Requests to the kernel process. */
  get control(): ControlClient {
    return this.kernel.control;
  }

  /** Ids of the running processes by name. */
  get processes(): ReadonlyMap<string, number> {
    const servers = [...this.#servers].map(([name, { host }]): [string, number] => [name, host.pid]);
    return new Map([["kernel", this.kernel.host.pid], ...servers]);
  }

  /** Ends all processes and removes all files. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #start(): Promise<void> {
    const { isolation, servers } = this.#options;
    const planned = { ...this.#options, paths: this.#paths };
    this.#kernel = new KernelProcess(kernelPlan(planned), {
      event: (event) => this.#event(event),
      serverOutput: this.#handlers.serverOutput,
      closed: (reason) => this.#kernelClosed(reason),
    }, (line) => this.#handlers.line("kernel", line));
    // Not first: everything waits for the kernel process, which ends by itself if this one is killed in between.
    this.#janitor = new Janitor(this.#paths);
    this.#watch(this.#kernel.host.pid, this.#kernel.host.ended);
    const created = this.control.requestJson(ControlType.Create, {
      version: CONTROL_VERSION,
      memory: this.#options.memory,
      vcpus: 1,
      logLevel: this.#options.logLevel,
      ...this.#options.shareMemory ? { ramFile: this.#paths.ramFile } : {},
      ...this.#options.trace === undefined ? {} : { traceFile: this.#options.trace },
      ...this.#options.cpuCheck ? { cpuCheck: true } : {},
    });
    // Before the servers, each of which takes the main thread of the kernel process 20 ms.
    const loading = this.#options.load(this.#kernel);
    const attached = isolation === "process" ? this.#startServers(servers) : this.#attachWorkers(servers);
    const started = Promise.all([created, attached]);
    // Where the image is of no use, servers that are still being brought up would complain as they are ended.
    const [loaded] = await Promise.allSettled([loading, started]);
    if (loaded.status === "rejected") throw loaded.reason;
    await started;
  }

  async #startServers(entries: readonly ServerEntry[]): Promise<void> {
    await makeRuntimeDirectory(this.#paths);
    const fifos = entries.map((entry) => fifoPaths(this.#paths, entry.manifest.name));
    await makeFifos(fifos);
    this.#starting = entries.map((entry, index) => this.#startServer(entry, fifos[index]!));
    await Promise.all(this.#starting);
  }

  async #startServer(entry: ServerEntry, fifos: FifoPair): Promise<void> {
    const { name } = entry.manifest;
    const onLine = (line: string) => this.#handlers.line(name, line);
    const server = await ServerProcess.start(entry, serverPlan(entry), fifos, onLine);
    this.#servers.set(name, server);
    this.#watch(server.host.pid, server.host.ended);
    await server.attach(this.control);
    server.host.ended.then(() => this.#serverEnded(name, server));
  }

  async #attachWorkers(entries: readonly ServerEntry[]): Promise<void> {
    await Promise.all(entries.map(async ({ url, manifest }) => {
      const { name, interrupts, dma, ranges } = manifest;
      try {
        await this.control.requestJson(ControlType.Attach, {
          name,
          interrupts,
          dma,
          ranges,
          transport: { kind: "worker", url: String(url), options: "" },
        });
      } catch (error) {
        throw new Error(
          `Device server "${name}" cannot start: ${error instanceof Error ? error.message : error}`,
        );
      }
    }));
  }

  #event(event: DomainEvent): void {
    if (event.kind === "fatal") this.#failed(`Kernel process cannot go on: ${event.reason}`, event.details);
    else if (event.kind === "server-failed") this.#serverFailed(event.server, event.reason);
    else this.#handlers.event(event);
  }

  async #serverEnded(name: string, { host }: ServerProcess): Promise<void> {
    // Servers end with the kernel process; then that is the news.
    if (await endsByItself(this.kernel.host)) return;
    this.#failed(`Device server "${name}" ${await host.describeEnd()}: start the domain again`);
  }

  async #serverFailed(name: string, reason: string): Promise<void> {
    const server = this.#servers.get(name);
    // What the process says of its own end is more than that its FIFO was closed.
    if (server !== undefined && await endsByItself(server.host)) return;
    server?.host.kill();
    this.#failed(`Device server "${name}" was ended: ${reason}`);
  }

  async #kernelClosed(reason: string): Promise<void> {
    if (this.#state === "down") return;
    const { host } = this.kernel;
    // Without its control stream it is of no use, should it still run.
    const ended = await endsByItself(host);
    if (!ended) host.kill();
    this.#failed(ended ? `Kernel process ${await host.describeEnd()}: start the domain again` : reason);
  }

  #failed(reason: string, details?: string): void {
    if (this.#state === "down") return;
    const starting = this.#state === "starting";
    this.#state = "down";
    if (starting) this.#startFailed.reject(new Error(reason));
    else this.#handlers.failed(reason, details);
  }

  #watch(pid: number, ended: Promise<unknown>): void {
    this.#janitor?.started(pid);
    ended.then(() => this.#janitor?.ended(pid));
  }

  async #close(): Promise<void> {
    this.#state = "down";
    await this.#kernel?.end();
    for (const { host } of this.#servers.values()) host.kill();
    await Promise.allSettled(this.#starting);
    const servers = [...this.#servers.values()];
    for (const { host } of servers) host.kill();
    await Promise.all(servers.map(({ host }) => host.ended));
    await this.#janitor?.finish();
  }
}

/** Whether a process ends within the time that it gets for it. */
async function endsByItself({ ended }: HostProcess): Promise<boolean> {
  return await inTime(ended, LAST_WORDS_TIMEOUT) !== undefined;
}
