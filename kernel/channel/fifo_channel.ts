/**
 * A channel to a server process: two FIFOs.
 *
 * @module
 */

import { encodeMessage, MessageType } from "../abi/message.ts";
import type { FifoReaderEvent, FifoReaderStart } from "./fifo_reader.ts";
import type { AttentionWord } from "../attention.ts";
import type { DomainShare, Grants } from "./grants.ts";
import { type ChannelHandlers, type KernelChannel, MainReceiver } from "./kernel_channel.ts";
import { Lock } from "./lock.ts";
import { FifoSink, RequestQueue } from "./request_queue.ts";
import { makeRing, Ring } from "./ring.ts";
import { makeLocks, REQUESTS_LOCK, type VcpuChannelPlan } from "./vcpu_channel.ts";
import { makeWakeFlag, WakeFlag } from "./wake_flag.ts";

/** Paths of the FIFOs: `requests` to the server, `replies` from it. */
export interface FifoPaths {
  readonly requests: string;
  readonly replies: string;
}

/** The kernel's side of a pair of FIFOs. */
export class FifoChannel implements KernelChannel {
  readonly vcpuPlan: VcpuChannelPlan;
  readonly #queue: RequestQueue;
  readonly #reader: Worker;
  readonly #receiver: MainReceiver;
  /** Both ends of both FIFOs, so that neither opening them waits nor their end is seen before the server is there. */
  readonly #guards: Deno.FsFile[];
  #readerOpen = false;
  #released = false;

  /** `attention` are the vCPUs' words, once they are there. @throws {TypeError} if the paths are not those of FIFOs */
  constructor(
    paths: FifoPaths,
    grants: Grants,
    share: DomainShare,
    attention: Promise<readonly AttentionWord[]>,
    handlers: ChannelHandlers,
  ) {
    for (const path of [paths.requests, paths.replies]) {
      if (!Deno.statSync(path).isFifo) throw new TypeError(`File "${path}" is not a FIFO`);
    }
    this.#guards = [paths.requests, paths.replies].map((path) =>
      Deno.openSync(path, { read: true, write: true })
    );
    const locks = makeLocks();
    this.vcpuPlan = { kind: "fifo", slot: grants.slot, path: paths.requests, locks };
    const requests = Deno.openSync(paths.requests, { write: true });
    this.#queue = new RequestQueue(new FifoSink(requests, new Lock(new Int32Array(locks), REQUESTS_LOCK)));
    const ring = makeRing();
    const flag = makeWakeFlag();
    const received: ChannelHandlers = {
      ...handlers,
      message: (message) => {
        // The reader's own, see there: servers send no such types.
        if (message.type >= MessageType.Hello) handlers.message(message);
        else this.#queue.send(encodeMessage(message.type, message.id, message.body));
      },
    };
    this.#receiver = new MainReceiver(new Ring(ring), new WakeFlag(flag), received, () => {});
    this.#reader = new Worker(new URL("./fifo_reader.ts", import.meta.url), {
      type: "module",
      name: grants.name,
    });
    this.#reader.onmessage = ({ data }: MessageEvent<FifoReaderEvent>) => {
      if (data.kind === "open") this.#readerIsOpen();
      else if (data.kind === "ready") this.#receiver.receive();
      else if (data.kind === "end") this.#receiver.endWith(() => handlers.ended());
      else this.#receiver.endWith(() => handlers.violated(data.reason));
    };
    attention.then((attention) => {
      const start: FifoReaderStart = { path: paths.replies, grants, share, attention, ring, flag };
      this.#reader.postMessage(start);
    });
  }

  send(message: Uint8Array): void {
    this.#queue.send(message);
  }

  fenceAnswered(): void {
    this.#queue.fenceAnswered();
  }

  release(): void {
    this.#released = true;
    this.#closeGuards();
  }

  close(): void {
    this.#receiver.close();
    this.#queue.close();
    // The reader ends by itself at the end of file, as it may hold a lock now.
  }

  #readerIsOpen(): void {
    this.#readerOpen = true;
    this.#closeGuards();
  }

  #closeGuards(): void {
    // Without them, opening a FIFO whose other end is not there would never return.
    if (!this.#released || !this.#readerOpen) return;
    for (const file of this.#guards.splice(0)) file.close();
  }
}
