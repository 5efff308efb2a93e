/**
 * A domain: its machine, its vCPU and its servers, and what the toolstack does with them.
 *
 * @module
 */

import type {
  AttachServer,
  BootEntry,
  DomainEvent,
  DomainOptions,
  DomainState,
  DomainStatistics,
  LoadFile,
} from "./abi/control.ts";
import { type LogLevel, MessageType, PowerRequest } from "./abi/message.ts";
import { parseAttachServer } from "./control_body.ts";
import { restoreDomain, saveDomain } from "./domain_state.ts";
import { Machine } from "./machine.ts";
import { ImageFiles } from "./memory/image_files.ts";
import type { ServerLinkHandlers } from "./server_link.ts";
import { ServerTable } from "./server_table.ts";
import { ServerTimers } from "./timers.ts";
import { VcpuHandle } from "./vcpu_handle.ts";

/** Time in milliseconds between two looks at whether the servers answer. */
const TICK = 1000;
/** Time in milliseconds that servers get to end. */
const END_TIMEOUT = 1000;
/** Bytes of input that a server gets in one message. */
const INPUT_PART = 4096;

/** What becomes of what a domain tells. */
export interface DomainHandlers {
  event(event: DomainEvent): void;
  serverOutput(server: string, bytes: Uint8Array): void;
  /** Whether the toolstack is behind with reading: then servers are not at fault for being slow. */
  readonly congested: boolean;
  /** Settles when servers may send on; `undefined`: at once. */
  ready(): Promise<void> | undefined;
}

/** A domain. */
export class Domain {
  readonly #machine: Machine;
  readonly #files = new ImageFiles();
  readonly #vcpu: VcpuHandle;
  readonly #servers: ServerTable;
  readonly #timers: ServerTimers;
  readonly #handlers: DomainHandlers;
  readonly #logLevel: number;
  #state: "stopped" | "running" | "paused" = "stopped";
  /** Whether the vCPU knows where to begin. */
  #entered = false;
  /** What changes the state does so one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(machine: Machine, options: DomainOptions, vcpuModule: URL, handlers: DomainHandlers) {
    this.#machine = machine;
    this.#handlers = handlers;
    this.#logLevel = options.logLevel;
    const { traceFile, cpuCheck } = options;
    this.#vcpu = new VcpuHandle(vcpuModule, {
      vcpu: 0,
      ram: machine.ram.memory,
      ramSize: machine.ram.size,
      share: machine.share,
      clock: machine.clock.share,
      diagnostics: { ...traceFile === undefined ? {} : { traceFile }, ...cpuCheck ? { cpuCheck } : {} },
    }, {
      shutdown: (registers) => this.#tripleFault(registers),
      violation: (slot, reason) => this.#servers.violated(slot, reason),
      fatal: (reason, details) =>
        handlers.event({ kind: "fatal", reason, ...details === undefined ? {} : { details } }),
    });
    this.#timers = new ServerTimers(machine.clock, (...timer) => this.#servers.timerDue(...timer));
    this.#servers = new ServerTable(machine.share, [this.#vcpu], {
      link: (name, slot) => this.#linkHandlers(name, slot),
      ready: () => handlers.ready(),
      ended: (slot) => this.#timers.disarm(slot),
      failed: (server, reason) => handlers.event({ kind: "server-failed", server, reason }),
      now: () => machine.clock.now(),
    });
    setInterval(() => handlers.congested || this.#servers.tick(), TICK);
  }

  /**
   * Makes a domain that does not run. Its RAM can be written at once. `vcpuModule` is the entry of the vCPU's thread.
   * @throws {Error} if the options cannot be had
   */
  static create(options: DomainOptions, vcpuModule: URL, handlers: DomainHandlers): Domain {
    const machine = new Machine(options);
    return new Domain(machine, options, vcpuModule, handlers);
  }

  /** Settles once the vCPU's thread runs. */
  get ready(): Promise<unknown> {
    return this.#vcpu.ready;
  }

  /** Writes RAM. @throws {Error} while the domain runs, or outside RAM */
  load(gpa: number, bytes: Uint8Array): void {
    this.#requireStill();
    this.#machine.write(gpa, bytes);
  }

  /** Writes bytes of a file to RAM. @throws {Error} while the domain runs, outside RAM, or if the file has not got them */
  loadFile({ path, offset, length, gpa }: LoadFile): void {
    this.#requireStill();
    let at = gpa;
    this.#files.read(path, offset, length, (bytes) => {
      this.#machine.write(at, bytes);
      at += bytes.length;
    });
  }

  /** Reads RAM. @throws {RangeError} outside RAM */
  readMemory(gpa: number, length: number): Uint8Array {
    return this.#machine.ram.read(gpa, length);
  }

  /** Attaches a server. `body` is an {@link AttachServer}. @throws {Error} if it does not get ready */
  async attach(body: Uint8Array): Promise<void> {
    const options: AttachServer = parseAttachServer(body, this.#machine.share.ram);
    const link = await this.#servers.attach(options, this.#vcpu.ready.then((word) => [word]));
    // From here on it is attached: should it fail, that is an event.
    if (this.#state === "running") link.request(MessageType.Resume).catch(() => {});
  }

  /** @throws {Error} if there is no such server */
  detach(name: string): void {
    this.#servers.detach(name);
  }

  /** Hands bytes to a server. @throws {Error} if there is no such server */
  input(name: string, bytes: Uint8Array): void {
    const link = this.#servers.link(name);
    for (let at = 0; at < bytes.length; at += INPUT_PART) {
      link.input(bytes.subarray(at, at + INPUT_PART));
    }
  }

  /** Sets where the vCPU begins. @throws {Error} while the domain runs */
  setEntry(entry: BootEntry): Promise<void> {
    return this.#serially(async () => {
      this.#requireStill();
      await this.#vcpu.request({ kind: "enter", entry });
      this.#entered = true;
    });
  }

  /** @throws {Error} if the domain does not stand at its entry */
  start(): Promise<void> {
    return this.#serially(async () => {
      if (this.#state !== "stopped") throw new Error(`Domain cannot be started: it is ${this.#state}`);
      if (!this.#entered) throw new Error("Domain cannot be started: it has no entry");
      await this.#go();
    });
  }

  /** Pauses a domain that runs. Servers have then told everything that came before. */
  pause(): Promise<void> {
    return this.#serially(() =>
      this.#state === "running" ? this.#halt() : this.#servers.requestAll(MessageType.Ping)
    );
  }

  /** @throws {Error} if the domain is not paused */
  resume(): Promise<void> {
    return this.#serially(async () => {
      if (this.#state !== "paused") throw new Error(`Domain cannot be resumed: it is ${this.#state}`);
      await this.#go();
    });
  }

  /** Puts all parts but RAM in their power-on state. */
  reset(): Promise<void> {
    return this.#serially(async () => {
      if (this.#state === "running") await this.#halt();
      this.#timers.disarmAll();
      await this.#servers.requestAll(MessageType.Reset);
      await this.#vcpu.request({ kind: "reset" });
      this.#state = "stopped";
      this.#entered = false;
    });
  }

  /** State of all parts but RAM. @throws {Error} while the domain runs */
  save(): Promise<DomainState> {
    return this.#serially(() => {
      this.#requireStill();
      return saveDomain(this.#machine.clock, this.#vcpu, this.#servers);
    });
  }

  /** Takes over what {@link save} gave. @throws {Error} while the domain runs, or if a part does not take its state */
  restore(state: DomainState): Promise<void> {
    return this.#serially(async () => {
      this.#requireStill();
      await restoreDomain(state, this.#machine.clock, this.#timers, this.#vcpu, this.#servers);
      this.#entered = true;
    });
  }

  async statistics(): Promise<DomainStatistics> {
    const { instructions, idle, cpu } = await this.#vcpu.statistics();
    return {
      guestTime: this.#machine.clock.now(),
      instructions: String(instructions),
      ioreqs: this.#servers.ioreqs,
      idle,
      cpu,
    };
  }

  /** Ends the servers and removes what is outside of this process. */
  async destroy(): Promise<void> {
    await this.#servers.end(END_TIMEOUT);
    this.remove();
  }

  /** Removes what is outside of this process, at once. */
  remove(): void {
    this.#machine.remove();
  }

  async #go(): Promise<void> {
    this.#machine.clock.start();
    this.#timers.schedule();
    this.#state = "running";
    await this.#servers.requestAll(MessageType.Resume);
    await this.#vcpu.request({ kind: "run" });
  }

  async #halt(): Promise<void> {
    await this.#vcpu.request({ kind: "stop" });
    this.#machine.clock.stop();
    this.#timers.schedule();
    this.#state = "paused";
    await this.#servers.requestAll(MessageType.Pause);
  }

  /** Stops the domain for something that the guest did, and tells. */
  async #stopFor(event: DomainEvent): Promise<void> {
    try {
      await this.#serially(async () => {
        if (this.#state === "running") await this.#halt();
      });
    } catch {
      // A server that does not take part is told of by itself.
    }
    this.#handlers.event(event);
  }

  #tripleFault(registers: string): void {
    const reason = "Triple fault";
    this.#stopFor({ kind: "triple-fault", vcpu: 0, reason, registers });
  }

  #linkHandlers(name: string, slot: number): Omit<ServerLinkHandlers, "failed"> {
    return {
      output: (bytes) => this.#handlers.serverOutput(name, bytes),
      log: (level: LogLevel, text) => {
        if (level <= this.#logLevel) this.#handlers.event({ kind: "log", server: name, level, text });
      },
      power: (request) => {
        this.#stopFor({ kind: "power", request: request === PowerRequest.Off ? "off" : "reset" });
      },
      setTimer: (id, deadline) => this.#timers.arm(slot, id, deadline),
      readMemory: (gpa, length) => this.#machine.ram.read(gpa, length),
      writeMemory: (gpa, bytes) => {
        this.#machine.write(gpa, bytes);
        this.#vcpu.wake();
      },
    };
  }

  #requireStill(): void {
    if (this.#state === "running") throw new Error("Domain runs: pause it first");
  }

  #serially<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(action);
    this.#queue = result.catch(() => {});
    return result;
  }
}
