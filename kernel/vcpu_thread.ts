/**
 * A vCPU's thread: puts the vCPU, the interrupt controllers and the way to the servers together, and
 * answers the main thread.
 *
 * @module
 */

import { receiveMessageOnPort } from "node:worker_threads";
import { decodeState, encodeState, type StateFields } from "./abi/state.ts";
import { type AttentionWord, raiseAttention } from "./attention.ts";
import { Mailbox } from "./channel/mailbox.ts";
import { openVcpuChannel, type VcpuChannel, type VcpuChannelPlan } from "./channel/vcpu_channel.ts";
import { GuestClock } from "./clock.ts";
import { PHYSICAL_ADDRESS_BITS } from "./cpu/system/cpuid.ts";
import { Signal } from "./interrupt/delivery.ts";
import { InterruptController } from "./interrupt/interrupt_controller.ts";
import { InterruptLineReader } from "./io/interrupt_lines.ts";
import { IoMapReader } from "./io/io_map.ts";
import { IoreqClient } from "./io/ioreq_client.ts";
import { Router } from "./io/router.ts";
import { Slots } from "./io/slots.ts";
import { VcpuEventKind, VcpuEvents } from "./io/vcpu_events.ts";
import { type Vcpu, type VcpuBus, VcpuFailure } from "./vcpu.ts";
import { VcpuLoop } from "./vcpu_loop.ts";
import type {
  SavedVcpu,
  ThreadStarter,
  VcpuAction,
  VcpuDiagnostics,
  VcpuReport,
  VcpuRequest,
  VcpuStart,
  VcpuStatistics,
} from "./vcpu_requests.ts";

/** Rate of the time-stamp counter: a tick for each nanosecond of guest time. */
const TSC_FREQUENCY = 1_000_000_000;

/** Versions of the states of a vCPU and of the interrupt controllers. */
const STATE_VERSION = 1;

/** Makes a vCPU. */
export type VcpuFactory = (options: {
  readonly ram: WebAssembly.Memory;
  readonly ramSize: number;
  readonly bus: VcpuBus;
  readonly index: number;
}) => Vcpu;

/** Makes this Worker a vCPU's thread. `prepare` gives what makes its vCPU, once that is loaded. */
export function serveVcpu(
  prepare: (diagnostics: VcpuDiagnostics, startThread: ThreadStarter) => VcpuFactory | Promise<VcpuFactory>,
): void {
  addEventListener("message", async (event) => {
    const { data: start } = event as MessageEvent<VcpuStart>;
    const { port, vcpu, diagnostics } = start;
    // Not a Worker of this one, which never rests: Deno would take half a second for its module, and as long again for its
    // first message.
    const startThread: ThreadStarter = (module, name, start) => {
      const report: VcpuReport = { kind: "thread", module: String(module), name, start };
      port.postMessage(report, [start.port]);
    };
    try {
      new VcpuThread(start, await prepare(diagnostics, startThread)).run();
    } catch (error) {
      port.postMessage(fatalReport(vcpu, error));
    }
  });
}

function fatalReport(vcpu: number, error: unknown): VcpuReport {
  const failure = error instanceof VcpuFailure;
  const what = failure ? error.message : error instanceof Error ? `${error.name}: ${error.message}` : error;
  const reason = `vCPU ${vcpu} cannot go on: ${what}`;
  return { kind: "fatal", reason, ...failure ? { details: error.details } : {} };
}

class VcpuThread {
  readonly #start: VcpuStart;
  readonly #clock: GuestClock;
  readonly #interrupts: InterruptController;
  readonly #vcpu: Vcpu;
  readonly #loop: VcpuLoop;
  readonly #lines: InterruptLineReader;
  readonly #events: VcpuEvents;
  readonly #channels = new Map<number, VcpuChannel>();
  readonly #requests: VcpuRequest[] = [];
  readonly #memoryEnd: number;

  constructor(start: VcpuStart, factory: VcpuFactory) {
    this.#start = start;
    this.#clock = new GuestClock(start.clock);
    this.#lines = new InterruptLineReader(start.share.lines);
    this.#events = new VcpuEvents(start.share.events);
    this.#memoryEnd = start.share.ram.at(-1)!.last + 1;
    const now = () => this.#clock.now();
    this.#interrupts = new InterruptController({
      clocks: [{ now, tscFrequency: TSC_FREQUENCY, tsc: () => BigInt(now()) }],
      physicalAddressBits: PHYSICAL_ADDRESS_BITS,
      signal: (_vcpu, signal) => this.#signal(signal),
    });
    const slots = new Slots(start.share.slots);
    const client = new IoreqClient({
      vcpu: start.vcpu,
      mailbox: new Mailbox(start.share.mailboxes[start.vcpu]),
      slots,
      channel: (slot) => this.#channel(slot),
      violated: (slot, reason) => this.#report({ kind: "violation", slot, reason }),
    });
    const bus = new Router({
      vcpu: start.vcpu,
      interrupts: this.#interrupts,
      map: new IoMapReader(start.share.ioMap),
      client,
      now,
      answered: () => this.#lines.apply(this.#interrupts),
      interruptsChanged: () => this.#interruptsChanged(),
    });
    const { ram, ramSize } = start;
    this.#vcpu = factory({ ram, ramSize, bus, index: start.vcpu });
    this.#loop = new VcpuLoop({
      index: start.vcpu,
      vcpu: this.#vcpu,
      interrupts: this.#interrupts,
      now,
      takeEvents: () => this.#takeEvents(),
      takeRequests: () => this.#takeRequests(),
      shutdown: () => this.#report({ kind: "shutdown", registers: this.#vcpu.registers() }),
    });
  }

  run(): never {
    this.#report({ kind: "ready", attention: this.#attention });
    return this.#loop.run();
  }

  get #attention(): AttentionWord {
    const { words, index } = this.#vcpu.attention;
    return { words, index };
  }

  #report(report: VcpuReport): void {
    this.#start.port.postMessage(report);
  }

  #signal(signal: Signal): void {
    if (signal === Signal.Nmi) this.#loop.nonMaskableInterrupt();
    // The only processor gets neither INIT nor a start-up IPI from another one, and has no SMM.
    raiseAttention(this.#vcpu.attention);
  }

  #interruptsChanged(): void {
    const { vcpu } = this.#start;
    const deadline = this.#interrupts.nextDeadline(vcpu);
    const sooner = deadline !== undefined && deadline < this.#loop.horizon;
    if (sooner || this.#interrupts.pending(vcpu)) raiseAttention(this.#vcpu.attention);
  }

  #takeEvents(): void {
    this.#lines.apply(this.#interrupts);
    for (let event; this.#events.pending && (event = this.#events.take(this.#memoryEnd)) !== undefined;) {
      if (event.kind === VcpuEventKind.Msi) this.#interrupts.injectMsi(event.first, event.second);
      else this.#vcpu.memoryModified(event.first, event.second);
    }
  }

  /** This thread's end to a server: what the main thread says of servers is carried out first. */
  #channel(slot: number): VcpuChannel | undefined {
    if (!this.#channels.has(slot)) this.#receiveRequests();
    return this.#channels.get(slot);
  }

  #takeRequests(): void {
    this.#receiveRequests();
    for (let request; (request = this.#requests.shift()) !== undefined;) this.#answer(request);
  }

  /** Takes in what was posted. What is about servers does not wait: an access may be waiting for it. */
  #receiveRequests(): void {
    const port = this.#start.port as unknown as Parameters<typeof receiveMessageOnPort>[0];
    for (let entry; (entry = receiveMessageOnPort(port)) !== undefined;) {
      const request = entry.message as VcpuRequest;
      if (request.action.kind === "attach") this.#answer(request);
      else this.#requests.push(request);
    }
  }

  #answer(request: VcpuRequest): void {
    const { id, action } = request;
    // What the vCPU itself says against being relied on is no refusal: the thread cannot go on.
    if (action.kind === "stop") this.#vcpu.pausing?.();
    try {
      const value = this.#act(action);
      this.#report({ kind: "answer", id, ...value === undefined ? {} : { value } });
    } catch (error) {
      this.#report({ kind: "refusal", id, reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #act(action: VcpuAction): SavedVcpu | VcpuStatistics | undefined {
    switch (action.kind) {
      case "attach":
        return this.#attach(action.plan);
      case "detach":
        this.#channels.get(action.slot)?.close();
        this.#channels.delete(action.slot);
        return undefined;
      case "enter":
        this.#vcpu.enter(action.entry);
        this.#loop.stateChanged();
        return undefined;
      case "run":
        this.#loop.running = true;
        return undefined;
      case "stop":
        this.#loop.running = false;
        return undefined;
      case "reset":
        return this.#reset();
      case "save":
        return this.#save();
      case "restore":
        return this.#restore(action.vcpu, action.interrupts);
      case "statistics":
        return {
          instructions: this.#vcpu.instructions,
          idle: this.#loop.idle,
          cpu: { ...this.#vcpu.statistics },
        };
    }
  }

  #attach(plan: VcpuChannelPlan): undefined {
    this.#channels.get(plan.slot)?.close();
    this.#channels.set(plan.slot, openVcpuChannel(plan, this.#start.share, [this.#attention]));
  }

  #reset(): undefined {
    this.#takeEvents();
    this.#vcpu.reset();
    this.#interrupts.reset();
    this.#lines.applyAll(this.#interrupts);
    this.#loop.stateChanged();
  }

  #save(): SavedVcpu {
    this.#takeEvents();
    const state = (device: string, fields: StateFields) =>
      encodeState({ device, version: STATE_VERSION, fields });
    return {
      vcpu: state("vcpu", this.#vcpu.save()),
      interrupts: state("interrupts", this.#interrupts.save()),
    };
  }

  #restore(vcpu: Uint8Array, interrupts: Uint8Array): undefined {
    // How the lines came to be as they are is nothing that the restored machine has seen.
    this.#takeEvents();
    this.#interrupts.restore(fieldsOf("interrupts", interrupts));
    this.#lines.applyAll(this.#interrupts);
    this.#vcpu.restore(fieldsOf("vcpu", vcpu));
    this.#vcpu.memoryModified(0, this.#memoryEnd);
    this.#loop.stateChanged();
  }
}

function fieldsOf(part: string, bytes: Uint8Array): StateFields {
  const { device, version, fields } = decodeState(bytes);
  if (device !== part || version !== STATE_VERSION) {
    throw new TypeError(`Cannot restore ${part}: state is that of "${device}", version ${version}`);
  }
  return fields;
}
