/**
 * A vCPU's thread, as the main thread sees it.
 *
 * @module
 */

import { type AttentionWord, raiseAttention } from "./attention.ts";
import type {
  SavedVcpu,
  ThreadStart,
  VcpuAction,
  VcpuReport,
  VcpuRequest,
  VcpuStart,
  VcpuStatistics,
} from "./vcpu_requests.ts";

/** Called for what the thread tells without being asked. */
export interface VcpuHandlers {
  shutdown(registers: string): void;
  violation(slot: number, reason: string): void;
  fatal(reason: string, details?: string): void;
}

/** A vCPU's thread. */
export class VcpuHandle {
  /** Settles once the thread takes requests. */
  readonly ready: Promise<AttentionWord>;
  readonly #vcpu: number;
  readonly #port: MessagePort;
  readonly #handlers: VcpuHandlers;
  readonly #ready = Promise.withResolvers<AttentionWord>();
  readonly #pending = new Map<number, PromiseWithResolvers<SavedVcpu | VcpuStatistics | undefined>>();
  #attention: AttentionWord | undefined;
  #lastId = 0;

  /** Starts the module `url` as the thread of a vCPU. */
  constructor(url: URL, start: Omit<VcpuStart, "port">, handlers: VcpuHandlers) {
    this.ready = this.#ready.promise;
    this.#handlers = handlers;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.onmessage = ({ data }: MessageEvent<VcpuReport>) => this.#receive(data);
    this.#vcpu = start.vcpu;
    this.#startThread(url, `vcpu${start.vcpu}`, { ...start, port: port2 });
  }

  #startThread(url: URL | string, name: string, start: ThreadStart): void {
    const worker = new Worker(url, { type: "module", name });
    worker.onerror = (event) => {
      event.preventDefault();
      this.#handlers.fatal(`vCPU ${this.#vcpu} cannot run: ${event.message.split("\n")[0]}`);
    };
    worker.postMessage(start, [start.port]);
  }

  /** Asks for something. @throws {Error} what the thread says against it */
  async request(action: VcpuAction): Promise<SavedVcpu | VcpuStatistics | undefined> {
    const attention = await this.ready;
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<SavedVcpu | VcpuStatistics | undefined>();
    this.#pending.set(id, answer);
    const request: VcpuRequest = { id, action };
    this.#port.postMessage(request);
    raiseAttention(attention);
    return answer.promise;
  }

  async save(): Promise<SavedVcpu> {
    return await this.request({ kind: "save" }) as SavedVcpu;
  }

  async statistics(): Promise<VcpuStatistics> {
    return await this.request({ kind: "statistics" }) as VcpuStatistics;
  }

  /** Makes the vCPU look at what came from the servers. */
  wake(): void {
    if (this.#attention !== undefined) raiseAttention(this.#attention);
  }

  #receive(report: VcpuReport): void {
    switch (report.kind) {
      case "thread":
        return this.#startThread(report.module, report.name, report.start);
      case "ready":
        this.#attention = report.attention;
        return this.#ready.resolve(report.attention);
      case "answer":
        return this.#take(report.id)?.resolve(report.value);
      case "refusal":
        return this.#take(report.id)?.reject(new Error(report.reason));
      case "shutdown":
        return this.#handlers.shutdown(report.registers);
      case "violation":
        return this.#handlers.violation(report.slot, report.reason);
      case "fatal":
        return this.#handlers.fatal(report.reason, report.details);
    }
  }

  #take(id: number): PromiseWithResolvers<SavedVcpu | VcpuStatistics | undefined> | undefined {
    const answer = this.#pending.get(id);
    this.#pending.delete(id);
    return answer;
  }
}
