/**
 * The parts of a domain that all of its threads share.
 *
 * @module
 */

import type { DomainOptions } from "./abi/control.ts";
import type { DomainShare } from "./channel/grants.ts";
import { makeMailbox } from "./channel/mailbox.ts";
import { GuestClock } from "./clock.ts";
import { makeInterruptLines } from "./io/interrupt_lines.ts";
import { makeIoMap } from "./io/io_map.ts";
import { makeSlots } from "./io/slots.ts";
import { makeVcpuEvents, VcpuEvents } from "./io/vcpu_events.ts";
import { GuestRam, ramParts } from "./memory/ram.ts";
import { SharedFile } from "./memory/shared_file.ts";

/** RAM, time, and the shared memory that servers' effects go through. */
export class Machine {
  readonly ram: GuestRam;
  readonly clock = new GuestClock();
  readonly share: DomainShare;
  readonly #events: VcpuEvents;
  readonly #ramFile: SharedFile | undefined;

  /** @throws {Error} if the options cannot be had */
  constructor(options: DomainOptions) {
    // The interrupt controllers are on the thread of the vCPU.
    if (options.vcpus !== 1) throw new RangeError(`Cannot have ${options.vcpus} vCPUs: 1 is what there is`);
    this.ram = GuestRam.allocate(options.memory);
    this.#ramFile = options.ramFile === undefined ? undefined : new SharedFile(this.ram, options.ramFile);
    this.share = {
      lines: makeInterruptLines(),
      ioMap: makeIoMap(),
      slots: makeSlots(),
      mailboxes: Array.from({ length: options.vcpus }, makeMailbox),
      events: makeVcpuEvents(),
      ram: ramParts(options.memory),
    };
    this.#events = new VcpuEvents(this.share.events);
  }

  /** Writes RAM from outside the vCPUs. @throws {RangeError} outside RAM */
  write(gpa: number, bytes: Uint8Array): void {
    this.ram.write(gpa, bytes);
    if (bytes.length > 0) this.#events.addModifiedMemory(gpa, bytes.length);
  }

  /** Removes what there is outside of this process. */
  remove(): void {
    this.#ramFile?.remove();
  }
}
