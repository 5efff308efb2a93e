/**
 * Interrupt messages: what the local APICs, the I/O APIC and MSIs send, and who gets them.
 *
 * References are to the Intel SDM, volume 3A, chapter "Advanced Programmable Interrupt Controller".
 *
 * @module
 */

/** Delivery modes, with the numbers that redirection entries, ICR, LVT and MSI data have in common. */
export enum DeliveryMode {
  Fixed = 0,
  LowestPriority = 1,
  Smi = 2,
  Nmi = 4,
  Init = 5,
  Startup = 6,
  ExtInt = 7,
}

/** Trigger modes, numbered as in the registers. */
export enum TriggerMode {
  Edge = 0,
  Level = 1,
}

/** Destination shorthands of the ICR. */
export enum Shorthand {
  None = 0,
  Self = 1,
  AllIncludingSelf = 2,
  AllExcludingSelf = 3,
}

/** What reaches a processor beside the interrupts that its local APIC queues. */
export enum Signal {
  /** An interrupt has become deliverable: the processor checks before its next instruction. */
  Interrupt = 0,
  Smi = 1,
  Nmi = 2,
  /** The local APIC has put itself in its INIT state already. */
  Init = 3,
  /** Start-up IPI: the processor, if it waits for one, starts at address `vector << 12`. */
  Startup = 4,
  /** An interrupt whose vector the 8259A pair gives. */
  ExtInt = 5,
}

/** Destination that means every processor. 8-bit destinations of 0xff become this one. */
export const BROADCAST = 0xffff_ffff;

/** Lowest vector of a fixed or lowest-priority interrupt: those below are the processor's exceptions. */
export const FIRST_LEGAL_VECTOR = 16;

/** An interrupt on its way. The receiver keeps no reference: a sender may use one object again. */
export interface InterruptMessage {
  /** APIC ID or logical destination: 32 bits in x2APIC mode, 8 bits otherwise, or {@link BROADCAST}. */
  readonly destination: number;
  /** Whether `destination` is compared with LDR and DFR instead of the APIC ID. */
  readonly logical: boolean;
  readonly deliveryMode: DeliveryMode;
  /** 0 to 255. Fixed and lowest-priority messages with a vector below 16 are errors. */
  readonly vector: number;
  /** False for the INIT level de-assert message alone, which has no effect. */
  readonly level: boolean;
  readonly trigger: TriggerMode;
}

/** A local APIC, as a sender of messages sees it. */
export interface InterruptTarget {
  /** Whether a destination names this local APIC ("Determining IPI Destination"). */
  matches(destination: number, logical: boolean): boolean;
  /** Takes a message. Gives false if it was refused: disabled, or an illegal vector. */
  accept(message: InterruptMessage): boolean;
  /** The arbitration priority register, 0 to 255. */
  readonly arbitrationPriority: number;
  /** Whether fixed and lowest-priority messages are taken at all. */
  readonly enabled: boolean;
}

const MSI_ADDRESS_FIRST = 0xfee0_0000;
const MSI_ADDRESS_LAST = 0xfeef_ffff;
const MSI_ADDRESS_DESTINATION_SHIFT = 12;
const MSI_ADDRESS_REDIRECTION_HINT = 0x08;
const MSI_ADDRESS_DESTINATION_MODE = 0x04;
const MSI_DATA_DELIVERY_MODE_SHIFT = 8;
const MSI_DATA_LEVEL_ASSERT = 0x4000;
const MSI_DATA_LEVEL_TRIGGER = 0x8000;

/** An 8-bit destination, as messages carry it. */
export function destination8(value: number): number {
  return value === 0xff ? BROADCAST : value;
}

/**
 * Decodes a message-signalled interrupt ("Message Signalled Interrupts"), or gives `undefined` if
 * the address is no interrupt address or the delivery mode is reserved.
 *
 * The destination mode bit counts with and without the redirection hint; the hint asks for the lowest
 * priority among those that match.
 */
export function decodeMsi(address: number, data: number): InterruptMessage | undefined {
  if (!(address >= MSI_ADDRESS_FIRST && address <= MSI_ADDRESS_LAST)) return undefined;
  const mode = (data >>> MSI_DATA_DELIVERY_MODE_SHIFT) & 7;
  if (mode === 3 || mode === DeliveryMode.Startup) return undefined;
  const hint = (address & MSI_ADDRESS_REDIRECTION_HINT) !== 0;
  const trigger = (data & MSI_DATA_LEVEL_TRIGGER) !== 0 ? TriggerMode.Level : TriggerMode.Edge;
  return {
    destination: destination8((address >>> MSI_ADDRESS_DESTINATION_SHIFT) & 0xff),
    logical: (address & MSI_ADDRESS_DESTINATION_MODE) !== 0,
    deliveryMode: hint && mode === DeliveryMode.Fixed ? DeliveryMode.LowestPriority : mode,
    vector: data & 0xff,
    level: trigger === TriggerMode.Edge || (data & MSI_DATA_LEVEL_ASSERT) !== 0,
    trigger,
  };
}

/** Carries messages to a list of local APICs, which it knows by their index. */
export class InterruptBus {
  readonly #targets: readonly InterruptTarget[];

  /**
   * Index that the next search for the lowest priority starts from: equal priorities take turns. Part
   * of the saved state.
   */
  turn = 0;

  constructor(targets: readonly InterruptTarget[]) {
    this.#targets = targets;
  }

  /** Delivers a message to its destination. Gives whether any local APIC took it. */
  deliver(message: InterruptMessage): boolean {
    return this.#route(message, -1);
  }

  /** Delivers an interprocessor interrupt that local APIC `source` sends. */
  sendIpi(source: number, shorthand: Shorthand, message: InterruptMessage): void {
    switch (shorthand) {
      case Shorthand.None:
        this.#route(message, -1);
        break;
      case Shorthand.Self:
        this.#targets[source].accept(message);
        break;
      case Shorthand.AllIncludingSelf:
        this.#routeToAll(message, -1);
        break;
      case Shorthand.AllExcludingSelf:
        this.#routeToAll(message, source);
        break;
    }
  }

  #routeToAll(message: InterruptMessage, except: number): void {
    this.#route({ ...message, destination: BROADCAST, logical: false }, except);
  }

  #route(message: InterruptMessage, except: number): boolean {
    const targets = this.#targets;
    if (message.deliveryMode === DeliveryMode.LowestPriority) return this.#routeToLowest(message, except);
    const { destination, logical } = message;
    let accepted = false;
    for (let index = 0; index < targets.length; index++) {
      const target = targets[index];
      if (index === except || !target.matches(destination, logical)) continue;
      if (target.accept(message)) accepted = true;
    }
    return accepted;
  }

  #routeToLowest(message: InterruptMessage, except: number): boolean {
    const targets = this.#targets;
    let chosen = -1;
    let lowest = 256;
    for (let n = 0; n < targets.length; n++) {
      const index = (this.turn + n) % targets.length;
      const target = targets[index];
      if (index === except || !target.enabled) continue;
      if (!target.matches(message.destination, message.logical)) continue;
      if (target.arbitrationPriority >= lowest) continue;
      lowest = target.arbitrationPriority;
      chosen = index;
    }
    if (chosen < 0) return false;
    this.turn = (chosen + 1) % targets.length;
    return targets[chosen].accept(message);
  }
}
