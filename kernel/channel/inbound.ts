/**
 * Carries out those of a server's messages that the guest's next instruction may depend on, on whichever thread
 * receives them, in the order in which they came: interrupts, replies, I/O ranges, published values, written memory.
 *
 * @module
 */

import { decodeIoRange, type IoRange } from "../abi/io_range.ts";
import { type Message, MessageType, NOT_PUBLISHED, precedesGuest, ProtocolError } from "../abi/message.ts";
import { InterruptLines } from "../io/interrupt_lines.ts";
import { formatRange, IoMap, type MapRefusal } from "../io/io_map.ts";
import { VcpuEvents } from "../io/vcpu_events.ts";
import { type AttentionWord, raiseAttention } from "../attention.ts";
import type { DomainShare, Grants } from "./grants.ts";
import { Mailbox } from "./mailbox.ts";

/** Bits of a request's id above which is who made it: 0 the main thread, else the number of the vCPU plus one. */
export const ID_SOURCE_SHIFT = 24;

/** Message-signalled interrupts are writes to these addresses (SDM 3A, "Message Address Register Format"). */
const MSI_PREFIX = 0xfee;

/** Carries out the messages of one server. */
export class Inbound {
  readonly #grants: Grants;
  readonly #ram: DomainShare["ram"];
  readonly #attention: readonly AttentionWord[];
  readonly #lines: InterruptLines;
  readonly #map: IoMap;
  readonly #mailboxes: readonly Mailbox[];
  readonly #events: VcpuEvents;
  readonly #mapped: (id: number, refusal: MapRefusal) => void;

  /** `mapped` is told what became of each request to map or unmap a range. */
  constructor(
    grants: Grants,
    share: DomainShare,
    attention: readonly AttentionWord[],
    mapped: (id: number, refusal: MapRefusal) => void,
  ) {
    this.#grants = grants;
    this.#ram = share.ram;
    this.#attention = attention;
    this.#lines = new InterruptLines(share.lines);
    this.#map = new IoMap(share.ioMap);
    this.#mailboxes = share.mailboxes.map((memory) => new Mailbox(memory));
    this.#events = new VcpuEvents(share.events);
    this.#mapped = mapped;
  }

  /** Whether a message is one that {@link accept} takes. */
  static takes(message: Message): boolean {
    // A vCPU asks for Done to know that the server has read what was sent before.
    return precedesGuest(message.type) ||
      message.type === MessageType.Done && message.id >>> ID_SOURCE_SHIFT !== 0;
  }

  /** Carries out a message that {@link takes} is true for. @throws {ProtocolError} if it is not allowed */
  accept(message: Message): void {
    const { type, id, body } = message;
    switch (type) {
      case MessageType.IoreqReply:
      case MessageType.Done:
        return this.#answer(id, body);
      case MessageType.SetIrqLevel:
        return this.#setIrqLevel(body);
      case MessageType.InjectMsi:
        return this.#injectMsi(body);
      case MessageType.ModifiedMemory:
        return this.#modifiedMemory(body);
      case MessageType.PublishPort:
        return this.#publishPort(body);
      case MessageType.MapIoRange:
        return this.#mapped(id, this.#mapRange(decodeIoRange(body)));
      case MessageType.UnmapIoRange:
        return this.#mapped(id, this.#map.remove({ ...decodeIoRange(body), slot: this.#grants.slot }));
      default:
        throw new ProtocolError(`Message ${MessageType[type]} is not expected`);
    }
  }

  #answer(id: number, body: Uint8Array): void {
    const mailbox = this.#mailboxes[(id >>> ID_SOURCE_SHIFT) - 1];
    const problem = mailbox === undefined
      ? `answers request ${id}, which was not made`
      : mailbox.answer(id, this.#grants.slot, body);
    if (problem !== undefined) throw new ProtocolError(`Server ${problem}`);
  }

  #setIrqLevel(body: Uint8Array): void {
    const view = fixedBody(body, 8, "SetIrqLevel");
    const gsi = view.getUint32(0, true);
    const level = view.getUint32(4, true);
    if (level > 1) throw new ProtocolError(`Interrupt level ${level} does not exist`);
    if (!this.#grants.interrupts.includes(gsi)) {
      throw new ProtocolError(`Interrupt ${gsi} is not one that the server may drive`);
    }
    if (this.#lines.set(this.#grants.slot, gsi, level === 1)) this.#raise();
  }

  #injectMsi(body: Uint8Array): void {
    const view = fixedBody(body, 16, "InjectMsi");
    const address = view.getBigUint64(0, true);
    const data = view.getUint32(8, true);
    // Such an interrupt is a write to memory, so it takes the right to write memory.
    if (!this.#grants.dma) throw new ProtocolError("Server without DMA sends a message-signalled interrupt");
    if (address >> 20n !== BigInt(MSI_PREFIX)) {
      throw new ProtocolError(`Message-signalled interrupt has address 0x${address.toString(16)}`);
    }
    if (!this.#events.addMsi(Number(address), data)) {
      throw new ProtocolError("Server sends more message-signalled interrupts than are taken");
    }
    this.#raise();
  }

  #modifiedMemory(body: Uint8Array): void {
    const view = fixedBody(body, 16, "ModifiedMemory");
    const gpa = Number(view.getBigUint64(0, true));
    const length = Number(view.getBigUint64(8, true));
    if (!this.#grants.dma) throw new ProtocolError("Server without DMA says that it wrote memory");
    if (length === 0) return;
    if (!this.#ram.some(({ first, last }) => gpa >= first && gpa + length - 1 <= last)) {
      throw new ProtocolError(`Written memory at 0x${gpa.toString(16)}, ${length} bytes, is not RAM`);
    }
    this.#events.addModifiedMemory(gpa, length);
    this.#raise();
  }

  #publishPort(body: Uint8Array): void {
    const view = fixedBody(body, 8, "PublishPort");
    const value = view.getUint32(4, true);
    if (value > 0xff && value !== NOT_PUBLISHED) {
      throw new ProtocolError(`Server publishes 0x${value.toString(16)}, which is no byte`);
    }
    const refusal = this.#map.publish(
      this.#grants.slot,
      view.getUint32(0, true),
      value === NOT_PUBLISHED ? undefined : value,
    );
    if (refusal !== undefined) throw new ProtocolError(`Server publishes a value, but ${refusal}`);
  }

  #mapRange(range: IoRange): MapRefusal {
    const allowed = this.#grants.ranges.some((granted) =>
      granted.type === range.type && granted.first <= range.first && range.last <= granted.last &&
      (granted.posted || !range.posted)
    );
    if (!allowed) throw new ProtocolError(`Server maps ${formatRange(range)}, which it may not`);
    return this.#map.add({ ...range, slot: this.#grants.slot }, this.#grants.replaces);
  }

  #raise(): void {
    for (const word of this.#attention) raiseAttention(word);
  }
}

/** View of a body that has to have `length` bytes. @throws {ProtocolError} if it has not */
export function fixedBody(body: Uint8Array, length: number, name: string): DataView {
  if (body.length !== length) {
    throw new ProtocolError(`Message ${name} has a body of ${body.length} bytes, not ${length}`);
  }
  return new DataView(body.buffer, body.byteOffset, length);
}
