/**
 * A domain's kernel process, as the toolstack sees it.
 *
 * @module
 */

import { ControlType } from "../kernel/abi/control.ts";
import type { Segment } from "./builder/boot_image.ts";
import { ControlClient, type ControlHandlers, MAX_BODY } from "./control_client.ts";
import { HostProcess, type ProcessPlan } from "./host_process.ts";

/** Time in milliseconds that the kernel process and its servers get to end by themselves. */
const END_TIMEOUT = 2000;

/** Bytes of the address before what is loaded. */
const GPA_SIZE = 8;
/** Requests that may be unanswered while RAM is loaded: enough to keep both processes busy. */
const LOADS_IN_FLIGHT = 4;

/** The process and the control protocol on its standard input and output. */
export class KernelProcess {
  readonly host: HostProcess;
  readonly control: ControlClient;

  /** Starts it. @throws {Deno.errors.NotCapable} without `--allow-run=sh` */
  constructor(plan: ProcessPlan, handlers: ControlHandlers, onLine: (line: string) => void) {
    this.host = new HostProcess(plan, undefined, onLine);
    this.control = new ControlClient(this.host.stdout, this.host.stdin, handlers);
  }

  /** Puts bytes into the RAM of a domain that does not run. They must not change meanwhile. */
  async load(segments: readonly Segment[]): Promise<void> {
    const answers: Promise<Uint8Array>[] = [];
    const step = MAX_BODY - GPA_SIZE;
    for (const { gpa, bytes } of segments) {
      for (let at = 0; at < bytes.length; at += step) {
        const address = new Uint8Array(GPA_SIZE);
        new DataView(address.buffer).setBigUint64(0, BigInt(gpa + at), true);
        answers.push(this.control.request(ControlType.Load, address, bytes.subarray(at, at + step)));
        if (answers.length === LOADS_IN_FLIGHT) await answers.shift();
      }
    }
    await Promise.all(answers);
  }

  /** Ends the process and its servers, in good order if they answer in time. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.host.kill(), END_TIMEOUT);
    await this.control.request(ControlType.Destroy).catch(() => {});
    await this.control.close();
    await Promise.all([this.host.ended, this.control.ended]);
    clearTimeout(timer);
  }
}
