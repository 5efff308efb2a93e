/**
 * A domain: one virtual machine and the processes that it consists of.
 *
 * @module
 */

import { ControlType, type DomainEvent } from "../kernel/abi/control.ts";
import { SECOND_SERIAL_PORT } from "../servers/mod.ts";
import { filesOfKernelProcess, loadImage } from "./boot.ts";
import { ConsolePipe, type SerialConsole } from "./console.ts";
import {
  checkConfig,
  type CheckedConfig,
  type DomainConfig,
  logLevel,
  logLevelName,
  type LogRecord,
} from "./domain_config.ts";
import type { DomainEnd } from "./domain_end.ts";
import { GuestOutcome, tripleFault } from "./guest_outcome.ts";
import { checkHostMemory } from "./host_memory.ts";
import { chord, encodeInputEvents, type InputEvent } from "./input_events.ts";
import { CONSOLE_SERVER, domainServers, INPUT_SERVER, POWER_BUTTON_SERVER } from "./platform.ts";
import type { KernelProcess } from "./kernel_process.ts";
import { formatVcpu } from "./registers.ts";
import type { SavedState } from "./saved_state.ts";
import { decodeStatistics, type Statistics } from "./statistics.ts";
import { Supervisor } from "./supervisor.ts";
import { inTime } from "./timeout.ts";

/** What a domain is doing. */
export type DomainRunState = "created" | "running" | "paused" | "ended";

/** Time in milliseconds that the kernel process gets to answer while the domain ends. */
const LAST_REQUEST_TIMEOUT = 1000;

const decoder = new TextDecoder();

/**
 * A virtual machine: a kernel process, and a process for each of its devices.
 *
 * Make one with {@link Domain.create}, then {@link Domain.start} it. Whatever way this program ends, the
 * domain's processes and files go with it.
 *
 * @example Boot a kernel and show its console
 * ```ts ignore
 * import { Domain } from "@atoll/atoll";
 *
 * await using domain = await Domain.create({ kernel: "vmlinuz", memory: "256MiB" });
 * await domain.start();
 * for await (const bytes of domain.console.readable) await Deno.stdout.write(bytes);
 * console.log((await domain.wait()).detail);
 * ```
 */
export class Domain implements AsyncDisposable {
  readonly #config: CheckedConfig;
  readonly #log: DomainConfig["log"];
  readonly #console: ConsolePipe;
  readonly #secondPort: ConsolePipe | undefined;
  readonly #guest: GuestOutcome;
  readonly #end = Promise.withResolvers<DomainEnd>();
  #supervisor!: Supervisor;
  #state: DomainRunState = "created";
  #ending = false;
  #lastStatistics: Statistics | undefined;
  /** What changes the domain does so one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(config: CheckedConfig, log: DomainConfig["log"]) {
    this.#config = config;
    this.#log = log;
    this.#guest = new GuestOutcome(config.resetLimit);
    this.#console = new ConsolePipe((bytes) => this.#sendInput(CONSOLE_SERVER, bytes));
    this.#secondPort = config.serialPorts === 2
      ? new ConsolePipe((bytes) => this.#sendInput(SECOND_SERIAL_PORT.name, bytes))
      : undefined;
  }

  /**
   * Makes a domain that does not run yet: checks the configuration, starts its processes, and loads its kernel.
   *
   * @throws {ConfigurationError} if the configuration cannot be had: in one line, with what to do
   * @throws {Deno.errors.NotCapable} if a permission is missing
   * @throws {Error} if a process cannot be started: in one line that names it
   *
   * @example A configuration that cannot be had is refused
   * ```ts
   * import { ConfigurationError, Domain } from "@atoll/atoll";
   * import { assertRejects } from "@std/assert";
   *
   * await assertRejects(
   *   () => Domain.create({ kernel: "no-such-file", memory: 0 }),
   *   ConfigurationError,
   *   "Memory size",
   * );
   * ```
   */
  static async create(config: DomainConfig): Promise<Domain> {
    const checked = await checkConfig(config);
    await checkHostMemory(checked);
    const domain = new Domain(checked, config.log);
    const options = {
      ...checked,
      servers: domainServers(checked),
      images: await filesOfKernelProcess(checked),
      load: (kernel: KernelProcess) => loadImage(kernel, checked, false),
    };
    domain.#supervisor = await Supervisor.start(options, {
      event: (event) => domain.#event(event),
      serverOutput: (server, bytes) => domain.#output(server, bytes),
      line: (source, text) => domain.#write({ level: "info", source, text }),
      failed: (detail, details) => {
        const more = details === undefined ? {} : { details };
        return domain.#finish({ reason: "failed", exitCode: 2, detail, ...more });
      },
    });
    return domain;
  }

  /** The first serial port: what the guest writes to and reads from `ttyS0`. */
  get console(): SerialConsole {
    return this.#console;
  }

  /** The second serial port, `ttyS1`, if the domain has one. */
  get secondSerialPort(): SerialConsole | undefined {
    return this.#secondPort;
  }

  /** What the domain is doing. */
  get state(): DomainRunState {
    return this.#state;
  }

  /** Process ids on the host by name: `kernel`, and each device server that has a process. */
  get processes(): ReadonlyMap<string, number> {
    return this.#supervisor.processes;
  }

  /**
   * Lets the guest run for the first time.
   *
   * @throws {Error} if the domain is not in the state `created`
   */
  start(): Promise<void> {
    return this.#change(["created"], "running", ControlType.Start);
  }

  /**
   * Stops the guest and its clocks until {@link Domain.resume}.
   *
   * @throws {Error} if the domain does not run
   */
  pause(): Promise<void> {
    return this.#change(["running"], "paused", ControlType.Pause);
  }

  /**
   * Lets a paused guest go on; it does not notice the time between.
   *
   * @throws {Error} if the domain is not paused
   */
  resume(): Promise<void> {
    return this.#change(["paused"], "running", ControlType.Resume);
  }

  /**
   * Resets the machine at once, as its reset button does, and boots it again.
   *
   * @throws {Error} if the domain neither runs nor is paused
   */
  reset(): Promise<void> {
    return this.#serially(async () => {
      this.#require("running", "paused");
      await this.#reboot();
    });
  }

  /**
   * Presses the power button. A guest that listens to it powers off in good order, which {@link Domain.wait}
   * tells.
   *
   * @throws {Error} if the domain has ended
   */
  shutdown(): Promise<void> {
    return this.#sendInput(POWER_BUTTON_SERVER, new TextEncoder().encode(`{"button":"power"}\n`));
  }

  /**
   * Presses keys in order and releases them in reverse. They are named as `KeyboardEvent.code` names them.
   *
   * @throws {TypeError} if there is no such key
   *
   * @example Ctrl-Alt-Delete
   * ```ts ignore
   * import { Domain } from "@atoll/atoll";
   *
   * await using domain = await Domain.create({ kernel: "vmlinuz" });
   * await domain.start();
   * await domain.sendKeys("ControlLeft", "AltLeft", "Delete");
   * ```
   */
  async sendKeys(...keys: readonly string[]): Promise<void> {
    await this.sendInput(...chord(keys));
  }

  /**
   * Does at the keyboard and with the mouse what `events` say.
   *
   * @throws {TypeError} if a key or a button does not exist, or a count is not an integer from -32767 to 32767
   */
  async sendInput(...events: readonly InputEvent[]): Promise<void> {
    await this.#sendInput(INPUT_SERVER, encodeInputEvents(events));
  }

  /** Ends the domain at once, and removes its processes and files. Nothing happens if it has ended. */
  async destroy(): Promise<void> {
    this.#finish({ reason: "destroyed", exitCode: 0, detail: "Domain was destroyed" });
    await this.wait();
  }

  /** Waits until the domain has ended. Its processes and files are gone by then. */
  wait(): Promise<DomainEnd> {
    return this.#end.promise;
  }

  /** Counters since the start. After the end: as they were last known. */
  async statistics(): Promise<Statistics> {
    if (this.#state === "ended" && this.#lastStatistics !== undefined) return this.#lastStatistics;
    return decodeStatistics(await this.#supervisor.control.request(ControlType.Statistics));
  }

  /**
   * State of CPU and devices, without RAM.
   *
   * @throws {Error} if the domain is not paused
   */
  save(): Promise<SavedState> {
    return this.#serially(async () => {
      this.#require("paused");
      return JSON.parse(decoder.decode(await this.#supervisor.control.request(ControlType.Save)));
    });
  }

  /**
   * Takes over a state that {@link Domain.save} gave. RAM is left as it is.
   *
   * @throws {Error} if the domain runs, or the state does not fit
   */
  restore(state: SavedState): Promise<void> {
    return this.#serially(async () => {
      this.#require("created", "paused");
      await this.#supervisor.control.requestJson(ControlType.Restore, state);
    });
  }

  /** Same as {@link Domain.destroy}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }

  async #reboot(): Promise<void> {
    this.#guest.restarted();
    await this.#supervisor.control.request(ControlType.Reset);
    // Built anew: unpacked it is several times as large as its file, and few domains are reset.
    await loadImage(this.#supervisor.kernel, this.#config, true);
    await this.#supervisor.control.request(ControlType.Start);
    this.#state = "running";
  }

  #event(event: DomainEvent): void {
    switch (event.kind) {
      case "log":
        this.#write({ level: logLevelName(event.level), source: event.server ?? "kernel", text: event.text });
        break;
      case "power":
        this.#powerRequest(event.request);
        break;
      case "triple-fault":
        this.#finish(tripleFault(event.vcpu, event.reason, event.registers));
        break;
    }
  }

  async #powerRequest(request: "off" | "reset"): Promise<void> {
    await this.#settleDevices();
    const end = this.#guest.powerRequest(request);
    if (end !== undefined) return await this.#finish(end);
    try {
      await this.#serially(() => this.#reboot());
    } catch (error) {
      const detail = `Cannot reset the domain: ${error instanceof Error ? error.message : error}`;
      await this.#finish({ reason: "failed", exitCode: 2, detail });
    }
  }

  #output(server: string, bytes: Uint8Array): void {
    if (server === SECOND_SERIAL_PORT.name) this.#secondPort?.push(bytes);
    if (server !== CONSOLE_SERVER) return;
    this.#console.push(bytes);
    const end = this.#guest.output(bytes);
    if (end !== undefined) this.#finish(end);
  }

  #write(record: LogRecord): void {
    if (logLevel(record.level) <= this.#config.logLevel) this.#log?.write(record);
  }

  /** The first reason for which the domain ends is the one that counts. */
  async #finish(end: DomainEnd): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    let registers = end.registers;
    if (end.reason !== "destroyed" && end.reason !== "failed") {
      await this.#settleDevices();
      this.#lastStatistics = await inTime(this.statistics(), LAST_REQUEST_TIMEOUT);
      if (end.reason === "panic") registers = await this.#registers();
    }
    this.#state = "ended";
    await this.#supervisor.close();
    this.#console.end();
    this.#secondPort?.end();
    this.#end.resolve(registers === undefined ? end : { ...end, registers });
  }

  /** Devices answer this after all that the guest did before, such as writing to its console. */
  async #settleDevices(): Promise<void> {
    await inTime(this.#supervisor.control.request(ControlType.Pause), LAST_REQUEST_TIMEOUT);
  }

  async #registers(): Promise<string | undefined> {
    const body = await inTime(this.#supervisor.control.request(ControlType.Save), LAST_REQUEST_TIMEOUT);
    if (body === undefined) return undefined;
    const state: SavedState = JSON.parse(decoder.decode(body));
    return state.parts.vcpu0 === undefined ? undefined : formatVcpu(state.parts.vcpu0);
  }

  #change(from: readonly DomainRunState[], to: DomainRunState, type: ControlType): Promise<void> {
    return this.#serially(async () => {
      this.#require(...from);
      await this.#supervisor.control.request(type);
      if (!this.#ending) this.#state = to;
    });
  }

  #require(...states: readonly DomainRunState[]): void {
    if (states.includes(this.#state)) return;
    throw new Error(`Domain is ${this.#state}, which should be ${states.join(" or ")}`);
  }

  #serially<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(action);
    this.#queue = result.catch(() => {});
    return result;
  }

  async #sendInput(server: string, bytes: Uint8Array): Promise<void> {
    this.#require("created", "running", "paused");
    const name = new TextEncoder().encode(server);
    await this.#supervisor.control.request(ControlType.ServerInput, Uint8Array.of(name.length), name, bytes);
  }
}
