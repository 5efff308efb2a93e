/**
 * Starts kernel and server processes for tests, and talks to the kernel as the toolstack does.
 *
 * @module
 */

import type { Manifest } from "../../devices/device.ts";
import { type AttachServer, CONTROL_VERSION, ControlType, type DomainEvent } from "../abi/control.ts";
import { MessageReader } from "../abi/message.ts";
import { encodeControl } from "../control_output.ts";
import { encodeScript, LOG, SCRIPT, type Step, VECTORS } from "./fake_vcpu.ts";

const PROJECT = new URL("../../", import.meta.url).pathname;
const COMMON = ["run", "--quiet", "--no-prompt", "--no-config", "--no-lock", "--no-remote", "--no-npm"];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Time in milliseconds for which what a server sent before its end is waited for. */
const LAST_WORDS_TIMEOUT = 200;

export type Transport = AttachServer["transport"]["kind"];
export const TRANSPORTS: readonly Transport[] = ["fifo", "worker"];

/** A kernel process. */
export class TestKernel implements AsyncDisposable {
  readonly events: DomainEvent[] = [];
  readonly output = new Map<string, number[]>();
  readonly process: Deno.ChildProcess;
  readonly directory: string;
  readonly servers: Deno.ChildProcess[] = [];
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #pending = new Map<number, PromiseWithResolvers<Uint8Array>>();
  readonly #received: Promise<void>;
  #changed = Promise.withResolvers<void>();
  #lastId = 0;

  /** Starts one, with the permissions that it needs and no others. */
  constructor(module: URL = new URL("./fake_kernel.ts", import.meta.url), extra: readonly string[] = []) {
    this.directory = Deno.makeTempDirSync();
    const flags = [
      "--unstable-worker-options",
      `--allow-read=${PROJECT},${this.directory}`,
      `--allow-write=${this.directory}`,
      ...extra,
    ];
    this.process = new Deno.Command(Deno.execPath(), {
      args: [...COMMON, ...flags, module.href],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.process.stdin.getWriter();
    this.#received = this.#receive();
  }

  /** Starts one and creates a domain. */
  static async create(
    options: { memory?: number; ramFile?: string; logLevel?: number } = {},
  ): Promise<TestKernel> {
    const kernel = new TestKernel(undefined, options.ramFile === undefined ? [] : ["--allow-ffi"]);
    await kernel.json(ControlType.Create, {
      version: CONTROL_VERSION,
      memory: 4 << 20,
      vcpus: 1,
      logLevel: 2,
      ...options,
    });
    return kernel;
  }

  request(type: ControlType, ...parts: Uint8Array[]): Promise<Uint8Array> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Uint8Array>();
    answer.promise.catch(() => {});
    this.#pending.set(id, answer);
    this.#writer.write(encodeControl(type, id, parts)).catch(() => {});
    return answer.promise;
  }

  json(type: ControlType, body: unknown): Promise<Uint8Array> {
    return this.request(type, encoder.encode(JSON.stringify(body)));
  }

  async ask<T>(type: ControlType): Promise<T> {
    return JSON.parse(decoder.decode(await this.request(type)));
  }

  load(gpa: number, bytes: Uint8Array): Promise<Uint8Array> {
    return this.request(ControlType.Load, quadwords(gpa), bytes);
  }

  read(gpa: number, length: number): Promise<Uint8Array> {
    return this.request(ControlType.ReadMemory, quadwords(gpa, length));
  }

  input(server: string, bytes: Uint8Array): Promise<Uint8Array> {
    return this.request(ControlType.ServerInput, Uint8Array.of(server.length), encoder.encode(server), bytes);
  }

  /** Loads a script and lets it run. */
  async run(...steps: readonly Step[]): Promise<void> {
    await this.load(LOG, new Uint8Array(8));
    await this.load(VECTORS, new Uint8Array(8));
    await this.load(SCRIPT, encodeScript(steps));
    await this.json(ControlType.SetEntry, { kind: "pvh", eip: SCRIPT, ebx: 0 });
    await this.request(ControlType.Start);
  }

  /** Waits until the log has `count` values, and gives them. */
  async log(count: number): Promise<number[]> {
    await this.#until(LOG, count);
    const view = new DataView((await this.read(LOG + 8, count * 8)).slice().buffer);
    return Array.from({ length: count }, (_, index) => Number(view.getBigUint64(index * 8, true)));
  }

  /** Waits until `count` interrupts were taken, and gives their vectors. */
  async vectors(count: number): Promise<number[]> {
    await this.#until(VECTORS, count);
    return [...await this.read(VECTORS + 8, count)];
  }

  async count(list: number): Promise<number> {
    return new DataView((await this.read(list, 4)).slice().buffer).getUint32(0, true);
  }

  async event<K extends DomainEvent["kind"]>(kind: K): Promise<DomainEvent & { kind: K }> {
    for (;;) {
      const event = this.events.find((event) => event.kind === kind);
      if (event !== undefined) return event as DomainEvent & { kind: K };
      await this.#changed.promise;
    }
  }

  /** Waits for `bytes` bytes of output of a server. */
  async outputOf(server: string, bytes: number): Promise<number[]> {
    while ((this.output.get(server)?.length ?? 0) < bytes) await this.#changed.promise;
    return this.output.get(server)!;
  }

  /** Attaches a server whose main module is `url`. */
  async attach(
    manifest: Manifest,
    url: URL,
    transport: Transport,
    { argument = "", name = manifest.name, flags = [] }: {
      argument?: string;
      name?: string;
      flags?: readonly string[];
    } = {},
  ): Promise<Deno.ChildProcess | undefined> {
    const { interrupts, dma, ranges } = manifest;
    const body = { name, interrupts, dma, ranges };
    if (transport === "worker") {
      await this.json(ControlType.Attach, {
        ...body,
        transport: { kind: "worker", url: url.href, options: argument },
      });
      return undefined;
    }
    const [requests, replies] = ["requests", "replies"].map((end) =>
      `${this.directory}/${name}${this.servers.length}.${end}`
    );
    await new Deno.Command("mkfifo", { args: [requests, replies] }).output();
    const attached = this.json(ControlType.Attach, {
      ...body,
      transport: { kind: "fifo", requests, replies },
    });
    const process = new Deno.Command("sh", {
      args: [
        "-c",
        `exec "$@" <${requests} >${replies}`,
        "sh",
        Deno.execPath(),
        ...COMMON,
        ...flags,
        url.href,
        ...argument === "" ? [] : [argument],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    this.servers.push(process);
    let waiting = true;
    let detaching: ReturnType<typeof setTimeout> | undefined;
    process.status.then(() => {
      // Its last messages say more of its end.
      const detach = () => this.json(ControlType.Detach, { name }).catch(() => {});
      if (waiting) detaching = setTimeout(detach, LAST_WORDS_TIMEOUT);
    });
    await attached.finally(() => {
      waiting = false;
      clearTimeout(detaching);
    });
    await Promise.all([requests, replies].map((path) => Deno.remove(path)));
    return process;
  }

  /** Closes the kernel's standard input and waits until it has ended. */
  async end(): Promise<Deno.CommandStatus> {
    await this.#writer.close().catch(() => {});
    await this.#received;
    return await this.process.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    for (const server of this.servers) {
      try {
        server.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await server.status;
    }
    await Deno.remove(this.directory, { recursive: true });
  }

  async #until(list: number, count: number): Promise<void> {
    while (await this.count(list) < count) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  async #receive(): Promise<void> {
    const messages = new MessageReader();
    for await (const bytes of this.process.stdout) {
      messages.push(bytes);
      for (let message; (message = messages.next()) !== undefined;) {
        this.#handle(message.type as number, message.id, message.body.slice());
      }
    }
    const events = JSON.stringify(this.events);
    for (const answer of this.#pending.values()) answer.reject(new Error(`Kernel has ended: ${events}`));
  }

  #handle(type: ControlType, id: number, body: Uint8Array): void {
    if (type === ControlType.Ok) this.#pending.get(id)?.resolve(body);
    else if (type === ControlType.Failed) this.#pending.get(id)?.reject(new Error(decoder.decode(body)));
    else if (type === ControlType.Event) this.events.push(JSON.parse(decoder.decode(body)));
    else {
      const end = 1 + body[0];
      const name = decoder.decode(body.subarray(1, end));
      this.output.set(name, [...this.output.get(name) ?? [], ...body.subarray(end)]);
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** Encodes 64-bit numbers. */
export function quadwords(...values: number[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values, BigInt).buffer);
}
