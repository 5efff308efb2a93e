/**
 * A channel to a server in a Worker of the kernel process: rings in shared memory.
 *
 * @module
 */

import type { AttentionWord } from "../attention.ts";
import type { DomainShare, Grants } from "./grants.ts";
import { Inbound } from "./inbound.ts";
import { type ChannelHandlers, type KernelChannel, MainReceiver } from "./kernel_channel.ts";
import { Lock } from "./lock.ts";
import { answerToMap } from "./map_answer.ts";
import { RequestQueue, RingSink } from "./request_queue.ts";
import { makeRing, Ring } from "./ring.ts";
import { RingReplies } from "./ring_replies.ts";
import type { WorkerServerStart } from "./server_channel.ts";
import { makeLocks, REPLIES_LOCK, REQUESTS_LOCK, type VcpuChannelPlan } from "./vcpu_channel.ts";
import { makeWakeFlag, WakeFlag } from "./wake_flag.ts";

/** Time in milliseconds that a server gets to end by itself once its rings are closed. */
const END_TIMEOUT = 500;

/** The kernel's side of the rings. */
export class WorkerChannel implements KernelChannel {
  readonly vcpuPlan: VcpuChannelPlan;
  readonly #queue: RequestQueue;
  readonly #replies: Ring;
  readonly #receiver: MainReceiver;
  readonly #worker: Worker;

  /** Starts the module `url` without any permission; `attention` are the vCPUs' words, once they are there. */
  constructor(
    url: string,
    options: string,
    grants: Grants,
    share: DomainShare,
    attention: Promise<readonly AttentionWord[]>,
    handlers: ChannelHandlers,
  ) {
    const start: WorkerServerStart = {
      options,
      requests: makeRing(),
      replies: makeRing(),
      effects: makeRing(),
      flag: makeWakeFlag(),
    };
    const locks = makeLocks();
    const words = new Int32Array(locks);
    this.vcpuPlan = {
      kind: "ring",
      slot: grants.slot,
      requests: start.requests,
      replies: start.replies,
      locks,
      grants,
    };
    this.#queue = new RequestQueue(new RingSink(new Ring(start.requests), new Lock(words, REQUESTS_LOCK)));
    this.#replies = new Ring(start.replies);
    // Nothing comes in before they are known: the server does not know its rings until then.
    const vcpus: AttentionWord[] = [];
    const inbound = new Inbound(
      grants,
      share,
      vcpus,
      (id, refusal) => this.#queue.send(answerToMap(id, refusal)),
    );
    const replies = new RingReplies(this.#replies, new Lock(words, REPLIES_LOCK), inbound);
    const effects = new Ring(start.effects);
    this.#receiver = new MainReceiver(effects, new WakeFlag(start.flag), handlers, () => replies.drain());
    this.#worker = new Worker(url, { type: "module", name: grants.name, deno: { permissions: "none" } });
    this.#worker.onmessage = () => {
      // A server that ends closes its rings.
      if (effects.closed) this.#receiver.endWith(() => handlers.ended());
      else this.#receiver.receive();
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#receiver.endWith(() => handlers.violated(`Server cannot run: ${event.message.split("\n")[0]}`));
    };
    attention.then((attention) => {
      vcpus.push(...attention);
      this.#worker.postMessage(start);
    });
  }

  send(message: Uint8Array): void {
    this.#queue.send(message);
  }

  fenceAnswered(): void {
    this.#queue.fenceAnswered();
  }

  release(): void {
    // Nothing has to be opened.
  }

  close(): void {
    this.#receiver.close();
    this.#queue.close();
    this.#replies.close();
    setTimeout(() => this.#worker.terminate(), END_TIMEOUT);
  }
}
