/**
 * What the main thread asks of a vCPU's thread, and what it is told. These are posted between the two.
 *
 * @module
 */

import type { BootEntry } from "./abi/control.ts";
import type { AttentionWord } from "./attention.ts";
import type { DomainShare } from "./channel/grants.ts";
import type { VcpuChannelPlan } from "./channel/vcpu_channel.ts";
import type { ClockShare } from "./clock.ts";

/** How a vCPU is watched. */
export interface VcpuDiagnostics {
  /** File that executed instructions are traced to; absent: none. */
  readonly traceFile?: string;
  /** Whether compiled code is compared with the interpreter. */
  readonly cpuCheck?: boolean;
}

/** What a vCPU's thread is started with. */
export interface VcpuStart {
  readonly vcpu: number;
  readonly ram: WebAssembly.Memory;
  readonly ramSize: number;
  readonly share: DomainShare;
  readonly clock: ClockShare;
  readonly diagnostics: VcpuDiagnostics;
  /** The thread's end of the channel for {@link VcpuRequest} and {@link VcpuReport}. */
  readonly port: MessagePort;
}

/** What is asked. */
export type VcpuAction =
  | { readonly kind: "attach"; readonly plan: VcpuChannelPlan }
  | { readonly kind: "detach"; readonly slot: number }
  | { readonly kind: "enter"; readonly entry: BootEntry }
  | { readonly kind: "run" }
  | { readonly kind: "stop" }
  | { readonly kind: "reset" }
  | { readonly kind: "save" }
  | { readonly kind: "restore"; readonly vcpu: Uint8Array; readonly interrupts: Uint8Array }
  | { readonly kind: "statistics" };

/** A request; the answer repeats its id. */
export interface VcpuRequest {
  readonly id: number;
  readonly action: VcpuAction;
}

/** Encoded states. */
export interface SavedVcpu {
  readonly vcpu: Uint8Array;
  readonly interrupts: Uint8Array;
}

/** Counters. */
export interface VcpuStatistics {
  readonly instructions: bigint;
  /** Nanoseconds in HLT. */
  readonly idle: number;
  readonly cpu: { readonly [name: string]: number };
}

/** The first message to a thread that a vCPU's thread has started beside it. */
export interface ThreadStart {
  /** Goes over to the thread. */
  readonly port: MessagePort;
}

/** Starts the Worker `module` with its first message. `name` is for people. */
export type ThreadStarter = (module: URL, name: string, start: ThreadStart) => void;

/** What the thread posts. */
export type VcpuReport =
  /** It needs another thread: see {@link ThreadStarter}. */
  | { readonly kind: "thread"; readonly module: string; readonly name: string; readonly start: ThreadStart }
  /** It is ready for requests. */
  | { readonly kind: "ready"; readonly attention: AttentionWord }
  | { readonly kind: "answer"; readonly id: number; readonly value?: SavedVcpu | VcpuStatistics }
  | { readonly kind: "refusal"; readonly id: number; readonly reason: string }
  /** The vCPU has shut down by a triple fault, and stands still. */
  | { readonly kind: "shutdown"; readonly registers: string }
  /** A server sent what it may not. */
  | { readonly kind: "violation"; readonly slot: number; readonly reason: string }
  /** The thread cannot go on. `details`: some lines for people. */
  | { readonly kind: "fatal"; readonly reason: string; readonly details?: string };
