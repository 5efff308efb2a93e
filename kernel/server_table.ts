/**
 * The servers of a domain: attaching, detaching, and what happens when one fails.
 *
 * A failed server keeps its I/O ranges for a while. Accesses to them wait, so that to the guest a server that is
 * replaced is slow, never broken.
 *
 * @module
 */

import type { AttachServer } from "./abi/control.ts";
import { MessageType } from "./abi/message.ts";
import { FifoChannel } from "./channel/fifo_channel.ts";
import type { AttentionWord } from "./attention.ts";
import type { DomainShare, Grants } from "./channel/grants.ts";
import type { ChannelHandlers, KernelChannel } from "./channel/kernel_channel.ts";
import { Mailbox, MailboxState } from "./channel/mailbox.ts";
import { WorkerChannel } from "./channel/worker_channel.ts";
import { InterruptLines } from "./io/interrupt_lines.ts";
import { IoMap } from "./io/io_map.ts";
import { Slots, SlotState } from "./io/slots.ts";
import { ANSWER_TICKS, ServerLink, type ServerLinkHandlers } from "./server_link.ts";
import type { VcpuHandle } from "./vcpu_handle.ts";

/** Time in milliseconds for which accesses to a failed server wait for its replacement. */
const REPLACEMENT_TIMEOUT = 10_000;

/** What the servers' effects do that are not in shared memory. */
export interface ServerTableHandlers {
  /** Handlers for the link of the server `name`, in `slot`; `failed` is the table's own. */
  link(name: string, slot: number): Omit<ServerLinkHandlers, "failed">;
  /** Settles when servers may send on; `undefined`: at once. */
  ready(): Promise<void> | undefined;
  /** The server in `slot` has no effects any more. */
  ended(slot: number): void;
  /** A server that was ready has failed. */
  failed(name: string, reason: string): void;
  /** Guest time in nanoseconds. */
  now(): number;
}

interface Server {
  readonly name: string;
  readonly slot: number;
  readonly link: ServerLink;
  readonly channel: KernelChannel;
  readonly ended: PromiseWithResolvers<void>;
  /** It was ready, and is not any more. */
  failed: boolean;
  /** It has nothing any more. */
  retired: boolean;
}

/** All servers. */
export class ServerTable {
  readonly #share: DomainShare;
  readonly #vcpus: readonly VcpuHandle[];
  readonly #handlers: ServerTableHandlers;
  readonly #slots: Slots;
  readonly #lines: InterruptLines;
  readonly #map: IoMap;
  readonly #mailboxes: readonly Mailbox[];
  readonly #servers = new Map<string, Server>();
  /** Access that each vCPU waits for, and for how many ticks it has. */
  readonly #waits: { id: number; ticks: number }[];
  #ending = false;

  constructor(share: DomainShare, vcpus: readonly VcpuHandle[], handlers: ServerTableHandlers) {
    this.#share = share;
    this.#vcpus = vcpus;
    this.#handlers = handlers;
    this.#slots = new Slots(share.slots);
    this.#lines = new InterruptLines(share.lines);
    this.#map = new IoMap(share.ioMap);
    this.#mailboxes = share.mailboxes.map((memory) => new Mailbox(memory));
    this.#waits = this.#mailboxes.map(() => ({ id: 0, ticks: 0 }));
  }

  /**
   * Attaches a server and waits until it is ready; `attention` are the vCPUs' words, once they are there.
   * @throws {Error} if it does not get ready */
  async attach(
    options: AttachServer,
    attention: Promise<readonly AttentionWord[]>,
  ): Promise<ServerLink> {
    const { name } = options;
    const old = this.#servers.get(name);
    if (old !== undefined && !old.failed) throw new Error(`Server "${name}" is attached already`);
    const server = this.#open(options, old, attention);
    this.#servers.set(name, server);
    try {
      const attached = this.#vcpus.map((vcpu) =>
        vcpu.request({ kind: "attach", plan: server.channel.vcpuPlan })
      );
      // A vCPU that waits for the failed server takes requests only when it is told to make its access again.
      const ready = server.link.ready.then(() =>
        old !== undefined && this.#retire(old, MailboxState.Reissue)
      );
      await Promise.all([ready, ...attached]);
      server.channel.release();
      return server.link;
    } catch (error) {
      server.link.end("Server could not be attached");
      if (this.#servers.get(name) === server) {
        if (old === undefined) this.#servers.delete(name);
        else this.#servers.set(name, old);
      }
      this.#retire(server, MailboxState.Gone);
      throw error;
    }
  }

  /** Ends a server, whatever its state. @throws {Error} if there is none of this name */
  detach(name: string): void {
    const server = this.#find(name);
    this.#servers.delete(name);
    server.link.post(MessageType.Shutdown);
    server.link.end(`Server "${name}" was detached`);
    this.#retire(server, MailboxState.Gone);
  }

  /** Link of a server that is ready. @throws {Error} if there is none of this name */
  link(name: string): ServerLink {
    const server = this.#find(name);
    if (!server.link.isReady) throw new Error(`Server "${name}" is not ready`);
    return server.link;
  }

  /** Names of the servers that are ready or have been. */
  get names(): string[] {
    return [...this.#servers.values()].filter(({ link, failed }) => failed || link.isReady).map(({ name }) =>
      name
    );
  }

  /** Sends a request to all servers that are ready. @throws {Error} if one does not carry it out, named in the text */
  async requestAll(type: MessageType): Promise<void> {
    const ready = [...this.#servers.values()].filter(({ link }) => link.isReady);
    await Promise.all(ready.map(async ({ name, link }) => {
      try {
        await link.request(type);
      } catch (error) {
        throw new Error(`Server "${name}": ${error instanceof Error ? error.message : error}`);
      }
    }));
  }

  /** Ioreqs by server. */
  get ioreqs(): { [name: string]: number } {
    return Object.fromEntries(
      [...this.#servers.values()].map(({ name, slot }) => [name, this.#slots.ioreqs(slot)]),
    );
  }

  /** The server in `slot` sent what it may not. */
  violated(slot: number, reason: string): void {
    for (const server of this.#servers.values()) if (server.slot === slot) server.link.fail(reason);
  }

  /** Tells the server in `slot` that a timer of its is due at guest time `time` (ns). */
  timerDue(slot: number, id: number, time: number): void {
    const body = new Uint8Array(16);
    const view = new DataView(body.buffer);
    view.setUint32(0, id, true);
    view.setFloat64(8, time, true);
    for (const server of this.#servers.values()) {
      if (server.slot === slot) server.link.post(MessageType.Timer, body);
    }
  }

  /** To be called once a second: gives up servers that do not answer. */
  tick(): void {
    for (const { link } of this.#servers.values()) link.tick();
    this.#mailboxes.forEach((mailbox, vcpu) => {
      const wait = this.#waits[vcpu];
      if (mailbox.state !== MailboxState.Waiting || mailbox.id !== wait.id) {
        this.#waits[vcpu] = { id: mailbox.id, ticks: 0 };
      } else if (++wait.ticks >= ANSWER_TICKS) {
        this.violated(mailbox.slot, `Server does not answer an access of the guest within ${ANSWER_TICKS} s`);
      }
    });
  }

  /** Asks all servers to end, and waits until they have, or for `timeout` milliseconds. */
  async end(timeout: number): Promise<void> {
    this.#ending = true;
    const servers = [...this.#servers.values()].filter(({ failed }) => !failed);
    for (const server of servers) server.link.post(MessageType.Shutdown);
    const timer = Promise.withResolvers<void>();
    const id = setTimeout(timer.resolve, timeout);
    await Promise.race([timer.promise, Promise.all(servers.map(({ ended }) => ended.promise))]);
    clearTimeout(id);
  }

  #open(
    options: AttachServer,
    old: Server | undefined,
    attention: Promise<readonly AttentionWord[]>,
  ): Server {
    const { name, interrupts, dma, ranges, transport } = options;
    const slot = this.#slots.allocate();
    const link = new ServerLink(name, dma, this.#handlers.now, {
      ...this.#handlers.link(name, slot),
      failed: (reason) => this.#failed(name, slot, reason),
    });
    const ended = Promise.withResolvers<void>();
    const handlers: ChannelHandlers = {
      message: (message) => link.message(message),
      ready: () => this.#handlers.ready(),
      ended: () => {
        ended.resolve();
        if (!this.#ending) link.ended();
      },
      violated: (reason) => link.fail(reason),
    };
    const grants: Grants = {
      name,
      slot,
      interrupts,
      dma,
      ranges,
      ...old === undefined ? {} : { replaces: old.slot },
    };
    try {
      const channel = transport.kind === "fifo"
        ? new FifoChannel(transport, grants, this.#share, attention, handlers)
        : new WorkerChannel(transport.url, transport.options, grants, this.#share, attention, handlers);
      link.channel = channel;
      return { name, slot, link, channel, ended, failed: false, retired: false };
    } catch (error) {
      this.#slots.setState(slot, SlotState.Free);
      throw error;
    }
  }

  #failed(name: string, slot: number, reason: string): void {
    const server = this.#servers.get(name);
    // One that was never ready fails its attaching.
    if (server === undefined || server.slot !== slot || server.retired) return;
    server.link.ready.then(() => {
      server.failed = true;
      this.#map.withdraw(slot);
      this.#slots.setState(slot, SlotState.Failed);
      for (const mailbox of this.#mailboxes) mailbox.abandon(slot, MailboxState.Held);
      this.#handlers.ended(slot);
      this.#handlers.failed(name, reason);
      setTimeout(() => this.#retire(server, MailboxState.Gone), REPLACEMENT_TIMEOUT);
    }, () => {});
  }

  /** Takes away all that a server has, once. */
  #retire(server: Server, outcome: MailboxState.Gone | MailboxState.Reissue): void {
    if (server.retired) return;
    server.retired = true;
    const { slot } = server;
    this.#map.removeSlot(slot);
    this.#slots.setState(slot, SlotState.Gone);
    for (const mailbox of this.#mailboxes) mailbox.abandon(slot, outcome);
    this.#lines.release(slot);
    this.#handlers.ended(slot);
    const detached = this.#vcpus.map((vcpu) => vcpu.request({ kind: "detach", slot }));
    // Until then a vCPU may be on its way to it.
    Promise.all(detached).then(() => {
      server.channel.release();
      this.#slots.setState(slot, SlotState.Free);
    });
  }

  #find(name: string): Server {
    const server = this.#servers.get(name);
    if (server === undefined) throw new Error(`There is no server "${name}"`);
    return server;
  }
}
