/**
 * What becomes of a domain by what its guest does.
 *
 * @module
 */

import type { DomainEnd } from "./domain_end.ts";
import { PanicDetector } from "./panic_detector.ts";

/** Resets in a row, with nothing on the console between them, after which a guest is taken to be stuck. */
const SILENT_RESETS = 3;

/** Judges the guest by its console and its power requests. */
export class GuestOutcome {
  readonly #resetLimit: number;
  readonly #panic = new PanicDetector();
  #resets = 0;
  #silentResets = 0;

  /** After `resetLimit` resets the next one ends the domain. */
  constructor(resetLimit: number) {
    this.#resetLimit = resetLimit;
  }

  /** The guest wrote to its console. Gives the end of the domain if that was its last. */
  output(bytes: Uint8Array): DomainEnd | undefined {
    this.#silentResets = 0;
    this.#panic.push(bytes);
    return this.#panic.halted ? this.#panicked() : undefined;
  }

  /** The guest asked for power off or reset. Gives the end of the domain, or nothing if it is to be reset. */
  powerRequest(request: "off" | "reset"): DomainEnd | undefined {
    if (request === "off") return { reason: "poweroff", exitCode: 0, detail: "Guest powered off" };
    if (this.#panic.reason !== undefined) return this.#panicked();
    this.#resets++;
    this.#silentResets++;
    if (this.#resets > this.#resetLimit) {
      return { reason: "reset-limit", exitCode: 0, detail: `Guest reset itself ${times(this.#resets)}` };
    }
    if (this.#silentResets >= SILENT_RESETS) {
      const detail = `Guest reset itself ${times(this.#silentResets)} without writing to its console`;
      return { reason: "reset-limit", exitCode: 3, detail };
    }
    return undefined;
  }

  /** The domain starts afresh. */
  restarted(): void {
    this.#panic.reset();
  }

  #panicked(): DomainEnd {
    return { reason: "panic", exitCode: 3, detail: `Guest stopped: ${this.#panic.reason}` };
  }
}

/** End of a domain whose vCPU shut down. */
export function tripleFault(vcpu: number, reason: string, registers: string): DomainEnd {
  const detail = `Guest stopped with a triple fault on vCPU ${vcpu}: ${reason}`;
  return { reason: "triple-fault", exitCode: 3, detail, registers };
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
